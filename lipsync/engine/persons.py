"""Persons: which tracks show the same face, so that what is learnt in one of them counts in all."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lipsync.engine.planes import Planes
from lipsync.tracking.pose import Matrix, Window

Vector = NDArray[np.float32]

# Brow to upper lip: what a beard and speech leave alone.
UPPER_FACE = Window(0.05, 0.1, 0.95, 0.7, 36.0)
SMOOTH_PX = 1.5
# Measured over tracks of three clips: one face correlates with itself by 0.46 and more once its
# tracks are chained, two faces by up to 0.55; those two differ by 12 levels of U.
LEAST_LIKENESS = 0.45
MOST_COLOUR_LEVELS, MOST_LIGHT_SHARE = 5.0, 0.25


class Portrait(NamedTuple):
    """What a face looks like, as far as telling two of them apart goes."""

    face: Vector  # luma of the upper face, mean 0, length 1
    colour: Vector  # its median luma, U, V


def portrait(planes: Planes, pose: Matrix) -> Portrait:
    """Look at a face."""
    import cv2  # noqa: PLC0415  heavy

    patch = planes.cut(pose @ UPPER_FACE.to_face, UPPER_FACE.size_px)
    luma = cv2.GaussianBlur(patch[..., 0].astype(np.float32), (0, 0), SMOOTH_PX).ravel()
    luma -= luma.mean()
    face = np.asarray(luma / max(1.0, float(np.linalg.norm(luma))), np.float32)
    return Portrait(face, np.median(patch, axis=(0, 1)).astype(np.float32))


def persons(portraits: Sequence[Portrait]) -> list[int]:
    """Number the persons: one number per portrait, the same for the same face.

    Portraits are chained: two that look alike to a third are one person.
    """
    numbers: list[int] = []
    for k, new in enumerate(portraits):
        alike = {numbers[other] for other in range(k) if _alike(portraits[other], new)}
        number = min(alike, default=k)
        numbers = [number if each in alike else each for each in numbers]
        numbers.append(number)
    return numbers


def _alike(one: Portrait, other: Portrait) -> bool:
    light, *colour = (float(abs(a - b)) for a, b in zip(one.colour, other.colour, strict=True))
    if max(colour) > MOST_COLOUR_LEVELS:
        return False
    if light > MOST_LIGHT_SHARE * float(max(one.colour[0], other.colour[0])):
        return False
    return float(one.face @ other.face) >= LEAST_LIKENESS
