"""The line: no account has more in flight than it may, whoever sends; first come, first served."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
import sqlalchemy as sa

from lipsync.errors import VendorBusy
from lipsync.ledger import Ledger, LineFull, book
from lipsync.ledger.book import told
from lipsync.tickets import Receipt, Ticket, TicketState
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import at_once
from tests.lipsync.orders import NO_FILE, make_order

PLACES = 3


def expire(ledger: Ledger, ticket: Ticket) -> None:
    """Let the time of a lease run out."""
    with ledger._writing() as connection:
        connection.execute(
            sa.text("UPDATE tickets SET lease_until = :then WHERE id = :id"),
            {"id": ticket.id, "then": "2026-01-01T00:00:00.000000+00:00"},
        )


def intended(ledger: Ledger, key: str = "next", **changes: object) -> Ticket:
    return ledger.intend(make_order(key, **changes)).ticket


def sending(ledger: Ledger, key: str = "sending", **changes: object) -> Ticket:
    return ledger.submitting(intended(ledger, key, **changes))


def sent(ledger: Ledger, key: str = "sent", **changes: object) -> Ticket:
    return ledger.submitted(sending(ledger, key, **changes), Receipt(request_id=f"job-{key}"))


def test_a_full_line_changes_nothing(ledger: Ledger) -> None:
    sent(ledger)
    ticket = intended(ledger)
    before = ledger.history(ticket)
    with pytest.raises(LineFull, match=r"^1 jobs are in flight at paid, .* 1 \(PAID_IN_FLIGHT\)"):
        ledger.submitting(ticket, 1)
    assert (ledger.ticket(ticket.id), ledger.history(ticket)) == (ticket, before)


def test_a_full_line_may_be_tried_again_later() -> None:
    assert issubclass(LineFull, VendorBusy)
    assert (LineFull.retryable, LineFull.exit_code) == (True, 6)


def test_places_are_taken_by_what_is_being_sent_and_what_was(ledger: Ledger) -> None:
    sending(ledger)
    sent(ledger)
    assert ledger.in_flight("paid") == 2
    ticket = intended(ledger)
    with pytest.raises(LineFull):
        ledger.submitting(ticket, 2)
    assert ledger.submitting(ticket, 3).state is TicketState.SUBMITTING


def test_an_order_without_a_limit_is_sent_at_once(ledger: Ledger) -> None:
    for number in range(5):
        sent(ledger, f"k{number}")
    assert ledger.in_flight("paid") == 5


ENDS: dict[str, Callable[[Ledger, Ticket], Any]] = {
    "completed": lambda ledger, ticket: ledger.completed(ticket),
    "delivered": lambda ledger, ticket: ledger.delivered(ledger.completed(ticket), NO_FILE, None),
    "failed": lambda ledger, ticket: ledger.failed(ticket, "no face"),
    "cancelled": lambda ledger, ticket: ledger.cancelled(ticket, "removed"),
    "lost": lambda ledger, ticket: ledger.unknown(ticket, "not known there"),
}
TURNED_AWAY: dict[str, Callable[[Ledger, Ticket], Any]] = {
    "refused": lambda ledger, ticket: ledger.refused(ticket, "422"),
    "postponed": lambda ledger, ticket: ledger.postponed(ticket, "429"),
    "unknown": lambda ledger, ticket: ledger.unknown(ticket, "silence"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_job_that_has_ended_gives_its_place_back(ledger: Ledger, end: str) -> None:
    ENDS[end](ledger, sent(ledger))
    assert ledger.in_flight("paid") == 0
    assert ledger.submitting(intended(ledger), 1)


@pytest.mark.parametrize("end", TURNED_AWAY)
def test_a_request_that_was_not_taken_gives_its_place_back(ledger: Ledger, end: str) -> None:
    TURNED_AWAY[end](ledger, sending(ledger))
    assert ledger.submitting(intended(ledger), 1)


def test_each_vendor_has_places_of_its_own(ledger: Ledger) -> None:
    sent(ledger, "elsewhere", vendor="other")
    assert (ledger.in_flight("other"), ledger.in_flight("paid")) == (1, 0)
    assert ledger.submitting(intended(ledger), 1)


def test_who_died_while_sending_holds_a_place_until_its_lease_ends(shelf: Shelf) -> None:
    there, here = shelf.open("there"), shelf.open("here")
    left = sending(there)
    ticket = intended(here)
    with pytest.raises(LineFull):
        here.submitting(ticket, 1)
    expire(there, left)
    assert here.submitting(ticket, 1)


def test_a_job_that_was_sent_holds_its_place_however_long_it_takes(shelf: Shelf) -> None:
    there, here = shelf.open("there"), shelf.open("here")
    expire(there, sent(there))
    with pytest.raises(LineFull):
        here.submitting(intended(here), 1)


def test_of_eight_workers_at_once_as_many_send_as_there_are_places(shelf: Shelf) -> None:
    def send(number: int) -> None:
        ledger = shelf.open(f"machine-{number}")
        tickets = [intended(ledger, f"{number}-{one}") for one in range(5)]
        for ticket in tickets:
            try:
                ledger.submitting(ticket, PLACES)
            except LineFull:
                continue
            (shelf.home.folder("winners") / ticket.key).touch()

    shelf.open().tickets()
    at_once(8, send)
    assert len(list(shelf.home.folder("winners").iterdir())) == PLACES
    assert shelf.open().in_flight("paid") == PLACES


def test_who_decides_while_another_does_waits_for_its_decision(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither sees what the other has not committed yet."""
    there, here = shelf.open("there"), shelf.open("here")
    first, second = intended(there, "first"), intended(here, "second")
    decided: list[Future[Ticket]] = []

    def slowly(*given: Any, **more: Any) -> Ticket:
        if not decided:
            decided.append(pool.submit(here.submitting, second, 1))
            wait(decided, timeout=1.0)  # it cannot be over before this one is
        return told(*given, **more)

    monkeypatch.setattr(book, "told", slowly)
    with ThreadPoolExecutor() as pool:
        assert there.submitting(first, 1).state is TicketState.SUBMITTING
        with pytest.raises(LineFull):
            decided[0].result()


