"""The guard: whether a mouth may be redrawn. A wrong mouth is worse than none.

It asks three questions: of a person (a beard hides the lips in every frame), of a still (is its
lip line sure?), and of a frame (is the mouth where the still's was carried to?).
"""

from collections.abc import Sequence
from math import atan, degrees
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lipsync.engine.lips import LipLine
from lipsync.engine.looks import USUAL_X

Numbers = NDArray[np.float32]

# All limits are in face units or shares, set between what was measured on the clips that work
# (demo1, the portrait) and on those that do not (demo2's moustache, drawn faces).
# A moment is bearded when this share of the skin around the lips looks like hair; demo2's median
# is 0.65. A mouth wide open is left out: its inside is as dark as hair (demo1: up to 0.5).
HAIRY, WIDE_OPEN = 0.2, 0.8
# demo1, the portrait: 0 of the moments; demo2: 0.9 of all, 0.26 of its least bearded 2.4 s.
MOST_HAIRY_MOMENTS = 0.1
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
# Lower lips that are bare by eye: up to 0.062 (demo1), 0.063 (demo2's smile), 0.065 (the portrait,
# all frames); with teeth or specks: 0.094 to 0.30 (demo1), 0.10 to 0.14 (demo2). The still that
# showed them in demo1, 2 s to 6 s, bounced: 0.19.
MOST_TEETH_BELOW = 0.08
# A face smaller than this has a mouth of under 12 pixels: nothing to see, nothing to draw.
SMALLEST_FACE_PX = 40
# Between stills of one track (demo1: 0.05): a line on the nose or the chin is 0.1 off.
MOST_SCATTER = 0.09
# Correlation with the still below which a frame is left alone: demo1 0.68 in the middle and 0.47
# at worst, in frames that still look right; a face turned away 0.2.
LEAST_TRUST = 0.42
# How far a frame's own lip line may lie from where the still's was carried to. demo1, 1st to 99th
# percentile: aside 0.05; above 0.02, below 0.12 (an open mouth's lower lip hangs); turned 0.2.
FRAME_ASIDE, FRAME_ABOVE, FRAME_BELOW, FRAME_TURNED = 0.07, 0.07, 0.15, 0.45


class Look(NamedTuple):
    """What is kept of the lip line found in one frame; columns of Survey.looks."""

    x0: float
    y0: float
    tilt: float
    hair: float
    open: float


LOOKS = len(Look._fields)


def look_of(line: LipLine) -> Numbers:
    """Reduce a lip line to a Look."""
    return np.array(Look(line.x0, line.y0, line.tilt, line.hair, line.open), np.float32)


def bearded(looks: Numbers) -> str | None:
    """Say whether a person's lips are hidden by hair, or None.

    Args:
        looks: Every look at the person, in all tracks, shape (n, 5).
    """
    hair, ajar = (looks[:, Look._fields.index(name)] for name in ("hair", "open"))
    judged = hair[ajar < WIDE_OPEN]
    if not len(judged):
        return None
    moments = float((judged > HAIRY).mean())
    if moments <= MOST_HAIRY_MOMENTS:
        return None
    return (
        f"a beard or moustache hides the lip line (in {moments:.0%} of the moments looked at, "
        f"limit {MOST_HAIRY_MOMENTS:.0%}); a hosted model can dub this face"
    )


def too_small(face_px: float) -> str | None:
    """Say whether a face is too small, or None."""
    if face_px >= SMALLEST_FACE_PX:
        return None
    return f"the face is {face_px:.0f} px wide, under {SMALLEST_FACE_PX} px"


def unsure(line: LipLine) -> str | None:
    """Say why one lip line may be wrong, or None."""
    if line.depth < LEAST_DEPTH:
        return f"no lip line stands out: contrast {line.depth:.0%} (at least {LEAST_DEPTH:.0%})"
    if line.residual > MOST_RESIDUAL:
        return f"the lip line strays by {line.residual:.1%} of the face (limit {MOST_RESIDUAL:.1%})"
    if line.teeth_below > MOST_TEETH_BELOW:
        share, limit = line.teeth_below, MOST_TEETH_BELOW
        return f"teeth lie on the lower lip: {share:.0%} of it below the line (limit {limit:.0%})"
    if abs(line.bend) > MOST_BEND:
        return f"the lip line is bent by {abs(line.bend):.1f} per face (limit {MOST_BEND})"
    return _askew(line)


def _askew(line: LipLine) -> str | None:
    """Say how a lip line is not where a face looked at from in front has it, or None."""
    if abs(line.x0 - USUAL_X) > MOST_ASIDE:
        aside = abs(line.x0 - USUAL_X)
        return f"the face is turned: mouth {aside:.0%} off its middle (limit {MOST_ASIDE:.0%})"
    if abs(line.tilt) > MOST_TILT:
        tilt, limit = (degrees(atan(tilt)) for tilt in (abs(line.tilt), MOST_TILT))
        return f"the mouth is tilted by {tilt:.0f} degrees (limit {limit:.0f})"
    return None


def scattered(line: LipLine, lines: Sequence[LipLine]) -> str | None:
    """Say whether one line of a track is at another height than most, or None."""
    off = abs(line.y0 - float(np.median([each.y0 for each in lines])))
    if off <= MOST_SCATTER:
        return None
    return (
        f"the lip line is found in different places, {off:.1%} of the face apart "
        f"(limit {MOST_SCATTER:.1%})"
    )


def misplaced(looks: Numbers, mouths: Numbers, tilt: float) -> NDArray[np.bool_]:
    """Say in which frames the mouth is not where the still's was carried to.

    Args:
        looks: The lines the frames themselves show, shape (n, 5).
        mouths: Where the still's line came to lie: x, y, turn, shape (n, 3).
        tilt: The still's own.

    Returns:
        One answer per frame; False for a frame that was not looked at.
    """
    aside = np.abs(looks[:, 0] - mouths[:, 0])
    below = looks[:, 1] - mouths[:, 1]
    turned = np.abs(np.arctan(looks[:, 2]) - (atan(tilt) + mouths[:, 2]))
    off = (aside > FRAME_ASIDE) | (below < -FRAME_ABOVE) | (below > FRAME_BELOW)
    return np.asarray(off | (turned > FRAME_TURNED), np.bool_)
