"""Reels: the picture read frame by frame, and written with the voice beside it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import av

from lipsync.errors import MediaError
from lipsync.media.threads import thread
from lipsync.store import disk_errors
from lipsync.voice import VOICE_RATE_HZ

# Only local files: a playlist from a stranger must not make libav read anything else.
SAFE = {"protocol_whitelist": "file"}
COMMENT = (
    "Local preview made by Dubline: the mouth was moved to the dubbed voice by an image warp, "
    "not by a trained lip-sync model."
)
# x264: at 720p veryfast takes 6 ms a frame on one core (measured); 18 is visually clean.
X264 = {"preset": "veryfast", "crf": "18"}
AAC_BITS_PER_S = 160_000


class Picture(NamedTuple):
    """What is kept of the input's picture stream."""

    width_px: int
    height_px: int
    rate: Fraction
    frames: int  # as the header says; 0 when it does not
    codec: str

    @property
    def pixel_format(self) -> str:
        """4:2:0, or 4:4:4 for odd sizes: H.264 cannot say an odd size in 4:2:0."""
        even = self.width_px % 2 == 0 and self.height_px % 2 == 0
        return "yuv420p" if even else "yuv444p"


def picture_of(video: Path) -> Picture:
    """Read the header of a file's picture stream.

    Raises:
        MediaError: It has none, or cannot be opened.
    """
    try:
        with av.open(str(video), options=SAFE) as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate
            if rate is None:
                raise MediaError(f"{video}: its picture has no frame rate; conform it first")
            return Picture(
                stream.width, stream.height, Fraction(rate),
                stream.frames, stream.codec_context.name,
            )  # fmt: skip
    except (av.FFmpegError, IndexError) as error:
        raise MediaError(f"{video}: no picture can be read ({error}); give a video file") from error


def frames_of(video: Path, picture: Picture) -> Iterator[av.VideoFrame]:
    """Decode the picture in order, in the picture's pixel format.

    Raises:
        MediaError: A frame cannot be decoded.
    """
    try:
        with av.open(str(video), options=SAFE) as container:
            stream = container.streams.video[0]
            thread(stream)
            for frame in container.decode(stream):
                if frame.format.name == picture.pixel_format:
                    yield frame
                else:
                    yield frame.reformat(format=picture.pixel_format)
    except av.FFmpegError as error:
        raise MediaError(
            f"{video}: its picture cannot be decoded ({error.strerror}); export the video again"
        ) from error


class Writer:
    """An mp4 with one H.264 picture and one AAC voice, written side by side."""

    def __init__(self, video: Path, voice: Path, out: Path) -> None:
        self._stack = ExitStack()
        self._paths = video, voice, out
        self._sound_until_s = 0.0

    def __enter__(self) -> Self:
        video, voice, out = self._paths
        self._stack.enter_context(disk_errors(out))
        self._source = self._stack.enter_context(av.open(str(video), options=SAFE))
        self._voice = self._stack.enter_context(av.open(str(voice), options=SAFE))
        self._mp4 = self._stack.enter_context(
            av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"})
        )
        self._mp4.metadata.update(title="Dubline local preview", comment=COMMENT)
        self._template: Any = self._source.streams.video[0]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def encode(self, frames: Iterator[av.VideoFrame], picture: Picture) -> int:
        """Encode frames with their own timestamps; return how many."""
        stream = self._picture_stream(picture)
        sound = self._sound()
        count = 0
        for frame in frames:
            # Counted in frames: x264 writes the clock's tick into the picture's headers.
            frame.pts, frame.time_base = count, 1 / picture.rate
            count += 1
            frame.pict_type = av.video.frame.PictureType.NONE  # the input's choice is not ours
            self._sound_to(sound, float(frame.time or 0))
            self._mp4.mux(stream.encode(frame))
        self._mp4.mux(stream.encode(None))
        self._sound_to(sound, float("inf"))
        return count

    def copy(self, seen: Callable[[], None]) -> int:
        """Copy the picture's packets untouched; return how many."""
        stream = self._mp4.add_stream_from_template(self._template)
        sound = self._sound()
        count = 0
        for packet in self._source.demux(self._template):
            if packet.dts is None:
                continue
            count += 1
            self._sound_to(sound, float(packet.dts * packet.time_base))
            packet.stream = stream
            self._mp4.mux(packet)
            seen()
        self._sound_to(sound, float("inf"))
        return count

    def _picture_stream(self, picture: Picture) -> Any:
        stream: Any = self._mp4.add_stream("libx264", rate=picture.rate, options=X264)
        context, source = stream.codec_context, self._template.codec_context
        stream.width, stream.height = picture.width_px, picture.height_px
        stream.pix_fmt = picture.pixel_format
        context.time_base = stream.time_base = 1 / picture.rate
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(context, name, getattr(source, name))
        return stream

    def _sound(self) -> Iterator[tuple[float, Any]]:
        """Add the voice's stream at once; then give its packets with the time each reaches."""
        source = self._voice.streams.audio[0]
        layout = "mono" if source.channels == 1 else "stereo"
        stream: Any = self._mp4.add_stream("aac", rate=VOICE_RATE_HZ, layout=layout)
        stream.bit_rate = AAC_BITS_PER_S
        return self._sound_packets(source, stream, layout)

    def _sound_packets(self, source: Any, stream: Any, layout: str) -> Iterator[tuple[float, Any]]:
        resampler = av.AudioResampler("fltp", layout, VOICE_RATE_HZ, frame_size=1024)
        samples = 0
        for frame in self._voice.decode(source):
            for part in resampler.resample(frame):
                part.pts, part.time_base = samples, Fraction(1, VOICE_RATE_HZ)
                samples += part.samples
                yield samples / VOICE_RATE_HZ, stream.encode(part)
        for part in resampler.resample(None):
            part.pts, part.time_base = samples, Fraction(1, VOICE_RATE_HZ)
            samples += part.samples
            yield samples / VOICE_RATE_HZ, stream.encode(part)
        yield samples / VOICE_RATE_HZ, stream.encode(None)

    def _sound_to(self, sound: Iterator[tuple[float, Any]], until_s: float) -> None:
        """Write the voice up to a moment, so that neither side is held in memory."""
        while self._sound_until_s <= until_s:
            piece = next(sound, None)
            if piece is None:
                return
            self._sound_until_s, packets = piece
            self._mp4.mux(packets)
