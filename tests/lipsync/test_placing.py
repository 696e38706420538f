"""Placing: an order waits for room, says so, can be left at any time, and outlives the dead."""

import logging
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from lipsync import placing
from lipsync.budget import Budget
from lipsync.errors import VendorBusy
from lipsync.ledger import Ledger, LineFull
from lipsync.progress import told
from lipsync.submit import submit
from lipsync.tickets import Receipt, Ticket, TicketState
from lipsync.vendors.protocol import Progress, Standing
from tests.lipsync.orders import PaidVendor, make_order

BUDGET = Budget(per_run_usd=Decimal(1))
Sleeping = Callable[..., list[float]]


def nothing() -> None:
    """Let a sleep pass."""


@pytest.fixture
def vendor(tmp_path: Path) -> PaidVendor:
    return PaidVendor(tmp_path / "books")


@pytest.fixture
def sleeping(monkeypatch: pytest.MonkeyPatch) -> Sleeping:
    """Let something happen in each sleep, the last of it again and again."""

    def during(*acts: Callable[[], object]) -> list[float]:
        slept_s: list[float] = []

        def sleep(for_s: float) -> None:
            slept_s.append(for_s)
            assert len(slept_s) < 1_000, "nothing ends the waiting"
            acts[min(len(slept_s), len(acts)) - 1]()

        monkeypatch.setattr("lipsync.placing.time.sleep", sleep)
        return slept_s

    return during


@pytest.fixture
def there(ledger: Ledger) -> Ticket:
    """A job that holds the only place."""
    ticket = ledger.submitting(ledger.intend(make_order("there")).ticket)
    return ledger.submitted(ticket, Receipt(request_id="job-there"))


def test_an_order_is_sent_when_a_place_is_free(
    ledger: Ledger, vendor: PaidVendor, there: Ticket, sleeping: Sleeping
) -> None:
    slept_s = sleeping(nothing, nothing, lambda: ledger.completed(there))
    submitted = submit(make_order(), ledger, vendor, line=1)
    assert (submitted.new, submitted.ticket.state) == (True, TicketState.SUBMITTED)
    assert (vendor.sold, vendor.uploaded, len(slept_s)) == (1, 1, 3)


def test_who_waits_says_so_once(
    ledger: Ledger,
    vendor: PaidVendor,
    there: Ticket,
    sleeping: Sleeping,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sleeping(*[nothing] * 5, lambda: ledger.completed(there))
    with caplog.at_level(logging.INFO, "lipsync.placing"):
        submit(make_order(), ledger, vendor, line=1)
    said = [record.message for record in caplog.records if record.name == "lipsync.placing"]
    assert said == ["1 jobs are in flight at paid; waiting for a place"]


@pytest.mark.usefixtures("there")
def test_who_leaves_while_waiting_gives_the_money_back(
    ledger: Ledger, vendor: PaidVendor, sleeping: Sleeping
) -> None:
    reserved: list[Decimal] = []

    def leave() -> None:
        reserved.append(ledger.spent("run:r").usd)
        raise KeyboardInterrupt

    sleeping(leave)
    with pytest.raises(KeyboardInterrupt):
        submit(make_order(), ledger, vendor, BUDGET, "r", line=1)
    ticket = ledger.by_key("k1")
    assert ticket is not None
    assert (ticket.state, ticket.lease_holder) == (TicketState.INTENDED, None)
    assert (reserved, ledger.spent("run:r").usd) == ([Decimal("0.05")], 0)
    assert (vendor.sold, ledger.in_flight("paid")) == (0, 1)


@pytest.mark.usefixtures("there")
def test_who_waits_in_a_thread_is_made_to_leave_by_who_listens(
    ledger: Ledger, vendor: PaidVendor, sleeping: Sleeping
) -> None:
    class Stopped(Exception):
        """As a runner raises it when it is stopped."""

    def listen(stage: str, _done: int, _total: int) -> None:
        assert stage == "submit"
        raise Stopped

    words: list[tuple[str, str]] = []
    sleeping(nothing)
    with told(listen, lambda *said: words.append(said)), pytest.raises(Stopped):
        submit(make_order(), ledger, vendor, BUDGET, "r", line=1)
    assert words == [("submit", "1 jobs are in flight at paid; waiting for a place")]
    assert ledger.spent("run:r").usd == 0


@pytest.mark.usefixtures("there")
def test_who_does_not_wait_leaves_the_order_as_if_it_were_never_made(
    ledger: Ledger, vendor: PaidVendor, sleeping: Sleeping
) -> None:
    slept_s = sleeping(nothing)
    for _ in range(2):
        with pytest.raises(LineFull, match="nothing was sent"):
            submit(make_order(), ledger, vendor, BUDGET, "r", line=1, wait=False)
    ticket = ledger.by_key("k1")
    assert ticket is not None
    assert (ticket.state, ticket.lease_holder) == (TicketState.INTENDED, None)
    assert (ledger.spent("run:r").usd, vendor.sold, slept_s) == (0, 0, [])


def test_an_order_that_was_left_is_sent_by_the_next_who_finds_a_place(
    ledger: Ledger, vendor: PaidVendor, there: Ticket
) -> None:
    with pytest.raises(LineFull):
        submit(make_order(), ledger, vendor, line=1, wait=False)
    ledger.completed(there)
    assert submit(make_order(), ledger, vendor, line=1, wait=False).new
    assert vendor.sold == 1


def test_a_job_that_was_left_by_the_dead_is_asked_after(
    ledger: Ledger, vendor: PaidVendor, there: Ticket, sleeping: Sleeping
) -> None:
    vendor.standings = [Progress(state=Standing.RUNNING)]
    slept_s = sleeping(nothing)
    assert submit(make_order(), ledger, vendor, line=1).new
    assert ledger.ticket(there.id).state is TicketState.COMPLETED
    assert len(slept_s) == 2 * placing.LOOKS_PER_QUESTION


def test_no_answer_to_that_question_ends_nothing(
    ledger: Ledger, tmp_path: Path, there: Ticket, sleeping: Sleeping
) -> None:
    class Silent(PaidVendor):
        def status(self, ticket: Ticket) -> Progress:
            assert ticket.id == there.id
            raise VendorBusy("no answer")

    sleeping(*[nothing] * 50, lambda: ledger.completed(ledger.ticket(there.id)))
    assert submit(make_order(), ledger, Silent(tmp_path / "silent"), line=1).new


@pytest.mark.usefixtures("there")
def test_patience_has_an_end(
    ledger: Ledger,
    vendor: PaidVendor,
    sleeping: Sleeping,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vendor.standings = [Progress(state=Standing.RUNNING)] * 1_000
    slept_s = sleeping(nothing)
    monkeypatch.setattr("lipsync.placing.time.monotonic", lambda: sum(slept_s))
    monkeypatch.setattr("lipsync.placing.PATIENCE_S", 60.0)
    with pytest.raises(LineFull, match="run again later"):
        submit(make_order(), ledger, vendor, line=1)
    assert sum(slept_s) < 62
    assert vendor.sold == 0


def test_an_order_that_is_attached_to_needs_no_place(
    ledger: Ledger, vendor: PaidVendor, there: Ticket
) -> None:
    submitted = submit(make_order("there"), ledger, vendor, line=1)
    assert (submitted.new, submitted.ticket.id) == (False, there.id)
