"""Viewing: the output beside the source, both decoded once, everything measured on the way."""

from array import array
from collections import deque
from fractions import Fraction
from pathlib import Path

import numpy as np

from lipsync.faces import Plane
from lipsync.measures.pictures import Beside, ahead, lumas
from lipsync.mouth import Faces, Series
from lipsync.picture import BLACK_LEVEL, BLACK_SHARE, Frames, psnr_db, slip_of
from lipsync.tracking.pose import Matrix, Window, crop
from lipsync.tracking.track import Tracker

# The mouth and the eyes in face units, at a size where a crop takes 0.1 ms.
MOUTH = Window(0.22, 0.62, 0.78, 1.10, 64.0)
UPPER = Window(0.15, 0.15, 0.85, 0.55, 64.0)
# The darkest part of a mouth is its inside: this share of the crop without its sides.
DARKEST_SHARE, SIDES_PX = 0.05, 8
# A look needs no pose to the pixel, as painting does: it is confirmed less often (0.01 s of work).
CONFIRM_EVERY_S = 1.0
# What a model may redraw: the head with its jaw and neck (face units).
HEAD = (-0.2, -0.3, 1.2, 1.5)
# Whole pictures are held against each other twice a second; at least so much has to be outside.
SAMPLE_S, LEAST_OUTSIDE = 0.5, 0.1
# Picture to picture: every so many samples suffice, and a thumbnail says which moment it is.
SMALL_PX, THUMB_PX = (160, 90), (32, 18)
# How far a picture is looked for at another time.
SLIP_S = 1.0


class _Figures:
    """Numbers that are added to frame by frame: four bytes each."""

    def __init__(self, *names: str) -> None:
        self._kept = {name: array("f") for name in names}

    def add(self, **figures: float) -> None:
        for name, figure in figures.items():
            self._kept[name].append(figure)

    def __getitem__(self, name: str) -> Series:
        return np.asarray(self._kept[name], np.float64)


def view(
    output: Path, rate: Fraction, source: Path | None, source_rate: Fraction
) -> tuple[Faces, Frames]:
    """Look at every frame of an output once, and at the source's frame of the same time.

    Args:
        output: The finished video.
        rate: Its frames per second.
        source: What was sent; None where its pictures have no known time in the output.
        source_rate: Its frames per second.

    Raises:
        MediaError: One of the two cannot be decoded.
    """
    eye = _Eye(rate)
    beside = Beside(source, source_rate, rate)
    try:
        for frame, luma in enumerate(ahead(lumas(output))):
            eye.see(luma, beside.at(frame))
    finally:
        beside.close()
    return eye.faces(), eye.frames()


class _Eye:
    """Takes both pictures in order and keeps a few numbers of each."""

    def __init__(self, rate: Fraction) -> None:
        self._tracker = Tracker(rate, CONFIRM_EVERY_S)
        self._frame_s = float(1 / rate)
        self._every = max(1, round(rate * Fraction(SAMPLE_S)))
        self._number = 0
        self._small: dict[str, Plane] = {}
        self._slips = _Slips(max(1, round(rate * Fraction(SLIP_S))), self._every)
        self._faces = _Figures("after", "before", "mouth", "upper")
        self._frames = _Figures(
            "moved", "source_moved", "black", "source_black", "brighter", "psnr", "detail"
        )

    def see(self, luma: Plane, source: Plane | None) -> None:
        """Take the next frame of the output, and the source's of the same time."""
        sighting = self._tracker.see(luma)
        pose = None if sighting is None else sighting.pose
        self._see_face(luma, source, pose)
        self._see_picture(luma, source)
        if source is not None and self._number % self._every == 0:
            self._compare(luma, source, pose)
        self._number += 1

    def faces(self) -> Faces:
        """What was seen of the face."""
        kept = self._faces
        return Faces(self._frame_s, kept["after"], kept["before"], kept["mouth"], kept["upper"])

    def frames(self) -> Frames:
        """What was seen of the picture."""
        kept = self._frames
        return Frames(
            self._frame_s,
            kept["moved"],
            kept["source_moved"],
            kept["black"],
            kept["source_black"],
            kept["brighter"],
            kept["psnr"],
            kept["detail"],
            self._slips.done(),
        )

    def _see_face(self, luma: Plane, source: Plane | None, pose: Matrix | None) -> None:
        nothing = float("nan")
        if pose is None:
            self._faces.add(after=nothing, before=nothing, mouth=nothing, upper=nothing)
            return
        mouth, upper = _face(luma, pose)
        if source is None:
            self._faces.add(after=_open(mouth), before=nothing, mouth=nothing, upper=nothing)
            return
        old_mouth, old_upper = _face(source, _scaled(pose, luma, source))
        self._faces.add(
            after=_open(mouth),
            before=_open(old_mouth),
            mouth=_difference(mouth, old_mouth),
            upper=_difference(upper, old_upper),
        )

    def _see_picture(self, luma: Plane, source: Plane | None) -> None:
        """Note motion, black and brightness on a coarse grid of samples."""
        small = _sampled(luma)
        old = None if source is None else _sampled(source)
        self._frames.add(
            moved=self._moved("output", small),
            black=_is_black(small),
            source_moved=float("nan") if old is None else self._moved("source", old),
            source_black=float("nan") if old is None else _is_black(old),
            brighter=float("nan") if old is None else float(small.mean()) - float(old.mean()),
        )
        self._slips.see(small, old)

    def _moved(self, side: str, small: Plane) -> float:
        import cv2  # noqa: PLC0415  heavy

        before = self._small.get(side)
        self._small[side] = small
        return float("nan") if before is None else float(cv2.absdiff(small, before).mean())

    def _compare(self, luma: Plane, source: Plane, pose: Matrix | None) -> None:
        """Hold whole pictures against each other, without the head."""
        import cv2  # noqa: PLC0415  heavy

        height, width = source.shape
        if luma.shape != source.shape:
            pose = None if pose is None else _scaled(pose, luma, source)
            luma = np.asarray(cv2.resize(luma, (width, height)), np.uint8)
        outside = _outside(source.shape, pose)
        counted = cv2.countNonZero(outside)
        if counted < LEAST_OUTSIDE * source.size:
            return
        squares = cv2.norm(luma, source, cv2.NORM_L2SQR, outside)
        detail, known = (_detail(one, outside) for one in (luma, source))
        self._frames.add(
            psnr=psnr_db(squares / counted),
            # A flat picture has no detail to lose.
            detail=detail / known if known > 1 else float("nan"),
        )


