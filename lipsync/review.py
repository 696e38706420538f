"""Review: a dub that was delivered and is not right waits for a person's word.

What is wrong with a dub is never a reason to buy again by itself. It is a row in the ledger, which
holds no process: looked at, approved, rejected, or made once more on purpose, whenever somebody has
the time. Only the last buys: another purchase, quoted before it is sent, under a generation of its
own, so that it neither finds what was bought before nor is bought twice.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from lipsync.errors import BudgetError, UsageError
from lipsync.links import Link
from lipsync.params import DubParams, SyncChoice
from lipsync.report import DubReport, figure, money
from lipsync.values import Value
from lipsync.verdicts import Verdict

Word = Literal["approve", "reject", "redo"]


class ReviewState(StrEnum):
    """Where a review stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    REDO = "redo"  # it shall be made once more; that is not done yet
    REDONE = "redone"


# With these there is something left to do.
OPEN = frozenset({ReviewState.WAITING, ReviewState.REDO})


class Doubt(Value):
    """One check that failed, as a person is asked about it."""

    check: str
    figure: str
    limit: str
    note: str = ""


class Case(Value):
    """A dub that needs a person's word."""

    dub_key: str = Field(description="What was asked for, by content.")
    ticket_id: int = Field(description="The purchase it was made of.")
    output: Path
    output_sha256: str
    model: str = Field(description="That made it.")
    doubts: tuple[Doubt, ...] = Field(min_length=1)
    parameters: dict[str, Any] = Field(description="Of the dub, with absolute paths.")


class Review(Value):
    """A case, and what was said about it."""

    id: int
    state: ReviewState
    dub_key: str
    ticket_id: int
    output: Path
    output_sha256: str
    model: str
    doubts: tuple[Doubt, ...]
    parameters: dict[str, Any]
    asked_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    note: str | None = None
    redo: dict[str, Any] | None = Field(default=None, description="Parameters of the new dub.")
    redo_ticket_id: int | None = Field(default=None, description="The purchase it led to.")

    @property
    def params(self) -> DubParams:
        """The parameters the dub was made with."""
        return DubParams.model_validate(self.parameters)


class Wish(Value):
    """How a dub shall be made once more; what is not said stays as it was."""

    model: str | None = None
    sync_mode: SyncChoice | None = None
    budget_usd: float | None = None


def case_of(
    report: DubReport, params: DubParams, video: Path | Link, voice: Path | Link
) -> Case | None:
    """Say what a person is asked about a dub; None: nothing is wrong with it.

    Args:
        report: What was made.
        params: And how.
        video: Where the very same video is found again.
        voice: And the voice.
    """
    if not report.failed:
        return None
    places = {"video": video, "voice": voice, "output": report.output}
    return Case(
        dub_key=report.dub_key,
        ticket_id=report.ticket_id,
        output=report.output,
        output_sha256=report.output_sha256,
        model=report.model,
        doubts=tuple(_doubt(verdict) for verdict in report.failed),
        parameters=params.model_copy(update=places).model_dump(mode="json"),
    )


def _doubt(verdict: Verdict) -> Doubt:
    return Doubt(
        check=verdict.check, figure=figure(verdict), limit=verdict.limit, note=verdict.note
    )


def is_answered(review: Review, case: Case) -> bool:
    """Say whether what was said about a dub covers a look at it: no other check fails now."""
    known = {doubt.check for doubt in review.doubts}
    return {doubt.check for doubt in case.doubts} <= known


def state_after(review: Review, word: Word) -> ReviewState:
    """Say where a word leads to; approved and rejected may be changed, a purchase may not.

    Raises:
        UsageError: The dub is being made once more, or was.
    """
    wanted = {
        "approve": ReviewState.APPROVED,
        "reject": ReviewState.REJECTED,
        "redo": ReviewState.REDO,
    }[word]
    if review.state is ReviewState.REDONE or (
        review.state is ReviewState.REDO and wanted is not ReviewState.REDO
    ):
        raise UsageError(
            f"review {review.id} is {review.state} {whose(review)}; its new output is reviewed by "
            "itself, see `dubline review`"
        )
    return wanted


def redo_params(review: Review, wish: Wish) -> DubParams:
    """Say how a dub is made once more.

    A redo that was decided before goes on as it was decided, but for what is wished now: run again
    it buys nothing twice. A new one gets the next generation, so that it is bought. The output is
    replaced when the new one is whole.
    """
    begun = review.state is ReviewState.REDO and review.redo is not None
    before = DubParams.model_validate(review.redo) if begun else review.params
    model = wish.model or (before.model if begun else None) or review.model
    same_model = model in {review.model, before.model}
    changes = {
        "model": model,
        "sync_mode": wish.sync_mode or before.sync_mode,
        "budget_usd": before.budget_usd if wish.budget_usd is None else wish.budget_usd,
        # Another model takes other options; what it does not take would be refused.
        "options": before.options if same_model else {},
        "generation": before.generation if begun else before.generation + 1,
        "overwrite": True,
    }
    return DubParams.model_validate({**before.model_dump(), **changes})


def check_permit(wish: Wish, price_usd: Decimal | None, *, confirmed: bool) -> None:
    """Refuse to buy once more unless somebody has named a budget, or seen the price and said yes.

    Raises:
        BudgetError: Nobody has; nothing was sent.
    """
    if price_usd == 0 or wish.budget_usd is not None or confirmed:
        return
    raise BudgetError(
        f"to make it once more costs {money(price_usd)}; nothing was sent, name what it may cost "
        "with --budget"
    )


def whose(review: Review) -> str:
    """Say who said it, when and why."""
    when = "" if review.decided_at is None else f" on {review.decided_at:%Y-%m-%d %H:%M} UTC"
    why = f" ({review.note})" if review.note else ""
    return f"by {review.decided_by or 'somebody'}{when}{why}"


def in_words(review: Review) -> str:
    """Say what is wrong, in one line.

    >>> doubts = (Doubt(check="length", figure="49", limit="50 frames"),)
    >>> in_words(Review.model_construct(doubts=doubts))
    'length 49 (limit: 50 frames)'
    """
    return "; ".join(
        f"{doubt.check} {doubt.figure} (limit: {doubt.limit})" for doubt in review.doubts
    )


def followed(review: Review) -> str:
    """Say what a word has led to."""
    said = f"review {review.id} of {review.output.name} is {review.state}"
    if review.state is ReviewState.REDONE:
        return f"{said}, by ticket {review.redo_ticket_id}"
    if review.state is ReviewState.REDO:
        return f"{said}; it goes on with `dubline review {review.id} --redo`"
    return said
