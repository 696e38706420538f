"""The envelope of a voice: how loud it is from moment to moment, and where it is loudest."""

import wave
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

# One picture at 25 frames per second: the smallest step a mouth can be seen to make.
STEP_S = 0.04
# Digital silence of 16 bits is written as this.
SILENT_DB = -96.0
# Ours: below this nobody speaks, and a mouth says nothing about the lips.
SPEECH_DB = -50.0
_FULL_SCALE = 32_768.0
# 40 s of a voice, 8 MB.
_STEPS_AT_ONCE = 1_000


def levels_db(voice: Path) -> tuple[float, ...]:
    """Measure a voice in steps of 40 ms; the memory it takes does not grow with its length.

    Args:
        voice: 16-bit PCM WAV.

    Returns:
        RMS of every step in dB below full scale, all channels together, rounded to 0.1 dB.
    """
    levels: list[float] = []
    with wave.open(str(voice), "rb") as stream:
        step = round(STEP_S * stream.getframerate())
        while block := stream.readframes(step * _STEPS_AT_ONCE):
            samples = np.frombuffer(block, np.int16).astype(np.float32) / _FULL_SCALE
            levels += _steps_db(np.square(samples), step * stream.getnchannels())
    return tuple(levels)


def _steps_db(powers: npt.NDArray[np.float32], step: int) -> list[float]:
    """Say how loud each step is, and what is left at the end."""
    whole = len(powers) // step * step
    means = [*powers[:whole].reshape(-1, step).mean(axis=1)]
    if len(powers) > whole:
        means.append(powers[whole:].mean())
    floored = np.maximum(np.asarray(means, np.float64), 10 ** (SILENT_DB / 10))
    found: list[float] = np.round(10 * np.log10(floored), 1).tolist()
    return found


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
