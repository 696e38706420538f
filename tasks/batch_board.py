"""The board of a batch that sends the events of every row: for automations, a dub is a dub."""

from collections.abc import Mapping
from contextlib import suppress

from lipsync.batch.board import Board
from lipsync.batch.outcome import Spent
from lipsync.batch.plan import BatchPlan, PlanRow
from lipsync.errors import LipsyncError
from lipsync.manifest import Row
from lipsync.report import DubReport
from lipsync.tickets import Ticket
from tasks.events import dub_named, emit, overrun_told, tell_delivery, unknown_told


class TellingBoard(Board):
    """A board that tells of every row what becomes of it."""

    def __init__(self, plan: BatchPlan, rows: Mapping[int, Row]) -> None:
        """Write down what the plan knows.

        Args:
            plan: Of the batch.
            rows: What is wanted, by line.
        """
        super().__init__(plan)
        self._wanted = rows

    def delivered(self, row: PlanRow, report: DubReport, spent: Spent | None) -> None:
        """Write down and tell that a dub is in its place."""
        super().delivered(row, report, spent)
        tell_delivery(self._wanted[row.line].params, report)

    def failed(
        self, row: PlanRow, error: BaseException, ticket: Ticket | None, spent: Spent | None
    ) -> None:
        """Write down and tell why there is no dub."""
        super().failed(row, error, ticket, spent)
        params = self._wanted[row.line].params
        dub = dub_named(params.video, params.voice)
        code = error.exit_code if isinstance(error, LipsyncError) else 1
        emit("dub.failed", dub, kind=type(error).__name__, exit_code=code)
        if isinstance(error, LipsyncError):
            with suppress(LipsyncError), overrun_told(dub), unknown_told(lambda: ticket):
                raise error
