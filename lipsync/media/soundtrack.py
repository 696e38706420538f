"""The soundtrack: samples encoded once into what a delivery packs its sound in."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.packet import Packet

from lipsync.media.pcm import Samples, audio_frame, looked_at
from lipsync.media.resampling import Resampler
from lipsync.voice import VOICE_RATE_HZ, SoundFormat

# Quoted: PyAV's packets take a parameter only in its type stubs.
AnyPacket: TypeAlias = "Packet[Any]"

# 24 bits: what PCM is delivered in; 16 would have to be dithered after a change of level.
PCM = "pcm_s24le"
# PCM has no frames of its own; a fortieth of a second keeps the index small.
PCM_FRAME = VOICE_RATE_HZ // 40


def encode(blocks: Iterable[Samples], path: Path, sound: SoundFormat | None = None) -> None:
    """Encode samples at 48 kHz; an encoder's priming is marked to be skipped.

    Args:
        blocks: Shape (n, 1 or 2), any lengths.
        path: Where to write: .m4a or .mov, or .mka where the output is Matroska. Each family has
            its own mark for the priming (edit list, codec delay), and neither is turned into the
            other.
        sound: Codec and bit rate; None is AAC at 192 kbit/s.
    """
    wanted = sound or SoundFormat()
    channels, blocks = looked_at(blocks)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac" if wanted.codec == "aac" else PCM, rate=VOICE_RATE_HZ)
        assert isinstance(stream, AudioStream)
        if wanted.codec == "aac":
            stream.bit_rate = wanted.bit_rate
        stream.layout = "mono" if channels == 1 else "stereo"
        stream.codec_context.open()
        for packet in _encoded(stream, blocks):
            output.mux(packet)


def scratch_suffix(suffix: str, sound: SoundFormat) -> str:
    """Say what a soundtrack is written to before it goes into an output.

    >>> scratch_suffix(".mp4", SoundFormat()), scratch_suffix(".mov", SoundFormat(codec="pcm"))
    ('.m4a', '.mov')
    """
    if suffix == ".mkv":
        return ".mka"
    return ".m4a" if sound.codec == "aac" else ".mov"


def _encoded(stream: AudioStream, blocks: Iterable[Samples]) -> Iterator[AnyPacket]:
    """Cut the samples into the encoder's frames and encode them."""
    size = stream.codec_context.frame_size or PCM_FRAME
    cutter = Resampler(stream.format.name, stream.layout.name, VOICE_RATE_HZ, size)
    position = 0
    for block in blocks:
        for frame in cutter.resample(audio_frame(block, VOICE_RATE_HZ, position)):
            yield from stream.encode(frame)
        position += len(block)
    for frame in cutter.rest():
        yield from stream.encode(frame)
    yield from stream.encode(None)
