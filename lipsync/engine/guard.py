"""The guard: whether a mouth may be redrawn at all. A wrong mouth is worse than none."""

from collections.abc import Sequence
from math import atan, pi
from statistics import median

from lipsync.engine.lips import LipLine
from lipsync.engine.looks import USUAL_X

# All limits are in face units or shares, set between what was measured on the clip that works
# (demo1) and on those that do not (demo2's moustache, drawn faces); figures beside each.
# demo1 and the portrait: 0.00; demo2: 0.62 (shares of the skin around the lips).
MOST_HAIR = 0.3
# demo1: 0.004 to 0.010.
MOST_RESIDUAL = 0.0115
# demo1: up to 0.2 with the head inclined; 0.36 is 20 degrees.
MOST_TILT = 0.36
# A wide smile bends by 2.2 (the portrait), pursed lips by 2.8 (demo1): half a face per face².
MOST_BEND = 3.2
# demo1 up to 0.06; at 25 degrees of yaw a mouth is about 0.1 off (a head is 0.5 deep).
MOST_ASIDE = 0.11
# demo1: 0.18 to 0.34, the portrait: 0.22 to 0.33; flat or drawn skin: under 0.05.
LEAST_DEPTH = 0.1
# A face smaller than this has a mouth of under 12 pixels: nothing to see, nothing to draw.
SMALLEST_FACE_PX = 40
# demo1: 0.02; a path that jumps between nose, lip and chin strays further.
MOST_SCATTER = 0.045


def objection(lines: Sequence[LipLine], face_px: float) -> str | None:
    """Say why the mouth of one track must be left alone, or None.

    Args:
        lines: The lip lines found in the track, one per window.
        face_px: The face's typical size in frame pixels.

    Returns:
        A sentence with the figure and its limit.
    """
    if face_px < SMALLEST_FACE_PX:
        return f"the face is {face_px:.0f} px wide, under {SMALLEST_FACE_PX} px"
    hair = median(line.hair for line in lines)
    if hair > MOST_HAIR:
        return (
            f"{hair:.0%} of the skin around the lips is as dark as a beard (limit {MOST_HAIR:.0%})"
        )
    doubts = [doubt for doubt in map(unsure, lines) if doubt is not None]
    if 2 * len(doubts) >= len(lines):
        return doubts[0]
    middle = median(line.y0 for line in lines)
    scatter = median(abs(line.y0 - middle) for line in lines)
    if scatter > MOST_SCATTER:
        return f"the lip line is found in different places, {scatter:.1%} of the face apart"
    return None


def unsure(line: LipLine) -> str | None:
    """Say why one lip line may be wrong, or None."""
    if line.depth < LEAST_DEPTH:
        return f"no lip line stands out: contrast {line.depth:.0%} (at least {LEAST_DEPTH:.0%})"
    if line.residual > MOST_RESIDUAL:
        return f"the lip line strays by {line.residual:.1%} of the face (limit {MOST_RESIDUAL:.1%})"
    if abs(line.bend) > MOST_BEND:
        return f"the lip line is bent by {abs(line.bend):.1f} per face (limit {MOST_BEND})"
    if abs(line.x0 - USUAL_X) > MOST_ASIDE:
        aside = abs(line.x0 - USUAL_X)
        return f"the face is turned: mouth {aside:.0%} off its middle (limit {MOST_ASIDE:.0%})"
    if abs(line.tilt) > MOST_TILT:
        degrees, limit = (atan(tilt) * 180 / pi for tilt in (abs(line.tilt), MOST_TILT))
        return f"the mouth is tilted by {degrees:.0f} degrees (limit {limit:.0f})"
    return None
