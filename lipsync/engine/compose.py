"""Composing: a still mouth, opened, laid into a frame so that no edge shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.engine.drive import Move
from lipsync.engine.planes import Patch, Planes
from lipsync.engine.warp import Mouth, opened
from lipsync.faces import Plane
from lipsync.tracking.pose import Matrix, Window

Field = NDArray[np.float32]

# The region that is replaced, in face units around the lip line: up to the nose, down to the
# chin, past the corners; its edge is soft over FEATHER.
UP, DOWN, ASIDE, FEATHER = 0.115, 0.275, 0.105, 0.07
# Light is matched by the difference at the region's edge, spread inwards this far.
LIGHT_REACH = 0.11
# Light is worked out on pictures this many times smaller.
SHRINK = 4
# Beyond about this difference (levels) the two do not show the same skin.
SAME_SKIN_LEVELS = 22.0


@dataclass(frozen=True)
class Layer:
    """A still mouth ready to be laid into frames."""

    mouth: Mouth
    window: Window
    mask: Field  # 1 inside the region, 0 outside, shape (h, w)
    edge: Field  # 1 along the region's soft edge, shrunk
    small: Field  # the still itself, shrunk


def layer(mouth: Mouth, window: Window) -> Layer:
    """Make the region of a mouth."""
    import cv2  # noqa: PLC0415  heavy

    line, height = mouth.line, mouth.patch.shape[0]
    below = window.top + (np.arange(height)[:, None] + 0.5) / window.px_per_unit - line.y0
    aside = (line.half_width + ASIDE - np.abs(mouth.dx)) / FEATHER
    # The region narrows towards the chin, as faces do.
    aside = aside - np.clip(below - 0.08, 0, 1) * 0.35 / FEATHER
    up, down = (UP + below) / FEATHER, (DOWN - below) / FEATHER
    edges = [np.clip(edge, 0, 1) for edge in (aside, up, down)]
    soft = [edge * edge * (3 - 2 * edge) for edge in edges]
    mask = np.asarray(soft[0] * soft[1] * soft[2], np.float32)
    mask[:, (0, -1)] = 0
    mask[(0, -1), :] = 0
    small = (max(8, mask.shape[1] // SHRINK), max(8, mask.shape[0] // SHRINK))
    edge, still = (
        np.asarray(cv2.resize(values, small, interpolation=cv2.INTER_AREA), np.float32)
        for values in (mask * (1 - mask) * 4, mouth.patch)
    )
    return Layer(mouth, window, mask, edge, still)


def lay(planes: Planes, layer: Layer, to_frame: Matrix, move: Move, share: float) -> None:
    """Lay an opened mouth into a frame, in place; pixels outside its region keep their value.

    Args:
        planes: The frame; must be writable.
        layer: The still mouth.
        to_frame: The map from the still's face units to frame pixels, shape (3, 3).
        move: How it opens.
        share: 1 replaces what is there, less mixes.
    """
    grid = to_frame @ layer.window.to_face
    current = planes.cut(grid, layer.window.size_px)
    drawn = opened(layer.mouth, move)
    lit = np.clip(drawn + _light(layer, current) + 0.5, 0, 255).astype(np.uint8)
    mask = layer.mask * np.float32(share)
    colour = planes.colour_map() @ grid
    for plane, to_plane, values in (
        (planes.y, grid, lit[..., 0]),
        (planes.u, colour, lit[..., 1]),
        (planes.v, colour, lit[..., 2]),
    ):
        _paste(plane, to_plane, np.ascontiguousarray(values), mask)


def _light(layer: Layer, current: Patch) -> Field:
    """Spread the difference at the region's edge inwards, smoothly: the light has changed."""
    import cv2  # noqa: PLC0415  heavy

    height, width = layer.edge.shape
    now = cv2.resize(current, (width, height), interpolation=cv2.INTER_AREA)
    difference = now.astype(np.float32) - layer.small
    # A large difference is not light but something else in that place: a lip, a chin, hair.
    strange = np.abs(difference).max(axis=-1) / SAME_SKIN_LEVELS
    weight = layer.edge / (1 + strange**4) + 1e-4
    sigma = LIGHT_REACH * layer.window.px_per_unit / SHRINK
    known = cv2.GaussianBlur(difference * weight[..., None], (0, 0), sigma)
    light = known / cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    size = layer.mask.shape[::-1]
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _paste(plane: Plane, to_plane: Matrix, values: Plane, mask: Field) -> None:
    """Blend values into a plane through a mask, touching only the mask's bounding box."""
    import cv2  # noqa: PLC0415  heavy

    left, top, right, bottom = _bounds(plane, to_plane, mask.shape)
    if left >= right or top >= bottom:
        return
    box = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]])
    to_grid = (np.linalg.inv(to_plane) @ box)[:2]
    size = (right - left, bottom - top)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(values, to_grid, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(mask, to_grid, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    region = plane[top:bottom, left:right]
    mixed = region + alpha * (moved.astype(np.float32) - region)
    region[...] = np.rint(mixed).astype(np.uint8)


def _bounds(plane: Plane, to_plane: Matrix, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The box of plane pixels a grid covers: left, top, right, bottom (exclusive)."""
    height, width = shape
    corners = to_plane @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    left, top = np.floor(corners[:2].min(axis=1)).astype(int)
    right, bottom = np.ceil(corners[:2].max(axis=1)).astype(int) + 1
    return max(0, left), max(0, top), min(plane.shape[1], right), min(plane.shape[0], bottom)
