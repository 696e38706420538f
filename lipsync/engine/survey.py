"""The survey: one pass over the picture that finds the mouth in every frame.

Per frame it keeps a few numbers; per window of about two seconds one still patch, in a spool file
on disk. So its memory does not grow with the film.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from statistics import median
from typing import IO

import av
import numpy as np
from numpy.typing import NDArray

from lipsync.engine.guard import LOOKS, look_of, unsure
from lipsync.engine.lips import LipLine, fit
from lipsync.engine.looks import MOUTH
from lipsync.engine.persons import Portrait, portrait
from lipsync.engine.planes import Patch, Planes
from lipsync.engine.register import shift_of
from lipsync.engine.stills import (
    CANDIDATES,
    Candidate,
    Still,
    chosen,
    much_worse,
    still_cost,
    still_window,
)
from lipsync.tracking.pose import Matrix, pack
from lipsync.tracking.track import Sighting, Tracker

# How long one still mouth serves: long enough to hold a closed moment, short enough that the
# head has not turned away (measured: about two seconds).
WINDOW_S = 1.6
# How many frames a second have their lip line looked for.
CANDIDATES_PER_S = 12
# A still goes on into the next window only where it is still like the frames (demo1: 0.6 and more
# within four seconds).
LIKE_ENOUGH = 0.6
NUMBERS = 4  # of a pose

# A mouth's x, y (face units), turn (radians) and how well it was recognised.
Placed = tuple[float, float, float, float]


@dataclass
class Survey:
    """Where the mouth is in every frame."""

    poses: NDArray[np.float32]  # packed poses, shape (n, 4), NaN without a face
    tracks: NDArray[np.int32]  # which track each frame belongs to, -1 for none
    # Mouth x, y (face units) and turn against its still (radians), shape (n, 3).
    mouths: NDArray[np.float32]
    trust: NDArray[np.float32]  # how surely the mouth was placed, 0 to 1
    looks: NDArray[np.float32]  # the line as Look, NaN in frames not looked at, shape (n, 5)
    stills: list[Still]
    portraits: list[Portrait]  # one per track
    spool: IO[bytes]

    def patch(self, still: Still) -> Patch:
        """Read a still's patch back."""
        width, height = still.window.size_px
        self.spool.seek(still.offset_bytes)
        raw = self.spool.read(width * height * 3)
        return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


@dataclass
class _Open:
    """The window of frames that is being filled."""

    track: int = -1
    first: int = 0
    patches: list[Patch] = field(default_factory=list)
    lines: list[LipLine] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)


