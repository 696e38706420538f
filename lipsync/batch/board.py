"""The board: where every row of a batch stands, kept by the one thread that runs it."""

import time
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from lipsync.batch.outcome import (
    THERE,
    BatchOutcome,
    RowOutcome,
    RowState,
    Spent,
    of_error,
    of_faults,
    of_plan,
    of_report,
    with_ticket,
)
from lipsync.batch.plan import BatchPlan, PlanRow, total
from lipsync.batch.standing import BatchStanding, left_s
from lipsync.report import DubReport
from lipsync.tickets import BOUGHT, HALFWAY, Ticket
from lipsync.vendors.protocol import Standing


class Phase(StrEnum):
    """Where a row is on its way."""

    TO_DO = "to do"
    WORKING = "in work"
    READY = "ready"
    BUYING = "being bought"
    AT_VENDOR = "at the vendor"
    BACK = "back from it"
    ENDED = "ended"


class Board:
    """Every row of a batch: planned, found, bad, on its way or ended.

    One thread writes and reads it; what the vendors say meanwhile comes from another.
    """

    def __init__(self, plan: BatchPlan) -> None:
        """Write down what the plan knows; nothing has begun."""
        self._began_s = time.monotonic()
        self._rows: dict[int, RowOutcome] = {one.line: one for one in of_faults(plan.faults)}
        self._phases = dict.fromkeys(self._rows, Phase.ENDED)
        for row in plan.rows:
            state = RowState.FOUND if row.found else RowState.NOT_RUN
            self._rows[row.line] = of_plan(row, state)
            self._phases[row.line] = Phase.ENDED if row.found else Phase.TO_DO
        self._counts = Counter(self._phases.values())
        self._at_start = self._counts[Phase.ENDED]
        self._queued: dict[int, bool] = {}

    @property
    def open(self) -> int:
        """How many rows have not ended."""
        return len(self._rows) - self._counts[Phase.ENDED]

    def at(self, row: PlanRow, phase: Phase) -> None:
        """Write down where a row is now."""
        self._counts[self._phases[row.line]] -= 1
        self._counts[phase] += 1
        self._phases[row.line] = phase

    def count(self, *phases: Phase) -> int:
        """How many rows are there."""
        return sum(self._counts[phase] for phase in phases)

    def bought(self, row: PlanRow, ticket: Ticket, spent: Spent | None) -> None:
        """Write down that a row's job is at its vendor."""
        known = with_ticket(of_plan(row, RowState.WAITING), ticket)
        reason = f"ticket {ticket.id} goes on at {ticket.vendor}; run the batch again to collect it"
        self._rows[row.line] = known.model_copy(update={"spent": spent, "reason": reason})

    def heard(self, ticket: Ticket, standing: Standing) -> None:
        """Write down what a vendor says of a job."""
        self._queued[ticket.id] = standing is Standing.QUEUED

    def delivered(self, row: PlanRow, report: DubReport, spent: Spent | None) -> None:
        """Write down that a dub is in its place."""
        said = of_report(row, report)
        self._end(row, said.model_copy(update={"spent": spent}))

    def failed(
        self, row: PlanRow, error: BaseException, ticket: Ticket | None, spent: Spent | None
    ) -> None:
        """Write down why there is no dub."""
        said = of_error(row, error, ticket)
        self._end(row, said.model_copy(update={"spent": spent}))

    def left(self, row: PlanRow, ticket: Ticket | None, spent: Spent | None) -> None:
        """Write down where a row is left when the batch stops."""
        if ticket is not None and ticket.state in BOUGHT | HALFWAY:
            self.bought(row, ticket, spent)

    def gathered(self, outcomes: Mapping[int, RowOutcome]) -> None:
        """Write down what became of rows that were dubbed elsewhere."""
        for line, outcome in outcomes.items():
            self._rows[line] = outcome
            self._counts[self._phases[line]] -= 1
            self._counts[Phase.ENDED] += 1
            self._phases[line] = Phase.ENDED

    def _end(self, row: PlanRow, outcome: RowOutcome) -> None:
        self.at(row, Phase.ENDED)
        if outcome.ticket_id is not None:
            self._queued.pop(outcome.ticket_id, None)
        self._rows[row.line] = outcome

    def standing(self) -> BatchStanding:
        """Say how far the batch has come."""
        done = sum(row.state in THERE for row in self._rows.values())
        ended, elapsed_s = self._counts[Phase.ENDED], time.monotonic() - self._began_s
        at_vendor = self._counts[Phase.AT_VENDOR]
        return BatchStanding(
            rows=len(self._rows),
            done=done,
            failed=ended - done,
            working=self.count(Phase.WORKING, Phase.BUYING, Phase.BACK),
            ready=self._counts[Phase.READY],
            at_vendor=at_vendor,
            queued=min(at_vendor, sum(list(self._queued.values()))),
            spent_usd=total(row.spent.usd for row in self._rows.values() if row.spent),
            elapsed_s=elapsed_s,
            left_s=left_s(ended - self._at_start, self.open, elapsed_s),
        )

    def outcome(self) -> BatchOutcome:
        """Say what became of every row so far."""
        rows = tuple(self._rows[line] for line in sorted(self._rows))
        return BatchOutcome(rows=rows, took_s=time.monotonic() - self._began_s)
