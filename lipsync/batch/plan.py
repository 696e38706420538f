"""The plan of a batch: what every row would be and cost, and what is saved; nothing is sent."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from pydantic import Field

from lipsync.decision import Decision
from lipsync.errors import BudgetError
from lipsync.manifest import Row, RowFault
from lipsync.ordering import purchase_key
from lipsync.params import SyncChoice
from lipsync.price import dollars
from lipsync.quote import quote
from lipsync.values import Value

NOTHING_USD = Decimal(0)


class PlanRow(Value):
    """One row of a batch as it would be dubbed."""

    line: int
    id: str
    language: str | None = None
    output: Path
    model: str
    vendor: str
    video_s: float = Field(description="After the trim.")
    voice_s: float = Field(description="After normalizing, before the fit.")
    mismatch_s: float = Field(description="Voice minus video.")
    sync_mode: str
    output_s: float = Field(description="Predicted length.")
    price_usd: Decimal | None = Field(description="None: no price is published.")
    purchase: str = Field(default="", description="Names what would be bought, by content.")
    found: bool = Field(default=False, description="It is finished, output and record in place.")
    ticket_id: int | None = Field(default=None, description="Ordered before; None: never.")
    bought: bool = Field(default=False, description="By that ticket it is paid for already.")
    request_id: str | None = Field(default=None, description="Of what is finished.")
    billed_usd: Decimal | None = Field(default=None, description="The same.")
    failed_checks: tuple[str, ...] = Field(default=(), description="The same.")
    saved_s: float = Field(default=0, description="Not bought, thanks to trims and the fit.")
    saved_usd: Decimal | None = Field(default=None, description="What that would have cost.")
    warnings: tuple[str, ...] = ()

    @property
    def to_pay_usd(self) -> Decimal | None:
        """What this row has yet to cost; None where nobody knows."""
        return NOTHING_USD if self.found or self.bought else self.price_usd


class BatchPlan(Value):
    """Every row that can be dubbed, and every one that cannot."""

    rows: tuple[PlanRow, ...] = ()
    faults: tuple[RowFault, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def to_pay_usd(self) -> Decimal:
        """What the batch has yet to cost, as far as prices are known."""
        return total(row.to_pay_usd for row in self.rows)

    @property
    def unpriced(self) -> tuple[PlanRow, ...]:
        """The rows that have yet to cost something nobody knows."""
        return tuple(row for row in self.rows if row.to_pay_usd is None)

    @property
    def saved_usd(self) -> Decimal:
        """What trims and fits save on what has yet to be paid."""
        return total(row.saved_usd for row in self.rows if row.to_pay_usd != NOTHING_USD)

    @property
    def saved_s(self) -> float:
        """The same in seconds of output."""
        return sum(row.saved_s for row in self.rows if row.to_pay_usd != NOTHING_USD)

    @property
    def output_s(self) -> float:
        """Length of all outputs that have yet to be made."""
        return sum(row.output_s for row in self.rows if not row.found)

    @property
    def models(self) -> Mapping[str, int]:
        """How many rows each model has yet to make."""
        return Counter(row.model for row in self.rows if not row.found)

    @property
    def languages(self) -> tuple[str, ...]:
        """Which languages it dubs into."""
        return tuple(sorted({row.language for row in self.rows if row.language}))


def total(sums_usd: Iterable[Decimal | None]) -> Decimal:
    """Add up what is known.

    >>> total([Decimal("0.05"), None, Decimal("0.10")])
    Decimal('0.15')
    """
    return sum((usd for usd in sums_usd if usd is not None), NOTHING_USD)


def sent_whole_s(video_s: float, voice_s: float, mode: SyncChoice) -> float:
    """Say how long the output would be of both files as they came.

    Args:
        video_s: Length of the video, untrimmed.
        voice_s: Length of the voice with its silences.
        mode: What was asked for; auto stands for whatever loses nothing.

    >>> [sent_whole_s(10, 8, mode) for mode in ("auto", "cut_off", "loop")]
    [10, 8, 8]
    """
    if mode == "cut_off":
        return min(video_s, voice_s)
    return max(video_s, voice_s) if mode in {"auto", "silence"} else voice_s


def saved(decision: Decision, mode: SyncChoice) -> tuple[float, Decimal | None]:
    """Say what is not bought thanks to trims and the fit: seconds, and their price."""
    pair, choice = decision.pair, decision.choice
    whole_s = sent_whole_s(pair.picture.duration_s, pair.voice.duration_s, mode)
    saved_s = max(0.0, whole_s - choice.predicted_s)
    whole_usd = quote(decision.model, choice.predicted_s + saved_s)
    if whole_usd is None or choice.price_usd is None:
        return saved_s, None
    return saved_s, whole_usd - choice.price_usd


def planned_row(row: Row, decision: Decision, output: Path) -> PlanRow:
    """Say of a row what was decided."""
    plan, choice = decision.plan, decision.choice
    saved_s, saved_usd = saved(decision, row.params.sync_mode)
    return PlanRow(
        line=row.line,
        id=row.id,
        language=row.language,
        output=output,
        model=decision.model.id,
        vendor=decision.model.vendor,
        video_s=plan.mismatch.video_s,
        voice_s=plan.mismatch.voice_s,
        mismatch_s=plan.mismatch.mismatch_s,
        sync_mode=plan.sync_mode,
        output_s=choice.predicted_s,
        price_usd=choice.price_usd,
        purchase=purchase_key(decision),
        saved_s=saved_s,
        saved_usd=saved_usd,
        warnings=(*plan.warnings, *choice.warnings),
    )


def check_budget(plan: BatchPlan, budget_usd: Decimal | None) -> None:
    """Refuse a plan that costs more than the batch may, or whose cost nobody knows.

    Raises:
        BudgetError: Nothing was sent.
    """
    if budget_usd is None:
        return
    if plan.unpriced:
        lines = ", ".join(str(row.line) for row in plan.unpriced[:5])
        raise BudgetError(
            f"{len(plan.unpriced)} rows (lines {lines}) go to a model without a published price, "
            f"so the budget of {dollars(budget_usd)} cannot be kept; choose a model with a price, "
            "or run without a budget"
        )
    if plan.to_pay_usd > budget_usd:
        raise BudgetError(
            f"the batch costs {dollars(plan.to_pay_usd)}, its budget is {dollars(budget_usd)}; "
            "nothing was sent, raise the budget, choose a cheaper model or dub fewer rows"
        )


def same_outputs(rows: Sequence[PlanRow]) -> tuple[RowFault, ...]:
    """Find the rows that would write over each other: those that name no output may."""
    first: dict[Path, int] = {}
    found = []
    for row in rows:
        line = first.setdefault(row.output, row.line)
        if line != row.line:
            found.append(
                RowFault(
                    line=row.line,
                    id=row.id,
                    column="output",
                    value=str(row.output),
                    reason=f"is the output of line {line} too; name another in the column output",
                )
            )
    return tuple(found)