class Surveyor:
    """Takes frames in order and builds the survey."""

    def __init__(self, rate: Fraction) -> None:
        self._tracker = Tracker(rate)
        self._window_frames = max(8, round(rate * Fraction(WINDOW_S)))
        self._fit_every = max(1, round(rate / CANDIDATES_PER_S))
        self._rows: list[NDArray[np.float32]] = []
        self._tracks: list[int] = []
        self._mouths: dict[int, Placed] = {}
        self._looks: dict[int, NDArray[np.float32]] = {}
        self._portraits: list[Portrait] = []
        self._stills: list[Still] = []
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the survey
        self._open = _Open()
        self._guide: tuple[Patch, Still] | None = None  # what frames are placed by
        self._track = -1

    def see(self, frame: av.VideoFrame) -> None:
        """Take the next frame."""
        planes = Planes.of(frame)
        number = len(self._rows)
        sighting = self._tracker.see(np.ascontiguousarray(planes.y))
        if sighting is None:
            self._close()
            self._rows.append(np.full(NUMBERS, np.nan, np.float32))
            self._tracks.append(-1)
            return
        if sighting.fresh:
            self._close()
            self._track += 1
            self._portraits.append(portrait(planes, sighting.pose))
        self._rows.append(pack(sighting.pose))
        self._tracks.append(self._track)
        self._collect(number, planes, sighting)

    def done(self) -> Survey:
        """Finish after the last frame."""
        self._close()
        n = len(self._rows)
        mouths, trust = np.full((n, 3), np.nan, np.float32), np.zeros(n, np.float32)
        looks = np.full((n, LOOKS), np.nan, np.float32)
        for k, numbers in self._mouths.items():
            mouths[k], trust[k] = numbers[:3], numbers[3]
        for k, look in self._looks.items():
            looks[k] = look
        return Survey(
            poses=np.array(self._rows, np.float32).reshape(-1, NUMBERS),
            tracks=np.array(self._tracks, np.int32),
            mouths=mouths,
            trust=trust,
            looks=looks,
            stills=self._stills,
            portraits=self._portraits,
            spool=self._spool,
        )

    def _collect(self, number: int, planes: Planes, sighting: Sighting) -> None:
        if len(self._open.patches) >= self._window_frames:
            self._close()
        if not self._open.patches:
            self._open = _Open(track=self._track, first=number)
        patch = planes.cut(sighting.pose @ MOUTH.to_face, MOUTH.size_px)
        self._open.patches.append(patch)
        if (len(self._open.patches) - 1) % self._fit_every:
            return
        line = fit(patch)
        self._open.lines.append(line)
        self._looks[number] = look_of(line)
        cost = still_cost(line, sighting.agreement)
        kept = self._open.candidates
        if len(kept) < CANDIDATES or cost < kept[-1].cost:
            window = still_window(sighting.pose, line)
            full = planes.cut(sighting.pose @ window.to_face, window.size_px)
            kept.append(Candidate(number, cost, line, window, full))
            kept.sort(key=lambda candidate: candidate.cost)
            del kept[CANDIDATES:]

    def _close(self) -> None:
        """End a window: keep its stillest mouth and place every frame's mouth by it."""
        done, self._open = self._open, _Open()
        if not done.candidates:
            return
        best, cost = chosen(done.candidates, done.lines)
        guide = self._guide if self._guide and self._guide[1].track == done.track else None
        placed: list[Placed | None] | None = None
        if guide is not None and (unsure(best.line) or much_worse(best, cost, guide[1])):
            placed = [_placed(*guide, patch) for patch in done.patches]
            if unsure(best.line) or _likeness(placed) >= LIKE_ENOUGH:
                self._go_on(done)
            else:
                placed = None
        if placed is None:
            patch = done.patches[best.frame - done.first]
            self._guide = patch, self._keep(done, best, cost, guide, patch)
            placed = [_placed(*self._guide, patch) for patch in done.patches]
        self._mouths |= {k: p for k, p in enumerate(placed, start=done.first) if p is not None}

    def _go_on(self, done: _Open) -> None:
        """Let the still before serve this window too."""
        assert self._guide is not None
        patch, still = self._guide
        self._stills[-1] = replace(still, last=done.first + len(done.patches) - 1)
        self._guide = patch, self._stills[-1]

    def _keep(
        self,
        done: _Open,
        best: Candidate,
        cost: float,
        before: tuple[Patch, Still] | None,
        patch: Patch,
    ) -> Still:
        """Put a still into the spool."""
        still = Still(
            track=done.track,
            frame=best.frame,
            first=done.first,
            last=done.first + len(done.patches) - 1,
            line=best.line,
            window=best.window,
            offset_bytes=self._spool.seek(0, 2),
            cost=cost,
            from_before=None if before is None else _between(*before, patch),
        )
        self._spool.write(best.patch.tobytes())
        self._stills.append(still)
        return still


def _between(before: Patch, still: Still, patch: Patch) -> Matrix | None:
    """Measure how one still lies in the next, if they can be compared."""
    found = shift_of(before, patch, still.line)
    return found[0] if found is not None and found[1] >= LIKE_ENOUGH else None


def _placed(chosen: Patch, still: Still, patch: Patch) -> Placed | None:
    """Say where the mouth of one frame is, by comparing it with a still."""
    found = shift_of(chosen, patch, still.line)
    if found is None:
        return None
    motion, likeness = found
    x, y, _ = motion @ np.array([still.line.x0, still.line.y0, 1])
    turn = np.arctan2(motion[1, 0], motion[0, 0])
    return float(x), float(y), float(turn), likeness


def _likeness(placed: Sequence[Placed | None]) -> float:
    return median(p[3] if p is not None else 0.0 for p in placed)


def survey(frames: Iterable[av.VideoFrame], rate: Fraction, seen: Callable[[], None]) -> Survey:
    """Look at every frame of a picture once, in order; `seen` is called after each."""
    surveyor = Surveyor(rate)
    for frame in frames:
        surveyor.see(frame)
        seen()
    return surveyor.done()
