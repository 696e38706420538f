"""Intent: one worker may send an order, whatever place it is at; the dead are outlived."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from lipsync.ledger import Ledger
from lipsync.ledger.leases import is_held_elsewhere, new_holder
from lipsync.tickets import Receipt, Ticket, TicketMoved, TicketState
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import at_once
from tests.lipsync.orders import make_order

RECEIPT = Receipt(request_id="job-1")


def expire(ledger: Ledger, ticket: Ticket) -> None:
    """Let the time of a lease run out."""
    with ledger._writing() as connection:
        connection.execute(
            sa.text("UPDATE tickets SET lease_until = :then WHERE id = :id"),
            {"id": ticket.id, "then": "2026-01-01T00:00:00.000000+00:00"},
        )


def test_of_many_places_at_once_one_may_send(shelf: Shelf) -> None:
    def intend(number: int) -> None:
        ledger = shelf.open(f"machine-{number}")
        if ledger.intend(make_order()).ours:
            (shelf.home.folder("winners") / str(number)).touch()

    shelf.open().tickets()
    at_once(6, intend)
    assert len(list(shelf.home.folder("winners").iterdir())) == 1


def test_a_ticket_held_at_another_place_is_not_ours(shelf: Shelf) -> None:
    there, here = shelf.open("there"), shelf.open("here")
    held = there.intend(make_order()).ticket
    found, ours = here.intend(make_order())
    assert (found.id, ours, here.is_held_elsewhere(found)) == (held.id, False, True)


def test_a_ticket_of_the_dead_is_taken_over(shelf: Shelf) -> None:
    there, here = shelf.open("there"), shelf.open("here")
    held = there.intend(make_order()).ticket
    expire(there, held)
    assert here.intend(make_order()).ours
    with pytest.raises(TicketMoved):  # it was not dead: it must not send
        there.submitting(held)


def test_a_ticket_left_at_this_place_is_taken_over_at_once(shelf: Shelf) -> None:
    """Whoever is alone with its key knows, by the lock, that its worker is dead."""
    shelf.open().intend(make_order())
    assert shelf.open().intend(make_order()).ours


@pytest.mark.parametrize("state", [TicketState.SUBMITTING, TicketState.SUBMITTED])
def test_what_is_on_its_way_is_never_ours(shelf: Shelf, state: TicketState) -> None:
    there, here = shelf.open("there"), shelf.open("here")
    ticket = there.submitting(there.intend(make_order()).ticket)
    if state is TicketState.SUBMITTED:
        there.submitted(ticket, RECEIPT)
    expire(there, ticket)
    assert here.intend(make_order()) == (here.ticket(ticket.id), False)


def test_a_lease_is_renewed_for_as_long_as_its_worker_lives(shelf: Shelf) -> None:
    there = shelf.open("there", lease_s=4)
    ticket = there.intend(make_order()).ticket
    with there.holding(ticket):
        until = ticket.lease_until
        assert until is not None
        while there.now() < until + timedelta(seconds=0.4):
            assert shelf.open("here").is_held_elsewhere(there.ticket(ticket.id))
            time.sleep(0.02)
    while there.is_held_elsewhere(there.ticket(ticket.id)):
        time.sleep(0.02)  # nobody renews it any more


def test_a_lease_that_another_has_is_not_renewed(shelf: Shelf) -> None:
    there, here = shelf.open("there", lease_s=0.05), shelf.open("here")
    ticket = there.intend(make_order()).ticket
    with there.holding(ticket):
        taken = here.intend(make_order())
        while not taken.ours:  # a renewal came between
            expire(there, ticket)
            taken = here.intend(make_order())
        time.sleep(0.1)  # eight beats of the other
        assert here.ticket(ticket.id) == taken.ticket


def test_a_ticket_that_was_sent_is_held_by_nobody(ledger: Ledger) -> None:
    ticket = ledger.submitting(ledger.intend(make_order()).ticket)
    assert ticket.lease_holder is not None
    sent = ledger.submitted(ticket, RECEIPT)
    assert (sent.lease_holder, sent.lease_until) == (None, None)
    assert sent.sent_at == ticket.sent_at == ticket.updated_at


@pytest.mark.parametrize(
    ("place", "left_s", "held"),
    [
        pytest.param("there", 1, True, id="elsewhere, alive"),
        pytest.param("there", -1, False, id="elsewhere, silent"),
        pytest.param("here", 1, False, id="here: the lock file knows better"),
    ],
)
def test_who_must_be_believed_to_live(
    ledger: Ledger, place: str, left_s: float, held: bool
) -> None:
    now = datetime.now(UTC)
    until = {"lease_holder": new_holder(place), "lease_until": now + timedelta(seconds=left_s)}
    ticket = ledger.intend(make_order()).ticket.model_copy(update=until)
    assert is_held_elsewhere(ticket, "here", now) is held


SECOND = make_order("second", model="sync-3", dub="dub-1")
FIRST = make_order("first", dub="dub-1")


def test_of_two_choices_for_one_dub_one_is_bought(shelf: Shelf) -> None:
    ledger = shelf.open()
    bought = ledger.submitted(ledger.submitting(ledger.intend(FIRST).ticket), RECEIPT)
    assert ledger.intend(SECOND) == (bought, False)


def test_a_choice_that_was_turned_away_makes_room_for_the_next(shelf: Shelf) -> None:
    ledger = shelf.open()
    ledger.postponed(ledger.submitting(ledger.intend(FIRST).ticket), "429")
    second = ledger.submitting(ledger.intend(SECOND).ticket)
    second = ledger.submitted(second, RECEIPT)
    assert ledger.intend(FIRST) == (second, False)


def test_a_choice_whose_outcome_is_unknown_is_in_the_way_of_every_other(ledger: Ledger) -> None:
    unknown = ledger.unknown(ledger.submitting(ledger.intend(FIRST).ticket), "silence")
    assert ledger.intend(SECOND) == (unknown, False)


def test_of_six_choices_tried_at_six_places_at_once_one_may_be_sent(shelf: Shelf) -> None:
    dubs = [f"dub-{number}" for number in range(25)]

    def intend(number: int) -> None:
        ledger = shelf.open(f"machine-{number}")
        for dub in dubs:
            if ledger.intend(make_order(f"{dub}-choice-{number}", dub=dub)).ours:
                (shelf.home.folder("winners") / f"{dub}-{number}").touch()

    shelf.open().tickets()
    at_once(6, intend)
    won = sorted(path.name.rpartition("-")[0] for path in shelf.home.folder("winners").iterdir())
    assert won == sorted(dubs)


def test_orders_of_other_dubs_are_not_in_the_way(ledger: Ledger) -> None:
    assert ledger.intend(FIRST).ours
    assert ledger.intend(make_order("third", dub="dub-2")).ours
    assert ledger.intend(make_order("fourth")).ours


def test_the_threads_of_a_process_never_find_the_file_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite answers at once here instead of sleeping until the file is free."""
    monkeypatch.setattr("lipsync.ledger.database.BUSY_MS", 0)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.tickets()
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda number: ledger.intend(make_order(f"k{number}")), range(64)))
    assert all(one.ours for one in sent)
