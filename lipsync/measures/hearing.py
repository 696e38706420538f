"""Hearing: the levels of a voice on the clock its mouth is held against."""

import numpy as np

from lipsync.media.align import RATE_HZ, Mono
from lipsync.mouth import STEP_S, Series

# Digital silence.
FLOOR_DB = -120.0
# Levels of so many steps are read from disk at once: memory does not grow with the length.
_BLOCK = 10_000


def levels_db(voice: Mono) -> Series:
    """Read the RMS of each 10 ms in dB of full scale.

    Args:
        voice: 16 kHz.
    """
    step = round(RATE_HZ * STEP_S)
    whole = len(voice) // step
    powers = [
        np.square(voice[first * step : min(first + _BLOCK, whole) * step].reshape(-1, step)).mean(
            axis=1, dtype=np.float64
        )
        for first in range(0, whole, _BLOCK)
    ]
    power = np.concatenate(powers) if powers else np.zeros(0)
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))), np.float64)
