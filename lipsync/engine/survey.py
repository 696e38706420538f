"""The survey: one pass over the picture that finds the mouth in every frame.

Per frame it keeps a few numbers; per window of about two seconds one still patch, in a spool file
on disk. So its memory does not grow with the film.
"""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import IO

import av
import numpy as np
from numpy.typing import NDArray

from lipsync.engine.compose import ASIDE, DOWN, UP
from lipsync.engine.guard import unsure
from lipsync.engine.lips import LipLine, fit
from lipsync.engine.looks import MOUTH, USUAL_X
from lipsync.engine.planes import Patch, Planes
from lipsync.engine.pose import Matrix, Window, pack, scale_px
from lipsync.engine.register import shift_of
from lipsync.engine.track import Sighting, Tracker

# How long one still mouth serves: long enough to hold a closed moment, short enough that the
# head has not turned away (measured: about two seconds).
WINDOW_S = 1.6
# A line the guard doubts is the last choice.
UNSURE_COST = 2.0
# How many frames a second are looked at as stills.
CANDIDATES_PER_S = 12
# Stills are kept at the face's own resolution between these (pixels per face unit).
COARSEST_STILL, FINEST_STILL = 96, 480
# What else a still costs is measured against openness.
OPEN_WEIGHT = 1.5
# A still reaches this far past the region that is replaced (face units).
MARGIN = 0.02
# A still off the window's usual pose is worth this much openness per unit of disagreement.
POSE_WEIGHT = 0.4
# So is a tilted, displaced or strongly bent mouth: a turned head.
ODD_WEIGHT, PLAIN_BEND = 0.5, 2.0
# A line that strays by 1 % of the face counts as 25 % openness, one that hardly shows up to that.
DEPTH_WEIGHT, PLAIN_DEPTH = 1.0, 0.25
RESIDUAL_WEIGHT = 25.0
NUMBERS = 4  # of a pose


@dataclass(frozen=True)
class Still:
    """The most closed mouth of one window of frames."""

    track: int
    frame: int
    first: int
    last: int
    line: LipLine
    window: Window
    offset_bytes: int


@dataclass
class Survey:
    """Where the mouth is in every frame."""

    poses: NDArray[np.float32]  # packed poses, shape (n, 4), NaN without a face
    tracks: NDArray[np.int32]  # which track each frame belongs to, -1 for none
    # Mouth x, y (face units) and turn against its still (radians), shape (n, 3).
    mouths: NDArray[np.float32]
    trust: NDArray[np.float32]  # how surely the mouth was placed, 0 to 1
    stills: list[Still]
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
    best_cost: float = np.inf
    best: Patch | None = None
    best_line: LipLine | None = None
    best_frame: int = 0
    best_window: Window = MOUTH


class Surveyor:
    """Takes frames in order and builds the survey."""

    def __init__(self, rate: Fraction) -> None:
        self._tracker = Tracker(rate)
        self._window_frames = max(8, round(rate * Fraction(WINDOW_S)))
        self._fit_every = max(1, round(rate / CANDIDATES_PER_S))
        self._rows: list[NDArray[np.float32]] = []
        self._tracks: list[int] = []
        self._mouths: dict[int, tuple[float, float, float, float]] = {}
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
        self._rows.append(pack(sighting.pose))
        self._tracks.append(self._track)
        self._collect(number, planes, sighting)

    def done(self) -> Survey:
        """Finish after the last frame."""
        self._close()
        n = len(self._rows)
        mouths, trust = np.full((n, 3), np.nan, np.float32), np.zeros(n, np.float32)
        for k, numbers in self._mouths.items():
            mouths[k], trust[k] = numbers[:3], numbers[3]
        return Survey(
            poses=np.array(self._rows, np.float32).reshape(-1, NUMBERS),
            tracks=np.array(self._tracks, np.int32),
            mouths=mouths,
            trust=trust,
            stills=self._stills,
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
        cost = stillness_cost(line, sighting.agreement)
        if cost < self._open.best_cost:
            window = still_window(sighting.pose, line)
            self._open.best_cost, self._open.best_frame = cost, number
            self._open.best_window, self._open.best_line = window, line
            self._open.best = planes.cut(sighting.pose @ window.to_face, window.size_px)

    def _close(self) -> None:
        """End a window: keep its stillest mouth and place every frame's mouth by it."""
        done, self._open = self._open, _Open()
        if done.best is None or done.best_line is None:
            return
        guide = self._guide if self._guide and self._guide[1].track == done.track else None
        if guide is None or unsure(done.best_line) is None:
            chosen = done.patches[done.best_frame - done.first]
            guide = chosen, self._keep(done, done.best, done.best_line)
        self._guide = guide
        for k, patch in enumerate(done.patches, start=done.first):
            self._place(k, *guide, patch)

    def _keep(self, done: _Open, patch: Patch, line: LipLine) -> Still:
        """Put a still into the spool."""
        still = Still(
            track=done.track,
            frame=done.best_frame,
            first=done.first,
            last=done.first + len(done.patches) - 1,
            line=line,
            window=done.best_window,
            offset_bytes=self._spool.seek(0, 2),
        )
        self._spool.write(patch.tobytes())
        self._stills.append(still)
        return still

    def _place(self, number: int, chosen: Patch, still: Still, patch: Patch) -> None:
        """Say where the mouth of one frame is, by comparing it with a still."""
        found = shift_of(chosen, patch, still.line)
        if found is not None:
            motion, likeness = found
            x, y, _ = motion @ np.array([still.line.x0, still.line.y0, 1])
            turn = np.arctan2(motion[1, 0], motion[0, 0])
            self._mouths[number] = (float(x), float(y), float(turn), likeness)


def stillness_cost(line: LipLine, agreement: float) -> float:
    """Say how bad a still a frame would make: an open mouth, an unsure line, another pose."""
    faint = RESIDUAL_WEIGHT * line.residual + DEPTH_WEIGHT * max(0.0, PLAIN_DEPTH - line.depth)
    odd = abs(line.tilt) + abs(line.x0 - USUAL_X) + max(0.0, abs(line.bend) - PLAIN_BEND) / 4
    still = (
        OPEN_WEIGHT * line.open
        + line.gape
        + faint
        + ODD_WEIGHT * odd
        + POSE_WEIGHT * (1 - agreement)
    )
    return still + (UNSURE_COST if unsure(line) is not None else 0)


def still_window(pose: Matrix, line: LipLine) -> Window:
    """The region around a lip line, at the resolution the face has in this frame."""
    unit_px = float(np.clip(round(scale_px(pose)), COARSEST_STILL, FINEST_STILL))
    aside = line.half_width + ASIDE + MARGIN
    return Window(
        line.x0 - aside, line.y0 - UP - MARGIN, line.x0 + aside, line.y0 + DOWN + MARGIN, unit_px
    )


def survey(frames: Iterable[av.VideoFrame], rate: Fraction, seen: Callable[[], None]) -> Survey:
    """Look at every frame of a picture once, in order; `seen` is called after each."""
    surveyor = Surveyor(rate)
    for frame in frames:
        surveyor.see(frame)
        seen()
    return surveyor.done()
