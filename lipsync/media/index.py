"""The index of a video: when each picture is shown, where decoding can start, what can be copied.

One pass over the packets, nothing decoded. A picture's number is its place in the order of showing.
"""

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from lipsync.errors import MediaError
from lipsync.media.h264 import ParameterSets, changes_sets, is_idr, parameter_sets, units_of
from lipsync.media.opening import open_media

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """A place where decoding can start: the first picture after it, and where to seek."""

    picture: int
    seek_ticks: int


@dataclass(frozen=True)
class Unit:
    """A closed group of pictures: whole in itself in decoding and in showing order."""

    first: int
    order: tuple[int, ...]  # Pictures in decoding order, counted from `first`.
    seek_ticks: int
    first_ticks: int  # When its first packet in decoding order (its IDR picture) is shown.

    @property
    def count(self) -> int:
        """Pictures in the unit."""
        return len(self.order)

    @property
    def delay(self) -> int:
        """By how many pictures decoding must run ahead of showing."""
        return max(place - picture for place, picture in enumerate(self.order))


@dataclass(frozen=True)
class Index:
    """What one pass over the packets of a video tells."""

    path: Path
    time_base: Fraction
    ticks: Sequence[int]  # Showing time of every picture, rising; empty when a file has none.
    keys: Sequence[Key] = ()
    units: Sequence[Unit] = ()
    sets: ParameterSets | None = None

    def number(self, ticks: int | None) -> int | None:
        """Say which picture is shown at exactly this time."""
        at = bisect_left(self.ticks, ticks) if ticks is not None else len(self.ticks)
        return at if at < len(self.ticks) and self.ticks[at] == ticks else None

    def key_before(self, picture: int) -> Key | None:
        """Find where to start decoding for a picture; None is the start of the file."""
        at = bisect_right(self.keys, picture, key=lambda key: key.picture)
        return self.keys[at - 1] if at else None

    def at(self, frame: int, rate: Fraction) -> int:
        """Say which picture a constant rate shows as its frame: the last one begun by then.

        Half a frame of grace takes the rounding of timestamps, as ffmpeg's `fps` filter does.

        >>> jittery = Index(Path("phone.mp4"), Fraction(1, 1000), [0, 41, 79, 121, 199])
        >>> [jittery.at(frame, Fraction(25)) for frame in range(6)]
        [0, 1, 2, 3, 3, 4]
        """
        due = self.ticks[0] + (frame + Fraction(1, 2)) / rate / self.time_base
        return max(0, bisect_left(self.ticks, due) - 1)


@dataclass
class _Packets:
    """What is noted of each packet, in decoding order."""

    shown: list[int | None] = field(default_factory=list)  # None: not shown (edit list)
    seek: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    strange: list[int] = field(default_factory=list)  # Change a parameter set: never copied.
    timeless: bool = False


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """Take the first picture stream that is not cover art.

    Raises:
        MediaError: There is none.
    """
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    for stream in container.streams.video:
        if not stream.disposition & still and stream.codec_context is not None:
            return stream
    raise MediaError(f"{path}: has no video stream; give a video")


def index_of(path: Path) -> Index:
    """Read the packets of a video once.

    Raises:
        MediaError: The file cannot be read or has no picture.
    """
    with open_media(path) as container:
        stream = picture_stream(container, path)
        sets = _sets(stream)
        found = _noted(container, stream, sets)
        # AVI keeps the order of decoding only.
        found.timeless |= container.format.name == "avi" and stream.codec_context.has_b_frames
        time_base = stream.time_base
    shown = sorted(ticks for ticks in found.shown if ticks is not None)
    if time_base is None or not found.shown:
        raise MediaError(f"{path}: holds no picture; export it again")
    if found.timeless or not shown or len(shown) != len(set(shown)):
        logger.info("%s has no usable timestamps; frames are counted", path.name)
        return Index(path, time_base, ())
    plain = Index(path, time_base, shown)
    return Index(path, time_base, shown, _keys(plain, found), _units(plain, found), sets)


def _sets(stream: VideoStream) -> ParameterSets | None:
    if stream.codec_context.name != "h264":
        return None
    return parameter_sets(bytes(stream.codec_context.extradata or b""))


def _noted(container: InputContainer, stream: VideoStream, sets: ParameterSets | None) -> _Packets:
    found = _Packets()
    for packet in container.demux(stream):
        if not packet.size:
            continue
        place = len(found.shown)
        found.timeless |= packet.pts is None and not packet.is_discard
        found.shown.append(None if packet.is_discard else packet.pts)
        found.seek.append(_least(packet.dts, packet.pts))
        if packet.is_keyframe:
            found.keys.append(place)
        if sets:
            _note_units(found, place, list(units_of(bytes(packet), sets.length_bytes)), sets)
    return found


def _note_units(found: _Packets, place: int, units: list[bytes], sets: ParameterSets) -> None:
    if is_idr(units):
        found.closed.append(place)
    if changes_sets(units, sets):
        found.strange.append(place)


def _least(*ticks: int | None) -> int:
    return min((each for each in ticks if each is not None), default=0)


def _keys(index: Index, found: _Packets) -> tuple[Key, ...]:
    """List the keyframes by the first picture that is whole when decoding starts there."""
    keys = []
    for place in found.keys:
        ticks = found.shown[place]
        if ticks is not None:
            keys.append(Key(bisect_left(index.ticks, ticks), found.seek[place]))
    return tuple(sorted(keys, key=lambda key: key.picture))


def _units(index: Index, found: _Packets) -> tuple[Unit, ...]:
    """Cut the packets at IDR pictures; a group counts only when it is provably whole."""
    units = []
    strange = set(found.strange)
    for start, end in pairwise([*found.closed, len(found.shown)]):
        shown = [ticks for ticks in found.shown[start:end] if ticks is not None]
        first = bisect_left(index.ticks, min(shown)) if shown else 0
        order = tuple(bisect_left(index.ticks, ticks) - first for ticks in shown)
        whole = sorted(order) == list(range(end - start))
        if whole and strange.isdisjoint(range(start, end)):
            units.append(Unit(first, order, found.seek[start], shown[0]))
    return tuple(units)
