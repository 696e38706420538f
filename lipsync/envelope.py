"""The envelope of a voice: how loud it is from moment to moment, and where it is loudest."""

import math
import wave
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

# One picture at 25 frames per second: the smallest step a mouth can be seen to make.
STEP_S = 0.04
# Digital silence of 16 bits is written as this.
SILENT_DB = -96.0
# Ours: below this nobody speaks, and a mouth says nothing about the lips.
SPEECH_DB = -50.0
_FULL_SCALE = 32_768.0


def levels_db(voice: Path) -> tuple[float, ...]:
    """Measure a voice in steps of 40 ms; the memory it takes does not grow with its length.

    Args:
        voice: 16-bit PCM WAV.

    Returns:
        RMS of every step in dB below full scale, all channels together, rounded to 0.1 dB.
    """
    levels = []
    with wave.open(str(voice), "rb") as stream:
        step = round(STEP_S * stream.getframerate())
        while block := stream.readframes(step):
            samples = np.frombuffer(block, np.int16).astype(np.float32) / _FULL_SCALE
            levels.append(_db(float(np.mean(np.square(samples)))))
    return tuple(levels)


def _db(power: float) -> float:
    return SILENT_DB if power <= 0 else round(max(SILENT_DB, 10 * math.log10(power)), 1)


def peaks_s(levels: Sequence[float], count: int) -> tuple[float, ...]:
    """Find the loudest moment of each of `count` equal parts; parts without speech have none.

    Args:
        levels: In dB, one per step.
        count: How many moments at most.

    Returns:
        The middles of those steps, in seconds; the loudest step of all where nobody speaks.

    >>> peaks_s([-60, -20, -60, -60, -30, -10], 2)
    (0.06, 0.22)
    """
    edges = [round(part * len(levels) / count) for part in range(count + 1)]
    parts = [range(first, end) for first, end in pairwise(edges) if end > first]
    loudest = [max(part, key=levels.__getitem__) for part in parts]
    spoken = [step for step in loudest if levels[step] > SPEECH_DB]
    kept = spoken or ([max(range(len(levels)), key=levels.__getitem__)] if levels else [])
    return tuple(round((step + 0.5) * STEP_S, 3) for step in kept)
