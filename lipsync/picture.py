"""The picture: what the model did to what it should have left alone. Pure figures per frame."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipsync.values import Value

Series = NDArray[np.float64]

# Below this a luma sample of limited range is black (ITU-R BT.709: black is 16), and so much of
# the picture has to be.
BLACK_LEVEL, BLACK_SHARE = 32, 0.98
# A picture stands still when it changes by less than this share of what the source changes by.
STILL_SHARE = 0.1
# Ours: a source that changes less than this (luma levels, mean over the picture) stands still too.
MOVING_LEVELS = 0.06
# A moment counts as shown at another time only where that fits the picture this much better.
SLIP_RATIO, SLIP_LEVELS = 1.5, 0.5
# PSNR of equal pictures, so that a mean exists.
PSNR_MOST_DB = 99.0
# So many samples are taken together: 2 s of patches, 74,000 pixels.
TOGETHER = 8
# A picture whose edges are below this has no detail to lose, levels squared.
FLAT = 1.0


@dataclass(frozen=True)
class Frames:
    """What was seen of the output beside the source; NaN: nothing to hold it to.

    The last four are of sampled frames only.
    """

    frame_s: float
    moved: Series  # change since the frame before, luma levels
    source_moved: Series
    black: Series  # 1 where it is black, 0 where it is not
    source_black: Series
    brighter: Series  # mean luma beyond the source's
    squares: Series  # mean squared error outside the face, luma levels squared
    detail: Series  # of the edges outside the face, levels squared
    source_detail: Series
    slips: Series  # frames off the source's time


class Picture(Value):
    """How much of the source's picture is left; None: nothing to hold it to."""

    black_s: float
    frozen_s: float | None
    psnr_db: float | None
    worst_psnr_db: float | None
    detail: float | None
    slip_frames: float | None
    flicker_levels: float | None


def read_picture(frames: Frames) -> Picture:
    """Reduce what was seen of every frame to the figures that are judged."""
    black = (frames.black > 0) & ~(frames.source_black > 0)
    psnr = np.array([psnr_db(float(error)) for error in _together(frames.squares)])
    known = _together(frames.source_detail)
    detail = (_together(frames.detail) / np.maximum(known, FLAT))[known > FLAT]
    return Picture(
        black_s=round(longest(black) * frames.frame_s, 3),
        frozen_s=_frozen_s(frames),
        psnr_db=_rounded(np.median, psnr, 1),
        worst_psnr_db=_rounded(np.min, psnr, 1),
        detail=_rounded(np.median, detail, 2),
        slip_frames=_rounded(np.max, np.abs(frames.slips), 0),
        flicker_levels=_flicker(frames),
    )


def longest(marked: NDArray[np.bool_]) -> int:
    """Count the longest run.

    >>> longest(np.array([0, 1, 1, 0, 1], bool))
    2
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marked.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def slip_of(distances: Series) -> int:
    """Say how many frames late a picture is, by how far it is from each of the source's around it.

    Args:
        distances: In luma levels, from the latest earlier to the latest later frame; the middle
            one is where it belongs.

    Returns:
        Positive when it shows an earlier moment; 0 unless another moment fits clearly better.
    """
    middle, best = len(distances) // 2, int(np.argmin(distances))
    there = float(distances[middle])
    if there <= SLIP_RATIO * float(distances[best]) + SLIP_LEVELS:
        return 0
    return middle - best


def psnr_db(mean_square: float) -> float:
    """Express an error of 8-bit samples.

    >>> round(psnr_db(65.025))
    30
    """
    return min(PSNR_MOST_DB, 10 * float(np.log10(255**2 / max(mean_square, 1e-9))))


def _together(sampled: Series) -> Series:
    """Average the samples of about 2 s each."""
    if not len(sampled):
        return sampled
    stretches = max(1, len(sampled) // TOGETHER)
    return np.array([stretch.mean() for stretch in np.array_split(sampled, stretches)])


def _frozen_s(frames: Frames) -> float | None:
    """Measure the longest run that stands still while the source moves."""
    moved, source = frames.moved, frames.source_moved
    known = np.isfinite(moved) & np.isfinite(source)
    if not known.any():
        return None
    still = known & (source > MOVING_LEVELS) & (moved < STILL_SHARE * source)
    return round(longest(still) * frames.frame_s, 3)


def _flicker(frames: Frames) -> float | None:
    """Measure how the brightness trembles beside the source's: the 99th percentile of the jumps."""
    known = frames.brighter[np.isfinite(frames.brighter)]
    if len(known) < 3:  # noqa: PLR2004  a jump there and back
        return None
    back = known[1:-1] - (known[:-2] + known[2:]) / 2
    return round(float(np.percentile(np.abs(back), 99)), 2)


def _rounded(reduce: Callable[[Series], np.floating], values: Series, digits: int) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(reduce(known)), digits) if len(known) else None
