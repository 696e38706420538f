"""Sound in: any audio stream of any file as samples, on the container's clock."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from lipsync.errors import MediaError
from lipsync.media.opening import open_media
from lipsync.media.pcm import BLOCK_S, Samples, silence
from lipsync.media.resampling import Resampler
from lipsync.voice import VOICE_RATE_HZ

# swresample's own min_hard_comp: a jump in the timestamps from which silence is put in.
GAP_S = 0.1
# No recording has a hole this long; a damaged timestamp does.
LARGEST_GAP_S = 3600


class AudioReader:
    """One audio stream of a file, decoded once, in blocks of about a second.

    The first sample is the container's first moment: a stream that starts late is preceded by
    silence, a hole in its timestamps is filled, encoder priming is left out. More than two
    channels are mixed down to stereo.

    Attributes:
        damaged_packets: Packets that could not be decoded; known when the blocks are used up.
    """

    def __init__(self, path: Path, track: int = 0, *, rate_hz: int = VOICE_RATE_HZ) -> None:
        """Name what to read; `track` counts the audio streams from 0."""
        self.path = path
        self.damaged_packets = 0
        self._track = track
        self._rate_hz = rate_hz

    def blocks(self) -> Iterator[Samples]:
        """Decode.

        Raises:
            MediaError: The file cannot be read, has no such audio stream, or no sound in it.
        """
        written = 0
        with open_media(self.path, first_picture=False) as container:
            stream = _audio_stream(container, self.path, self._track)
            origin_s = max(0.0, (container.start_time or 0) / av.time_base)
            for block in self._continuous(container, stream, origin_s):
                written += len(block)
                yield block
        if not written:
            raise MediaError(
                f"{self.path}: audio track {self._track} holds no sound that can be decoded; "
                "export the voice again"
            )

    def _continuous(
        self, container: InputContainer, stream: AudioStream, origin_s: float
    ) -> Iterator[Samples]:
        """Resample run after run of frames that belong together, silence in between."""
        converter: _Converter | None = None
        position_s = 0.0
        for frame in self._frames(container, stream):
            gap_s = _gap_s(frame, origin_s + position_s, first=converter is None, path=self.path)
            if converter is None or gap_s or not converter.takes(frame):
                channels = converter.channels if converter else _channels(frame)
                if converter is not None:
                    yield from converter.rest()
                yield from silence(round(gap_s * self._rate_hz), channels)
                converter = _Converter(frame, self._rate_hz, channels)
            position_s += gap_s + frame.samples / frame.sample_rate
            yield from converter.convert(frame)
        if converter is not None:
            yield from converter.rest()

    def _frames(self, container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
        """Decode packet by packet; a damaged packet is counted and left out."""
        for packet in container.demux(stream):
            try:
                frames = stream.decode(packet)
            except FFmpegError as error:
                if isinstance(error, OSError):
                    raise
                self.damaged_packets += 1
                continue
            yield from (frame for frame in frames if frame.samples)


class _Converter:
    """Frames of one format to float samples at the wanted rate."""

    def __init__(self, like: AudioFrame, rate_hz: int, channels: int) -> None:
        """Take frames that look like `like`."""
        self.channels = channels
        self._looks = _looks(like)
        layout = "mono" if channels == 1 else "stereo"
        self._resampler = Resampler("flt", layout, rate_hz, frame_size=rate_hz * BLOCK_S)

    def takes(self, frame: AudioFrame) -> bool:
        """Say whether a frame has the format this was made for."""
        return _looks(frame) == self._looks

    def convert(self, frame: AudioFrame) -> Iterator[Samples]:
        """Resample one frame; whole blocks come out."""
        return self._samples(self._resampler.resample(frame))

    def rest(self) -> Iterator[Samples]:
        """Let out what is still held."""
        return self._samples(self._resampler.rest())

    def _samples(self, pieces: Iterator[AudioFrame]) -> Iterator[Samples]:
        for piece in pieces:
            samples: Samples = (
                piece.to_ndarray().reshape(-1, self.channels).astype(np.float32, copy=False)
            )
            if len(samples):
                yield _finite(samples)


def _looks(frame: AudioFrame) -> tuple[str, str, int]:
    """Name the format of a frame."""
    return frame.format.name, frame.layout.name, frame.sample_rate


def _channels(frame: AudioFrame) -> int:
    """Choose mono or stereo."""
    return min(2, frame.layout.nb_channels)


def _finite(samples: Samples) -> Samples:
    """Replace what a float file may hold besides numbers by silence."""
    if np.isfinite(samples.sum(dtype=np.float64)):
        return samples
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)


def _gap_s(frame: AudioFrame, due_s: float, *, first: bool, path: Path) -> float:
    """Measure the silence missing before a frame; jitter and jumps back are none."""
    if frame.time is None:
        return 0.0
    gap_s = frame.time - due_s
    if gap_s > LARGEST_GAP_S:
        raise MediaError(
            f"{path}: the timestamps of the voice jump by {gap_s:.0f} s; export the voice again"
        )
    return max(0.0, gap_s) if first or gap_s > GAP_S else 0.0


def _audio_stream(container: InputContainer, path: Path, track: int) -> AudioStream:
    """Pick the audio stream.

    Raises:
        MediaError: There is none, or not so many.
    """
    streams = container.streams.audio
    if not streams:
        raise MediaError(f"{path}: has no audio stream; give a file with the dubbed voice")
    if track >= len(streams):
        raise MediaError(
            f"{path}: audio track {track} was asked for, but there are {len(streams)} "
            f"(0 to {len(streams) - 1}); choose one of them"
        )
    return streams[track]
