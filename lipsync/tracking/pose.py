"""Pose: where a face sits in a frame, as a map from face units to frame pixels.

Face units are those of the box the cascade drew when the face was first seen: (0, 0) is its
top left corner, (1, 1) its bottom right. They stay glued to the upper face while it moves, so
a point in face units is the same point of skin in every frame of a track.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lipsync.faces import Box, Plane

Matrix = NDArray[np.float64]


class Window(NamedTuple):
    """A rectangle in face units, sampled on a grid of so many pixels per unit."""

    left: float
    top: float
    right: float
    bottom: float
    px_per_unit: float

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the grid."""
        return (
            round((self.right - self.left) * self.px_per_unit),
            round((self.bottom - self.top) * self.px_per_unit),
        )

    @property
    def to_face(self) -> Matrix:
        """The map from grid pixels to face units, shape (3, 3)."""
        step = 1 / self.px_per_unit
        # Pixel centres: grid pixel 0 covers the first step of the window.
        return np.array(
            [[step, 0, self.left + step / 2], [0, step, self.top + step / 2], [0, 0, 1]]
        )


def pose_of(box: Box) -> Matrix:
    """Lay the face units over a fresh box, shape (3, 3)."""
    return np.array(
        [[box.side_px, 0, box.left_px], [0, box.side_px, box.top_px], [0, 0, 1]], np.float64
    )


def scale_px(pose: Matrix) -> float:
    """Say how many frame pixels one face unit is."""
    return float(np.sqrt(abs(np.linalg.det(pose[:2, :2]))))


def pack(pose: Matrix) -> NDArray[np.float32]:
    """Reduce a similarity to its four numbers: scale and turn, x and y."""
    return np.array([pose[0, 0], pose[1, 0], pose[0, 2], pose[1, 2]], np.float32)


def unpack(numbers: NDArray[np.float32]) -> Matrix:
    """Rebuild the matrix from its four numbers."""
    a, b, x, y = map(float, numbers)
    return np.array([[a, -b, x], [b, a, y], [0, 0, 1]])


def crop(
    plane: Plane, to_plane: Matrix, size_px: tuple[int, int], *, smooth: bool = False
) -> Plane:
    """Sample a plane on a grid.

    Args:
        plane: The picture, shape (height, width).
        to_plane: The map from grid pixels to plane pixels (centres at integers), shape (3, 3).
        size_px: Width and height of the grid.
        smooth: Cubic instead of linear sampling.
    """
    import cv2  # noqa: PLC0415  heavy; only frames that are looked at need it

    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR)
    grid = cv2.warpAffine(
        plane, to_plane[:2], size_px, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(grid, np.uint8)
