"""Tracing: the curves of both mouths, thinned out to what a drawing shows."""

import numpy as np

from lipsync.mouth import Faces, Series
from lipsync.traces import Traces

# One value per 40 ms is what a mouth is seen to do, and two curves of a minute stay below 25 KB.
STEP_S = 0.04
# The lowest of a curve is where the mouth is shut; one dark frame is not.
SHUT_PERCENTILE = 5


def traces_of(faces: Faces) -> Traces | None:
    """Keep what is worth drawing; None where there is no face at all."""
    if not np.isfinite(faces.after).any():
        return None
    every = max(1, round(STEP_S / faces.frame_s))
    return Traces(
        step_s=every * faces.frame_s,
        before=_drawn(faces.before, every),
        after=_drawn(faces.after, every),
    )


def _drawn(opening: Series, every: int) -> tuple[float | None, ...]:
    """Thin a curve out, from where its mouth is shut."""
    known = opening[np.isfinite(opening)]
    if not len(known):
        return ()
    shut = float(np.percentile(known, SHUT_PERCENTILE))
    thin = opening[::every]
    return tuple(
        round(max(0.0, float(value) - shut), 3) if np.isfinite(value) else None for value in thin
    )
