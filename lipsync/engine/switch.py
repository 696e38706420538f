"""Switching: from which frame to which the new mouth is shown, so that it comes and goes unseen."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float32]
Flags = NDArray[np.bool_]

# A new mouth is never shown for less.
SHORTEST_S = 0.6
# The moment to switch is looked for this far inside the stretch that may be redrawn.
REACH_S = 0.3
# Of two moments equally good the one nearer the edge (per second, in units of openness).
NEARER = 0.3
# At the switch itself both mouths are seen, half each, for this many frames.
MIXED_FRAMES = 1
MIXED_SHARE = 0.5


def runs(mask: Flags) -> list[tuple[int, int]]:
    """List the stretches where a mask is true: first and past-the-last index of each."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def strength(sure: Flags, ajar: Series, rate: Fraction) -> Series:
    """Switch the new mouth on where it is sure, off where not; never for a moment only.

    Off wins: the switch lies inside the sure stretch, where both mouths are most nearly closed.

    Args:
        sure: Whether a frame may be redrawn.
        ajar: How open the old and the new mouth are together, per frame.
        rate: Frames per second.

    Returns:
        0 leaves a frame alone, 1 replaces its mouth, between mixes.
    """
    out = np.zeros(len(sure), np.float32)
    shortest = round(SHORTEST_S * float(rate))
    for first, last in runs(sure):
        reach = min(round(REACH_S * float(rate)), (last - first) // 3)
        start, stop = first, last
        if first > 0:
            start += _quietest(ajar[first : first + reach + 1], rate)
        if last < len(sure):
            stop -= _quietest(ajar[last - 1 - reach : last][::-1], rate)
        if stop - start < shortest and (first > 0 or last < len(sure)):
            continue
        out[start:stop] = 1
        if first > 0:
            out[start : start + MIXED_FRAMES] = MIXED_SHARE
        if last < len(sure):
            out[stop - MIXED_FRAMES : stop] = MIXED_SHARE
    return out


def _quietest(ajar: Series, rate: Fraction) -> int:
    """Find the moment when the mouths are most nearly closed, the earlier the better."""
    away_s = np.arange(len(ajar)) / float(rate)
    return int((ajar + NEARER * away_s).argmin())


def mostly(flags: Series, width: int) -> Series:
    """Say what share of the frames around each one is flagged; NaN frames do not count.

    Args:
        flags: 1, 0 or NaN per frame.
        width: How many frames to each side are looked at.
    """
    kernel = np.ones(2 * width + 1)
    known = ~np.isnan(flags)
    number = np.convolve(known, kernel, mode="full")[width:-width]
    total = np.convolve(np.where(known, flags, 0), kernel, mode="full")[width:-width]
    return np.asarray(total / np.maximum(number, 1), np.float32)
