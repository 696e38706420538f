"""Approval: a batch that costs more than it may by itself waits for a person's word.

The word counts for what was shown, and for parts of it: the same dubs, on the same models, none of
them dearer. Anything else is asked about again. Waiting holds no process: it is a row in the
ledger, and the batch is started again when the word has been given. docs/adr/0007 says why.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from lipsync.errors import BudgetError, LipsyncError, UsageError
from lipsync.price import dollars
from lipsync.values import Value, content_key

Word = Literal["approve", "refuse"]


class ApprovalState(StrEnum):
    """Where an approval stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    USED = "used"  # a batch has begun on its strength


# With these a batch may go on; a killed one goes on with the approval it has used.
GIVEN = frozenset({ApprovalState.APPROVED, ApprovalState.USED})


class AwaitingApproval(LipsyncError):
    """A batch has not begun: a person is asked first; nothing was sent."""

    retryable = True
    exit_code = 6


class ApprovalRefused(BudgetError):
    """A person has refused a batch; nothing was sent."""


class Priced(Value):
    """One purchase of a plan."""

    model: str
    usd: Decimal | None = Field(description="None: no price is published.")


class Proposal(Value):
    """What a batch would buy, as a person is asked about it."""

    title: str = Field(description="The manifest's name.")
    batch: str = Field(description="Which manifest: plans of one batch are compared.")
    purchases: dict[str, Priced] = Field(description="By the key of the order.")
    parameters: dict[str, Any] = Field(description="What the batch is started again with.")
    deployment: str | None = Field(default=None, description="Id; None: it was started by hand.")

    @property
    def key(self) -> str:
        """Name it by what would be bought and at what price."""
        return content_key("approval", 1, _Bought(batch=self.batch, purchases=self.purchases))

    @property
    def total_usd(self) -> Decimal:
        """What it costs, as far as prices are known."""
        return sum((one.usd for one in self.purchases.values() if one.usd is not None), Decimal(0))

    @property
    def unpriced(self) -> int:
        """How many purchases have no published price."""
        return sum(one.usd is None for one in self.purchases.values())


class _Bought(Value):
    batch: str
    purchases: dict[str, Priced]


class Approval(Value):
    """A proposal, and what was said about it."""

    id: int
    key: str
    state: ApprovalState
    title: str
    batch: str
    total_usd: Decimal
    unpriced: int
    purchases: dict[str, Priced]
    parameters: dict[str, Any]
    deployment: str | None = None
    asked_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    note: str | None = None
    used_at: datetime | None = None
    run: str | None = Field(default=None, description="The run that has begun on its strength.")


def is_needed(proposal: Proposal, over_usd: Decimal | None) -> bool:
    """Say whether a batch must be approved: it costs more than the limit, or nobody knows.

    Args:
        proposal: What it would buy.
        over_usd: What it may cost by itself; None: anything.
    """
    if over_usd is None or not proposal.purchases:
        return False
    return proposal.unpriced > 0 or proposal.total_usd > over_usd


def covers(approval: Approval, proposal: Proposal) -> bool:
    """Say whether what was approved holds all that is proposed, nothing of it any dearer."""
    if approval.state not in GIVEN or approval.batch != proposal.batch:
        return False
    return all(
        _is_no_dearer(one, approval.purchases.get(key)) for key, one in proposal.purchases.items()
    )


def _is_no_dearer(now: Priced, approved: Priced | None) -> bool:
    if approved is None or now.model != approved.model:
        return False
    if approved.usd is None:  # whoever approved it did not know the price either
        return True
    return now.usd is not None and now.usd <= approved.usd


def answer_to(proposal: Proposal, known: Iterable[Approval]) -> Approval | None:
    """Find what was said about a proposal: of it, or of one that held it; None: nobody was asked.

    A refusal of this very plan comes before an approval of a larger one.
    """
    known = tuple(known)
    same = next((one for one in known if one.key == proposal.key), None)
    if same is not None and same.state is ApprovalState.REFUSED:
        return same
    covering = [one for one in known if covers(one, proposal)]
    return max(covering, key=lambda one: one.id, default=same)


def state_after(approval: Approval, word: Word) -> ApprovalState:
    """Say where a word leads to; the same word twice changes nothing.

    Raises:
        UsageError: It comes too late, or another was given before.
    """
    wanted = ApprovalState.APPROVED if word == "approve" else ApprovalState.REFUSED
    if approval.state is ApprovalState.WAITING or approval.state is wanted:
        return wanted
    if approval.state is ApprovalState.APPROVED:  # and nothing has begun
        return wanted
    if word == "approve" and approval.state is ApprovalState.USED:
        return ApprovalState.USED
    raise UsageError(
        f"approval {approval.id} is {approval.state} {_whose(approval)}; {_way_out(approval)}"
    )


def _whose(approval: Approval) -> str:
    when = "" if approval.decided_at is None else f" on {approval.decided_at:%Y-%m-%d %H:%M} UTC"
    why = f" ({approval.note})" if approval.note else ""
    return f"by {approval.decided_by or 'somebody'}{when}{why}"


def _way_out(approval: Approval) -> str:
    if approval.state is ApprovalState.USED:
        return "its batch has begun; cancel that run instead"
    return "a refused plan stays refused; change the batch, and its new plan is asked about"


def refused(approval: Approval) -> ApprovalRefused:
    """Say that a batch must not run."""
    return ApprovalRefused(
        f"{approval.title}: approval {approval.id} was refused {_whose(approval)}; nothing was "
        "sent, change the batch and its new plan is asked about"
    )


def awaiting(approval: Approval) -> AwaitingApproval:
    """Say that a batch waits for a person, and how that person answers."""
    return AwaitingApproval(
        f"{approval.title}: {in_words(approval)} waits for approval {approval.id}; nothing was "
        f"sent, answer with `dubline approve {approval.id}` (or --refuse), or run the deployment "
        "approve"
    )


def followed(approval: Approval, run: str | None = None) -> str:
    """Say what happens after a word.

    Args:
        approval: As it stands now.
        run: Name of the run that was started for it.
    """
    said = f"approval {approval.id} ({in_words(approval)}) is {approval.state}"
    if approval.state is ApprovalState.REFUSED:
        return f"{said}; nothing is sent"
    if approval.state is ApprovalState.USED:
        return f"{said}; its batch has begun"
    if run is None:
        return f"{said}; run the same batch of {approval.title} again"
    return f"{said}; its batch starts as the run {run}"


def in_words(approval: Approval) -> str:
    """Say what is asked for.

    Returns:
        E.g. "$12.50 for 25 dubs", with how many of them have no known price.
    """
    count = len(approval.purchases)
    unknown = f", {approval.unpriced} without a known price" if approval.unpriced else ""
    return f"{dollars(approval.total_usd)} for {count} dub{'s' * (count != 1)}{unknown}"


def by_model(approval: Approval) -> list[dict[str, str]]:
    """Lay out what would be bought, by model."""
    models: dict[str, list[Priced]] = {}
    for one in approval.purchases.values():
        models.setdefault(one.model, []).append(one)
    return [
        {
            "model": model,
            "dubs": str(len(ones)),
            "usd": str(sum((one.usd for one in ones if one.usd is not None), Decimal(0))),
            "without a price": str(sum(one.usd is None for one in ones)),
        }
        for model, ones in sorted(models.items())
    ]
