"""Looking at a lower face: which pixels are lips, the inside of the mouth, or hair.

Everything is measured against the skin beside the mouth, so that light and complexion drop out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lipsync.tracking.pose import Window

Patch = NDArray[np.uint8]  # luma, U, V on one grid, shape (height, width, 3)
Map = NDArray[np.float32]

# The lower face in face units, and the size it is looked at.
MOUTH = Window(0.12, 0.52, 0.88, 1.14, 160.0)
# Where the alt2 cascade's box has the mouth (demo1, demo2, the portrait: 0.50±0.06, 0.79±0.05).
USUAL_X, USUAL_Y = 0.5, 0.79
# How thick a lip is, for comparing what is above a line with what is below it.
LIP = 0.035
# What is darker than this share of the cheeks' luma is the inside of the mouth.
DARK = 0.5
# Teeth are less red than the lip above them by this share of the lips' own redness, and by more
# than noise (levels of V; lips are 8 to 15 above the skin, teeth 8 below).
TEETH_DROP, LEAST_DROP, LEAST_LIP_RED = 0.4, 4.0, 4.0
# How much an edge under teeth counts beside a valley (per level of V).
EDGE_WEIGHT = 0.02
# Hair is darker than this share of the cheeks and duller than them by this (levels of V).
HAIR_LUMA, HAIR_RED = 0.8, -3.0
# Where hair is looked for: over and under the lips, clear of nostrils and lips (face units).
HAIR_BANDS, HAIR_HALF_WIDTH = ((-0.115, -0.055), (0.12, 0.19)), 0.13


class Looks(NamedTuple):
    """A lower face measured against its own skin; every map has the patch's height and width."""

    luma: Map  # as a share of the cheeks'
    red: Map  # V beyond the skin's at that height, levels
    duller: Map  # V beyond the cheeks', levels
    inside: Map  # 1 where the mouth is open: dark, or teeth
    lip_below: Map  # 1 where what lies right below is as red as lips, 0 where it is skin
    evidence: Map  # how much a pixel looks like the lip line


def looks(patch: Patch) -> Looks:
    """Measure a lower face.

    Args:
        patch: The MOUTH window at its size, shape (99, 122, 3).
    """
    luma, red, duller = _relative(patch)
    inside = _inside(luma, red)
    lip_below = np.asarray(np.clip(_red_below(red) / _lip_red(red), 0, 1), np.float32)
    evidence = _evidence(luma, red, inside, lip_below)
    return Looks(luma, red, duller, inside, lip_below, evidence)


def _relative(patch: Patch) -> tuple[Map, ...]:
    """Reduce a patch to luma and redness (V), relative to the skin.

    Returns luma as a share of the cheeks', redness beyond the skin's at that height, and
    redness beyond the cheeks'. Cheeks are redder than chins: the skin's redness is a line
    between the two.
    """
    import cv2  # noqa: PLC0415  heavy

    values = patch.astype(np.float32)
    luma = cv2.GaussianBlur(values[..., 0], (0, 0), 0.8)
    red = cv2.GaussianBlur(values[..., 2], (0, 0), 1.0)
    height = luma.shape[0]
    cheeks = [_region(*sides, 0.12, 0.4, luma.shape) for sides in ((0.1, 0.26), (0.74, 0.9))]
    chin = _region(0.32, 0.68, 0.66, 0.8, luma.shape)
    skin_luma = max(16.0, float(np.median([luma[cheek] for cheek in cheeks])))
    cheeks_red = float(np.median([red[cheek] for cheek in cheeks]))
    slope = (float(np.median(red[chin])) - cheeks_red) / (0.73 - 0.26)
    rows = np.arange(height, dtype=np.float32)[:, None] / height
    skin_red = cheeks_red + np.clip(slope, -30, 10) * np.clip(rows - 0.26, 0, 0.5)
    relative = (luma / skin_luma, red - skin_red, red - cheeks_red)
    return tuple(np.asarray(plane, np.float32) for plane in relative)


