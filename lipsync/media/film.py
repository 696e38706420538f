"""The film: one MP4 picture track put together from copied and encoded pieces."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av

from lipsync.media.encoder import Format, Sample, opened
from lipsync.media.h264 import ParameterSets, record

# Every reader shows picture k at k / rate, also one that ignores edit lists: composition offsets
# are signed instead (ISO/IEC 14496-12, 8.6.1.3, version 1). The index stands in front.
_MUXER = {"movflags": "+faststart+negative_cts_offsets", "use_editlist": "0"}


class Film:
    """Writes samples one after another; `delay` pictures are decoded ahead of showing."""

    def __init__(self, output: Any, stream: Any, rate: Fraction, delay: int) -> None:
        self._output, self._stream, self._base = output, stream, 1 / rate
        self._delay, self._written = delay, 0

    @property
    def frames(self) -> int:
        """Pictures written so far."""
        return self._written

    def add(self, samples: Iterable[Sample]) -> Iterator[int]:
        """Append a piece; yields the pictures written so far after each."""
        start = self._written
        for sample in samples:
            packet = av.Packet(sample.data)
            packet.stream, packet.time_base = self._stream, self._base
            packet.pts, packet.dts = start + sample.picture, self._written - self._delay
            packet.duration, packet.is_keyframe = 1, sample.key
            self._output.mux_one(packet)
            self._written += 1
            yield self._written


@contextmanager
def film(path: Path, format_: Format, sets: ParameterSets, delay: int) -> Iterator[Film]:
    """Open a film to write.

    Args:
        path: An .mp4.
        format_: Size, rate and colour of every piece.
        sets: The parameter sets of all pieces.
        delay: By how many pictures decoding runs ahead of showing, at most, in any piece.
    """
    with av.open(str(path), "w", format="mp4", container_options=_MUXER) as output:
        stream: Any = output.add_stream("libx264", rate=format_.rate)
        context = stream.codec_context
        model = opened(format_)
        for name in ("width", "height", "pix_fmt", "sample_aspect_ratio", "time_base"):
            setattr(context, name, getattr(model, name))
        if format_.tagged:
            for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
                setattr(context, name, getattr(model, name))
        # Opened only so that the muxer takes the track's description from it; it encodes nothing.
        context.thread_count, context.options = 1, {"preset": "ultrafast"}
        context.open()
        context.extradata = record(sets)
        stream.time_base = 1 / format_.rate
        yield Film(output, stream, format_.rate, delay)


class Spool:
    """Encoded pieces kept on disk to be used again."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sizes: list[tuple[int, bool, int]] = []

    def kept(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Pass samples on and keep them."""
        for sample in samples:
            self._sizes.append((sample.picture, sample.key, len(sample.data)))
            self._file.write(sample.data)
            yield sample

    def again(self, count: int) -> Iterator[Sample]:
        """Give the first `count` pictures again."""
        self._file.seek(0)
        for picture, key, size in self._sizes[:count]:
            yield Sample(picture, key, self._file.read(size))
