"""Opening a mouth: the lower face of a still patch, drawn with its jaw dropped."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.engine.drive import Move
from lipsync.engine.lips import LipLine
from lipsync.tracking.pose import Window

Field = NDArray[np.float32]
Patch = NDArray[np.uint8]

# In face units. A mouth is about 0.32 wide; loud speech opens it by a third of that.
WIDEST_OPENING = 0.09
# How the opening is shared: the jaw does most of it (a smile's teeth belong to the skull).
JAW_SHARE, SMILE_JAW_SHARE = 0.74, 0.92
# The lip moves as a whole this far from the line; the skin beyond gives way up to the second.
LIP_BELOW, SKIN_BELOW = 0.075, 0.25
LIP_ABOVE, SKIN_ABOVE = 0.045, 0.13
# How much wider or narrower the mouth gets at most, and how far around it skin follows.
MOST_SPREAD = 0.09
SPREAD_BELOW, SPREAD_ASIDE = 0.12, 0.24
# Upper teeth show this far below the lip at most, and at most this share of the opening.
TEETH_HEIGHT, TEETH_SHARE = 0.034, 0.42


@dataclass(frozen=True)
class Mouth:
    """A patch made ready for opening: where each of its pixels lies relative to the lip line."""

    patch: Patch
    line: LipLine
    px_per_unit: float
    columns: Field  # pixel columns, shape (h, w)
    rows: Field
    dx: Field  # right of the mouth's middle, face units, shape (1, w)
    below: Field  # below the lip line, face units, shape (h, w)
    follows: Field  # how far skin follows when the mouth widens, shape (h, w)
    skin: tuple[float, float, float]  # luma, U, V of the skin around


def ready(patch: Patch, line: LipLine, window: Window) -> Mouth:
    """Lay the mouth's own coordinates over a patch of a window."""
    height, width = patch.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    step = 1 / window.px_per_unit
    dx = window.left + (columns[:1] + 0.5) * step - line.x0
    y = window.top + (rows + 0.5) * step
    # Beyond the corners the parabola would run away: it goes on as a straight line.
    inner = np.clip(dx, -line.half_width, line.half_width)
    below = y - (line.y0 + line.tilt * dx + line.bend * inner**2)
    follows = np.exp(-((below / SPREAD_BELOW) ** 2) - (dx / SPREAD_ASIDE) ** 4)
    luma, u, v = (float(np.median(patch[..., c])) for c in range(3))
    return Mouth(patch, line, window.px_per_unit, columns, rows, dx, below, follows, (luma, u, v))


def opened(mouth: Mouth, move: Move) -> Patch:
    """Draw the mouth opened."""
    import cv2  # noqa: PLC0415  heavy

    lower, upper = _gap(mouth, move)
    rise = _still_below(mouth.below, lower) - _still_above(-mouth.below, upper)
    stretch = MOST_SPREAD * move.spread * mouth.px_per_unit * mouth.dx
    columns = mouth.columns - stretch * mouth.follows
    rows = mouth.rows - rise * mouth.px_per_unit
    drawn = cv2.remap(mouth.patch, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return _with_inside(mouth, np.asarray(drawn, np.uint8), lower, upper)


def _gap(mouth: Mouth, move: Move) -> tuple[Field, Field]:
    """Say how far the slit reaches below and above the lip line, in each column."""
    half_width = mouth.line.half_width * (1 + MOST_SPREAD * move.spread)
    reach = np.clip(1 - (mouth.dx / half_width) ** 2, 0, 1)
    jaw_share = JAW_SHARE + (SMILE_JAW_SHARE - JAW_SHARE) * mouth.line.teeth
    gap = WIDEST_OPENING * move.opening
    # The slit closes towards the corners; the lower lip hangs fuller than the upper one rises.
    return gap * jaw_share * reach**0.75, gap * (1 - jaw_share) * reach


def _still_below(below: Field, drop: Field) -> Field:
    """Say how far each pixel under the line has been pushed down: the lip fully, the chin not."""
    return drop * _fade(below - drop, LIP_BELOW, SKIN_BELOW - drop) * (below > 0)


def _still_above(above: Field, lift: Field) -> Field:
    """Say how far each pixel over the line has been pushed up."""
    return lift * _fade(above - lift, LIP_ABOVE, SKIN_ABOVE - lift) * (above >= 0)


def _fade(at: Field, full: float, none: Field) -> Field:
    """Fall smoothly from 1 at `full` to 0 at `none`."""
    t = np.clip((at - full) / (none - full), 0, 1)
    return np.asarray(1 - t * t * (3 - 2 * t), np.float32)


def _with_inside(mouth: Mouth, drawn: Patch, lower: Field, upper: Field) -> Patch:
    """Paint what the opening shows: dark, a tongue below, teeth under the upper lip."""
    edge = mouth.px_per_unit / 1.6  # the lips' edges are about a pixel and a half soft
    slit = (mouth.below < lower) & (mouth.below > -upper)
    rows = np.flatnonzero(slit.any(axis=1))
    if not len(rows):
        return drawn
    part = slice(max(0, rows[0] - 2), rows[-1] + 3)
    below = mouth.below[part]
    cover = np.clip((lower - below) * edge, 0, 1) * np.clip((below + upper) * edge, 0, 1)
    depth = np.clip((below + upper) / np.maximum(lower + upper, 1e-4), 0, 1)
    inside = _inside(mouth, depth, lower + upper)
    mixed = drawn[part] + cover[..., None] * (inside - drawn[part])
    drawn[part] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return drawn


def _inside(mouth: Mouth, depth: Field, gap: Field) -> Field:
    """Colour the inside by depth: 0 at the upper lip, 1 at the lower."""
    luma, u, v = mouth.skin
    tongue = np.clip((depth - 0.55) / 0.45, 0, 1) * np.clip(gap / 0.07, 0, 1)
    inside_luma = luma * (0.17 + 0.20 * tongue)
    inside_u = np.full_like(depth, 128 + (u - 128) * 0.5)
    inside_v = 128 + (v - 128) * (0.75 + 0.35 * tongue)
    height = np.minimum(TEETH_HEIGHT, TEETH_SHARE * gap)
    from_lip = depth * gap
    bite = 1 / mouth.px_per_unit
    teeth = np.clip((height - from_lip) / (2 * bite) + 0.5, 0, 1) * np.clip(gap / 0.03 - 0.4, 0, 1)
    teeth *= np.clip(1.25 - (mouth.dx / (0.8 * mouth.line.half_width)) ** 2, 0, 1)
    teeth *= 1 - mouth.line.teeth  # a smile brings its own
    shade = 0.62 + 0.22 * np.clip(from_lip / 0.02, 0, 1)
    out = np.stack([inside_luma, inside_u, inside_v], axis=-1)
    white = np.stack([luma * shade, np.full_like(depth, 126 + (u - 128) * 0.2),
                      np.full_like(depth, 129 + (v - 128) * 0.25)], axis=-1)  # fmt: skip
    return np.asarray(out + teeth[..., None] * (white - out), np.float32)
