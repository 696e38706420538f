"""Tiny media whose truth is known: every frame carries its own number, every voice its syllables.

`make_clip` draws the number of a frame as a 16-bit barcode across its top rows; `read_indices`
reads it back from the pixels, so frame-exactness is checked on what is shown, after any re-encode.
Voices come from `tests.voices` and are passed on here; odd and broken files are in
`tests.odd_clips`.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from lipsync.store import hash_file
from lipsync.values import File
from tests.voices import (
    VOICE_RATE_HZ,
    Sound,
    ffmpeg,
    make_voice,
    read_sound,
    speech,
    write_wav,
)

__all__ = [
    "VOICE_RATE_HZ",
    "Sound",
    "as_file",
    "draw",
    "ffmpeg",
    "make_clip",
    "make_voice",
    "read_frames",
    "read_index",
    "read_indices",
    "read_sound",
    "read_times",
    "speech",
    "write_wav",
]

os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder talks on stderr otherwise

BITS = 16
Picture = npt.NDArray[np.uint8]

SOUND_CODECS = {".webm": "libopus", ".mkv": "libopus", ".avi": "libmp3lame", ".mp3": "libmp3lame"}
PRIVATE_OPTIONS = {
    "libx264": {"preset": "ultrafast", "crf": "18", "bf": "0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:crf=18"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "24", "b": "0"},
    "libsvtav1": {"preset": "12", "crf": "24"},
}


def as_file(path: Path) -> File:
    """Hash a file into what the stages take."""
    return File(path=path, sha256=hash_file(path), size_bytes=path.stat().st_size)


# --- pictures -----------------------------------------------------------------------------------


def draw(index: int, size: tuple[int, int] = (160, 120)) -> Picture:
    """Draw frame number `index`: a barcode on top, a moving block on a gradient below.

    Returns:
        RGB, shape (height, width, 3).
    """
    width, height = size
    across = np.linspace(40, 200, width, dtype=np.uint8)
    picture = np.repeat(np.repeat(across[None, :, None], height, axis=0), 3, axis=2)
    left = (7 * index) % max(1, width - width // 8)
    picture[height // 2 : 3 * height // 4, left : left + width // 8] = (220, 120, 60)
    edges = np.linspace(0, width, BITS + 1).astype(int)
    for bit in range(BITS):
        shade = 235 if index >> (BITS - 1 - bit) & 1 else 16
        picture[: height // 8, edges[bit] : edges[bit + 1]] = shade
    return picture


def read_index(frame: av.VideoFrame) -> int:
    """Read the number drawn by `draw` back from a decoded frame of any size and format."""
    luma = frame.to_ndarray(format="gray")
    row = luma[frame.height // 32 : max(frame.height // 32 + 1, 3 * frame.height // 32)].mean(
        axis=0
    )
    centres = ((np.arange(BITS) + 0.5) * frame.width / BITS).astype(int)
    bits = [row[centre - 1 : centre + 2].mean() > 126 for centre in centres]
    return int("".join("1" if bit else "0" for bit in bits), 2)


def read_frames(path: Path) -> Iterator[av.VideoFrame]:
    """Decode every shown frame of a file."""
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


def read_indices(path: Path) -> list[int]:
    """Read the number of every shown frame, in the order they are shown."""
    return [read_index(frame) for frame in read_frames(path)]


def read_times(path: Path) -> list[Fraction]:
    """Read the time of every shown frame in seconds, exactly."""
    return [
        frame.pts * frame.time_base
        for frame in read_frames(path)
        if frame.pts is not None and frame.time_base is not None
    ]


# --- clips --------------------------------------------------------------------------------------


def make_clip(  # noqa: PLR0913  a builder: everything has a default
    path: Path,
    *,
    frames: int = 50,
    rate: Fraction = Fraction(25),
    size: tuple[int, int] = (160, 120),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    gop: int = 12,
    first_index: int = 0,
    indices: Iterable[int] | None = None,
    ticks: Sequence[int] | None = None,
    sound: Sound | bool = False,
    sound_codec: str | None = None,
    tracks: int = 1,
    languages: Sequence[str] = (),
    sample_aspect: Fraction | None = None,
    rotation_deg: int = 0,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    colour: dict[str, int] | None = None,
) -> Path:
    """Write a numbered clip in one pass; valid and constant-rate by default.

    Args:
        path: Its suffix names the container.
        frames: How many frames, where `indices` does not say.
        rate: Frames per second, exact.
        size: Coded width and height.
        codec: libx264, libx265, libvpx-vp9, libsvtav1, prores_ks or mpeg4.
        pix_fmt: E.g. yuv420p10le for 10 bits.
        gop: Frames from one keyframe to the next.
        first_index: Number drawn on the first frame.
        indices: Numbers to draw, one per frame, instead of counting up from `first_index`.
        ticks: Time of every frame in 1/90000 s, for a variable rate; None is constant.
        sound: Mono samples at 48 kHz, or True for speech as long as the picture.
        sound_codec: None takes what the container likes.
        tracks: How many times the sound is written.
        languages: ISO 639-2 of each track.
        sample_aspect: Width over height of one sample; None is square.
        rotation_deg: Clockwise turn a player must make (a display matrix, as phones write).
        options: More options for the video encoder, e.g. {"bf": "2"}.
        container_options: Options for the muxer, e.g. {"movflags": "+faststart"}.
        colour: Codec-context fields, e.g. {"color_trc": 16}.
    """
    numbers = (
        list(indices) if indices is not None else list(range(first_index, first_index + frames))
    )
    if sound is True:
        sound = speech(float(len(numbers) / rate))
    picture = {
        "width": size[0],
        "height": size[1],
        "pix_fmt": pix_fmt,
        "gop_size": gop,
        "sample_aspect_ratio": sample_aspect or Fraction(1),
        "options": {**PRIVATE_OPTIONS.get(codec, {}), **(options or {})},
        **(colour or {}),
    }
    with av.open(str(path), "w", options=container_options or {}) as output:
        video = _video_stream(output, codec, rate, picture)
        if rotation_deg:
            video.set_display_rotation(-rotation_deg)
        voices = (
            [] if isinstance(sound, bool) else _sound_streams(output, path, sound_codec, tracks)
        )
        for stream, language in zip(voices, languages, strict=False):
            stream.metadata["language"] = language
        for packet in _encoded(video, numbers, ticks):
            output.mux(packet)
        for stream in voices:
            output.mux(_encoded_sound(stream, np.asarray(sound, np.float32)))
    return path


def _video_stream(
    output: OutputContainer, codec: str, rate: Fraction, fields: dict[str, Any]
) -> VideoStream:
    """Open the video encoder with these codec-context fields."""
    stream: Any = output.add_stream(codec, rate=rate)
    for name, value in {"thread_count": 1, **fields}.items():
        setattr(stream.codec_context, name, value)
    assert isinstance(stream, VideoStream)
    return stream


def _encoded(stream: VideoStream, numbers: list[int], ticks: Sequence[int] | None) -> Iterator[Any]:
    """Draw and encode every frame, then flush."""
    size = (stream.width, stream.height)
    base = Fraction(1, 90_000) if ticks else 1 / Fraction(stream.codec_context.framerate)
    if ticks:
        stream.codec_context.time_base = base
    for position, number in enumerate(numbers):
        frame = av.VideoFrame.from_ndarray(draw(number, size), format="rgb24")
        frame = frame.reformat(format=stream.pix_fmt)
        frame.pts = ticks[position] if ticks else position
        frame.time_base = base
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _sound_streams(
    output: OutputContainer, path: Path, codec: str | None, tracks: int
) -> list[AudioStream]:
    """Open the audio encoders."""
    name = codec or SOUND_CODECS.get(path.suffix, "aac")
    streams: list[Any] = [output.add_stream(name, rate=VOICE_RATE_HZ) for _ in range(tracks)]
    for stream in streams:
        stream.layout = "mono"
    return streams


def _encoded_sound(stream: AudioStream, sound: Sound) -> list[Any]:
    """Encode mono samples and flush."""
    resampler = av.AudioResampler(
        format=stream.format.name, layout="mono", rate=VOICE_RATE_HZ, frame_size=stream.frame_size
    )
    frame = av.AudioFrame.from_ndarray(sound[None, :], format="flt", layout="mono")
    frame.sample_rate, frame.pts = VOICE_RATE_HZ, 0
    packets = []
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        packets += stream.encode(piece)
    return [*packets, *stream.encode(None)]
