"""Lips: where the lip line of a mouth runs, and how sure that is.

The lip line is where the mouth opens: the top edge of the lower lip. In a closed mouth it is the
dark valley between two red lips; in a smile it is where the teeth meet the lower lip. It is found
as the best path from left to right through a map that is high in both cases.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.engine.pose import Matrix, Window

Patch = NDArray[np.uint8]  # luma, U, V on one grid, shape (height, width, 3)
Map = NDArray[np.float32]

# The lower face in face units, and the size lips are searched at.
MOUTH = Window(0.12, 0.52, 0.88, 1.14, 160.0)
# Where the alt2 cascade's box has the mouth, and how far that strays between people (face units;
# measured on demo1, demo2 and the bundled portrait: 0.50±0.06, 0.79±0.05).
USUAL_X, USUAL_Y, STRAY_Y = 0.5, 0.79, 0.075
# Half of what is searched to each side of the usual centre.
SEARCH_HALF_WIDTH = 0.2
# A path moves at most so many rows between two columns looked at, and pays for each.
STEEPEST, STEP_CHARGE = 2, 0.01
# How thick a lip is, for comparing what is above a line with what is below it.
LIP = 0.035
# What is darker than this share of the skin's luma is the inside of the mouth, or hair.
DARK = 0.5
# Teeth are less red than the lip above them by this share of the lips' own redness, and bright.
TEETH_DROP, TEETH_LUMA = 0.4, 0.6
# Less than this is noise (levels).
LEAST_DROP = 5.0
# How much an edge under teeth counts beside a valley (per level of V - U).
EDGE_WEIGHT = 0.017
# Hair is darker than this share of the cheeks and duller than them by this (levels of V - U).
HAIR_LUMA, HAIR_RED = 0.8, -5.0
# The lips end where this share of their redness is left; the corners lie a little beyond.
CORNER_SHARE, BEYOND = 0.4, 1.12
# Mouths are between these half widths (face units).
NARROWEST, WIDEST = 0.11, 0.2


@dataclass(frozen=True)
class LipLine:
    """A lip line in face units: y = y0 + tilt·dx + bend·dx², dx = x - x0.

    The last four figures are what the guard judges by.
    """

    x0: float
    y0: float
    tilt: float
    bend: float
    half_width: float
    teeth: float  # how toothy the mouth is above the line: 0 closed lips, 1 a full smile
    open: float  # share of what is above the line that is dark or teeth
    gape: float  # the same right below it: a line on the wrong lip
    residual: float  # how far the path strays from the curve, RMS, face units
    redness: float  # how much redder the lips are than the skin, in levels of V - U
    depth: float  # how clearly the line shows, as a share of the skin's luma
    hair: float  # share of the skin above or below the lips that looks like hair


def fit(patch: Patch) -> LipLine:
    """Find the lip line in a lower face.

    Args:
        patch: The MOUTH window at its search size, shape (99, 122, 3), luma, U, V.
    """
    luma, red, cheeks_red = _relative(patch)
    inside = _inside(luma, red)
    evidence = _evidence(luma, red, inside)
    columns, path = _best_path(evidence * _prior(evidence.shape))
    centre, curve, residual = _curve(columns, path)
    lipness = _lipness(red, columns, path)
    left, right = _corners(columns, lipness)
    x0 = (left + right) / 2
    dx = x0 - centre
    y0, tilt = float(np.polyval(curve, dx)), float(2 * curve[0] * dx + curve[1])
    step = 1 / MOUTH.px_per_unit
    inner = np.abs(columns - x0) < (right - left) / 3
    within = _above(inside, columns[inner], path[inner], 2.5 * LIP)
    bright = _above(luma, columns[inner], path[inner], 2.5 * LIP) > TEETH_LUMA
    return LipLine(
        x0=MOUTH.left + x0 * step,
        y0=MOUTH.top + y0 * step,
        tilt=tilt,
        bend=float(curve[0]) / step,
        half_width=float(np.clip(BEYOND * (right - left) / 2 * step, NARROWEST, WIDEST)),
        teeth=float((bright & (within > 0)).any(axis=0).mean()),
        open=float(within.mean()),
        gape=float(
            _above(
                inside,
                columns[inner],
                path[inner] + 2 + round(1.5 * LIP * MOUTH.px_per_unit),
                1.5 * LIP,
            ).mean()
        ),
        residual=residual * step,
        redness=float(np.median(lipness[inner])),
        depth=float(np.median(_near(evidence, columns[inner], path[inner]))),
        hair=_hair(luma, cheeks_red, x0, y0),
    )


def _relative(patch: Patch) -> tuple[Map, ...]:
    """Reduce a patch to luma and redness (V - U), relative to the skin.

    Returns luma as a share of the cheeks', redness beyond the skin's at that height, and
    redness beyond the cheeks'. Cheeks are redder than chins, so the skin's redness is a line between the two.
    """
    import cv2  # noqa: PLC0415  heavy

    values = patch.astype(np.float32)
    luma = cv2.GaussianBlur(values[..., 0], (0, 0), 0.8)
    red = cv2.GaussianBlur(values[..., 2] - values[..., 1], (0, 0), 1.2)
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


def _evidence(luma: Map, red: Map, inside: Map) -> Map:
    """Map how much each pixel looks like the lip line: a dark valley, or teeth over a red lip.

    Either way there is a red lip right below: that tells it from the edge between the upper lip
    and the teeth.
    """
    lip, half = round(LIP * MOUTH.px_per_unit), round(LIP / 2 * MOUTH.px_per_unit)
    # A closed line is thin; a shaded upper lip is a valley too, but a wide one.
    valley = _valley(luma, half) + 0.5 * _valley(luma, lip)
    red_below = (_shift(red, -2) + _shift(red, -half - 1) + _shift(red, -lip)) / 3
    edge = np.clip(red_below - _shift(red, half), 0, None) * _shift(inside, half)
    lip_below = np.clip(red_below / _lip_red(red), 0, 1)
    shut_below = 1 - np.maximum(_shift(inside, -half), _shift(inside, -lip))
    return np.asarray((valley + EDGE_WEIGHT * edge) * lip_below * shut_below, np.float32)


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
    return max(4.3, float(np.percentile(red[rows, columns], 85)))


def _prior(shape: tuple[int, ...]) -> Map:
    """Say where a lip line usually is in the window."""
    y = MOUTH.top + np.arange(shape[0], dtype=np.float32)[:, None] / MOUTH.px_per_unit
    return np.asarray(np.exp(-0.5 * ((y - USUAL_Y) / STRAY_Y) ** 2), np.float32)


def _best_path(score: Map) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the path of highest score from left to right, moving at most a row per column.

    Every second column is looked at, so a step is up to two rows.
    """
    middle = (USUAL_X - MOUTH.left) * MOUTH.px_per_unit
    reach = SEARCH_HALF_WIDTH * MOUTH.px_per_unit
    columns = np.arange(round(middle - reach), round(middle + reach), 2)
    steps = np.arange(-STEEPEST, STEEPEST + 1)
    charge = STEP_CHARGE * np.abs(steps)[:, None]
    height = score.shape[0]
    came = np.zeros((len(columns), height), np.intp)
    # The last column's totals between two borders that cannot be won from.
    framed = np.full(height + 2 * STEEPEST, -1.0, np.float32)
    inner = framed[STEEPEST:-STEEPEST]
    inner[:] = score[:, columns[0]]
    moves = np.lib.stride_tricks.sliding_window_view(framed, height)
    for k in range(1, len(columns)):
        options = moves - charge
        came[k] = options.argmax(axis=0)
        inner[:] = options.max(axis=0) + score[:, columns[k]]
    path = np.empty(len(columns), np.intp)
    path[-1] = int(inner.argmax())
    for k in range(len(columns) - 1, 0, -1):
        path[k - 1] = np.clip(path[k] + steps[came[k, path[k]]], 0, height - 1)
    return columns, path


