"""Registration: how a mouth lies in a frame, measured against a still of the same face."""

import numpy as np

from lipsync.engine.lips import LipLine
from lipsync.engine.looks import MOUTH, Patch
from lipsync.tracking.pose import Matrix

# Below the line by this much (face units) the comparison ends: the lower lip speaks.
BELOW = 0.015


def shift_of(still: Patch, moving: Patch, line: LipLine) -> tuple[Matrix, float] | None:
    """Measure how the upper lip of one patch lies in another of the same track.

    Nose base, cheeks and upper lip are compared, above the line only: what speech hardly moves.

    Returns:
        The map from `still`'s face units to `moving`'s, shape (3, 3), and how well the two
        correlate (1 is perfectly), or None where they have nothing in common.
    """
    import cv2  # noqa: PLC0415  heavy

    rows = round((line.y0 + BELOW - MOUTH.top) * MOUTH.px_per_unit)
    strips = [np.ascontiguousarray(patch[:rows, :, 0]) for patch in (still, moving)]
    start = np.eye(2, 3, dtype=np.float32)
    rule = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 25, 1e-3)
    try:
        likeness, motion = cv2.findTransformECC(
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
    return grid @ np.vstack([motion, [0, 0, 1]]) @ np.linalg.inv(grid), float(likeness)
