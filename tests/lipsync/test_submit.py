"""Submit: whatever happens, and whenever the power goes, a dub is bought once."""

import os
import resource
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from lipsync.errors import OutcomeUnknown, StorageError, VendorBusy, VendorError, VendorRefused
from lipsync.home import Home
from lipsync.ledger import Ledger
from lipsync.submit import submit
from lipsync.tickets import Media, Order, Receipt, TicketState
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import CALLS, at_once, die_at
from tests.lipsync.orders import PaidVendor, make_order, raising
from tests.lipsync.servers import database

# Points of death that are passed over; 1 takes a minute and was run, with the same outcome.
STRIDE = 7


class FreeVendor(PaidVendor):
    """A vendor to whom the same order may be sent any number of times."""

    name = "free"
    replayable = True


@pytest.fixture
def vendor(tmp_path: Path) -> PaidVendor:
    return PaidVendor(tmp_path / "books")


def test_an_order_is_sent_and_its_receipt_is_written_down(
    ledger: Ledger, vendor: PaidVendor
) -> None:
    submitted = submit(make_order(), ledger, vendor)
    assert (submitted.new, submitted.ticket.request_id, vendor.sold) == (True, "job-1", 1)
    assert ledger.by_key("k1") == submitted.ticket


def test_the_ledger_knows_of_the_request_before_it_leaves(shelf: Shelf, ledger: Ledger) -> None:
    class Onlooker(PaidVendor):
        def submit(self, order: Order, media: Media | None) -> Receipt:
            (ticket,) = shelf.open().tickets()
            assert ticket.state is TicketState.SUBMITTING
            return super().submit(order, media)

    assert submit(make_order(), ledger, Onlooker(shelf.home.root / "books")).new


def test_an_order_that_was_sent_is_attached_to(ledger: Ledger, vendor: PaidVendor) -> None:
    first, second = (submit(make_order(), ledger, vendor) for _ in range(2))
    assert (second.new, second.ticket, vendor.sold) == (False, first.ticket, 1)


def test_another_generation_is_bought_on_purpose(ledger: Ledger, vendor: PaidVendor) -> None:
    submit(make_order(), ledger, vendor)
    assert submit(make_order("k1-again", generation=2), ledger, vendor).new
    assert vendor.sold == 2


def test_six_processes_with_one_order_buy_it_once(
    shelf: Shelf, ledger: Ledger, vendor: PaidVendor
) -> None:
    def buy(_number: int) -> None:
        assert submit(make_order(), shelf.open(), vendor).ticket.request_id == "job-1"

    at_once(6, buy)
    assert (vendor.sold, len(ledger.tickets())) == (1, 1)


def test_a_refusal_is_written_down_and_may_be_ordered_again(
    ledger: Ledger, vendor: PaidVendor
) -> None:
    vendor.answers = [raising(VendorRefused("422: no face"))]
    with pytest.raises(VendorRefused, match="no face"):
        submit(make_order(), ledger, vendor)
    (refused,) = ledger.tickets()
    assert (refused.state, refused.billed_usd) == (TicketState.REFUSED, Decimal(0))
    assert submit(make_order(), ledger, vendor).ticket.attempt == 2


def test_an_order_that_was_turned_away_is_sent_later(ledger: Ledger, vendor: PaidVendor) -> None:
    vendor.answers = [raising(VendorBusy("429")), raising(VendorBusy("no connection"))]
    for _ in range(2):
        with pytest.raises(VendorBusy):
            submit(make_order(), ledger, vendor)
        assert ledger.tickets()[0].state is TicketState.INTENDED
    assert submit(make_order(), ledger, vendor).new
    assert vendor.sold == 1


def test_silence_after_a_paid_request_is_not_a_licence_to_resend(
    ledger: Ledger, vendor: PaidVendor
) -> None:
    vendor.answers = [raising(OutcomeUnknown("read timeout"))]
    for _ in range(3):
        with pytest.raises(OutcomeUnknown, match="read timeout"):
            submit(make_order(), ledger, vendor)
    assert (vendor.sold, ledger.tickets()[0].state) == (0, TicketState.UNKNOWN)


def test_an_error_nobody_foresaw_is_not_a_licence_to_resend(
    ledger: Ledger, vendor: PaidVendor
) -> None:
    vendor.answers = [raising(KeyError("request_id"))]
    with pytest.raises(KeyError):
        submit(make_order(), ledger, vendor)
    with pytest.raises(OutcomeUnknown, match="requests resolve 1"):
        submit(make_order(), ledger, vendor)
    assert vendor.sold == 0


@pytest.mark.parametrize("billed_usd", [None, Decimal("0.04")], ids=str)
def test_what_failed_and_may_have_been_charged_is_not_bought_again(
    ledger: Ledger, vendor: PaidVendor, billed_usd: Decimal | None
) -> None:
    ledger.failed(submit(make_order(), ledger, vendor).ticket, "422 at the end", billed_usd)
    with pytest.raises(VendorError, match="raise its generation above 1"):
        submit(make_order(), ledger, vendor)
    assert vendor.sold == 1


