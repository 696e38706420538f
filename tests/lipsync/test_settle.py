"""Settle: what a person or a schedule does about tickets; it collects, and it never buys."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from lipsync.collect import collect
from lipsync.errors import OutcomeUnknown, UsageError, VendorBusy, VendorError
from lipsync.ledger import Ledger
from lipsync.outcomes import CancelAnswer
from lipsync.settle import cancel, collect_open, resolve, resume
from lipsync.store import Store
from lipsync.submit import submit
from lipsync.tickets import OPEN, Ticket, TicketState
from lipsync.vendors.protocol import Fetched, Fetching, Progress, Standing, Vendor
from tests.clips import make_clip
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import at_once
from tests.lipsync.orders import PaidVendor, make_order, raising
from tests.lipsync.test_ledger import bring


class Listing(PaidVendor):
    """Shows its list of requests."""

    discreet = False
    grace_s = 600.0


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("vendor") / "result.mp4", frames=25)


@pytest.fixture
def vendor(tmp_path: Path, result: Path) -> PaidVendor:
    return PaidVendor(tmp_path / "books", result)


@pytest.fixture
def named(vendor: PaidVendor) -> Callable[[str], Vendor]:
    def vendor_named(name: str) -> Vendor:
        if name != "paid":
            raise UsageError(f"{name}: has no key")
        return vendor

    return vendor_named


VendorNamed = Callable[[str], Vendor]


def unknown(ledger: Ledger, vendor: PaidVendor, key: str = "k1") -> Ticket:
    vendor.answers = [raising(OutcomeUnknown("read timeout"))]
    with pytest.raises(OutcomeUnknown):
        submit(make_order(key), ledger, vendor)
    ticket = ledger.by_key(key)
    assert ticket is not None
    return ticket


def test_every_open_ticket_is_collected_and_one_that_fails_stops_no_other(
    ledger: Ledger, vendor: PaidVendor, named: VendorNamed, store: Store
) -> None:
    for key in "abc":
        submit(make_order(key), ledger, vendor)
    lost = unknown(ledger, vendor, "lost")
    keyless = ledger.submitting(ledger.intend(make_order("keyless", vendor="other")).ticket)
    vendor.standings = []
    found = collect_open(ledger, named, store)
    assert [one.ticket.id for one in found] == [1, 2, 3, lost.id, keyless.id]
    assert all(one.delivery is not None for one in found[:3])
    assert [(one.exit_code, one.delivery) for one in found[3:]] == [(7, None), (2, None)]
    assert "has no key" in found[4].said
    assert vendor.sold == 3


def test_collecting_again_finds_nothing_to_do(
    ledger: Ledger, vendor: PaidVendor, named: VendorNamed, store: Store
) -> None:
    submit(make_order(), ledger, vendor)
    assert len(collect_open(ledger, named, store)) == 1
    assert collect_open(ledger, named, store) == ()
    assert vendor.fetches == 1


def test_tickets_that_are_over_or_were_never_sent_are_left_alone(ledger: Ledger) -> None:
    kept = set(TicketState) - OPEN
    for state in kept:
        bring(ledger, state, state.value)
    assert collect_open(ledger, lambda _name: PaidVendor(Path("/nowhere")), Store) == ()  # type: ignore[arg-type]


def test_a_job_that_is_not_finished_stays_for_the_next_time(
    ledger: Ledger, vendor: PaidVendor, named: VendorNamed, store: Store
) -> None:
    submit(make_order(), ledger, vendor)
    vendor.standings = [Progress(state=Standing.RUNNING)]
    (waiting,) = collect_open(ledger, named, store)
    assert (waiting.exit_code, waiting.ticket.state) == (6, TicketState.SUBMITTED)
    assert collect_open(ledger, named, store)[0].delivery is not None


def test_four_workers_that_collect_everything_at_once_fetch_each_once(
    shelf: Shelf, tmp_path: Path, result: Path, store: Store
) -> None:
    class Each(PaidVendor):
        """No two results are the same file."""

        def fetch(self, ticket: Ticket, into: Path, progress: Fetching) -> Fetched:
            came = super().fetch(ticket, into, progress)
            with into.open("ab") as file:
                file.write(b"\0\0\0\x09free" + ticket.key.encode())
            return came

    ledger, vendor = shelf.open(), Each(tmp_path / "books", result)
    for key in "abcdef":
        submit(make_order(key), ledger, vendor)
    ledger.close()

    def work(_number: int) -> None:
        collect_open(shelf.open(), lambda _name: vendor, store)

    at_once(4, work)
    assert (vendor.fetches, vendor.sold) == (6, 6)


def test_two_places_that_collect_one_ticket_both_get_it(
    shelf: Shelf, vendor: PaidVendor, named: VendorNamed, store: Store
) -> None:
    ledger, other_home = shelf.open(), type(store.home)(store.home.root / "other")
    ticket = submit(make_order(), ledger, vendor).ticket
    here = resume(ticket.id, ledger, named, store)
    there = resume(ticket.id, shelf.open("there"), named, Store(other_home))
    assert here.file.sha256 == there.file.sha256
    assert here.file.path != there.file.path
    assert here.file.path.is_file()
    assert there.file.path.is_file()


def test_a_ticket_left_halfway_is_looked_up_and_collected(
    ledger: Ledger, vendor: PaidVendor, result: Path, tmp_path: Path, store: Store
) -> None:
    unknown(ledger, vendor)
    listing = Listing(tmp_path / "books", result)
    listing.take("k1")
    assert resume(1, ledger, lambda _name: listing, store).request_id == "job-1"
    assert listing.sold == 1


def test_a_ticket_that_is_being_sent_elsewhere_is_left_to_it(
    shelf: Shelf, named: VendorNamed, store: Store
) -> None:
    there, here = shelf.open("there"), shelf.open("here")
    there.submitting(there.intend(make_order()).ticket)
    with pytest.raises(VendorBusy, match=r"is being sent by .* just now"):
        resume(1, here, named, store)
    with pytest.raises(VendorBusy, match="just now"):
        resolve(1, here, not_bought=True)
    assert here.ticket(1).state is TicketState.SUBMITTING


def test_a_person_may_name_the_request_and_it_is_collected(
    ledger: Ledger, vendor: PaidVendor, named: VendorNamed, store: Store
) -> None:
    ticket = unknown(ledger, vendor)
    vendor.take("k1")
    assert resolve(ticket.id, ledger, bought="job-1").state is TicketState.SUBMITTED
    assert resume(ticket.id, ledger, named, store).request_id == "job-1"
    assert vendor.sold == 1


def test_a_person_may_say_that_nothing_was_bought(ledger: Ledger, vendor: PaidVendor) -> None:
    ticket = unknown(ledger, vendor)
    assert resolve(ticket.id, ledger, not_bought=True).is_free_to_repeat
    assert submit(make_order(), ledger, vendor).ticket.attempt == 2


def test_a_person_may_say_what_a_failure_cost(ledger: Ledger, vendor: PaidVendor) -> None:
    ledger.failed(submit(make_order(), ledger, vendor).ticket, "422 at the end")
    with pytest.raises(VendorError, match="may have been charged"):
        submit(make_order(), ledger, vendor)
    assert resolve(1, ledger, billed_usd=Decimal(0)).is_free_to_repeat
    assert submit(make_order(), ledger, vendor).ticket.attempt == 2


def test_a_request_that_died_before_its_answer_is_resolved_too(ledger: Ledger) -> None:
    """As the message says that a receipt could not be written down."""
    bring(ledger, TicketState.SUBMITTING)
    assert resolve(1, ledger, bought="job-9").request_id == "job-9"


def test_the_request_of_another_order_is_refused(ledger: Ledger, vendor: PaidVendor) -> None:
    submit(make_order("other"), ledger, vendor)
    ticket = unknown(ledger, vendor)
    with pytest.raises(UsageError, match="job-1: is the request of another order"):
        resolve(ticket.id, ledger, bought="job-1")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"bought": "job-1", "not_bought": True}, id="both"),
        pytest.param({"not_bought": True, "billed_usd": Decimal(1)}, id="not bought, but billed"),
    ],
)
def test_one_thing_is_said_at_a_time(
    ledger: Ledger, vendor: PaidVendor, said: dict[str, object]
) -> None:
    ticket = unknown(ledger, vendor)
    with pytest.raises(UsageError, match="say one of"):
        resolve(ticket.id, ledger, **said)  # type: ignore[arg-type]
    assert ledger.ticket(ticket.id) == ticket


@pytest.mark.parametrize("state", sorted(set(TicketState) - {TicketState.UNKNOWN}))
@pytest.mark.parametrize("said", [{"bought": "job-9"}, {"not_bought": True}], ids=["bought", "not"])
def test_what_is_known_is_not_overruled(
    ledger: Ledger, state: TicketState, said: dict[str, object]
) -> None:
    ticket = bring(ledger, state)
    if state is TicketState.SUBMITTING:  # left by the dead, which is not known
        return
    with pytest.raises(UsageError, match="which is known"):
        resolve(ticket.id, ledger, **said)  # type: ignore[arg-type]
    assert ledger.ticket(ticket.id) == ticket


@pytest.mark.parametrize("billed", ["-1", "NaN", "Infinity"])
def test_a_bill_is_a_sum_of_money(ledger: Ledger, vendor: PaidVendor, billed: str) -> None:
    submit(make_order(), ledger, vendor)
    with pytest.raises(UsageError, match="0 or more US dollars"):
        resolve(1, ledger, billed_usd=Decimal(billed))


@pytest.mark.parametrize("answer", CancelAnswer)
def test_the_vendors_answer_to_a_wish_to_cancel_is_written_down(
    ledger: Ledger, vendor: PaidVendor, named: VendorNamed, answer: CancelAnswer
) -> None:
    submit(make_order(), ledger, vendor)
    vendor.cancelling = answer
    ticket = cancel(1, ledger, named)
    ends = answer is CancelAnswer.REMOVED
    assert ticket.state is (TicketState.CANCELLED if ends else TicketState.SUBMITTED)
    assert ticket.is_free_to_repeat is ends
    assert "paid" in (ledger.history(ticket)[-1].detail or "")


def test_a_job_that_goes_on_after_a_wish_to_cancel_is_collected(
    ledger: Ledger, vendor: PaidVendor, named: VendorNamed, store: Store
) -> None:
    submit(make_order(), ledger, vendor)
    ticket = cancel(1, ledger, named)
    assert collect(ticket, ledger, vendor, store).request_id == "job-1"


def test_a_job_that_was_let_go_while_it_ran_is_not_known_to_be_free(
    ledger: Ledger, vendor: PaidVendor, named: VendorNamed, store: Store
) -> None:
    submit(make_order(), ledger, vendor)
    vendor.standings = [Progress(state=Standing.CANCELLED, detail="499")]
    with pytest.raises(VendorError, match=r"is cancelled.*may have been charged"):
        resume(1, ledger, named, store)
    assert not ledger.ticket(1).is_free_to_repeat


def test_what_was_not_sent_is_cancelled_without_asking(ledger: Ledger) -> None:
    ledger.intend(make_order(), run="r")

    def nobody(_name: str) -> Vendor:
        raise AssertionError

    assert cancel(1, ledger, nobody).is_free_to_repeat
    assert ledger.spent("run:r").usd == 0


@pytest.mark.parametrize("state", sorted(set(TicketState) - {"intended", "submitted"}))
def test_what_is_over_or_halfway_is_not_cancelled(
    ledger: Ledger, named: VendorNamed, state: TicketState
) -> None:
    ticket = bring(ledger, state)
    with pytest.raises(UsageError, match=r"nobody knows|nothing left to cancel"):
        cancel(1, ledger, named)
    assert ledger.ticket(1) == ticket
