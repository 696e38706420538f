"""Awaiting: one thread for all jobs, whatever becomes of the way to them; leaving touches none."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from itertools import pairwise
from pathlib import Path

import pytest

from lipsync.accounts import FalSettings
from lipsync.attending import pause_s
from lipsync.awaiting import Awaiter, most_streams
from lipsync.collect import collect
from lipsync.emulator.clock import Clock
from lipsync.emulator.faults import Act
from lipsync.errors import UsageError, VendorBusy, VendorRefused
from lipsync.submit import submit
from lipsync.tickets import Ticket
from lipsync.vendors.fal.vendor import FalVendor
from lipsync.vendors.protocol import Followed, Progress, Standing, Vendor
from tests.lipsync.orders import PaidVendor, make_order
from tests.lipsync.pairs import CATALOGUE
from tests.money.house import House, open_house

pytest.importorskip("trustme")

# Longer than any answer takes on a machine under load; nothing waits so long unless it is broken.
LIMIT_S = 60.0
FAL, UNIFIED = "sync-2", "unified-lipsync-2"
DONE = Standing.DONE


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr("lipsync.attending.SHORTEST_PAUSE_S", 0.05)
    with open_house(tmp_path, monkeypatch.setenv, clock=Clock(), latency_s=0.5) as opened:
        yield opened


@pytest.fixture
def still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house whose vendors' clock stands still: no job ends before it is moved on."""
    monkeypatch.setattr("lipsync.attending.SHORTEST_PAUSE_S", 0.05)
    with open_house(tmp_path, monkeypatch.setenv) as opened:
        yield opened


def bought(house: House, model: str, count: int = 1) -> list[Ticket]:
    """Buy different dubs on a model."""
    ledger, vendor = house.ledger(), house.vendor(CATALOGUE.models[model].vendor)
    orders = [house.order(model) for _ in range(count)]
    return [submit(order, ledger, vendor).ticket for order in orders]


def calls(house: House, route: str) -> int:
    return house.emulator.account().calls.get(route, 0)