def _region(
    left: float, right: float, top: float, bottom: float, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """A part of the window, given in shares of it."""
    height, width = shape
    return (
        slice(round(height * top), round(height * bottom)),
        slice(round(width * left), round(width * right)),
    )


def _evidence(luma: Map, red: Map, inside: Map, lip_below: Map) -> Map:
    """Map how much each pixel looks like the lip line: a dark valley, or teeth over a red lip.

    Either way there is a red lip right below: that tells it from the edge between the upper lip
    and the teeth.
    """
    lip, half = round(LIP * MOUTH.px_per_unit), round(LIP / 2 * MOUTH.px_per_unit)
    # A closed line is thin; a shaded upper lip is a valley too, but a wide one.
    valley = _valley(luma, half) + 0.5 * _valley(luma, lip)
    edge = np.clip(_red_below(red) - _shift(red, half), 0, None) * _shift(inside, half)
    shut_below = 1 - np.maximum(_shift(inside, -half), _shift(inside, -lip))
    return np.asarray((valley + EDGE_WEIGHT * edge) * lip_below * shut_below, np.float32)


def _red_below(red: Map) -> Map:
    """Map how red it is within a lip's thickness below each pixel."""
    lip, half = round(LIP * MOUTH.px_per_unit), round(LIP / 2 * MOUTH.px_per_unit)
    below = (_shift(red, -2) + _shift(red, -half - 1) + _shift(red, -lip)) / 3
    return np.asarray(below, np.float32)


def _valley(luma: Map, reach: int) -> Map:
    """Map how much darker each pixel is than what lies so many rows above and below."""
    around = np.minimum(_shift(luma, reach), _shift(luma, -reach))
    return np.asarray(np.clip(around - luma, 0, None), np.float32)


def _inside(luma: Map, red: Map) -> Map:
    """Map the inside of the mouth, 0 or 1: dark, or less red than the upper lip above it."""
    import cv2  # noqa: PLC0415  heavy

    near, far = round(0.5 * LIP * MOUTH.px_per_unit), round(3 * LIP * MOUTH.px_per_unit)
    reach = np.ones((far - near + 1, 1), np.uint8)
    lip_above = cv2.dilate(_shift(red, near), reach, anchor=(0, far - near))
    drop = max(LEAST_DROP, TEETH_DROP * _lip_red(red))
    teeth = (lip_above - red > drop) & (lip_above > 0)
    return np.asarray(teeth | (luma < DARK), np.float32)


def _shift(plane: Map, rows: int) -> Map:
    """Give each pixel the value so many rows above it (below it when negative)."""
    moved = np.roll(plane, rows, axis=0)
    if rows > 0:
        moved[:rows] = plane[0]
    else:
        moved[rows:] = plane[-1]
    return moved


def _lip_red(red: Map) -> float:
    """Say how red the reddest part of the mouth's surroundings is, in levels above the skin."""
    rows = slice(round((USUAL_Y - 0.12 - MOUTH.top) * MOUTH.px_per_unit),
                 round((USUAL_Y + 0.14 - MOUTH.top) * MOUTH.px_per_unit))  # fmt: skip
    columns = slice(round((USUAL_X - 0.14 - MOUTH.left) * MOUTH.px_per_unit),
                    round((USUAL_X + 0.14 - MOUTH.left) * MOUTH.px_per_unit))  # fmt: skip
    return max(LEAST_LIP_RED, float(np.percentile(red[rows, columns], 85)))


def hair(face: Looks, x0: float, y0: float) -> float:
    """Measure what share of the skin above and below the lips is as dark and dull as hair.

    Args:
        face: The lower face.
        x0: The mouth's middle, patch pixels.
        y0: The lip line there, patch pixels.
    """
    unit = MOUTH.px_per_unit
    columns = slice(max(0, round(x0 - HAIR_HALF_WIDTH * unit)), round(x0 + HAIR_HALF_WIDTH * unit))
    bands = [
        slice(max(0, round(y0 + top * unit)), max(1, round(y0 + bottom * unit)))
        for top, bottom in HAIR_BANDS
    ]
    shares = [
        ((face.luma[rows, columns] < HAIR_LUMA) & (face.duller[rows, columns] < HAIR_RED)).mean()
        for rows in bands
    ]
    return float(max(shares))
