"""Sampling: the small parts of a picture that are measured, the same of every picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.faces import Plane
from lipsync.picture import BLACK_LEVEL, BLACK_SHARE
from lipsync.tracking.pose import Matrix, Window, crop

# The mouth and the eyes in face units, at a size where a crop takes 0.1 ms.
MOUTH = Window(0.22, 0.62, 0.78, 1.10, 64.0)
UPPER = Window(0.15, 0.15, 0.85, 0.55, 64.0)
# The darkest part of a mouth is its inside: this share of the crop without its sides.
DARKEST_SHARE, SIDES_PX = 0.05, 8
# What a model may redraw: the head with its jaw and neck (face units).
HEAD = (-0.2, -0.3, 1.2, 1.5)
# Picture to picture: every so many samples suffice, and a thumbnail says which moment it is.
SMALL_PX, THUMB_PX = (160, 90), (32, 18)
# What is compared sample by sample: so many patches at a time, so large, tried at so many places.
PATCHES, PATCH_PX, TRIES = 4, 48, 64
# The steps of the sequence that fills a square evenly wherever it is cut off: 1 and 2 over the
# plastic number's square (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences").
STEPS = (0.7548776662466927, 0.5698402909980532)

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Coarse:
    """A picture on a coarse grid of samples."""

    small: Plane

    @classmethod
    def of(cls, luma: Plane) -> "Coarse":
        """Take every so manieth sample."""
        import cv2  # noqa: PLC0415  heavy

        return cls(
            np.asarray(cv2.resize(luma, SMALL_PX, interpolation=cv2.INTER_NEAREST), np.uint8)
        )

    @property
    def mean(self) -> float:
        """Its brightness, luma levels."""
        return float(self.small.mean())

    @property
    def is_black(self) -> bool:
        """Whether it is black all but throughout."""
        return float((self.small < BLACK_LEVEL).mean()) >= BLACK_SHARE

    def thumb(self) -> Plane:
        """Reduce it to what says which moment it is."""
        import cv2  # noqa: PLC0415  heavy

        return np.asarray(cv2.resize(self.small, THUMB_PX, interpolation=cv2.INTER_AREA), np.uint8)

    def moved(self, before: "Coarse | None") -> float:
        """Measure the change since the picture before, luma levels; NaN: there is none."""
        import cv2  # noqa: PLC0415  heavy

        return (
            float("nan") if before is None else float(cv2.absdiff(self.small, before.small).mean())
        )


def mouth_of(luma: Plane, pose: Matrix) -> Plane:
    """Cut the mouth out of a picture."""
    return crop(luma, pose @ MOUTH.to_face, MOUTH.size_px)


def upper_of(luma: Plane, pose: Matrix) -> Plane:
    """Cut eyes and brow out of a picture."""
    return crop(luma, pose @ UPPER.to_face, UPPER.size_px)


def openness(mouth: Plane) -> float:
    """Say how open a mouth is: how much darker its darkest part is than its skin, 0 to 1."""
    middle = mouth[:, SIDES_PX:-SIDES_PX]
    return 1 - _ranked(middle, DARKEST_SHARE) / max(1.0, _ranked(mouth, 0.5))


def _ranked(luma: Plane, share: float) -> float:
    """Find the level that so much of a picture is below; 20 times as fast as numpy's percentile."""
    place = round(share * (luma.size - 1))
    return float(np.partition(luma, place, axis=None)[place])


def difference(one: Plane, other: Plane) -> float:
    """Mean absolute difference after taking out the brightness, luma levels."""
    apart = one.astype(np.float32) - other
    return float(np.abs(apart - apart.mean()).mean())


def patch_px(shape: tuple[int, ...]) -> int:
    """Say how large the patches of a picture are."""
    return min(PATCH_PX, *shape)


def places(shape: tuple[int, ...], pose: Matrix | None, sample: int) -> Places:
    """Choose where a picture is compared: outside the head, and elsewhere from sample to sample.

    Args:
        shape: Of the picture: height, width.
        pose: Where its face is, if anywhere.
        sample: The number of the sample.

    Returns:
        Left and top of at most PATCHES patches, shape (n, 2).
    """
    side = patch_px(shape)
    room = np.array([shape[1] - side, shape[0] - side])
    numbers = sample * PATCHES + np.arange(TRIES)
    shares = np.modf(np.outer(numbers, STEPS))[0]
    tried: Places = (shares * (room + 1)).astype(np.int64)
    if pose is not None:
        left, top, right, bottom = _head(pose)
        x, y = tried.T
        beside = (x + side <= left) | (x >= right) | (y + side <= top) | (y >= bottom)
        tried = tried[beside]
    return tried[:PATCHES]


def _head(pose: Matrix) -> tuple[float, float, float, float]:
    """Box what a model may redraw: left, top, right and bottom in pixels."""
    left, top, right, bottom = HEAD
    ends = [[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]]
    x, y = (pose @ np.array(ends))[:2]
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def patches(luma: Plane, at: Places) -> Plane:
    """Cut patches out of a picture, shape (n, side, side)."""
    side = patch_px(luma.shape)
    cut = [luma[y : y + side, x : x + side] for x, y in at]
    return np.stack(cut) if cut else np.zeros((0, side, side), np.uint8)


def detail(patches: Plane) -> float:
    """Measure the variance of the edges in some patches, levels squared; 0 where there are none."""
    import cv2  # noqa: PLC0415  heavy

    if not len(patches):
        return 0.0
    return float(np.var([cv2.Laplacian(patch, cv2.CV_16S) for patch in patches]))
