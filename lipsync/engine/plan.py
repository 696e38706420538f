"""The plan: which frames get a new mouth, how strongly, where and from which still."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lipsync.engine.guard import objection, unsure
from lipsync.engine.pose import scale_px, unpack
from lipsync.engine.survey import Still, Survey

# A face seen for less than this is not worth a new mouth.
SHORTEST_TRACK_S = 0.4
# Correlation with the still below which a frame is left alone: demo1 0.68 in the middle and 0.47
# at worst, in frames that still look right; a face turned away 0.2.
LEAST_TRUST = 0.42
# A mouth never appears or disappears at once, nor for a moment only.
FADE_S, SHORTEST_S = 0.06, 0.4
# Two stills are mixed over this long where one takes over from the other.
MIX_S = 0.1
# Placing noise is taken out by a Gaussian this wide (frames at 25 fps).
SMOOTH_S = 0.035


@dataclass(frozen=True)
class Plan:
    """What the second pass does."""

    strength: NDArray[np.float32]  # 0 leaves a frame alone, 1 replaces its mouth, shape (n,)
    mouths: NDArray[np.float32]  # smoothed mouth x, y, turn, shape (n, 3)
    notes: tuple[str, ...]

    @property
    def animated_frames(self) -> int:
        """How many frames are touched at all."""
        return int((self.strength > 0).sum())


def plan(survey: Survey, rate: Fraction) -> Plan:
    """Decide from a survey what may be redrawn; the guard speaks for each track."""
    strength = np.zeros(len(survey.tracks), np.float32)
    mouths = survey.mouths.copy()
    notes: list[str] = []
    by_track: dict[int, list[Still]] = defaultdict(list)
    for still in survey.stills:
        by_track[still.track].append(still)
    for track, stills in by_track.items():
        frames = np.flatnonzero(survey.tracks == track)
        why = _objection(survey, frames, stills, rate)
        if why is None:
            mouths[frames] = _smooth(survey.mouths[frames], SMOOTH_S * float(rate))
            trust = survey.trust.copy()
            for still in stills:
                if unsure(still.line) is not None:
                    trust[still.first : still.last + 1] = 0
            strength[frames] = _strength(trust[frames], rate)
        else:
            notes.append(f"{_span(frames, rate)} left unaltered: {why}")
    if not by_track:
        notes.append("picture left unaltered: no face was found in any frame")
    return Plan(strength, mouths, tuple(notes))


def _objection(
    survey: Survey, frames: NDArray[np.intp], stills: list[Still], rate: Fraction
) -> str | None:
    seen_s = len(frames) / float(rate)
    if seen_s < SHORTEST_TRACK_S:
        return f"the face is seen for {seen_s:.2f} s only"
    face_px = float(np.median([scale_px(unpack(pose)) for pose in survey.poses[frames[::10]]]))
    why = objection([still.line for still in stills], face_px)
    if why is None and np.median(survey.trust[frames]) < LEAST_TRUST:
        return f"the mouth cannot be followed (agreement {np.median(survey.trust[frames]):.2f})"
    return why


def _span(frames: NDArray[np.intp], rate: Fraction) -> str:
    return f"{frames[0] / float(rate):.2f} s to {(frames[-1] + 1) / float(rate):.2f} s"


def _strength(trust: NDArray[np.float32], rate: Fraction) -> NDArray[np.float32]:
    """Switch the new mouth on where it can be trusted, off where not, with short fades between.

    Switching is seldom: a doubt or a good moment shorter than SHORTEST_S changes nothing.
    """
    shortest, fade = max(1, round(SHORTEST_S * float(rate))), max(1, round(FADE_S * float(rate)))
    wanted = trust >= LEAST_TRUST
    for value in (False, True):
        for first, last in _runs(wanted == value):
            if last - first < shortest and first > 0 and last < len(wanted):
                wanted[first:last] = not value
    # Off wins: the fade lies inside the trusted stretch.
    padded = np.pad(wanted.astype(np.float32), fade, mode="edge")
    worst = np.lib.stride_tricks.sliding_window_view(padded, 2 * fade + 1).min(axis=1)
    kernel = np.ones(2 * fade + 1) / (2 * fade + 1)
    mean = np.convolve(np.pad(worst, fade, mode="edge"), kernel, mode="valid")
    return np.clip(mean, 0, 1).astype(np.float32)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """List the stretches where a mask is true: first and past-the-last index of each."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _smooth(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Fill gaps in a line and take out placing noise, without delay."""
    out = np.empty_like(values)
    reach = max(1, round(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-3)) ** 2)
    kernel /= kernel.sum()
    at = np.arange(len(values))
    for column in range(values.shape[1]):
        known = ~np.isnan(values[:, column])
        line = np.interp(at, at[known], values[known, column]) if known.any() else at * 0.0
        out[:, column] = np.convolve(np.pad(line, reach, mode="edge"), kernel, mode="valid")
    return out


def changes(stills: Sequence[Still], opening: NDArray[np.float32]) -> list[int]:
    """Say at which frame each still takes over: where the mouth is most closed near its window.

    Two different mouths are mixed there for a moment; closed ones differ least.
    """
    starts: list[int] = []
    for before, still in pairwise([None, *stills]):
        assert still is not None
        start = still.first
        if before is not None and before.track == still.track:
            reach = (still.last - still.first) // 3
            near = opening[max(0, start - reach) : start + reach + 1]
            start = max(0, start - reach) + int(near.argmin())
        starts.append(start)
    return starts
