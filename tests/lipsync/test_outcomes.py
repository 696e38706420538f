"""Outcomes: only a proof sets money free."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from lipsync.outcomes import (
    CLOCK_SLACK_S,
    CancelAnswer,
    Found,
    NotThere,
    Unclear,
    after_cancel,
    after_look,
    is_unbilled,
)
from lipsync.tickets import Media, Receipt, Ticket, TicketState
from tests.lipsync.orders import make_order

SENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
GRACE_S = 600.0
MEDIA = Media(video_url="https://cdn/v", voice_url="https://cdn/a")


def make_ticket(**changes: object) -> Ticket:
    order = make_order()
    ticket = Ticket(
        id=1,
        key=order.key,
        generation=1,
        state=TicketState.UNKNOWN,
        vendor=order.vendor,
        model=order.model,
        endpoint=order.endpoint,
        order=order,
        quoted_usd=order.quoted_usd,
        media=MEDIA,
        sent_at=SENT,
        created_at=SENT,
        updated_at=SENT,
    )
    return ticket.model_copy(update=changes)


def test_what_is_found_goes_on() -> None:
    receipt = Receipt(request_id="job-1")
    assert after_look(make_ticket(), receipt, SENT, GRACE_S) == Found(receipt)


@pytest.mark.parametrize(
    ("after_s", "proof"),
    [
        pytest.param(0, False, id="at once"),
        pytest.param(GRACE_S + CLOCK_SLACK_S - 1, False, id="in its grace"),
        pytest.param(GRACE_S + CLOCK_SLACK_S, True, id="after it"),
    ],
)
def test_what_is_not_listed_was_not_taken_once_the_list_has_had_its_time(
    after_s: float, proof: bool
) -> None:
    seen = after_look(make_ticket(), None, SENT + timedelta(seconds=after_s), GRACE_S)
    assert isinstance(seen, NotThere if proof else Unclear)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"request_id": "job-1"}, id="the vendor had confirmed it"),
        pytest.param({"media": None}, id="nobody knows what to look for"),
        pytest.param({"sent_at": None}, id="nobody knows since when"),
    ],
)
def test_nothing_found_is_no_proof(changes: dict[str, object]) -> None:
    much_later = SENT + timedelta(days=30)
    assert isinstance(after_look(make_ticket(**changes), None, much_later, GRACE_S), Unclear)


@pytest.mark.parametrize(
    ("state", "billed_usd", "unbilled"),
    [
        pytest.param(TicketState.INTENDED, None, True, id="never sent"),
        pytest.param(TicketState.SUBMITTING, None, False, id="on its way"),
        pytest.param(TicketState.SUBMITTED, None, False, id="with the vendor"),
        pytest.param(TicketState.COMPLETED, None, False, id="made"),
        pytest.param(TicketState.DELIVERED, Decimal(0), False, id="here"),
        pytest.param(TicketState.UNKNOWN, None, False, id="unknown"),
        pytest.param(TicketState.REFUSED, Decimal(0), True, id="refused"),
        pytest.param(TicketState.FAILED, Decimal(0), True, id="failed for free"),
        pytest.param(TicketState.FAILED, None, False, id="failed, bill not known"),
        pytest.param(TicketState.FAILED, Decimal("0.04"), False, id="failed and billed"),
        pytest.param(TicketState.CANCELLED, Decimal(0), True, id="cancelled for free"),
        pytest.param(TicketState.CANCELLED, None, False, id="cancelled, bill not known"),
    ],
)
def test_the_next_choice_is_taken_only_when_this_one_is_proven_unbilled(
    state: TicketState, billed_usd: Decimal | None, unbilled: bool
) -> None:
    assert is_unbilled(make_ticket(state=state, billed_usd=billed_usd)) is unbilled


def test_a_choice_that_was_never_written_down_was_never_sent() -> None:
    assert is_unbilled(None)


@pytest.mark.parametrize("answer", CancelAnswer)
def test_only_a_job_that_will_never_run_ends_by_cancelling(answer: CancelAnswer) -> None:
    seen = after_cancel(answer, "paid")
    assert seen.ends is (answer is CancelAnswer.REMOVED)
    assert seen.billed_usd == (Decimal(0) if seen.ends else None)
    assert "paid" in seen.says