def _curve(
    columns: NDArray[np.intp], path: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64], float]:
    """Fit a parabola to the path's middle, robustly; return its origin, itself and the residual."""
    centre = float(columns.mean())
    x, y = columns - centre, path.astype(np.float64)
    weight = np.exp(-0.5 * (x / (0.6 * float(x.max()))) ** 2)
    curve = np.polyfit(x, y, 2, w=weight)
    for _ in range(4):
        error = y - np.polyval(curve, x)
        curve = np.polyfit(x, y, 2, w=weight / (1 + (error / 2) ** 2))
    error = (y - np.polyval(curve, x)) * weight
    return centre, curve, float(np.sqrt(np.mean(error**2)))


def _lipness(red: Map, columns: NDArray[np.intp], path: NDArray[np.intp]) -> Map:
    """Measure per column how red the lips just above and below the line are."""
    reach = round(2 * LIP * MOUTH.px_per_unit)
    rows = np.clip(path[None, :] + np.arange(-reach, reach + 1)[:, None], 0, red.shape[0] - 1)
    band = red[rows, columns[None, :]]
    return np.asarray(np.percentile(band, 75, axis=0), np.float32)


def _corners(columns: NDArray[np.intp], lipness: Map) -> tuple[float, float]:
    """Find where the lips end left and right: where most of their redness is gone."""
    middle, near = len(columns) // 2, len(columns) // 5
    high = np.percentile(lipness[middle - near : middle + near], 50)
    lips = np.flatnonzero(lipness > CORNER_SHARE * max(high, 1.0))
    if len(lips) < len(columns) // 3:
        return float(columns[len(columns) // 5]), float(columns[-len(columns) // 5])
    return float(columns[lips[0]]), float(columns[lips[-1]])


def _above(plane: Map, columns: NDArray[np.intp], path: NDArray[np.intp], height: float) -> Map:
    """Take what lies over the line up to a height in face units, shape (rows, columns)."""
    reach = np.arange(1, round(height * MOUTH.px_per_unit) + 1)[:, None]
    rows = np.clip(path[None, :] - reach, 0, plane.shape[0] - 1)
    return np.asarray(plane[rows, columns[None, :]], np.float32)


def _near(plane: Map, columns: NDArray[np.intp], path: NDArray[np.intp]) -> Map:
    """Take the highest value within two pixels of the line, per column."""
    rows = np.clip(path[None, :] + np.arange(-2, 3)[:, None], 0, plane.shape[0] - 1)
    return np.asarray(plane[rows, columns[None, :]].max(axis=0), np.float32)


def _hair(luma: Map, red: Map, x0: float, y0: float) -> float:
    """Measure what share of the skin above and below the lips is as dark and dull as hair.

    Args:
        luma: As a share of the cheeks'.
        red: Beyond the cheeks', in levels.
        x0: The mouth's middle, patch pixels.
        y0: The lip line there, patch pixels.
    """
    unit = MOUTH.px_per_unit
    columns = slice(max(0, round(x0 - 0.13 * unit)), round(x0 + 0.13 * unit))
    bands = [
        slice(max(0, round(y0 + top * unit)), max(1, round(y0 + bottom * unit)))
        for top, bottom in ((-0.115, -0.055), (0.12, 0.19))
    ]
    shares = [
        ((luma[rows, columns] < HAIR_LUMA) & (red[rows, columns] < HAIR_RED)).mean()
        for rows in bands
    ]
    return float(max(shares))


def shift_of(still: Patch, moving: Patch, line: LipLine) -> tuple[Matrix, float] | None:
    """Measure how the upper lip of one patch lies in another of the same track.

    Nose base, cheeks and upper lip are compared, above the line only: what speech hardly moves.

    Returns:
        The map from `still`'s face units to `moving`'s, shape (3, 3), and how well the two
        correlate (1 is perfectly), or None where they have nothing in common.
    """
    import cv2  # noqa: PLC0415  heavy

    rows = round((line.y0 + 0.015 - MOUTH.top) * MOUTH.px_per_unit)
    strips = [np.ascontiguousarray(patch[:rows, :, 0]) for patch in (still, moving)]
    start = np.eye(2, 3, dtype=np.float32)
    rule = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 25, 1e-3)
    try:
        fit_, motion = cv2.findTransformECC(
            *strips,
            start,
            cv2.MOTION_EUCLIDEAN,
            rule,
            None,
            5,  # type: ignore[call-overload]
        )
    except cv2.error:  # it did not converge
        return None
    grid = MOUTH.to_face
    return grid @ np.vstack([motion, [0, 0, 1]]) @ np.linalg.inv(grid), float(fit_)
