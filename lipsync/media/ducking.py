"""Ducking: how far a bed may come up, from where the voice speaks."""

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Gains = npt.NDArray[np.float32]
"""In dB, one for every 10 ms."""

# Ours: with the default level a ducked bed lies 5 LU below the voice in its pauses, where film
# mixers leave music, and 15 LU while it speaks (Torcoli et al., JAES 67(12), 2019).
LIFT_DB = 10.0
# Ours: heard as a hand on a fader. The bed is down when the voice starts, because that is known.
ATTACK_S = 0.2
# Ours: gaps between words and sentences stay under the bed's lower level.
HOLD_S = 0.4
RELEASE_S = 0.8
_STEP_S = 0.01


def lifts_db(speaks: Mask) -> Gains:
    """Say how far a ducked bed may come up, for every 10 ms.

    It is down from the first to the last moment of speech, goes down in the 200 ms before it and
    comes up, after 400 ms, within 800 ms.

    >>> lifts = lifts_db(np.array([False] * 300 + [True] * 10 + [False] * 300))
    >>> [round(float(lifts[at]), 1) for at in (0, 289, 300, 309, 349, 390, 609)]
    [10.0, 5.5, 0.0, 0.0, 0.0, 5.1, 10.0]
    """
    places = np.arange(len(speaks))
    far = len(speaks) + 10_000
    behind = places - np.maximum.accumulate(np.where(speaks, places, -far))
    ahead = np.minimum.accumulate(np.where(speaks, places, far + len(speaks))[::-1])[::-1] - places
    falling = ahead * _STEP_S / ATTACK_S
    rising = (behind * _STEP_S - HOLD_S) / RELEASE_S
    share = np.clip(np.minimum(falling, rising), 0, 1)
    lifts: Gains = (share * LIFT_DB).astype(np.float32)
    return lifts