def test_what_failed_for_free_is_ordered_again(ledger: Ledger, vendor: PaidVendor) -> None:
    ledger.failed(submit(make_order(), ledger, vendor).ticket, "500", Decimal(0))
    assert submit(make_order(), ledger, vendor).ticket.request_id == "job-2"


def test_an_order_that_waited_is_sent_with_the_quote_of_today(
    ledger: Ledger, vendor: PaidVendor
) -> None:
    ledger.intend(make_order())
    assert submit(make_order(quoted_usd=Decimal(2)), ledger, vendor).ticket.quoted_usd == 2


def test_the_quote_of_what_was_bought_stays(ledger: Ledger, vendor: PaidVendor) -> None:
    submit(make_order(), ledger, vendor)
    ticket = submit(make_order(quoted_usd=Decimal(2)), ledger, vendor).ticket
    assert ticket.quoted_usd == Decimal("0.05")


def test_a_receipt_that_cannot_be_written_down_is_said_aloud(home: Home, tmp_path: Path) -> None:
    class Disk(PaidVendor):
        """The disk fills up while the request is under way."""

        def submit(self, order: Order, media: Media | None) -> Receipt:
            receipt = super().submit(order, media)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            return receipt

    def buy(_number: int) -> None:
        with pytest.raises(StorageError, match=r"accepted by paid as job-1.*--bought job-1"):
            submit(make_order(), Ledger(home.ledger), Disk(tmp_path / "books"))

    home.folder()
    at_once(1, buy)
    with pytest.raises(OutcomeUnknown):
        submit(make_order(), Ledger(home.ledger), PaidVendor(tmp_path / "books"))


def test_a_receipt_is_said_aloud_when_the_server_is_gone(
    server: str, home: Home, tmp_path: Path
) -> None:
    class Outage(PaidVendor):
        """The database goes away while the request is under way."""

        def submit(self, order: Order, media: Media | None) -> Receipt:
            cut_off("gone")
            return super().submit(order, media)

    with database(server, "gone") as (url, cut_off, mend):
        with pytest.raises(StorageError, match=r"accepted by paid as job-1.*--bought job-1"):
            submit(make_order(), Ledger(url, home.folder("locks")), Outage(tmp_path / "books"))
        mend("gone")
        with pytest.raises(OutcomeUnknown):
            submit(make_order(), Ledger(url, home.folder("locks")), PaidVendor(tmp_path / "books"))


@pytest.mark.parametrize(
    ("arrived", "sold"),
    [
        pytest.param(False, 0, id="just before the request arrives"),
        pytest.param(True, 1, id="after it was taken, before the answer"),
    ],
)
def test_killed_while_sending_the_order_is_not_sent_again(
    shelf: Shelf, vendor: PaidVendor, tmp_path: Path, arrived: bool, sold: int
) -> None:
    class Deadly(PaidVendor):
        def submit(self, order: Order, media: Media | None) -> Receipt:
            if arrived:
                super().submit(order, media)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

    ledger, deadly = shelf.open(), Deadly(tmp_path / "books")
    assert die_at(10**6, lambda: submit(make_order(), shelf.open(), deadly))
    for _ in range(2):
        with pytest.raises(OutcomeUnknown, match="its worker died while sending"):
            submit(make_order(), ledger, vendor)
    assert vendor.sold == sold


def test_killed_anywhere_a_paid_order_is_sent_at_most_once(
    shelf: Shelf, vendor: PaidVendor
) -> None:
    """Before the entry "submitting" it is sent again; after the receipt it is attached to."""
    ends, point = [], 1
    worker, heir = shelf.open(), shelf.open()

    def order() -> Order:
        return make_order(f"k{point}")

    def buy() -> None:
        submit(order(), worker, vendor)

    while die_at(point, buy, points=CALLS, before=worker.tickets):
        sold = vendor.sold_for(f"k{point}")
        try:
            ends.append((sold, "sent" if submit(order(), heir, vendor).new else "attached"))
            assert vendor.sold_for(f"k{point}") == 1
        except OutcomeUnknown:
            ends.append((sold, "unknown"))
            assert vendor.sold_for(f"k{point}") == sold
        point += STRIDE
    assert ends == sorted(ends, key=[*dict.fromkeys(ends)].index)  # each ends where the next begins
    assert (
        {(0, "sent"), (1, "attached")}
        <= set(ends)
        <= {
            (0, "sent"),
            (0, "unknown"),
            (1, "unknown"),
            (1, "attached"),
        }
    )


def test_killed_anywhere_a_free_order_always_gets_its_ticket(shelf: Shelf, tmp_path: Path) -> None:
    point = 1
    worker, heir = shelf.open(), shelf.open()
    vendor = FreeVendor(tmp_path / "books")

    def order() -> Order:
        return make_order(f"k{point}")

    while die_at(
        point, lambda: submit(order(), worker, vendor), points=CALLS, before=worker.tickets
    ):
        assert submit(order(), heir, vendor).ticket.state is TicketState.SUBMITTED
        point += 3 * STRIDE
