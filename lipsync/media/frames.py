"""Frames out of a video by number: forwards, backwards, repeated or skipped, in bounded memory."""

import logging
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from lipsync.errors import MediaError
from lipsync.media.index import Index, Key, picture_stream
from lipsync.media.opening import open_media
from lipsync.media.threads import thread

logger = logging.getLogger(__name__)

Numbered = tuple[int, av.VideoFrame]
Conversion = Callable[[Iterator[Numbered]], Iterator[Numbered]]

# What is set aside on disk to play backwards: 321 frames of 1080p in 8-bit 4:2:0, so that groups
# of the usual 250 are decoded once; larger pictures still get a stretch worth decoding.
BACKWARD_BYTES, BACKWARD_LEAST = 1_000_000_000, 24
# A stream that ends one or two pictures early is an encoder's tail; more is a damaged file.
MISSING_ALLOWED = 2


def frames_of(
    index: Index, wanted: Sequence[int], convert: Conversion, room: Path, *, margin: int = 0
) -> Iterator[av.VideoFrame]:
    """Yield the wanted pictures, converted.

    Args:
        index: Of the video.
        wanted: Picture numbers, rising or falling throughout; repeats and gaps are fine.
        convert: What is done to every picture; must keep numbers and order and give 8-bit 4:2:0
            of an even size.
        room: A folder for what is set aside to play backwards.
        margin: Neighbours the conversion needs to see on either side of a stretch.

    Raises:
        MediaError: The video is damaged or ends early.
    """
    if wanted[0] <= wanted[-1]:
        yield from _forwards(index, wanted, convert, margin)
        return
    for stretch in backward_stretches(wanted, [key.picture for key in index.keys], _most(index)):
        yield from _reversed(_forwards(index, stretch[::-1], convert, margin), room)


def _reversed(frames: Iterator[av.VideoFrame], room: Path) -> Iterator[av.VideoFrame]:
    """Play a short stretch backwards from disk: the pictures never stand in memory together."""
    with tempfile.TemporaryFile(dir=room) as aside:
        shape = (0, 0)
        for frame in frames:
            pixels = frame.to_ndarray(format="yuv420p")
            shape = pixels.shape
            aside.write(pixels.data)
        size = math.prod(shape)
        for place in reversed(range(aside.tell() // size)):
            aside.seek(place * size)
            pixels = np.frombuffer(aside.read(size), np.uint8).reshape(shape)
            yield av.VideoFrame.from_ndarray(pixels, format="yuv420p")


def backward_stretches(
    wanted: Sequence[int], keys: Sequence[int], most: int
) -> Iterator[Sequence[int]]:
    """Cut a falling sequence into stretches that can be decoded forwards and set aside.

    No stretch has more than `most` pictures; where they fit, cuts fall on keyframes so that
    little is decoded twice.

    >>> [list(part) for part in backward_stretches(range(6, 0, -1), [0, 4], 3)]
    [[6, 5, 4], [3, 2, 1]]
    """
    starts = set(keys)
    cuts = [0]
    for place in range(1, len(wanted)):
        full = place - cuts[-1] >= most
        if full or (wanted[place - 1] in starts and wanted[place] != wanted[place - 1]):
            cuts.append(place)
    for start, end in pairwise([*cuts, len(wanted)]):
        yield wanted[start:end]


def _most(index: Index) -> int:
    with open_media(index.path, first_picture=False) as container:
        stream = picture_stream(container, index.path)
        size = stream.codec_context.width * stream.codec_context.height
    return max(BACKWARD_LEAST, BACKWARD_BYTES // max(1, size * 3 // 2))


def _forwards(
    index: Index, wanted: Sequence[int], convert: Conversion, margin: int
) -> Iterator[av.VideoFrame]:
    """Yield a rising sequence; one or two pictures that never come are held over."""
    first, last = max(0, wanted[0] - margin), wanted[-1] + margin
    place, missing, held = 0, set[int](), None
    with media_at(index, first) as position:
        for number, frame in convert(_decoded(index, first, last, position)):
            while place < len(wanted) and wanted[place] < number:
                missing.add(wanted[place])
                yield _stand_in(index, missing, held or frame)
                place += 1
            while place < len(wanted) and wanted[place] == number:
                yield frame
                place += 1
            held = frame
            if place == len(wanted):
                break
    for number in wanted[place:]:
        missing.add(number)
        yield _stand_in(index, missing, held)


def _stand_in(index: Index, missing: set[int], held: av.VideoFrame | None) -> av.VideoFrame:
    first = min(missing)
    if held is None or len(missing) > MISSING_ALLOWED:
        raise MediaError(
            f"{index.path}: frame {first} and others of its {len(index.ticks)} are missing; "
            "the file is cut off or damaged, copy it again or trim before that frame"
        )
    logger.info("%s: frame %d is missing; its neighbour is held", index.path.name, max(missing))
    return held


@contextmanager
def media_at(index: Index, picture: int) -> Iterator["Position"]:
    """Place a video so that decoding from here shows `picture`."""
    with open_media(index.path, first_picture=False) as container:
        yield Position(container, index, picture)


class Position:
    """An open video and where in it decoding begins; steps back when a seek overshot."""

    def __init__(self, container: InputContainer, index: Index, picture: int) -> None:
        self.container = container
        self.stream = picture_stream(container, index.path)
        self._index, self._picture = index, picture
        self._key = index.key_before(picture)
        if self._key is not None and self._key.picture > 0:
            self._seek(self._key)

    def step_back(self) -> bool:
        """Start one keyframe earlier; False when this already was the start."""
        if self._key is None or self._key.picture <= 0:
            return False
        self._key = self._index.key_before(self._key.picture - 1) or Key(0, self._index.ticks[0])
        self._seek(self._key)
        return True

    def _seek(self, key: Key) -> None:
        self.container.seek(key.seek_ticks, stream=self.stream, backward=True)


def _decoded(index: Index, first: int, last: int, position: Position) -> Iterator[Numbered]:
    """Decode from a position and yield the pictures numbered `first` to `last`.

    Raises:
        MediaError: A picture does not decode, or the video has none there.
    """
    thread(position.stream)
    reached, decoding = -1, True
    try:
        while decoding:
            decoding = False
            for count, frame in enumerate(position.container.decode(position.stream)):
                number = index.number(frame.pts) if index.ticks else count
                if number is None:
                    continue
                if reached < 0 and number > first and position.step_back():
                    decoding = True
                    break
                reached = number
                if number > last:
                    return
                if number >= first:
                    yield number, _sound(index, number, frame)
    except av.error.FFmpegError as error:
        raise MediaError(_damaged(index, reached + 1, str(error.strerror))) from error


def _sound(index: Index, number: int, frame: av.VideoFrame) -> av.VideoFrame:
    if frame.is_corrupt:
        raise MediaError(_damaged(index, number, "damaged picture"))
    return frame


def _damaged(index: Index, number: int, why: str) -> str:
    where = ""
    if number < len(index.ticks):
        at_s = float(Fraction(index.ticks[number] - index.ticks[0]) * index.time_base)
        where = f" ({at_s:.3f} s)"
    return (
        f"{index.path}: cannot be decoded at frame {number}{where}: {why}; "
        "copy or export it again, or trim around it"
    )
