"""Pairs: what is due in an inbox, run as a batch; each pair is told of the moment it ends."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from lipsync.batch.board import Board
from lipsync.batch.crew import Crew
from lipsync.batch.desk import Desk, Journal
from lipsync.batch.limits import Limits
from lipsync.batch.outcome import Spent
from lipsync.batch.plan import BatchPlan, PlanRow, planned_row
from lipsync.batch.planning import decide
from lipsync.batch.running import Watch, run_batch
from lipsync.destination import Wanted
from lipsync.errors import LipsyncError
from lipsync.inbox import Became, Ended, ended_by
from lipsync.manifest import Row
from lipsync.report import DubReport
from lipsync.tick import Told
from lipsync.tickets import Ticket

Sorry = Callable[[Wanted, BaseException, Ticket | None], object]
Failed = Callable[[int, BaseException, Ticket | None], None]
Glad = Callable[[Wanted, DubReport], object]


def dub_pairs(  # noqa: PLR0913  who works, how much at a time, and who is told
    desk: Desk,
    limits: Limits,
    pairs: tuple[Wanted, ...],
    told: Told,
    *,
    glad: Glad = lambda _pair, _report: None,
    sorry: Sorry = lambda _pair, _error, _ticket: None,
    watch: Watch = lambda _board: None,
) -> None:
    """Dub the pairs of an inbox that are due.

    Args:
        desk: What they are worked on with.
        limits: How much happens at a time.
        pairs: What is due.
        told: Told of each how it ended.
        glad: Told of each dub that is there.
        sorry: Told of each that is not.
        watch: Shown how far all have come.
    """
    rows = dict(enumerate(pairs, 1))

    def failed(line: int, error: BaseException, ticket: Ticket | None) -> None:
        sorry(rows[line], error, ticket)
        told(rows[line].key, ended_by(error))

    def delivered(line: int, report: DubReport) -> None:
        glad(rows[line], report)
        told(rows[line].key, delivery(report))

    planned = _planned(desk, limits, rows, failed)
    board = _Board(BatchPlan(rows=tuple(plan for _, plan in planned)), delivered, failed)
    run_batch(desk, planned, limits, board, watch)


def delivery(report: DubReport) -> Ended:
    """Say how a pair ended whose dub is in its place, be it as it was promised or not."""
    failed = ", ".join(verdict.check for verdict in report.failed)
    said = f"checks failed: {failed}" if failed else ""
    return Ended(became=Became.DUBBED, said=said)


class _Board(Board):
    """A board that tells of every row the moment it ends."""

    def __init__(
        self,
        plan: BatchPlan,
        glad: Callable[[int, DubReport], None],
        sorry: Failed,
    ) -> None:
        super().__init__(plan)
        self._glad, self._sorry = glad, sorry

    def delivered(self, row: PlanRow, report: DubReport, spent: Spent | None) -> None:
        """Write down and tell that a dub is in its place."""
        super().delivered(row, report, spent)
        self._glad(row.line, report)

    def failed(
        self, row: PlanRow, error: BaseException, ticket: Ticket | None, spent: Spent | None
    ) -> None:
        """Write down and tell why there is no dub."""
        super().failed(row, error, ticket, spent)
        self._sorry(row.line, error, ticket)


def _planned(
    desk: Desk,
    limits: Limits,
    pairs: Mapping[int, Wanted],
    failed: Failed,
) -> list[tuple[Row, PlanRow]]:
    """Decide about every pair, side by side; one that cannot be dubbed stops no other."""
    desk.open()
    rows = [_row(line, one) for line, one in pairs.items()]
    planned = []
    with Crew(limits.encoders, "planner") as crew:
        for row, found in zip(rows, crew.each(partial(_plan, desk), rows), strict=True):
            if isinstance(found, PlanRow):
                planned.append((row, found))
            else:
                failed(row.line, found, None)
    return planned


def _row(line: int, one: Wanted) -> Row:
    name = Path(one.match.voice).stem
    return Row(line=line, id=name, params=one.params, language=one.match.language)


def _plan(desk: Desk, row: Row) -> PlanRow | LipsyncError:
    assert row.params.output is not None  # a pair of an inbox always goes to an outbox
    try:
        decision = decide(Journal(desk, row), row)
    except LipsyncError as error:
        return error
    return planned_row(row, decision, row.params.output)
