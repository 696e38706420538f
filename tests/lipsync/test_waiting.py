"""Waiting: a job is followed where it can be, asked after where not, and never for ever."""

from collections.abc import Iterator
from itertools import accumulate, takewhile
from pathlib import Path

import pytest

from lipsync import waiting
from lipsync.errors import VendorBusy
from lipsync.ledger import Ledger
from lipsync.submit import submit
from lipsync.tickets import Ticket
from lipsync.vendors.protocol import Progress, Standing
from lipsync.waiting import FIRST_PAUSE_S, LONGEST_PAUSE_S, Waiting, pauses, wait
from tests.lipsync.orders import PaidVendor, make_order

QUEUED, RUNNING, DONE = (
    Progress(state=state) for state in (Standing.QUEUED, Standing.RUNNING, Standing.DONE)
)


class Streaming(PaidVendor):
    """Tells of its jobs in streams; each of `streams` is told once, and breaks if it says so."""

    def __init__(self, books: Path, *streams: tuple[Progress | VendorBusy, ...]) -> None:
        super().__init__(books)
        self.streams = list(streams)
        self.asked = 0

    def watch(self, ticket: Ticket) -> Iterator[Progress]:  # noqa: ARG002  the protocol
        for one in self.streams.pop(0) if self.streams else ():
            if isinstance(one, VendorBusy):
                raise one
            yield one

    def status(self, ticket: Ticket) -> Progress:
        self.asked += 1
        return super().status(ticket)


@pytest.fixture
def slept_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Do not wait: time passes by sleeping alone."""
    slept_s: list[float] = []
    monkeypatch.setattr("lipsync.waiting.time.sleep", slept_s.append)
    monkeypatch.setattr("lipsync.waiting.time.monotonic", lambda: sum(slept_s))
    return slept_s


@pytest.fixture
def ticket(ledger: Ledger, tmp_path: Path) -> Ticket:
    return submit(make_order(), ledger, PaidVendor(tmp_path / "books")).ticket


def followed(ticket: Ticket, vendor: PaidVendor, patience_s: float = 100) -> list[str]:
    """Wait, and say what was told meanwhile."""
    told: list[str] = []
    wait(ticket, vendor, Waiting(patience_s, lambda progress: told.append(progress.state.value)))
    return told


def test_a_stream_is_followed_to_its_end_and_nobody_is_asked(
    ticket: Ticket, tmp_path: Path, slept_s: list[float]
) -> None:
    vendor = Streaming(tmp_path, (QUEUED, RUNNING, DONE))
    assert followed(ticket, vendor) == ["queued", "running", "done"]
    assert (vendor.asked, slept_s) == (0, [])


@pytest.mark.parametrize("cut", [(), (VendorBusy("cut"),)], ids=["ends early", "breaks"])
def test_a_stream_that_is_cut_is_taken_up_again(
    ticket: Ticket, tmp_path: Path, slept_s: list[float], cut: tuple[VendorBusy, ...]
) -> None:
    vendor = Streaming(tmp_path, (QUEUED, *cut), (RUNNING, DONE))
    vendor.standings = [QUEUED]
    assert followed(ticket, vendor) == ["queued", "queued", "running", "done"]
    assert (vendor.asked, len(slept_s)) == (1, 1)


def test_a_vendor_without_a_stream_is_asked(
    ticket: Ticket, tmp_path: Path, slept_s: list[float]
) -> None:
    vendor = Streaming(tmp_path)
    vendor.standings = [QUEUED, RUNNING]
    assert followed(ticket, vendor) == ["queued", "running", "done"]
    assert len(slept_s) == 2


def test_a_stream_that_is_not_there_is_not_tried_again(
    ticket: Ticket, tmp_path: Path, slept_s: list[float]
) -> None:
    vendor = Streaming(tmp_path, (VendorBusy("404"),), (DONE,))
    vendor.standings = [QUEUED]
    assert followed(ticket, vendor) == ["queued", "done"]
    assert (vendor.asked, len(vendor.streams), len(slept_s)) == (2, 1, 1)


def test_whoever_asks_once_asks_and_does_not_follow(ticket: Ticket, tmp_path: Path) -> None:
    vendor = Streaming(tmp_path, (QUEUED, DONE))
    vendor.standings = [RUNNING]
    with pytest.raises(VendorBusy, match="running at paid; nothing is lost"):
        followed(ticket, vendor, patience_s=0)
    assert len(vendor.streams) == 1


@pytest.mark.usefixtures("slept_s")
def test_patience_has_an_end(ticket: Ticket, tmp_path: Path) -> None:
    vendor = Streaming(tmp_path)
    vendor.standings = [QUEUED] * 100
    with pytest.raises(VendorBusy, match="requests resume 1"):
        followed(ticket, vendor, patience_s=30)


def test_patience_ends_in_the_middle_of_a_stream(
    ticket: Ticket, tmp_path: Path, slept_s: list[float]
) -> None:
    class Endless(Streaming):
        def watch(self, ticket: Ticket) -> Iterator[Progress]:  # noqa: ARG002  the protocol
            while True:
                slept_s.append(1.0)
                yield QUEUED

    vendor = Endless(tmp_path)
    vendor.standings = [QUEUED]
    with pytest.raises(VendorBusy):
        followed(ticket, vendor, patience_s=30)


def test_the_pause_between_questions_grows_to_its_limit() -> None:
    waits = pauses(chance=lambda: 0.5)
    series = [next(waits) for _ in range(8)]
    assert series == sorted(series)
    assert (series[0], series[-1]) == (FIRST_PAUSE_S, LONGEST_PAUSE_S)


def test_a_job_of_a_minute_is_asked_after_at_most_15_times() -> None:
    asked_at_s = takewhile(lambda at_s: at_s < 60, accumulate(pauses(chance=lambda: 0.5)))
    assert 1 + len(list(asked_at_s)) + 1 <= 15  # at once, after each pause, and when it is done


def test_jobs_that_were_submitted_at_once_are_not_asked_after_at_once() -> None:
    early, late = next(pauses(chance=lambda: 0.0)), next(pauses(chance=lambda: 1.0))
    assert (early, late) == (1 - waiting.JITTER, 1 + waiting.JITTER)