def test_who_waits_is_served_before_who_comes_later(ledger: Ledger) -> None:
    there = sent(ledger)
    waiting, newcomer = ledger.queued(intended(ledger, "waiting")), intended(ledger, "newcomer")
    ledger.completed(there)
    with pytest.raises(LineFull, match="0 jobs are in flight at paid and 1 more wait"):
        ledger.submitting(newcomer, 1)
    ledger.submitted(ledger.submitting(waiting, 1), Receipt(request_id="job-waiting"))
    assert ledger.submitting(newcomer, 2)


def test_of_those_who_wait_the_first_is_served_first(ledger: Ledger) -> None:
    there = sent(ledger)
    second, first = intended(ledger, "second"), intended(ledger, "first")
    first = ledger.queued(first)
    second = ledger.queued(second)
    ledger.completed(there)
    with pytest.raises(LineFull):
        ledger.submitting(second, 1)
    first = ledger.submitting(first, 1)
    ledger.completed(ledger.submitted(first, Receipt(request_id="job-first")))
    assert ledger.submitting(second, 1)


def test_who_died_while_waiting_holds_nobody_up_for_long(shelf: Shelf) -> None:
    there, here = shelf.open("there"), shelf.open("here")
    dead = there.queued(intended(there, "dead"))
    ticket = intended(here)
    with pytest.raises(LineFull):
        here.submitting(ticket, 1)
    expire(there, dead)
    assert here.submitting(ticket, 1)


def test_who_gave_up_its_place_in_the_line_is_not_waited_for(ledger: Ledger) -> None:
    ledger.postponed(ledger.queued(intended(ledger, "gone")), "left")
    assert ledger.submitting(intended(ledger), 1)
