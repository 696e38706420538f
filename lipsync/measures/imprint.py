"""Imprint: what is kept of the video that is sent, so that its output is held against it unseen.

Some 65 kB a second: of every frame where its face is, how open its mouth is, how it moved and a
thumbnail; of four frames a second also its mouth, its eyes and a few patches beside the head as
they are. Written while the video is decoded to look for damage; read in step with the output.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from lipsync.errors import MediaError
from lipsync.faces import Plane
from lipsync.measures.pictures import luma_of
from lipsync.measures.sampling import (
    MOUTH,
    PATCHES,
    THUMB_PX,
    UPPER,
    Coarse,
    Places,
    mouth_of,
    openness,
    patch_px,
    patches,
    places,
    upper_of,
)
from lipsync.media.damage import Damage, damaged_frames
from lipsync.tracking.pose import Matrix, pack, unpack
from lipsync.tracking.track import Tracker

# How often parts of a picture are kept as they are.
SAMPLE_S = Fraction(1, 4)
# A look needs no pose to the pixel, as painting does: it is confirmed less often (0.01 s of work).
CONFIRM_EVERY_S = 1.0

# Raised whenever an imprint says something else of the same video; so is `fitting.FIT`, then.
_FORM = b"imprint1"
_HEAD = np.dtype([("form", "S8"), ("rate", "<i8", (2,)), ("shape", "<u4", (2,))])
_FRAME = np.dtype(
    [
        ("pose", "<f4", (4,)),
        ("open", "<f4"),
        ("moved", "<f4"),
        ("mean", "<f4"),
        ("black", "?"),
        ("thumb", "u1", THUMB_PX[::-1]),
    ]
)


@dataclass(frozen=True)
class Sample:
    """Parts of a frame as they are.

    Attributes:
        mouth: None: no face was seen.
        upper: Eyes and brow.
        at: Left and top of the patches, shape (n, 2).
        patches: Shape (n, side, side).
    """

    mouth: Plane | None
    upper: Plane
    at: Places
    patches: Plane


@dataclass(frozen=True)
class Glimpse:
    """One frame of the video that was sent.

    Attributes:
        pose: Where its face is, in pixels of the video; None: nowhere.
        open: How open its mouth is; NaN without a face.
        moved: How much changed since the frame before, luma levels; NaN: it is the first.
        mean: Its brightness, luma levels.
        black: Whether it is black.
        thumb: What says which moment it is.
        sample: What is compared sample by sample; None: nothing of this frame.
    """

    pose: Matrix | None
    open: float
    moved: float
    mean: float
    black: bool
    thumb: Plane
    sample: Sample | None


class Imprinter:
    """Takes the frames of a video in order and writes their imprint."""

    def __init__(self, file: BinaryIO, rate: Fraction) -> None:
        """Write nothing yet.

        Args:
            file: Where it goes.
            rate: Frames per second.
        """
        self._file, self._rate, self._every = file, rate, _every(rate)
        self._tracker = Tracker(rate, CONFIRM_EVERY_S)
        self._number = 0
        self._shape: tuple[int, ...] = ()
        self._before: Coarse | None = None

    def see(self, luma: Plane) -> None:
        """Take the next frame.

        Raises:
            MediaError: It is of another size than the first.
        """
        if self._number == 0:
            ratio, self._shape = self._rate.as_integer_ratio(), luma.shape
            self._file.write(np.array((_FORM, ratio, luma.shape), _HEAD).tobytes())
        if luma.shape != self._shape:
            raise MediaError(
                f"frame {self._number} is of another size than those before it; export it again"
            )
        sighting = self._tracker.see(luma)
        pose = None if sighting is None else sighting.pose
        coarse = Coarse.of(luma)
        mouth = None if pose is None else mouth_of(luma, pose)
        frame = (
            np.full(4, np.nan) if pose is None else pack(pose),
            np.nan if mouth is None else openness(mouth),
            coarse.moved(self._before),
            coarse.mean,
            coarse.is_black,
            coarse.thumb(),
        )
        self._file.write(np.array(frame, _FRAME).tobytes())
        if self._number % self._every == 0:
            self._keep(luma, pose, mouth)
        self._before = coarse
        self._number += 1

    def _keep(self, luma: Plane, pose: Matrix | None, mouth: Plane | None) -> None:
        kept = np.zeros((), _sample_of(luma.shape))
        if pose is not None:
            kept["mouth"], kept["upper"] = mouth, upper_of(luma, pose)
        at = places(luma.shape, pose, self._number // self._every)
        kept["count"], kept["at"][: len(at)] = len(at), at
        kept["patches"][: len(at)] = patches(luma, at)
        self._file.write(kept.tobytes())


def imprinted(
    video: Path, rate: Fraction, place: Path, seen: Callable[[int], object] = lambda _count: None
) -> Damage:
    """Decode a video once: look for damage, and write its imprint.

    Args:
        video: A file.
        rate: Its frames per second.
        place: Where the imprint goes.
        seen: Told how many frames were looked at.

    Raises:
        MediaError: The video cannot be opened, or its picture changes its size.
    """
    count = itertools.count(1)
    with place.open("wb") as file:
        imprinter = Imprinter(file, rate)

        def see(frame: VideoFrame) -> None:
            imprinter.see(luma_of(frame))
            seen(next(count))

        return damaged_frames(video, see)


class Imprint:
    """Reads an imprint frame by frame."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Read what it is of.

        Raises:
            MediaError: It is none.
        """
        self._path, self._file = path, file
        text = file.read(_HEAD.itemsize)
        if len(text) < _HEAD.itemsize or not text.startswith(_FORM):
            raise MediaError(f"{path}: is not the imprint of a video; remove it and run again")
        head = np.frombuffer(text, _HEAD)[0]
        self.rate = Fraction(*map(int, head["rate"]))
        self.shape: tuple[int, int] = (int(head["shape"][0]), int(head["shape"][1]))
        self._sample = _sample_of(self.shape)
        self._number = 0

    def __iter__(self) -> Iterator[Glimpse]:
        every = _every(self.rate)
        while (frame := self._read(_FRAME)) is not None:
            known = bool(np.isfinite(frame["pose"]).all())
            sample = self._sampled(known) if self._number % every == 0 else None
            self._number += 1
            yield Glimpse(
                pose=unpack(frame["pose"]) if known else None,
                open=float(frame["open"]),
                moved=float(frame["moved"]),
                mean=float(frame["mean"]),
                black=bool(frame["black"]),
                thumb=frame["thumb"],
                sample=sample,
            )

    def _sampled(self, known: bool) -> Sample:
        kept = self._read(self._sample)
        if kept is None:
            raise self._cut_off()
        count = int(kept["count"])
        return Sample(
            mouth=kept["mouth"] if known else None,
            upper=kept["upper"],
            at=kept["at"][:count].astype(np.int64),
            patches=kept["patches"][:count],
        )

    def _read(self, kind: "np.dtype[Any]") -> NDArray[Any] | None:
        """Read one record; None at the end."""
        text = self._file.read(kind.itemsize)
        if 0 < len(text) < kind.itemsize:
            raise self._cut_off()
        return np.frombuffer(text, kind)[0] if text else None

    def _cut_off(self) -> MediaError:
        return MediaError(f"{self._path}: is the imprint of a video, cut off; remove it, run again")


@contextmanager
def reading(path: Path) -> Iterator[Imprint]:
    """Open an imprint.

    Raises:
        MediaError: It is none.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise MediaError(
            f"{path}: the imprint of what was sent cannot be read ({error.strerror}); run again"
        ) from error
    with file:
        yield Imprint(path, file)


def _every(rate: Fraction) -> int:
    return max(1, round(rate * SAMPLE_S))


def _sample_of(shape: tuple[int, ...]) -> "np.dtype[Any]":
    side = patch_px(shape)
    return np.dtype(
        [
            ("mouth", "u1", MOUTH.size_px[::-1]),
            ("upper", "u1", UPPER.size_px[::-1]),
            ("count", "u1"),
            ("at", "<u4", (PATCHES, 2)),
            ("patches", "u1", (PATCHES, side, side)),
        ]
    )
