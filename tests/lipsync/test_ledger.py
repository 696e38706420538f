"""The ledger: what is written is there for ever, and moves only as money may."""

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lipsync.errors import StorageError, UsageError
from lipsync.home import Home
from lipsync.ledger import Ledger
from lipsync.tickets import ALLOWED, IllegalMove, Media, Receipt, Ticket, TicketMoved, TicketState
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import CALLS, at_once, die_at
from tests.lipsync.orders import NO_FILE, make_order, media_of
from tests.lipsync.servers import database

RECEIPT = Receipt(request_id="job-1", urls={"status": "https://x/s"})


def bring(ledger: Ledger, state: TicketState, key: str = "k1") -> Ticket:
    """Bring a new ticket to a state by the shortest way."""
    ticket = ledger.intend(make_order(key)).ticket
    if state is TicketState.INTENDED:
        return ticket
    if state is TicketState.CANCELLED:
        return ledger.cancelled(ticket, "not wanted", Decimal(0))
    ticket = ledger.submitting(ticket)
    if state is TicketState.SUBMITTING:
        return ticket
    if state in {TicketState.REFUSED, TicketState.UNKNOWN}:
        return move(ledger, ticket, state)
    ticket = ledger.submitted(ticket, RECEIPT)
    if state is TicketState.DELIVERED:
        ticket = ledger.completed(ticket)
    return ticket if state is ticket.state else move(ledger, ticket, state)


def move(ledger: Ledger, ticket: Ticket, to: TicketState) -> Ticket:
    """Move a ticket by the method that is named for the state."""
    more: dict[TicketState, tuple[Any, ...]] = {
        TicketState.INTENDED: ("once more",),
        TicketState.SUBMITTED: (RECEIPT,),
        TicketState.DELIVERED: (NO_FILE, Decimal("0.04")),
        TicketState.REFUSED: ("wrong",),
        TicketState.FAILED: ("broke",),
        TicketState.UNKNOWN: ("silence",),
        TicketState.CANCELLED: ("not wanted",),
    }
    name = "postponed" if to is TicketState.INTENDED else to.value
    moved: Ticket = getattr(ledger, name)(ticket, *more.get(to, ()))
    return moved


def test_a_ticket_is_what_was_ordered(ledger: Ledger) -> None:
    order = make_order(quoted_usd=Decimal("0.1000000000000000055511151231257827"))
    ticket = ledger.intend(order).ticket
    assert (ticket.order, ticket.quoted_usd) == (order, order.quoted_usd)
    assert (ticket.state, ticket.billed_usd) == (TicketState.INTENDED, None)


def test_a_key_has_one_ticket(ledger: Ledger) -> None:
    first, second = ledger.intend(make_order()), ledger.intend(make_order())
    assert second.ticket.id == first.ticket.id
    assert len(ledger.tickets()) == 1


def test_a_ticket_is_read_back_as_it_was_written(ledger: Ledger) -> None:
    ticket = bring(ledger, TicketState.DELIVERED)
    assert ledger.ticket(ticket.id) == ledger.by_key("k1") == ledger.tickets()[0] == ticket
    assert (ticket.request_id, ticket.urls) == (RECEIPT.request_id, RECEIPT.urls)
    assert (ticket.delivery, ticket.billed_usd) == (NO_FILE, Decimal("0.04"))


def test_times_are_utc(ledger: Ledger) -> None:
    ticket = bring(ledger, TicketState.SUBMITTED)
    assert ticket.created_at.tzinfo == UTC
    assert ticket.created_at < ticket.updated_at <= datetime.now(UTC)


def test_every_move_is_in_the_history(ledger: Ledger) -> None:
    ticket = bring(ledger, TicketState.DELIVERED)
    assert [event.state.value for event in ledger.history(ticket)] == [
        "intended",
        "submitting",
        "submitted",
        "completed",
        "delivered",
    ]


@pytest.mark.parametrize(
    ("here", "there"), list(product(TicketState, TicketState)), ids=lambda state: state.value
)
def test_a_ticket_moves_only_as_allowed(
    ledger: Ledger, here: TicketState, there: TicketState
) -> None:
    ticket = bring(ledger, here)
    if there in ALLOWED[here]:
        assert move(ledger, ticket, there).state is there
    else:
        with pytest.raises(IllegalMove, match=f"is {here}"):
            move(ledger, ticket, there)
        assert ledger.ticket(ticket.id) == ticket


def test_nothing_that_may_have_been_bought_can_be_sent_again() -> None:
    """From a state after the POST no way leads back to it, but through a known end."""
    ends = {TicketState.REFUSED, TicketState.FAILED, TicketState.CANCELLED}
    bought = {TicketState.SUBMITTED, TicketState.COMPLETED, TicketState.UNKNOWN}
    reached, edge = set(bought), set(bought)
    while edge:
        edge = {to for state in edge - ends for to in ALLOWED[state]} - reached
        reached |= edge
    assert not reached & {TicketState.INTENDED, TicketState.SUBMITTING}


def test_of_two_workers_with_one_ticket_in_hand_one_moves_it(ledger: Ledger) -> None:
    ticket = bring(ledger, TicketState.INTENDED)
    ledger.submitting(ticket)
    with pytest.raises(TicketMoved, match="look again"):
        ledger.submitting(ticket)


def test_an_answer_about_an_earlier_attempt_cannot_end_a_later_one(ledger: Ledger) -> None:
    first = bring(ledger, TicketState.SUBMITTED)
    ledger.failed(first, "broke", Decimal(0))
    again = ledger.intend(make_order()).ticket
    second = ledger.submitted(ledger.submitting(again), Receipt(request_id="job-2"))
    with pytest.raises(TicketMoved):
        ledger.completed(first)
    assert ledger.ticket(second.id) == second


