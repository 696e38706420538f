"""Scanning: every packet of a file is looked at once, so that facts are counted and not claimed."""

import math
import struct
from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from lipsync.media.opening import read_packets

# Quoted: PyAV's packets take a parameter only in its type stubs.
AnyPacket: TypeAlias = "Packet[Any]"


@dataclass
class Tally:
    """What was counted in one stream; times are in ticks of its time base.

    Attributes:
        coded: Packets, those included that an edit list hides.
        shown: Packets that are shown or heard.
        size_bytes: All packets together.
        damaged: Packets that libav marks as cut off or corrupt, or that give no picture.
        first: When the first shown packet begins.
        end: When the last shown packet ends.
    """

    time_base: Fraction
    coded: int = 0
    shown: int = 0
    damaged: int = 0
    size_bytes: int = 0
    first: int | None = None
    end: int | None = None

    @property
    def start_s(self) -> Fraction:
        """When the stream begins, on the clock of the container."""
        return (self.first or 0) * self.time_base

    @property
    def duration_s(self) -> Fraction:
        """From the first shown packet to the end of the last."""
        return ((self.end or 0) - (self.first or 0)) * self.time_base

    def add(self, packet: AnyPacket) -> None:
        """Count one packet."""
        self.coded += 1
        self.size_bytes += packet.size
        self.damaged += packet.is_corrupt
        start = packet.pts if packet.pts is not None else packet.dts
        if start is None:
            start = self.end or 0
        begin, end = self.heard(packet, start)
        if packet.is_discard:
            return
        self.shown += 1
        self.first = begin if self.first is None else min(self.first, begin)
        self.end = end if self.end is None else max(self.end, end)

    def heard(self, packet: AnyPacket, start: int) -> tuple[int, int]:
        """Say from when to when a packet is shown."""
        return start, start + (packet.duration or 0)


@dataclass
class SoundTally(Tally):
    """A tally that knows the samples an encoder added at the front and at the end (priming)."""

    sample_rate_hz: int = 0
    audible_from: int | None = None
    longest: int = 0

    def heard(self, packet: AnyPacket, start: int) -> tuple[int, int]:
        """Leave out what the container says the decoder must drop.

        Source:
            libavcodec/packet.h, AV_PKT_DATA_SKIP_SAMPLES: two u32le, samples to skip at the front
            (already in the start time of the stream) and to discard at the end. Ogg shortens the
            last packet as well, which must not count twice: hence never more than the longest
            packet less the discarded samples.
        """
        duration = packet.duration or 0
        self.longest = max(self.longest, duration)
        end = start + duration
        if packet.has_sidedata("skip_samples"):
            _, discard = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
            end = min(end, start + max(0, self.longest - self._ticks(discard)))
        return (start if self.audible_from is None else max(start, self.audible_from)), end

    def _ticks(self, samples: int) -> int:
        """Convert samples to ticks, halves up as libav does."""
        return math.floor(samples / (self.sample_rate_hz * self.time_base) + Fraction(1, 2))


@dataclass
class PictureTally(Tally):
    """A tally that keeps the time of every shown frame (8 bytes each) and the first picture."""

    times: "array[int]" = field(default_factory=lambda: array("q"))
    first_frame: VideoFrame | None = None
    timeless: bool = False

    @property
    def different_times(self) -> int:
        """How many times the shown frames have; 0: the file does not say when they are shown."""
        return 0 if self.timeless else len(set(self.times))

    def heard(self, packet: AnyPacket, start: int) -> tuple[int, int]:
        """Remember when the frame is shown."""
        if not packet.is_discard:
            self.times.append(start)
            self.timeless |= packet.pts is None
        return super().heard(packet, start)


@dataclass
class Scan:
    """The tallies of one file."""

    picture: PictureTally | None
    sounds: list[SoundTally]

    @property
    def start_s(self) -> Fraction:
        """When the first of the streams begins: the zero every start is counted from."""
        return min((tally.start_s for tally in self.tallies), default=Fraction(0))

    @property
    def end_s(self) -> Fraction:
        """When the last of the streams ends."""
        ends = [tally.start_s + tally.duration_s for tally in self.tallies]
        return max(ends, default=Fraction(0))

    @property
    def tallies(self) -> list[Tally]:
        """The tallies that hold anything."""
        every: list[Tally] = [*([self.picture] if self.picture else []), *self.sounds]
        return [tally for tally in every if tally.shown]


def scan(container: InputContainer, picture: VideoStream | None, sounds: list[AudioStream]) -> Scan:
    """Read every packet of these streams once, and decode pictures until the first one comes out.

    Memory is 8 bytes per frame of the picture, whatever the file weighs.

    Raises:
        MediaError: A stream begins in the middle of the file.
    """
    result = Scan(
        picture=PictureTally(_base(picture)) if picture else None,
        sounds=[
            SoundTally(
                _base(sound), sample_rate_hz=sound.sample_rate, audible_from=sound.start_time
            )
            for sound in sounds
        ],
    )
    tallies: dict[int, Tally] = {
        stream.index: tally for stream, tally in zip(sounds, result.sounds, strict=True)
    }
    if picture and result.picture:
        picture.codec_context.thread_count = 1  # one picture: threads would only hold it back
        tallies[picture.index] = result.picture
    for packet in read_packets(container, [*([picture] if picture else []), *sounds]):
        if packet.size:
            tallies[packet.stream_index].add(packet)
        if picture and packet.stream_index == picture.index and result.picture:
            _look(result.picture, packet)
    return result


def _look(tally: PictureTally, packet: AnyPacket) -> None:
    """Decode a packet unless the first picture is there already; damage is stepped over."""
    if tally.first_frame is not None:
        return
    try:
        tally.first_frame = next(iter(packet.decode()), None)
    except av.error.FFmpegError:
        tally.damaged += not packet.is_corrupt


def _base(stream: VideoStream | AudioStream) -> Fraction:
    """Seconds of one tick; libav gives every demuxed stream one."""
    return stream.time_base or Fraction(1, 1_000_000)
