"""Shards: a batch cut into parts for several workers, and their outcomes put together again."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import heapify, heapreplace
from math import ceil
from pathlib import Path

from lipsync.batch.outcome import RowOutcome, RowState, of_plan
from lipsync.batch.params import BatchParams
from lipsync.batch.plan import BatchPlan, PlanRow
from lipsync.links import Link

Lines = tuple[int, ...]


def cut(
    rows: Sequence[PlanRow], videos: Mapping[int, Path | Link], count: int
) -> tuple[Lines, ...]:
    """Cut a batch into parts of about the same length of output.

    Dubs of one video stay together as far as that goes: its part looks at it and uploads it once.

    Args:
        rows: What is to be dubbed.
        videos: The video of each line.
        count: How many parts there are at most.

    Returns:
        The lines of each part, in the order of the manifest.
    """
    if not rows:
        return ()
    share = ceil(len(rows) / count)
    together: dict[Path | Link, list[PlanRow]] = defaultdict(list)
    for row in rows:
        together[videos[row.line]].append(row)
    pieces = [piece for found in together.values() for piece in _pieces(found, share)]
    return _dealt(pieces, min(count, len(pieces)))


def _pieces(rows: Sequence[PlanRow], most: int) -> Iterable[Sequence[PlanRow]]:
    return (rows[start : start + most] for start in range(0, len(rows), most))


def _dealt(pieces: Sequence[Sequence[PlanRow]], count: int) -> tuple[Lines, ...]:
    """Give the longest piece that is left to the shortest part, until none is left."""
    parts: list[tuple[float, int, list[int]]] = [(0.0, number, []) for number in range(count)]
    heapify(parts)
    for piece in sorted(pieces, key=_length_s, reverse=True):
        length_s, number, lines = parts[0]
        lines.extend(row.line for row in piece)
        heapreplace(parts, (length_s + _length_s(piece), number, lines))
    return tuple(sorted(tuple(sorted(lines)) for _, _, lines in parts if lines))


def _length_s(rows: Sequence[PlanRow]) -> float:
    return sum(row.output_s for row in rows)


def without(parts: Iterable[Lines], others: Iterable[Collection[int]]) -> tuple[Lines, ...]:
    """Leave out of parts what others have already.

    >>> without([(2, 3), (4, 5), (6,)], [(3, 4), (5,)])
    ((2,), (6,))
    """
    taken = {line for lines in others for line in lines}
    left = (tuple(line for line in lines if line not in taken) for lines in parts)
    return tuple(lines for lines in left if lines)


def part_of(params: BatchParams, lines: Lines, run: str) -> BatchParams:
    """Say what one part is started with.

    It was planned, approved and found within the budget as a whole; what it spends is held against
    the whole, because it is spent by one run.
    """
    return params.model_copy(
        update={
            "manifest": params.manifest.expanduser().absolute(),
            "output_folder": params.output_folder and params.output_folder.expanduser().absolute(),
            "only_lines": lines,
            "run": run,
            "shards": 1,
            "keep_going": True,
            "require_approval_over_usd": None,
        }
    )


def put_together(
    plan: BatchPlan, parts: Mapping[Lines, Sequence[RowOutcome] | str]
) -> dict[int, RowOutcome]:
    """Put the outcomes of all parts together; rows of a part that has none are not run.

    Args:
        plan: Of the whole batch.
        parts: The outcomes of each part, or why there are none.
    """
    planned = {row.line: row for row in plan.rows}
    found: dict[int, RowOutcome] = {}
    for lines, outcomes in parts.items():
        if isinstance(outcomes, str):
            missing, reason = lines, outcomes
        else:
            found |= {row.line: row for row in outcomes}
            missing, reason = tuple(set(lines) - found.keys()), "its part did not tell of it"
        for line in missing:
            lost = of_plan(planned[line], RowState.NOT_RUN)
            found[line] = lost.model_copy(update={"reason": f"{reason}; run the batch again"})
    return found
