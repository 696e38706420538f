"""Look up: an outcome nobody knows is looked for, and only a proof lets an order be sent again."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest

from lipsync.budget import Budget
from lipsync.errors import BudgetError, OutcomeUnknown, VendorBusy, VendorError, VendorRefused
from lipsync.ledger import Ledger
from lipsync.outcomes import CLOCK_SLACK_S
from lipsync.submit import submit
from lipsync.tickets import Media, Order, Receipt, Ticket, TicketState
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import CALLS, die_at
from tests.lipsync.ledger.test_intent import expire
from tests.lipsync.orders import PaidVendor, make_order, media_of, raising

STRIDE = 17


class Listing(PaidVendor):
    """Shows its list of requests, each as soon as it was taken."""

    discreet = False
    grace_s = -CLOCK_SLACK_S


class Slow(Listing):
    """Its list is an hour behind."""

    grace_s = 3_600.0


class Mute(Listing):
    """Takes every request and answers none."""

    def submit(self, order: Order, media: Media | None) -> Receipt:
        super().submit(order, media)
        raise OutcomeUnknown("read timeout")


class Deaf(Listing):
    """Takes no request and does not say so."""

    def submit(self, order: Order, media: Media | None) -> Receipt:  # noqa: ARG002  the protocol
        raise OutcomeUnknown("502 from in front of it")


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return tmp_path / "books"


def test_an_answer_that_was_lost_is_found_in_the_vendors_list(ledger: Ledger, books: Path) -> None:
    vendor = Mute(books)
    submitted = submit(make_order(), ledger, vendor)
    assert (submitted.ticket.state, submitted.ticket.request_id) == ("submitted", "job-1")
    assert vendor.sold == 1
    said = [event.detail for event in ledger.history(submitted.ticket)]
    assert said[-2:] == ["read timeout", "found in paid's list of requests"]


def test_what_is_proven_not_to_be_there_is_ordered_again(ledger: Ledger, books: Path) -> None:
    with pytest.raises(VendorError, match=r"not bought.*cost nothing"):
        submit(make_order(), ledger, Deaf(books))
    again = submit(make_order(), ledger, Listing(books))
    assert (again.new, again.ticket.attempt, Listing(books).sold) == (True, 2, 1)


def test_a_list_that_lags_proves_nothing(ledger: Ledger, books: Path) -> None:
    class DeafAndSlow(Deaf):
        grace_s = Slow.grace_s

    for vendor in (DeafAndSlow(books), Slow(books), Slow(books)):
        with pytest.raises(OutcomeUnknown, match=r"proof after .* UTC"):
            submit(make_order(), ledger, vendor)
    assert Slow(books).sold == 0


@pytest.mark.parametrize(
    "error", [OutcomeUnknown("no key for the list"), VendorBusy("no answer")], ids=["no", "busy"]
)
def test_a_list_that_cannot_be_read_proves_nothing(
    ledger: Ledger, books: Path, error: VendorError
) -> None:
    class Closed(Deaf):
        def look_up(self, ticket: Ticket, taken: Callable[[str], bool]) -> Receipt | None:  # noqa: ARG002
            raise error

    for _ in range(2):
        with pytest.raises(OutcomeUnknown, match=f"requests resolve 1.*{error}"):
            submit(make_order(), ledger, Closed(books))
    assert ledger.ticket(1).state is TicketState.UNKNOWN


def test_the_request_of_another_order_is_not_taken_for_ours(ledger: Ledger, books: Path) -> None:
    """Files uploaded once serve many orders: their requests look alike."""

    class Careless(Deaf):
        def look_up(self, ticket: Ticket, taken: Callable[[str], bool]) -> Receipt | None:  # noqa: ARG002
            return Receipt(request_id="job-1")

    submit(make_order("other"), ledger, Listing(books))
    with pytest.raises(OutcomeUnknown, match="job-1, which is another order's"):
        submit(make_order("ours"), ledger, Careless(books))
    assert ledger.by_key("ours").request_id is None  # type: ignore[union-attr]


def test_the_request_of_an_earlier_attempt_is_not_taken_for_this_one(
    ledger: Ledger, books: Path
) -> None:
    first = submit(make_order(), ledger, Listing(books)).ticket
    ledger.not_bought(ledger.unknown(first, "lost"), "a person has looked")
    second = submit(make_order(), ledger, Mute(books)).ticket
    assert (second.attempt, second.request_id) == (2, "job-2")


def test_what_the_vendor_had_confirmed_is_not_proven_unbought_by_its_absence(
    ledger: Ledger, books: Path
) -> None:
    ticket = submit(make_order(), ledger, Listing(books)).ticket
    ledger.unknown(ticket, "it knows no such request")
    (books / "sold").unlink()
    with pytest.raises(OutcomeUnknown, match="took it as job-1 and lists it no more"):
        submit(make_order(), ledger, Listing(books))
    assert Listing(books).sold == 0


@pytest.mark.parametrize("vendor", [Listing, Slow], ids=["list", "list that lags"])
def test_killed_anywhere_an_order_is_bought_once_and_found(
    shelf: Shelf, books: Path, vendor: type[Listing]
) -> None:
    """With a list that keeps up nobody is ever left without an answer."""
    ends, point = set(), 1
    worker, heir = shelf.open(), shelf.open()
    paid = vendor(books)

    def order() -> Order:
        return make_order(f"k{point}")

    while die_at(point, lambda: submit(order(), worker, paid), points=CALLS, before=worker.tickets):
        sold = paid.sold_for(f"k{point}")
        try:
            submit(order(), heir, paid)
            ends.add((sold, "bought"))
            assert paid.sold_for(f"k{point}") == 1
        except OutcomeUnknown:
            ends.add((sold, "unknown"))
            assert paid.sold_for(f"k{point}") == sold
        point += STRIDE
    lost = {(0, "unknown")} if vendor is Slow else set()
    assert {(0, "bought"), (1, "bought")} <= ends <= {(0, "bought"), (1, "bought")} | lost


def test_a_ticket_whose_worker_died_at_another_place_is_settled_when_its_lease_ends(
    shelf: Shelf, books: Path
) -> None:
    class Deadly(Listing):
        def submit(self, order: Order, media: Media | None) -> Receipt:
            super().submit(order, media)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

    there, here = shelf.open("there"), shelf.open("here")
    assert die_at(10**6, lambda: submit(make_order(), shelf.open("there"), Deadly(books)))
    left = here.ticket(1)
    assert (left.state, here.is_held_elsewhere(left)) == ("submitting", True)
    expire(there, left)
    assert submit(make_order(), here, Listing(books)).ticket.request_id == "job-1"
    assert Listing(books).sold == 1


def test_whoever_wants_what_is_being_sent_elsewhere_waits_for_it(
    shelf: Shelf, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = shelf.open("there"), shelf.open("here")
    ticket = there.submitting(there.intend(make_order()).ticket)
    waited: list[float] = []

    def wait(pause_s: float) -> None:
        """Meanwhile the other is done."""
        waited.append(pause_s)
        assert here.ticket(ticket.id).state is TicketState.SUBMITTING
        there.submitted(ticket, Listing(books).take("k1"))

    monkeypatch.setattr("lipsync.submit.time.sleep", wait)
    submitted = submit(make_order(), here, Listing(books))
    assert (submitted.new, submitted.ticket.request_id) == (False, "job-1")
    assert (len(waited), Listing(books).sold) == (1, 1)


def test_whoever_is_in_the_middle_of_a_long_request_is_believed_to_live(
    shelf: Shelf, books: Path
) -> None:
    there, here = shelf.open("there", lease_s=1.2), shelf.open("here")

    class Long(PaidVendor):
        """Takes longer than a lease to answer."""

        def submit(self, order: Order, media: Media | None) -> Receipt:
            until = here.now() + timedelta(seconds=1.6)
            while here.now() < until:
                assert here.is_held_elsewhere(here.ticket(1))
                sleep(0.02)
            return super().submit(order, media)

    assert submit(make_order(), there, Long(books)).new


def test_a_living_worker_that_was_taken_for_dead_still_records_what_it_bought(
    shelf: Shelf, books: Path
) -> None:
    here = shelf.open("here")

    class Frozen(Listing):
        """Its machine stands still in the middle of the request, for longer than its lease."""

        discreet = True

        def submit(self, order: Order, media: Media | None) -> Receipt:
            expire(here, here.ticket(1))
            with pytest.raises(OutcomeUnknown, match="its worker died"):
                submit(order, here, PaidVendor(books))
            return super().submit(order, media)

    submitted = submit(make_order(), shelf.open("there"), Frozen(books))
    assert (submitted.ticket.request_id, Listing(books).sold) == ("job-1", 1)
    assert here.ticket(1).detail == "its worker was alive after all"


def test_a_living_worker_whose_request_was_found_by_another_goes_on(
    shelf: Shelf, books: Path
) -> None:
    here = shelf.open("here")

    class Frozen(Listing):
        def submit(self, order: Order, media: Media | None) -> Receipt:
            receipt = super().submit(order, media)
            expire(here, here.ticket(1))
            assert submit(order, here, Listing(books)).ticket.request_id == receipt.request_id
            return receipt

    submitted = submit(make_order(), shelf.open("there"), Frozen(books))
    assert (submitted.ticket.state, Listing(books).sold) == (TicketState.SUBMITTED, 1)


def test_where_the_vendor_fetches_is_written_down_before_the_request_leaves(
    shelf: Shelf, books: Path
) -> None:
    class Onlooker(PaidVendor):
        def submit(self, order: Order, media: Media | None) -> Receipt:
            (ticket,) = shelf.open().tickets()
            assert ticket.media == media_of(order).without_queries()
            assert media == media_of(order)  # whole: the vendor needs the signatures
            return super().submit(order, media)

    assert submit(make_order(), shelf.open(), Onlooker(books)).new


def test_an_upload_that_failed_leaves_nothing_reserved(ledger: Ledger, books: Path) -> None:
    vendor = PaidVendor(books)
    vendor.uploads = [raising(VendorBusy("503 from the storage"))]
    with pytest.raises(VendorBusy):
        submit(make_order(), ledger, vendor, run="r")
    ticket = ledger.ticket(1)
    assert (ticket.state, ticket.lease_holder, vendor.sold) == ("intended", None, 0)
    assert ledger.spent("run:r").usd == 0
    assert submit(make_order(), ledger, vendor).new


def test_files_the_vendor_refuses_are_written_down(ledger: Ledger, books: Path) -> None:
    vendor = PaidVendor(books)
    vendor.uploads = [raising(VendorRefused("no webm"))]
    with pytest.raises(VendorRefused):
        submit(make_order(), ledger, vendor)
    assert ledger.ticket(1).is_free_to_repeat
    assert vendor.sold == 0


def test_over_the_budget_nothing_is_uploaded_or_sent(ledger: Ledger, books: Path) -> None:
    vendor = PaidVendor(books)
    with pytest.raises(BudgetError):
        submit(make_order(), ledger, vendor, Budget.model_validate({"per_run_usd": "0.04"}), "r")
    assert (vendor.uploaded, vendor.sold, ledger.tickets()) == (0, 0, ())


def test_another_choice_for_a_dub_attaches_to_the_one_that_was_bought(
    ledger: Ledger, books: Path
) -> None:
    vendor = PaidVendor(books)
    first = submit(make_order("first", dub="d"), ledger, vendor).ticket
    second = submit(make_order("second", dub="d"), ledger, vendor)
    assert (second.new, second.ticket, vendor.sold) == (False, first, 1)


def test_another_choice_for_a_dub_waits_for_one_whose_outcome_is_unknown(
    ledger: Ledger, books: Path
) -> None:
    vendor = PaidVendor(books)
    vendor.answers = [raising(OutcomeUnknown("read timeout"))]
    with pytest.raises(OutcomeUnknown):
        submit(make_order("first", dub="d"), ledger, vendor)
    with pytest.raises(OutcomeUnknown, match="ticket 1 is unknown"):
        submit(make_order("second", dub="d"), ledger, vendor)
    assert vendor.sold == 0