@pytest.mark.parametrize(
    ("state", "billed_usd"),
    [
        pytest.param(TicketState.FAILED, None, id="failed, bill not known"),
        pytest.param(TicketState.FAILED, Decimal("0.04"), id="failed and billed"),
    ],
)
def test_what_may_have_cost_something_is_not_ordered_again(
    ledger: Ledger, state: TicketState, billed_usd: Decimal | None
) -> None:
    ticket = ledger.failed(bring(ledger, TicketState.SUBMITTED), "broke", billed_usd)
    assert ticket.state is state
    assert ledger.intend(make_order()) == (ticket, False)


def test_what_cost_nothing_is_ordered_again_and_its_history_stays(ledger: Ledger) -> None:
    ticket = ledger.failed(bring(ledger, TicketState.SUBMITTED), "broke", Decimal(0))
    again = ledger.intend(make_order(quoted_usd=Decimal(1))).ticket
    assert (again.id, again.attempt, again.request_id) == (ticket.id, 2, None)
    assert again.quoted_usd == Decimal(1)
    broke = next(event for event in ledger.history(again) if event.state == "failed")
    assert (broke.attempt, broke.request_id, broke.detail) == (1, "job-1", "broke")


def test_tickets_are_found_by_state(ledger: Ledger) -> None:
    open_one = bring(ledger, TicketState.SUBMITTED, "a")
    bring(ledger, TicketState.DELIVERED, "b")
    assert ledger.tickets({TicketState.SUBMITTED, TicketState.COMPLETED}) == (open_one,)


def test_a_ticket_that_is_not_there_is_said(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="7: there is no such ticket"):
        ledger.ticket(7)


def test_eight_processes_that_open_a_new_ledger_at_once_write_one_ticket(shelf: Shelf) -> None:
    def intend(number: int) -> None:
        ledger = shelf.open()
        ledger.intend(make_order("same"))
        ledger.intend(make_order(f"own-{number}"))

    at_once(8, intend)
    assert len(shelf.open().tickets()) == 9


def test_a_writer_killed_anywhere_leaves_a_ledger_that_reads_well(shelf: Shelf) -> None:
    """A ticket stands where its history says, at every point."""
    point = 1
    writer, reader = shelf.open(), shelf.open()

    def write() -> None:
        bring(writer, TicketState.DELIVERED, f"k{point}")

    while die_at(point, write, points=CALLS, before=writer.tickets):
        if (ticket := reader.by_key(f"k{point}")) is not None:
            history = reader.history(ticket)
            assert (history[-1].state, len(history)) == (ticket.state, ticket.revision)
        point += 17
    assert point > 50


def test_a_commit_is_on_the_disk_and_readers_do_not_wait(home: Home) -> None:
    ledger = Ledger(home.ledger)
    bring(ledger, TicketState.SUBMITTED)
    with ledger._writing(), sqlite3.connect(home.ledger) as other:
        assert other.execute("select state from tickets").fetchall() == [("submitted",)]
        assert other.execute("pragma journal_mode").fetchone() == ("wal",)
    with ledger._reading() as connection:
        assert connection.exec_driver_sql("pragma synchronous").scalar() == 2  # FULL


def test_a_commit_is_on_the_servers_disk_whatever_its_default(server: str, home: Home) -> None:
    with database(server, "hasty") as (url, _, _mend):
        ledger = Ledger(url, home.folder("locks"))
        with sa.create_engine(url).begin() as connection:
            connection.execute(sa.text("ALTER DATABASE hasty SET synchronous_commit = off"))
        with ledger._reading() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        ledger.close()


def test_a_file_that_is_no_ledger_is_said_and_left_alone(home: Home) -> None:
    home.ledger.write_text("dear diary, this is not a database at all" * 100)
    with pytest.raises(StorageError, match="not a database"):
        Ledger(home.ledger).tickets()
    assert home.ledger.read_text().startswith("dear diary")


def test_a_ledger_on_a_server_needs_a_folder_for_its_locks(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lock files"):
        Ledger("postgresql://db/dubline")
    assert Ledger("postgresql://db/dubline", locks=tmp_path)


def test_a_password_in_the_address_is_not_shown() -> None:
    with pytest.raises(UsageError) as raised:
        Ledger("postgresql://me:hunter2@db/dubline")
    assert "hunter2" not in str(raised.value)


def test_what_a_vendor_says_is_written_down_whatever_it_says(ledger: Ledger) -> None:
    ticket = bring(ledger, TicketState.SUBMITTING)
    odd = Receipt(request_id="job-\0\ud800" + "x" * 1000, urls={"status": "https://x/\0\ud800"})
    assert (ledger.submitted(ticket, odd).request_id or "").endswith("x" * 1000)


def test_a_signature_is_not_in_the_ledger(ledger: Ledger) -> None:
    ticket = ledger.prepared(bring(ledger, TicketState.INTENDED), media_of(make_order()))
    assert ticket.media == Media(
        video_url="https://cdn/k1/video.mp4", voice_url="https://cdn/k1/voice.wav"
    )
    ticket = ledger.refused(ticket, f"cannot read {media_of(make_order()).video_url} (403)")
    assert ticket.detail == "cannot read https://cdn/k1/video.mp4 (403)"
    assert "planted" not in repr((ticket, ledger.history(ticket), media_of(make_order())))


def test_a_driver_that_is_not_installed_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="driver that is not installed"):
        Ledger("postgresql+asyncpgg://db/dubline", locks=tmp_path).tickets()