class Hearing:
    """Remembers what was told of each job, and lets a test wait for it."""

    def __init__(self) -> None:
        self.told: dict[int, list[Progress]] = {}
        self._news = threading.Condition()

    def __call__(self, ticket: Ticket, progress: Progress) -> None:
        with self._news:
            self.told.setdefault(ticket.id, []).append(progress)
            self._news.notify_all()

    def until(self, holds: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(holds, LIMIT_S)


def states(futures: list["Future[Progress]"]) -> set[Standing]:
    return {future.result(LIMIT_S).state for future in futures}


def test_jobs_of_fal_are_followed_by_their_streams_and_nobody_asks(house: House) -> None:
    tickets, hearing = bought(house, FAL, 12), Hearing()
    with Awaiter(house.vendor, hearing) as awaiter:
        assert states([awaiter.wait_for(ticket) for ticket in tickets]) == {DONE}
    assert (calls(house, "fal stream"), calls(house, "fal status")) == (12, 0)
    for told in hearing.told.values():
        assert told[-1].state is DONE
        assert all(before != after for before, after in pairwise(told))


def test_all_jobs_are_awaited_in_one_thread(still: House) -> None:
    tickets, hearing = bought(still, FAL, 12), Hearing()
    threads = set(threading.enumerate())
    with Awaiter(still.vendor, hearing) as awaiter:
        futures = [awaiter.wait_for(ticket) for ticket in tickets]
        hearing.until(lambda: len(hearing.told) == len(tickets))
        emulators = {thread for thread in threading.enumerate() if "Thread-" in thread.name}
        names = [one.name for one in set(threading.enumerate()) - threads - emulators]
        assert [name for name in names if not name.startswith("ask")] == ["awaiting"]
        assert awaiter.waiting() == 12
        still.emulator.clock.advance(60)
        assert states(futures) == {DONE}
        assert awaiter.waiting() == 0


def test_tasks_of_the_unified_api_are_asked_after(house: House) -> None:
    tickets, hearing = bought(house, UNIFIED, 3), Hearing()
    with Awaiter(house.vendor, hearing) as awaiter:
        assert states([awaiter.wait_for(ticket) for ticket in tickets]) == {DONE}
    assert {told[-1].percent for told in hearing.told.values()} == {100}


def test_vendors_are_awaited_together(house: House) -> None:
    tickets = [*bought(house, FAL, 2), *bought(house, UNIFIED, 2)]
    with Awaiter(house.vendor) as awaiter:
        assert states([awaiter.wait_for(ticket) for ticket in tickets]) == {DONE}


def test_a_vendor_that_knows_no_event_loop_is_asked_in_threads(tmp_path: Path) -> None:
    vendor, hearing = PaidVendor(tmp_path / "books"), Hearing()
    vendor.standings = [Progress(state=Standing.QUEUED), Progress(state=Standing.RUNNING)]
    assert not isinstance(vendor, Followed)
    from lipsync.home import Home
    from lipsync.ledger import Ledger

    ticket = submit(make_order(), Ledger(Home(tmp_path / "home").ledger), vendor).ticket
    with Awaiter(lambda _name: vendor, hearing) as awaiter:
        assert states([awaiter.wait_for(ticket)]) == {DONE}
    told = [progress.state.value for progress in hearing.told[ticket.id]]
    assert told == ["queued", "running", "done"]


TROUBLE = {
    "a stream breaks": [("stream_cut", {"times": 3})],
    "there is no stream": [("stream_absent", {})],
    "no stream, and the server fails for a while": [
        ("stream_absent", {}),
        ("status_500", {"times": 5}),
    ],
    "no stream, and answers are cut": [("stream_absent", {}), ("status_cut", {"times": 5})],
    "the proxy drops connections": [("refused", {"times": 6})],
    "the stream fails as a gateway": [("stream_absent", {"status": 502, "times": 2})],
    "nothing is answered in full": [
        ("stream_cut", {"times": 2}),
        ("status_503", {"times": 2}),
        ("status_missing_keys", {"times": 2}),
        ("status_odd", {"times": 2}),
    ],
    "the result does not come at first": [("result_cut", {})],
    "it is queued again": [("requeue", {})],
}


@pytest.mark.parametrize("faults", TROUBLE.values(), ids=TROUBLE)
def test_whatever_becomes_of_the_way_to_fal_its_jobs_are_awaited(
    house: House, faults: list[tuple[str, dict[str, object]]]
) -> None:
    tickets = bought(house, FAL, 3)
    for name, changes in faults:
        house.emulator.fault(name, **({"vendor": "fal"} | changes))
    with Awaiter(house.vendor) as awaiter:
        assert states([awaiter.wait_for(ticket) for ticket in tickets]) == {DONE}
    assert house.emulator.account().duplicates == 0


@pytest.mark.parametrize("fault", ["status_500", "status_503", "status_cut", "status_missing_keys"])
def test_whatever_becomes_of_the_way_to_the_unified_api_its_tasks_are_awaited(
    house: House, fault: str
) -> None:
    tickets = bought(house, UNIFIED, 2)
    house.emulator.fault(fault, vendor="unified", times=4)
    with Awaiter(house.vendor) as awaiter:
        assert states([awaiter.wait_for(ticket) for ticket in tickets]) == {DONE}


def test_a_stream_that_tells_nothing_is_left_and_the_job_asked_after(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync.attending.FIRST_WORD_S", 0.2)
    tickets = bought(house, FAL)
    house.emulator.fault("held back", act=Act.DELAY, route="stream", delay_s=LIMIT_S)
    with Awaiter(house.vendor) as awaiter:
        assert states([awaiter.wait_for(ticket) for ticket in tickets]) == {DONE}
    assert (calls(house, "fal stream"), calls(house, "fal status") > 0) == (1, True)


def test_a_stream_that_falls_silent_is_checked_and_taken_up_again(
    still: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync.vendors.fal.follower.SILENCE_S", 0.2)
    (ticket,), hearing = bought(still, FAL), Hearing()
    with Awaiter(still.vendor, hearing) as awaiter:
        future = awaiter.wait_for(ticket)
        while calls(still, "fal stream") < 3:
            assert not future.done()
        assert calls(still, "fal status") >= 1
        still.emulator.clock.advance(60)
        assert states([future]) == {DONE}
    assert len(hearing.told[ticket.id]) <= 3  # what it was told again was no news


def test_no_more_streams_are_open_than_may_be(
    still: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync.awaiting.MOST_STREAMS", 2)
    tickets, hearing = bought(still, FAL, 5), Hearing()
    with Awaiter(still.vendor, hearing) as awaiter:
        futures = [awaiter.wait_for(ticket) for ticket in tickets]
        hearing.until(lambda: len(hearing.told) == len(tickets))
        assert (calls(still, "fal stream"), calls(still, "fal status") >= 3) == (2, True)
        still.emulator.clock.advance(60)
        assert states(futures) == {DONE}


@pytest.mark.parametrize("fault", ["result_422", "completed_with_error", "result_500"])
def test_a_job_that_failed_ended_as_it_does_for_who_asks_alone(house: House, fault: str) -> None:
    house.emulator.fault(fault, vendor="fal")
    (ticket,) = bought(house, FAL)
    with Awaiter(house.vendor) as awaiter:
        ended = awaiter.wait_for(ticket).result(LIMIT_S)
    alone = house.vendor("fal").status(ticket)
    assert ended.state is Standing.FAILED
    assert (ended.detail, ended.billed_usd) == (alone.detail, alone.billed_usd)


def test_a_job_nobody_knows_is_lost(house: House) -> None:
    (ticket,) = bought(house, FAL)
    strange = ticket.model_copy(update={"request_id": "0" * 8, "urls": {}})
    with Awaiter(house.vendor) as awaiter:
        assert awaiter.wait_for(strange).result(LIMIT_S).state is Standing.LOST


def test_closing_ends_the_waiting_at_once_and_touches_no_job(still: House) -> None:
    tickets, hearing = bought(still, FAL, 3), Hearing()
    with Awaiter(still.vendor, hearing) as awaiter:
        futures = [awaiter.wait_for(ticket) for ticket in tickets]
        hearing.until(lambda: len(hearing.told) == len(tickets))
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(LIMIT_S)
    assert calls(still, "fal cancel") == 0
    still.emulator.clock.advance(60)
    ledger, vendor = still.ledger(), still.vendor("fal")
    for ticket in tickets:
        assert collect(ticket, ledger, vendor, still.store).request_id == ticket.request_id


def test_closing_does_not_wait_for_a_vendor_that_hangs(tmp_path: Path) -> None:
    asked, answer = threading.Event(), threading.Event()

    class Hanging(PaidVendor):
        def status(self, ticket: Ticket) -> Progress:
            asked.set()
            assert answer.wait(LIMIT_S)
            return super().status(ticket)

    from lipsync.home import Home
    from lipsync.ledger import Ledger

    vendor = Hanging(tmp_path / "books")
    ticket = submit(make_order(), Ledger(Home(tmp_path / "home").ledger), vendor).ticket
    with Awaiter(lambda _name: vendor) as awaiter:
        future = awaiter.wait_for(ticket)
        assert asked.wait(LIMIT_S)
    assert not answer.is_set()
    assert future.cancelled()
    answer.set()


def test_a_job_can_be_let_go_of_alone(still: House) -> None:
    (first, second), hearing = bought(still, FAL, 2), Hearing()
    with Awaiter(still.vendor, hearing) as awaiter:
        left, kept = awaiter.wait_for(first), awaiter.wait_for(second)
        hearing.until(lambda: len(hearing.told) == 2)
        left.cancel()
        assert awaiter.waiting() == 1
        still.emulator.clock.advance(60)
        assert states([kept]) == {DONE}


def test_nothing_is_awaited_after_the_end(still: House) -> None:
    (ticket,) = bought(still, FAL)
    with Awaiter(still.vendor) as awaiter:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        awaiter.wait_for(ticket)
    awaiter.close()


def test_patience_has_an_end_and_says_the_way_out(still: House) -> None:
    (ticket,) = bought(still, FAL)
    with Awaiter(still.vendor, patience_s=0.5) as awaiter:
        future = awaiter.wait_for(ticket)
        with pytest.raises(VendorBusy, match=rf"requests resume {ticket.id}"):
            future.result(LIMIT_S)


def test_a_vendor_that_is_not_set_up_is_said_at_once(still: House) -> None:
    (ticket,) = bought(still, FAL)

    def nobody(name: str) -> Vendor:
        raise UsageError(f"no {name} here")

    with Awaiter(nobody) as awaiter, pytest.raises(UsageError, match="no fal here"):
        awaiter.wait_for(ticket)


def test_without_a_key_the_job_goes_on_and_may_be_awaited_with_one(
    still: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (ticket,), key = bought(still, FAL), still.environ["FAL_KEY"]
    monkeypatch.setenv("FAL_HOME_DIR", str(tmp_path))
    monkeypatch.setenv("FAL_KEY", "")
    keyless = FalVendor(FalSettings(), CATALOGUE, still.store)
    with Awaiter(lambda _name: keyless) as awaiter:
        with pytest.raises(VendorRefused, match="there is no key for fal"):
            awaiter.wait_for(ticket).result(LIMIT_S)
        monkeypatch.setenv("FAL_KEY", key)
        still.emulator.clock.advance(60)
        assert states([awaiter.wait_for(ticket)]) == {DONE}


def test_what_is_told_badly_ends_the_waiting_for_that_job_alone(house: House) -> None:
    (first, second) = bought(house, FAL, 2)

    def fussy(ticket: Ticket, _progress: Progress) -> None:
        if ticket.id == first.id:
            raise ValueError("not this one")

    with Awaiter(house.vendor, fussy) as awaiter:
        left, kept = awaiter.wait_for(first), awaiter.wait_for(second)
        with pytest.raises(ValueError, match="not this one"):
            left.result(LIMIT_S)
        assert states([kept]) == {DONE}


def asked_at_s(until_s: float, asking: int = 1) -> list[float]:
    """Say when a job of so many is asked after."""
    times = [0.0]
    while times[-1] < until_s:
        times.append(times[-1] + pause_s(times[-1], asking))
    return times


def test_the_end_of_a_job_is_seen_late_by_a_tenth_of_its_length_at_most() -> None:
    for length_s in (1, 10, 30, 60, 600):
        late_s = asked_at_s(length_s)[-1] - length_s
        assert late_s <= max(0.5, 0.1 * length_s)


def test_five_hundred_jobs_are_not_asked_after_more_often_than_a_vendor_bears() -> None:
    assert 500 * len(asked_at_s(60, asking=500)) / 60 < 100


def test_streams_leave_half_of_what_may_be_open_to_everything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (256, 1024))
    assert most_streams() == 128
