"""The mouth: did the lips move with the voice? Pure figures from what was seen and heard.

A mouth that opens shows its dark inside. How dark the darkest part of the mouth is beside its skin
is read per frame, and slid against the loudness of the voice. The same is done with the source's
mouth under the same voice: that is what chance gives, and the figure is only worth what it says
beyond it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lipsync.values import Value

Series = NDArray[np.float64]

# The common clock: fine enough for a lag, coarse enough for hours.
STEP_S = 0.01
# What is louder than this below the voice's loud moments is speech (ITU-T P.56 gates 15.9 dB below
# the active level; soft sounds lie lower).
RANGE_DB = 35.0
LOUD_PERCENTILE = 95
VOICED = 0.5  # of that range
# A jaw follows a syllable, not a sample (measured: 120 ms relates best).
SMOOTH_S = 0.12
# Light and turning heads change slower than this; what does is taken out.
SLOW_S = 1.5
# How far either way a lag is looked for, and what counts as together.
REACH_S, TOGETHER_S = 0.6, 0.1
# Ours: two curves of less than this have any relation one likes.
LEAST_S = 1.5
# Ours: with 3 s of speech other speech reached 0.31 by chance where the right one has 0.56.
RELATION_S, CHANGE_S = 3.0, 1.5
# Mouths are held against each other four times a second, so that is 1.5 s.
LEAST_LOOKS = 6
# Repainted: the mouth differs this many times as much as the upper face, and by these levels.
REPAINTED_RATIO, REPAINTED_LEVELS, SURELY_LEVELS = 2.0, 2.0, 6.0
# A relation at another lag speaks against sync only when it is strong, and much stronger.
STRAY_LEAST, STRAY_MORE = 0.5, 0.2
# A mouth moves when it opens or closes by this share of its range within 0.2 s.
MOVING_SHARE, MOVING_S = 0.15, 0.2


class Mouth(Value):
    """What was found out about a mouth; None where the evidence is too thin."""

    voiced_s: float = Field(description="Time with speech and a face.")
    changed_percent: float | None = Field(description="Of that: repainted against the source.")
    relation: float | None = Field(description="Of mouth and voice within ±100 ms, -1 to 1.")
    source_relation: float | None = Field(description="The same of the source: chance.")
    lag_ms: float | None = Field(description="Where they relate best; positive: the lips are late.")
    peak: float | None = Field(description="How well they relate there.")
    still_percent: float | None = Field(description="Of the voiced time: no motion.")
    restless_percent: float | None = Field(description="Of the silent time: motion.")

    @property
    def strays(self) -> bool:
        """Whether the lips clearly move at another time than the voice."""
        if self.relation is None or self.peak is None:
            return False
        return self.peak >= STRAY_LEAST and self.peak >= self.relation + STRAY_MORE


@dataclass(frozen=True)
class Faces:
    """What was seen of a face, per frame of the output, shape (n,); NaN: no face, or no source."""

    frame_s: float
    after: Series  # how open the output's mouth is, any unit
    before: Series  # the source's at the same time
    mouth_levels: Series  # how far the two mouths differ, luma levels; NaN where not looked
    upper_levels: Series  # the same of eyes and brow


def heard(levels_db: Series) -> Series:
    """Turn levels into loudness between 0 and 1, relative to the voice itself.

    Args:
        levels_db: One per STEP_S.
    """
    if not len(levels_db):
        return np.zeros(0)
    top = float(np.percentile(levels_db, LOUD_PERCENTILE))
    return np.asarray(np.clip((levels_db - top + RANGE_DB) / RANGE_DB, 0, 1), np.float64)


def read_mouth(faces: Faces, loudness: Series) -> Mouth:
    """Relate a mouth to a voice.

    Args:
        faces: What was seen.
        loudness: What was heard, from `heard`.
    """
    after, before = (on_clock(one, faces.frame_s) for one in (faces.after, faces.before))
    length = min(len(after), len(loudness))
    after, before, voice = after[:length], before[:length], loudness[:length]
    voiced = (smooth(voice, SMOOTH_S) > VOICED) & np.isfinite(after)
    voiced_s = float(voiced.sum() * STEP_S)
    enough = voiced_s >= RELATION_S
    found = related(after, voice) if enough else None
    chance = related(before, voice) if enough else None
    stillness = _stillness(after, voice, voiced) if enough else (None, None)
    return Mouth(
        voiced_s=round(voiced_s, 2),
        changed_percent=_changed(faces, voiced) if voiced_s >= CHANGE_S else None,
        relation=found[0] if found else None,
        source_relation=chance[0] if chance else None,
        peak=found[1] if found else None,
        lag_ms=found[2] if found else None,
        still_percent=stillness[0],
        restless_percent=stillness[1],
    )


def on_clock(seen: Series, frame_s: float) -> Series:
    """Bring a figure per frame to the common clock; NaN stays where no face was seen."""
    clock = np.arange(round(len(seen) * frame_s / STEP_S)) * STEP_S + STEP_S / 2
    known = np.isfinite(seen)
    if not known.any():
        return np.full(len(clock), np.nan)
    at = (np.arange(len(seen)) + 0.5) * frame_s
    dense = np.interp(clock, at[known], seen[known])
    dense[np.interp(clock, at, (~known).astype(float)) > 0.5] = np.nan  # noqa: PLR2004  nearer to none
    return np.asarray(dense, np.float64)


def related(mouth: Series, voice: Series) -> tuple[float, float, float] | None:
    """Slide a mouth along a voice.

    Returns:
        The best correlation within ±100 ms, the best within ±600 ms, and the lag of that in ms,
        positive when the mouth is late. None where they have too little in common.

    Source:
        Normalised cross-correlation; SyncNet (Chung & Zisserman, 2016) is the learned form.
    """
    opening, loud = _lively(mouth), _lively(smooth(voice, SMOOTH_S))
    reach, near = round(REACH_S / STEP_S), round(TOGETHER_S / STEP_S)
    curve = np.array([_alike(opening, loud, lag) for lag in range(-reach, reach + 1)])
    together = curve[reach - near : reach + near + 1]
    if not np.isfinite(together).any():
        return None
    best = int(np.nanargmax(curve))
    lag_ms = 1000 * STEP_S * (best - reach)
    return round(float(np.nanmax(together)), 3), round(float(curve[best]), 3), round(lag_ms, 1)


def smooth(values: Series, length_s: float) -> Series:
    """Average over a stretch."""
    return _mean(values, max(1, round(length_s / STEP_S)))


def _mean(values: Series, steps: int) -> Series:
    kernel = np.ones(steps)
    known = np.isfinite(values)
    if not len(values):
        return values
    sums = np.convolve(np.where(known, values, 0.0), kernel)
    counts = np.convolve(known.astype(float), kernel)
    first = (steps - 1) // 2
    means = (sums / np.maximum(1, counts))[first : first + len(values)]
    return np.asarray(means, np.float64)


def _lively(values: Series) -> Series:
    """Take out what changes slowly."""
    return np.asarray(values - smooth(values, SLOW_S), np.float64)


def _alike(mouth: Series, voice: Series, lag: int) -> float:
    """Correlate at one lag; NaN where too little overlaps."""
    one = mouth[max(0, lag) : len(mouth) + min(0, lag)]
    other = voice[max(0, -lag) : len(voice) - max(0, lag)]
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < LEAST_S / STEP_S:
        return float("nan")
    one, other = one[known] - one[known].mean(), other[known] - other[known].mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 0 else 0.0


def _changed(faces: Faces, voiced: NDArray[np.bool_]) -> float | None:
    """Say in how much of the voiced time the mouth is not the source's."""
    mouth, upper = faces.mouth_levels, faces.upper_levels
    middles = ((np.arange(len(mouth)) + 0.5) * faces.frame_s / STEP_S).astype(int)
    within = middles < len(voiced)
    counted = np.zeros(len(mouth), bool)
    counted[within] = voiced[middles[within]]
    counted &= np.isfinite(mouth)
    if counted.sum() < LEAST_LOOKS:
        return None
    least = np.maximum(REPAINTED_LEVELS, REPAINTED_RATIO * upper)
    repainted = (mouth >= least) | (mouth >= SURELY_LEVELS)
    return round(100 * float(repainted[counted].mean()), 1)


def _stillness(
    mouth: Series, voice: Series, voiced: NDArray[np.bool_]
) -> tuple[float | None, float | None]:
    """Say how much of the voiced time is without motion, and of the silent time with."""
    steps = max(1, round(MOVING_S / STEP_S))
    known = np.isfinite(mouth)
    low, high = np.percentile(mouth[known], (5, 95))
    wander = np.full(len(mouth), np.nan)
    wander[steps:] = np.abs(mouth[steps:] - mouth[:-steps])
    moves = wander > MOVING_SHARE * max(1e-9, high - low)
    silent = (smooth(voice, SMOOTH_S) < VOICED / 2) & np.isfinite(wander)
    speaks = voiced & np.isfinite(wander)
    return _percent(~moves, speaks), _percent(moves, silent)


def _percent(what: NDArray[np.bool_], of: NDArray[np.bool_]) -> float | None:
    """Say how much of one is the other; None where there is less than half a second of it."""
    if of.sum() * STEP_S < 0.5:  # noqa: PLR2004  half a second
        return None
    return round(100 * float(what[of].mean()), 1)
