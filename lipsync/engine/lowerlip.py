"""The lower lip: whether it is bare right below the lip line, or teeth lie there.

A line that runs along the upper lip's edge instead of the lower one's leaves the teeth on the wrong
side: the mouth opens above them, and they ride on the lower lip.
"""

import numpy as np
from numpy.typing import NDArray

from lipsync.engine.looks import LIP, MOUTH, Looks, Map

Indices = NDArray[np.intp]
Series = NDArray[np.float64]

# The strip looked at begins and ends so many lips' thickness below the line: under its shadow,
# above the chin.
FIRST, LAST = 0.4, 1.6
# Only where the lip itself lies beneath: skin under a thin lip is no redder than teeth.
LIP_SHARE = 0.6
# A gap between teeth is darker than what lies so far to both sides, in face units: half a tooth
# (an upper incisor is 8.5 mm wide, a mouth 50 mm, which is 0.32 of a face).
HALF_TOOTH = 0.025
# A lip darker by 1 % of the skin's luma in gaps counts as 5 % of it being inside.
GAP_WEIGHT = 5.0


def teeth_below(face: Looks, columns: Indices, rows: Series) -> float:
    """Measure how much of teeth, and of the gaps between them, shows on the lower lip.

    Redness finds teeth that stand together. Single ones take the lip's colour, for video keeps
    colour at half size: of them the gaps beside them are seen.

    Args:
        face: The lower face.
        columns: Columns between the corners of the mouth, one after the other, patch pixels.
        rows: Where the lip line runs in each, patch pixels.

    Returns:
        The share of the strip that is the inside of a mouth, and more for gaps; 0 for a bare lip.
    """
    luma, inside, lip = (
        _strip(plane, columns, rows) for plane in (face.luma, face.inside, face.lip_below)
    )
    reach = round(HALF_TOOTH * MOUTH.px_per_unit)
    gaps = _gaps(luma, reach) * lip[:, reach:-reach]
    return float((inside * (lip > LIP_SHARE)).mean() + GAP_WEIGHT * gaps.mean())


def _strip(plane: Map, columns: Indices, rows: Series) -> Map:
    """Take what lies right below the line, straightened, shape (depth, columns)."""
    import cv2  # noqa: PLC0415  heavy

    lip = LIP * MOUTH.px_per_unit
    y = rows[None, :] + np.arange(round(FIRST * lip), round(LAST * lip))[:, None]
    x = np.broadcast_to(columns[None, :], y.shape)
    strip = cv2.remap(
        plane,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(strip, np.float32)


def _gaps(luma: Map, reach: int) -> Map:
    """Map how much darker each pixel is than those so many columns to both sides."""
    around = np.minimum(luma[:, 2 * reach :], luma[:, : -2 * reach])
    return np.asarray(np.clip(around - luma[:, reach:-reach], 0, None), np.float32)
