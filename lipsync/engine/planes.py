"""Planes: a frame's luma and two colour planes, and patches that are cut from and put on them."""

from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from lipsync.faces import Plane
from lipsync.tracking.pose import Matrix, crop

Patch = NDArray[np.uint8]


@dataclass(frozen=True)
class Planes:
    """A frame's Y, U and V as views of its own memory: writing to them changes the frame."""

    y: Plane
    u: Plane
    v: Plane

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Planes":
        """Look at a planar 8-bit YUV frame (4:2:0 or 4:4:4)."""
        return cls(*(_view(plane) for plane in frame.planes[:3]))

    def colour_map(self) -> Matrix:
        """The map from luma pixels to colour pixels, shape (3, 3)."""
        # Pixel centres; MPEG-2 siting is a quarter of a luma pixel off this, below notice.
        across = self.u.shape[1] / self.y.shape[1]
        down = self.u.shape[0] / self.y.shape[0]
        across, down = (1.0 if share > 0.75 else 0.5 for share in (across, down))  # noqa: PLR2004
        return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])

    def cut(self, to_frame: Matrix, size_px: tuple[int, int]) -> Patch:
        """Cut a patch: all three planes on one grid, shape (height, width, 3)."""
        to_colour = self.colour_map() @ to_frame
        return np.dstack(
            [
                crop(self.y, to_frame, size_px),
                crop(self.u, to_colour, size_px),
                crop(self.v, to_colour, size_px),
            ]
        )


def _view(plane: av.video.plane.VideoPlane) -> Plane:
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return np.asarray(rows[: plane.height, : plane.width])
