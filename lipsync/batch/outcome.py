"""The outcome of a batch: what became of every row, what it cost, and how the command ends."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from lipsync.batch.plan import PlanRow, total
from lipsync.errors import (
    BudgetError,
    LipsyncError,
    OutcomeUnknown,
    VendorBusy,
    VendorRefused,
)
from lipsync.manifest import RowFault
from lipsync.report import DubReport
from lipsync.tickets import BOUGHT, Ticket
from lipsync.values import Value

# README, exit codes.
DONE, UNFINISHED, UNKNOWN, VERIFICATION_FAILED, SOME = 0, 6, 7, 8, 9


class RowState(StrEnum):
    """What became of a row."""

    DELIVERED = "delivered"
    FOUND = "found"
    FAILED = "failed"
    REFUSED = "refused"
    OVER_BUDGET = "over_budget"
    UNKNOWN = "unknown"
    WAITING = "waiting"
    NOT_RUN = "not_run"


# There, paid once, and in its place.
THERE = frozenset({RowState.DELIVERED, RowState.FOUND})


class Spent(Value):
    """What one run bought."""

    usd: Decimal | None = Field(description="As billed, until then as quoted; None: not known.")


class RowOutcome(Value):
    """What became of one row of a batch."""

    line: int
    id: str
    state: RowState
    reason: str = Field(default="", description="Why it is not there, and the way out.")
    exit_code: int = Field(default=0, description="As a dub of its own would have ended.")
    language: str | None = None
    model: str | None = None
    vendor: str | None = None
    ticket_id: int | None = None
    request_id: str | None = None
    quoted_usd: Decimal | None = None
    billed_usd: Decimal | None = Field(default=None, description="None: nobody said, or not yet.")
    spent: Spent | None = Field(default=None, description="By this run; None: nothing.")
    video_s: float | None = None
    voice_s: float | None = None
    mismatch_s: float | None = None
    sync_mode: str | None = None
    output_s: float | None = None
    output: Path | None = None
    failed_checks: tuple[str, ...] = Field(default=(), description="Of the finished video.")


class BatchOutcome(Value):
    """What became of every row, in the order of the manifest."""

    rows: tuple[RowOutcome, ...]
    tables: tuple[Path, ...] = Field(default=(), description="The same as CSV, Parquet and JSON.")
    took_s: float = 0.0

    @property
    def states(self) -> Mapping[RowState, int]:
        """How many rows are in each state."""
        return Counter(row.state for row in self.rows)

    @property
    def there(self) -> int:
        """How many dubs are in their place."""
        return sum(row.state in THERE for row in self.rows)

    @property
    def spent_usd(self) -> Decimal:
        """What this run has bought, as far as it is known."""
        return total(row.spent.usd for row in self.rows if row.spent)

    @property
    def unpriced(self) -> int:
        """How many rows this run has bought at a price nobody knows."""
        return sum(row.spent is not None and row.spent.usd is None for row in self.rows)

    @property
    def exit_code(self) -> int:
        """How the command ends: 0 all, 9 some, else why there is none.

        A check that failed counts as not done, though its video is there.
        """
        codes = {row.exit_code for row in self.rows}
        if codes <= {DONE}:
            return DONE
        return SOME if DONE in codes else gravest(codes)


def gravest(codes: set[int]) -> int:
    """Choose what to say of rows of which none is done: what must not be overlooked comes first.

    >>> gravest({5, 7, 6}), gravest({5, 6}), gravest({3, 5})
    (7, 6, 5)
    """
    return next((code for code in (UNKNOWN, UNFINISHED) if code in codes), max(codes))


def of_fault(fault: RowFault) -> RowOutcome:
    """Say of a bad row that it was not dubbed."""
    where = f"{fault.column}: " if fault.column else ""
    said = not fault.value or fault.reason.startswith(fault.value)  # a file is named by its fault
    value = "" if said else f"{fault.value}: "
    return RowOutcome(
        line=fault.line,
        id=fault.id,
        state=RowState.OVER_BUDGET if fault.exit_code == BudgetError.exit_code else RowState.FAILED,
        reason=f"{where}{value}{fault.reason}",
        exit_code=fault.exit_code,
    )


def of_faults(faults: tuple[RowFault, ...]) -> tuple[RowOutcome, ...]:
    """Say it once of each bad row, whatever is wrong with it."""
    lines: dict[int, list[RowOutcome]] = {}
    for fault in faults:
        lines.setdefault(fault.line, []).append(of_fault(fault))
    return tuple(
        found[0].model_copy(update={"reason": "; ".join(one.reason for one in found)})
        for found in lines.values()
    )


def of_plan(row: PlanRow, state: RowState = RowState.NOT_RUN) -> RowOutcome:
    """Say of a row what its plan knows."""
    return RowOutcome(
        line=row.line,
        id=row.id,
        state=state,
        reason=checks_failed(row.failed_checks),
        exit_code=_code(row) if state in THERE else UNFINISHED,
        language=row.language,
        model=row.model,
        vendor=row.vendor,
        ticket_id=row.ticket_id,
        request_id=row.request_id,
        quoted_usd=row.price_usd,
        billed_usd=row.billed_usd,
        video_s=row.video_s,
        voice_s=row.voice_s,
        mismatch_s=row.mismatch_s,
        sync_mode=row.sync_mode,
        output_s=row.output_s,
        output=row.output,
        failed_checks=row.failed_checks,
    )


def _code(row: PlanRow) -> int:
    return VERIFICATION_FAILED if row.failed_checks else DONE


def checks_failed(checks: tuple[str, ...]) -> str:
    """Say which checks of a finished video failed; nothing where none did."""
    return f"checks failed: {', '.join(checks)}" if checks else ""


def of_report(row: PlanRow, report: DubReport) -> RowOutcome:
    """Say of a row that it is in its place."""
    failed = tuple(verdict.check for verdict in report.failed)
    return RowOutcome(
        line=row.line,
        id=row.id,
        state=RowState.DELIVERED,
        reason=checks_failed(failed),
        exit_code=VERIFICATION_FAILED if failed else DONE,
        language=row.language,
        model=report.model,
        vendor=report.vendor,
        ticket_id=report.ticket_id,
        request_id=report.request_id,
        quoted_usd=report.quoted_usd,
        billed_usd=report.billed_usd,
        video_s=report.video_s,
        voice_s=report.voice_s,
        mismatch_s=report.mismatch_s,
        sync_mode=report.sync_mode,
        output_s=report.output_s,
        output=report.output,
        failed_checks=failed,
    )


def of_error(row: PlanRow, error: BaseException, ticket: Ticket | None) -> RowOutcome:
    """Say of a row why it is not there; a mistake of ours is named by its kind alone."""
    reason, code = f"{type(error).__name__}, a mistake of ours; see the log", 1
    if isinstance(error, LipsyncError):
        reason, code = str(error), error.exit_code
    change = {"state": state_of(error, ticket), "reason": reason, "exit_code": code}
    return with_ticket(of_plan(row).model_copy(update=change), ticket)


def with_ticket(outcome: RowOutcome, ticket: Ticket | None) -> RowOutcome:
    """Add what the ledger knows of a row."""
    if ticket is None:
        return outcome
    return outcome.model_copy(
        update={
            "model": ticket.model,
            "vendor": ticket.vendor,
            "ticket_id": ticket.id,
            "request_id": ticket.request_id,
            "quoted_usd": ticket.quoted_usd,
            "billed_usd": ticket.billed_usd,
        }
    )


def state_of(error: BaseException, ticket: Ticket | None) -> RowState:
    """Say where an error leaves a row."""
    if isinstance(error, VendorBusy):
        out = ticket is not None and ticket.state in BOUGHT
        return RowState.WAITING if out else RowState.NOT_RUN
    kinds: tuple[tuple[type[BaseException], RowState], ...] = (
        (BudgetError, RowState.OVER_BUDGET),
        (VendorRefused, RowState.REFUSED),
        (OutcomeUnknown, RowState.UNKNOWN),
    )
    return next((state for kind, state in kinds if isinstance(error, kind)), RowState.FAILED)
