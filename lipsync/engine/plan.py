"""The plan: which frames get a new mouth, where, and from which still."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lipsync.engine import guard
from lipsync.engine.persons import persons
from lipsync.engine.stills import Still
from lipsync.engine.survey import Survey
from lipsync.engine.switch import mostly, runs, strength
from lipsync.tracking.pose import scale_px, unpack

Series = NDArray[np.float32]

# A face seen for less than this is not worth a new mouth.
SHORTEST_TRACK_S = 0.4
# One odd look is noise; a frame is doubted when at least half the looks this near it are odd.
NEAR_S, ODD_SHARE = 0.16, 0.5
# Placing noise is taken out by a Gaussian this wide (frames at 25 fps).
SMOOTH_S = 0.035
# A note names this many stretches and counts the rest.
NAMED_STRETCHES = 3
LOST = "the mouth cannot be followed there: the head turns away, or too fast"
BESIDE = "it is too close to such a stretch for a mouth to come and go unseen"
NO_FACE = "no face is seen"


@dataclass(frozen=True)
class Plan:
    """What the second pass does."""

    strength: Series  # 0 leaves a frame alone, 1 replaces its mouth, shape (n,)
    mouths: Series  # smoothed mouth x, y, turn, shape (n, 3)
    notes: tuple[str, ...]

    @property
    def animated_frames(self) -> int:
        """How many frames are touched at all."""
        return int((self.strength > 0).sum())


def plan(survey: Survey, rate: Fraction, opening: Series) -> Plan:
    """Decide from a survey what may be redrawn.

    Args:
        survey: What was seen.
        rate: Frames per second.
        opening: How far the voice opens the mouth in each frame, 0 to 1.
    """
    if not survey.stills:
        alone = np.zeros(len(survey.tracks), np.float32)
        return Plan(
            alone, survey.mouths, ("picture left as filmed: no face was found in any frame",)
        )
    why = _whole_tracks(survey, rate)
    mouths = survey.mouths.copy()
    lines = defaultdict(list)
    for still in survey.stills:
        lines[still.track].append(still.line)
    for still in survey.stills:
        frames = slice(still.first, still.last + 1)
        mouths[frames] = _smooth(mouths[frames], SMOOTH_S * float(rate))
        doubt = guard.unsure(still.line) or guard.scattered(still.line, lines[still.track])
        if doubt is not None:
            _doubt(why, np.arange(still.first, still.last + 1), doubt)
        else:
            lost = _lost(survey, still, rate)
            _doubt(why, still.first + np.flatnonzero(lost), LOST)
    sure = np.array([reason is None for reason in why])
    shown = strength(sure, opening + _ajar(survey), rate)
    _doubt(why, np.flatnonzero(shown == 0), BESIDE)
    return Plan(shown, mouths, _notes(why, rate))


def _whole_tracks(survey: Survey, rate: Fraction) -> list[str | None]:
    """Say per frame why it must be left alone, as far as its person or its track says so."""
    why: list[str | None] = [None if track >= 0 else NO_FACE for track in survey.tracks]
    people = np.array(persons(survey.portraits))
    person_of = np.where(survey.tracks >= 0, people[survey.tracks], -1)
    looked = ~np.isnan(survey.looks[:, 0])
    for person in set(people.tolist()):
        hair = guard.bearded(survey.looks[looked & (person_of == person)])
        if hair is not None:
            _doubt(why, np.flatnonzero(person_of == person), hair)
    for track in range(len(people)):
        frames = np.flatnonzero(survey.tracks == track)
        px = [scale_px(unpack(pose)) for pose in survey.poses[frames[::10]]]
        small = guard.too_small(float(np.median(px)))
        if small is not None:
            _doubt(why, frames, small)
        elif len(frames) < SHORTEST_TRACK_S * rate < len(why):
            _doubt(why, frames, f"the face is seen for {len(frames) / float(rate):.2f} s only")
    return why


def _doubt(why: list[str | None], frames: NDArray[np.intp], reason: str) -> None:
    """Give frames a reason, where they have none yet."""
    for k in frames.tolist():
        why[k] = why[k] or reason


def _lost(survey: Survey, still: Still, rate: Fraction) -> NDArray[np.bool_]:
    """Say in which frames of a still's window the mouth was not followed."""
    frames = slice(still.first, still.last + 1)
    looks, mouths = survey.looks[frames], survey.mouths[frames]
    odd = guard.misplaced(looks, mouths, still.line.tilt).astype(np.float32)
    odd[np.isnan(looks[:, 0])] = np.nan
    unlike = (survey.trust[frames] < guard.LEAST_TRUST).astype(np.float32)
    near = max(1, round(NEAR_S * float(rate)))
    return (mostly(odd, near) >= ODD_SHARE) | (mostly(unlike, near) >= ODD_SHARE)


def _ajar(survey: Survey) -> Series:
    """How open the filmed mouth is in each frame, by the looks nearest to it."""
    column = survey.looks[:, guard.Look._fields.index("open")]
    known = np.flatnonzero(~np.isnan(column))
    return np.interp(np.arange(len(column)), known, column[known]).astype(np.float32)


def _notes(why: Sequence[str | None], rate: Fraction) -> tuple[str, ...]:
    """Say which stretches are left as filmed, one note per reason, in order of appearance."""
    reasons = np.array([reason or "" for reason in why])
    stretches: dict[str, list[str]] = defaultdict(list)
    for first, last in runs(reasons != ""):
        main = Counter(reasons[first:last].tolist()).most_common(2)
        why_not = main[-1][0] if main[0][0] == BESIDE else main[0][0]
        stretches[why_not].append(f"{first / float(rate):.2f} s to {last / float(rate):.2f} s")
    return tuple(f"{_named(spans)} left as filmed: {why}" for why, spans in stretches.items())


def _named(spans: Sequence[str]) -> str:
    named, more = spans[:NAMED_STRETCHES], len(spans) - NAMED_STRETCHES
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _smooth(values: Series, sigma: float) -> Series:
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


def changes(stills: Sequence[Still], opening: Series) -> list[int]:
    """Say at which frame each still takes over: where the mouth is most closed near its window.

    Closed mouths differ least. Stills that cannot be compared change where the window does.
    """
    starts: list[int] = []
    for before, still in pairwise([None, *stills]):
        assert still is not None
        start = still.first
        if before is not None and still.from_before is not None:
            reach = min(still.last - still.first, before.last - before.first) // 3
            near = opening[start - reach : start + reach + 1]
            start += int(near.argmin()) - reach
        starts.append(start)
    return starts
