"""`dubline approve`: what waits for a person, and that person's word."""

from getpass import getuser
from typing import TYPE_CHECKING, Any

from rich.console import Console

from flows.cli.answering import answer, answered
from flows.cli.flowing import flowing
from flows.cli.opening import opened
from flows.cli.showing import table

if TYPE_CHECKING:
    from lipsync.approval import Approval


def list_approvals(*, everything: bool, as_json: bool) -> None:
    """Print what waits, or everything that was ever asked; oldest first."""
    from lipsync.approval import ApprovalState, in_words  # noqa: PLC0415  not needed by --help

    with answered(as_json=as_json), opened() as shop:
        states = tuple(ApprovalState) if everything else (ApprovalState.WAITING,)
        found = shop.ledger.approvals(states)
        if as_json:
            answer({"approvals": [_as_json(one) for one in found]})
            return
        rows = (
            (
                str(one.id),
                str(one.state),
                one.title,
                in_words(one),
                one.decided_by or "",
                _when(one),
            )
            for one in found
        )
        Console().print(
            table(("id", "state", "batch", "costs", "by", "since (UTC)"), rows, whole=2)
        )


def answer_one(
    approval_id: int, *, refuse: bool, by: str | None, note: str | None, as_json: bool
) -> None:
    """Write down a person's word, and say what happens now."""
    word: Any = "refuse" if refuse else "approve"
    with answered(as_json=as_json):
        with opened() as shop:
            approval = shop.ledger.decide(approval_id, word, by or getuser(), note)
        said = _followed(approval)
        if as_json:
            answer(_as_json(approval) | {"said": said})
        else:
            Console().print(said, markup=False, highlight=False, soft_wrap=True)


def _followed(approval: "Approval") -> str:
    """Start what was approved; only that needs a server."""
    from lipsync.approval import ApprovalState, followed  # noqa: PLC0415  not needed by --help

    if approval.state is not ApprovalState.APPROVED or approval.deployment is None:
        return followed(approval)
    with flowing():
        from tasks.approving import started  # noqa: PLC0415  Prefect, now that it is served

        return followed(approval, started(approval))


def _when(approval: "Approval") -> str:
    return f"{approval.decided_at or approval.asked_at:%Y-%m-%d %H:%M}"


def _as_json(approval: "Approval") -> dict[str, Any]:
    """Leave out what only a machine needs again."""
    from lipsync.approval import by_model  # noqa: PLC0415  not needed by --help

    shown = approval.model_dump(mode="json", exclude={"purchases", "parameters", "key", "batch"})
    return shown | {"purchases": by_model(approval)}
