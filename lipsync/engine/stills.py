"""Stills: which mouth of a window of frames is kept, to be opened by the voice."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from lipsync.engine.compose import ASIDE, DOWN, UP
from lipsync.engine.guard import unsure
from lipsync.engine.lips import LipLine
from lipsync.engine.looks import USUAL_X
from lipsync.engine.planes import Patch
from lipsync.tracking.pose import Matrix, Window, scale_px

# A line the guard doubts is the last choice.
UNSURE_COST = 2.0
# Stills are kept at the face's own resolution between these (pixels per face unit).
COARSEST_STILL, FINEST_STILL = 96, 480
# What else a still costs is measured against openness.
OPEN_WEIGHT, GAPE_WEIGHT = 1.5, 3.0
# A still reaches this far past the region that is replaced (face units).
MARGIN = 0.02
# A still off the window's usual pose is worth this much openness per unit of disagreement.
POSE_WEIGHT = 0.4
# So is a tilted, displaced or strongly bent mouth: a turned head.
ODD_WEIGHT, PLAIN_BEND = 0.5, 2.0
# A line that strays by 1 % of the face counts as 25 % openness, one that hardly shows up to that.
DEPTH_WEIGHT, PLAIN_DEPTH = 1.0, 0.25
RESIDUAL_WEIGHT = 25.0
# A line unlike its neighbours' is likely wrong: 10 degrees, or 6 % of the face aside, cost 0.3.
TILT_WEIGHT, ASIDE_WEIGHT = 1.7, 5.0
# So is one lower than they reach: an open mouth, or a line under the lower lip (0.06: 0.25).
LOW_WEIGHT, HIGH_PERCENTILE = 4.0, 15
# A window's own still must not be this much worse than the one before it, which then goes on.
# A narrower mouth leaves the filmed corners beside its own: demo1 at 6.4 to 8 s was 0.26 worse and
# 0.028 of a face narrower, with dark smudges at the corners; 0.02 narrower and no worse had none.
MUCH_WORSE, NARROW_WEIGHT = 0.35, 8.0
# So many candidates are kept until the window's usual line is known.
CANDIDATES = 8


@dataclass(frozen=True)
class Still:
    """The most closed mouth of one window of frames."""

    track: int
    frame: int
    first: int
    last: int
    line: LipLine
    window: Window
    offset_bytes: int
    cost: float
    # From the face units of the still before it to its own; None where they cannot be compared.
    from_before: Matrix | None


@dataclass(frozen=True)
class Candidate:
    """A frame that may become its window's still."""

    frame: int
    cost: float
    line: LipLine
    window: Window
    patch: Patch


def still_cost(line: LipLine, agreement: float) -> float:
    """Say how bad a still a frame would make: an open mouth, an unsure line, another pose."""
    faint = RESIDUAL_WEIGHT * line.residual + DEPTH_WEIGHT * max(0.0, PLAIN_DEPTH - line.depth)
    odd = abs(line.tilt) + abs(line.x0 - USUAL_X) + max(0.0, abs(line.bend) - PLAIN_BEND) / 4
    still = (
        OPEN_WEIGHT * line.open
        + GAPE_WEIGHT * line.gape
        + faint
        + ODD_WEIGHT * odd
        + POSE_WEIGHT * (1 - agreement)
    )
    return still + (UNSURE_COST if unsure(line) is not None else 0)


def chosen(candidates: Sequence[Candidate], lines: Sequence[LipLine]) -> tuple[Candidate, float]:
    """Choose the still of a window, and say what it costs.

    Args:
        candidates: The cheapest frames by themselves, at least one.
        lines: Every lip line found in the window: what is usual there.
    """
    usual = [line for line in lines if unsure(line) is None] or lines
    tilt, x0 = median(line.tilt for line in usual), median(line.x0 for line in usual)
    high = float(np.percentile([line.y0 for line in usual], HIGH_PERCENTILE))

    def cost(one: Candidate) -> float:
        unlike = TILT_WEIGHT * abs(one.line.tilt - tilt) + ASIDE_WEIGHT * abs(one.line.x0 - x0)
        return one.cost + unlike + LOW_WEIGHT * max(0.0, one.line.y0 - high)

    best = min(candidates, key=cost)
    return best, cost(best)


def much_worse(best: Candidate, cost: float, before: Still) -> bool:
    """Say whether a window is better served by the still before it than by its own best one."""
    narrower = max(0.0, before.line.half_width - best.line.half_width)
    return cost + NARROW_WEIGHT * narrower > before.cost + MUCH_WORSE


def still_window(pose: Matrix, line: LipLine) -> Window:
    """The region around a lip line, at the resolution the face has in this frame."""
    unit_px = float(np.clip(round(scale_px(pose)), COARSEST_STILL, FINEST_STILL))
    aside = line.half_width + ASIDE + MARGIN
    return Window(
        line.x0 - aside, line.y0 - UP - MARGIN, line.x0 + aside, line.y0 + DOWN + MARGIN, unit_px
    )
