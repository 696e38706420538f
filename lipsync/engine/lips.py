"""Lips: where the lip line of a mouth runs, and how sure that is.

The lip line is where the mouth opens: the top edge of the lower lip. In a closed mouth it is the
dark valley between two red lips; in a smile it is where the teeth meet the lower lip. It is found
as the best path from left to right through a map that is high in both cases.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.engine.looks import LIP, MOUTH, USUAL_X, USUAL_Y, Looks, Map, Patch, hair, looks
from lipsync.engine.lowerlip import teeth_below

Indices = NDArray[np.intp]

# How far a mouth strays from its usual height between people (face units, one sigma).
STRAY_Y = 0.075
# The curve is fitted to the middle of the path: this share of its half width is one sigma.
MIDDLE_SHARE = 0.6
# Half of what is searched to each side of the usual centre.
SEARCH_HALF_WIDTH = 0.2
# A path moves at most so many rows between two columns looked at, and pays for each.
STEEPEST, STEP_CHARGE = 2, 0.01
# Teeth are brighter than this share of the cheeks' luma.
TEETH_LUMA = 0.6
# The lips end where this share of their redness is left; the corners lie a little beyond.
CORNER_SHARE, BEYOND = 0.4, 1.12
# Mouths are between these half widths (face units).
NARROWEST, WIDEST = 0.11, 0.2
# The lower lip is judged along this share of the line; towards the corners it runs out.
INNER_SHARE = 0.75


@dataclass(frozen=True)
class LipLine:
    """A lip line in face units: y = y0 + tilt·dx + bend·dx², dx = x - x0.

    The last five figures are what the guard judges by.
    """

    x0: float
    y0: float
    tilt: float
    bend: float
    half_width: float
    teeth: float  # how toothy the mouth is above the line: 0 closed lips, 1 a full smile
    open: float  # share of what is above the line that is dark or teeth
    gape: float  # the same right below it: a line on the wrong lip
    teeth_below: float  # teeth and gaps left on the lower lip: 0 a bare lip; shares as in lowerlip
    residual: float  # how far the path strays from the curve, RMS, face units
    depth: float  # how clearly the line shows, as a share of the skin's luma
    hair: float  # share of the skin above or below the lips that looks like hair


def fit(patch: Patch) -> LipLine:
    """Find the lip line in a lower face.

    Args:
        patch: The MOUTH window at its size, shape (99, 122, 3), luma, U, V.
    """
    face = looks(patch)
    columns, path = _best_path(face.evidence * _prior(face.evidence.shape))
    centre, curve, residual = _curve(columns, path)
    left, right = _corners(columns, _lipness(face.red, columns, path))
    middle = (left + right) / 2
    dx = middle - centre
    height = float(np.polyval(curve, dx))
    step = 1 / MOUTH.px_per_unit
    inner = np.abs(columns - middle) < (right - left) / 3
    half_width = float(np.clip(BEYOND * (right - left) / 2 * step, NARROWEST, WIDEST))
    across = _across(middle, INNER_SHARE * half_width / step)
    return LipLine(
        x0=MOUTH.left + middle * step,
        y0=MOUTH.top + height * step,
        tilt=float(2 * curve[0] * dx + curve[1]),
        bend=float(curve[0]) / step,
        half_width=half_width,
        teeth_below=teeth_below(face, across, np.polyval(curve, across - centre)),
        residual=residual * step,
        hair=hair(face, middle, height),
        **_figures(face, columns[inner], path[inner]),
    )


def _figures(face: Looks, columns: Indices, path: Indices) -> dict[str, float]:
    """Measure what lies along the line."""
    lip = round(LIP * MOUTH.px_per_unit)
    over = _band(face.inside, columns, path, -round(2.5 * lip), 0)
    bright = _band(face.luma, columns, path, -round(2.5 * lip), 0) > TEETH_LUMA
    return {
        "teeth": float((bright & (over > 0)).any(axis=0).mean()),
        "open": float(over.mean()),
        "gape": float(_band(face.inside, columns, path, 2, 2 + round(1.5 * lip)).mean()),
        "depth": float(np.median(_band(face.evidence, columns, path, -2, 3).max(axis=0))),
    }


def _across(middle: float, reach: float) -> Indices:
    """List the pixel columns around one, so far to each side."""
    return np.arange(round(middle - reach), round(middle + reach) + 1)


def _band(plane: Map, columns: Indices, path: Indices, first: int, last: int) -> Map:
    """Take the rows from `first` to before `last` relative to the line, shape (rows, columns)."""
    rows = path[None, :] + np.arange(first, last)[:, None]
    return np.asarray(plane[np.clip(rows, 0, plane.shape[0] - 1), columns[None, :]], np.float32)


def _prior(shape: tuple[int, ...]) -> Map:
    """Say where a lip line usually is in the window."""
    y = MOUTH.top + np.arange(shape[0], dtype=np.float32)[:, None] / MOUTH.px_per_unit
    return np.asarray(np.exp(-0.5 * ((y - USUAL_Y) / STRAY_Y) ** 2), np.float32)


def _best_path(score: Map) -> tuple[Indices, Indices]:
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


def _curve(columns: Indices, path: Indices) -> tuple[float, NDArray[np.float64], float]:
    """Fit a parabola to the path's middle, robustly; return its origin, itself and the residual."""
    centre = float(columns.mean())
    x, y = columns - centre, path.astype(np.float64)
    weight = np.exp(-0.5 * (x / (MIDDLE_SHARE * x[-1])) ** 2)
    curve = np.polyfit(x, y, 2, w=weight)
    for _ in range(4):
        error = y - np.polyval(curve, x)
        curve = np.polyfit(x, y, 2, w=weight / (1 + (error / 2) ** 2))
    error = (y - np.polyval(curve, x)) * weight
    return centre, curve, float(np.sqrt(np.mean(error**2)))


def _lipness(red: Map, columns: Indices, path: Indices) -> Map:
    """Measure per column how red the lips just above and below the line are."""
    reach = round(2 * LIP * MOUTH.px_per_unit)
    band = _band(red, columns, path, -reach, reach + 1)
    return np.asarray(np.percentile(band, 75, axis=0), np.float32)


def _corners(columns: Indices, lipness: Map) -> tuple[float, float]:
    """Find where the lips end left and right: where most of their redness is gone."""
    middle, near = len(columns) // 2, len(columns) // 5
    high = float(np.percentile(lipness[middle - near : middle + near], 50))
    lips = np.flatnonzero(lipness > CORNER_SHARE * max(high, 1.0))
    if len(lips) < len(columns) // 3:
        return float(columns[len(columns) // 5]), float(columns[-len(columns) // 5])
    return float(columns[lips[0]]), float(columns[lips[-1]])