class _Slips:
    """Says of sampled frames whether the source showed them at another time."""

    def __init__(self, reach: int, every: int) -> None:
        self._reach, self._every = reach, every
        self._source: deque[Series] = deque(maxlen=2 * reach + 1)
        self._waiting: deque[tuple[int, Series]] = deque()
        self._number = 0
        self._found = array("f")

    def see(self, small: Plane, source: Plane | None) -> None:
        """Take both, coarse; a sample is judged once the source is a second further on."""
        if source is None:
            return
        if self._number % self._every == 0:
            self._waiting.append((self._number, _thumb(small)))
        self._source.append(_thumb(source))
        self._number += 1
        full = len(self._source) == self._source.maxlen
        while full and self._waiting and self._waiting[0][0] <= self._number - 1 - self._reach:
            number, thumb = self._waiting.popleft()
            if number == self._number - 1 - self._reach:
                self._judge(thumb)

    def _judge(self, thumb: Series) -> None:
        distances = np.abs(np.asarray(self._source) - thumb).mean(axis=(1, 2))
        self._found.append(slip_of(distances))

    def done(self) -> Series:
        """All that was found."""
        return np.asarray(self._found, np.float64)


def _face(luma: Plane, pose: Matrix) -> tuple[Plane, Plane]:
    """Cut mouth and eyes out of a picture."""
    mouth = crop(luma, pose @ MOUTH.to_face, MOUTH.size_px)
    return mouth, crop(luma, pose @ UPPER.to_face, UPPER.size_px)


def _scaled(pose: Matrix, luma: Plane, other: Plane) -> Matrix:
    """Carry a pose to the same picture of another size."""
    high, wide = (there / here for there, here in zip(other.shape, luma.shape, strict=True))
    return np.asarray(np.diag([wide, high, 1.0]) @ pose, np.float64)


def _open(mouth: Plane) -> float:
    """Say how open a mouth is: how much darker its darkest part is than its skin, 0 to 1."""
    middle = mouth[:, SIDES_PX:-SIDES_PX]
    return 1 - _ranked(middle, DARKEST_SHARE) / max(1.0, _ranked(mouth, 0.5))


def _ranked(luma: Plane, share: float) -> float:
    """Find the level that so much of a picture is below; 20 times as fast as numpy's percentile."""
    place = round(share * (luma.size - 1))
    return float(np.partition(luma, place, axis=None)[place])


def _difference(one: Plane, other: Plane) -> float:
    """Mean absolute difference after taking out the brightness, luma levels."""
    apart = one.astype(np.float32) - other
    return float(np.abs(apart - apart.mean()).mean())


def _sampled(luma: Plane) -> Plane:
    import cv2  # noqa: PLC0415  heavy

    return np.asarray(cv2.resize(luma, SMALL_PX, interpolation=cv2.INTER_NEAREST), np.uint8)


def _thumb(small: Plane) -> Series:
    import cv2  # noqa: PLC0415  heavy

    return np.asarray(cv2.resize(small, THUMB_PX, interpolation=cv2.INTER_AREA), np.float64)


def _is_black(small: Plane) -> float:
    return float((small < BLACK_LEVEL).mean() >= BLACK_SHARE)


def _detail(luma: Plane, outside: Plane) -> float:
    """Measure the variance of the edges of a picture, levels squared."""
    import cv2  # noqa: PLC0415  heavy

    _, deviation = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_16S), mask=outside)
    return float(deviation[0, 0]) ** 2


def _outside(shape: tuple[int, ...], pose: Matrix | None) -> Plane:
    """Mark what is not the head with 255, shape (height, width)."""
    outside = np.full(shape, 255, np.uint8)
    if pose is not None:
        left, top, right, bottom = HEAD
        ends = [[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]]
        corners = (pose @ np.array(ends))[:2]
        first, last = (
            np.maximum(0, edge).astype(int) for edge in (corners.min(axis=1), corners.max(axis=1))
        )
        outside[first[1] : last[1], first[0] : last[0]] = 0
    return outside
