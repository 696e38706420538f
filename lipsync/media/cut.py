"""The cut: which frames of a plan are copied as packets and which must be encoded.

Frame-exact trims and fits come out of this, not out of a tool's `-c copy`: a plain stream copy
starts at a keyframe and hides the rest behind an edit list, moviepy's `ffmpeg_extract_subclip`
returns other seconds than asked for, and `-t` with B-frames leaves holes (measured).
Here whole closed groups of pictures are copied and only what is left at either end is encoded.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lipsync.fit import FitPlan, SyncMode, source_frame
from lipsync.media.encoder import GROUP_FRAMES
from lipsync.media.index import Unit


@dataclass(frozen=True)
class Copied:
    """Closed groups, one after another in the source, whose packets are taken as they are."""

    units: tuple[Unit, ...]

    @property
    def frames(self) -> int:
        """Pictures in the piece."""
        return sum(unit.count for unit in self.units)


@dataclass(frozen=True)
class Encoded:
    """Pictures to encode, in showing order: rising, falling or one repeated."""

    pictures: Sequence[int]

    @property
    def frames(self) -> int:
        """Pictures in the piece."""
        return len(self.pictures)


Piece = Copied | Encoded


def runs(plan: FitPlan) -> Iterator[Sequence[int]]:
    """Say the source frames of a plan, in stretches that each rise, fall or stand still.

    Put together they are `source_frame(plan, k)` for every k.
    """
    first, end, wanted = plan.first_frame, plan.first_frame + plan.source_frames, plan.frames
    whole = range(first, end)
    if plan.by_vendor:
        yield whole
    elif plan.sync_mode is SyncMode.REMAP:
        yield tuple(source_frame(plan, k) for k in range(wanted))
    elif plan.sync_mode is SyncMode.SILENCE:
        yield whole[:wanted]
        yield from _held(end - 1, wanted - len(whole))
    else:
        back = range(end - 2, first, -1) if plan.sync_mode is SyncMode.BOUNCE else range(0)
        yield from _repeated((whole, back), wanted)


def _held(picture: int, count: int) -> Iterator[Sequence[int]]:
    """Repeat one picture, in groups that are encoded once and used again."""
    for start in range(0, count, GROUP_FRAMES):
        yield (picture,) * min(GROUP_FRAMES, count - start)


def _repeated(period: Sequence[Sequence[int]], wanted: int) -> Iterator[Sequence[int]]:
    while wanted > 0:
        for run in period:
            if part := run[:wanted]:
                yield part
                wanted -= len(part)


def pieces(run: Sequence[int], units: Sequence[Unit]) -> Iterator[Piece]:
    """Cut one stretch into copied and encoded pieces.

    Args:
        run: Picture numbers.
        units: The closed groups that may be copied, in showing order; none: encode everything.
    """
    if not units or not isinstance(run, range) or run.step != 1:
        yield Encoded(run)
        return
    done = run.start
    for copied in _whole(run, units):
        start = copied.units[0].first
        if start > done:
            yield Encoded(range(done, start))
        yield copied
        done = start + copied.frames
    if done < run.stop:
        yield Encoded(range(done, run.stop))


def _whole(run: range, units: Sequence[Unit]) -> Iterator[Copied]:
    """Gather the neighbouring units that lie wholly inside a rising run."""
    gathered: list[Unit] = []
    for unit in units[bisect_left(units, run.start, key=lambda unit: unit.first) :]:
        if unit.first + unit.count > run.stop:
            break
        if gathered and unit.first != gathered[-1].first + gathered[-1].count:
            yield Copied(tuple(gathered))
            gathered = []
        gathered.append(unit)
    if gathered:
        yield Copied(tuple(gathered))


def begins(piece: Encoded, longer: Encoded) -> bool:
    """Whether a piece is the beginning of another, so that its packets can be used again."""
    return longer.pictures[: piece.frames] == piece.pictures
