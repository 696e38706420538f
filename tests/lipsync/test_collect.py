"""Collect: what was bought arrives, whole, however often the way there breaks."""

import resource
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from lipsync.collect import collect, wrong_length
from lipsync.errors import LipsyncError, OutcomeUnknown, StorageError, VendorBusy, VendorError
from lipsync.home import Home
from lipsync.ledger import Ledger
from lipsync.store import Store, hash_file
from lipsync.submit import submit
from lipsync.tickets import Ticket, TicketState
from lipsync.vendors.protocol import Fetched, Fetching, Progress, Standing
from lipsync.waiting import Waiting
from tests.clips import make_clip
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import CALLS, at_once, die_at
from tests.lipsync.orders import PaidVendor, in_scratch, make_order, raising
from tests.lipsync.test_store import rewrite_unseen

ONCE = Waiting(patience_s=0)


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with its index in front, as vendors send them: a part of it opens and plays."""
    path = tmp_path_factory.mktemp("vendor") / "result.mp4"
    return make_clip(path, frames=25, container_options={"movflags": "+faststart"})


@pytest.fixture
def vendor(tmp_path: Path, result: Path) -> PaidVendor:
    return PaidVendor(tmp_path / "books", result)


@pytest.fixture
def ticket(ledger: Ledger, vendor: PaidVendor) -> Ticket:
    return submit(make_order(), ledger, vendor).ticket


def test_a_result_is_in_the_store_and_the_ledger_says_so(
    ticket: Ticket, ledger: Ledger, vendor: PaidVendor, store: Store, result: Path
) -> None:
    delivery = collect(ticket, ledger, vendor, store)
    assert hash_file(delivery.file.path) == delivery.file.sha256 == hash_file(result)
    assert (delivery.billed_usd, delivery.notes) == (Decimal("0.04"), ("made by job",))
    now = ledger.ticket(ticket.id)
    assert (now.state, now.delivery) == (TicketState.DELIVERED, delivery.file)


def test_a_delivered_ticket_is_not_fetched_again(
    ticket: Ticket, ledger: Ledger, vendor: PaidVendor, store: Store
) -> None:
    assert collect(ticket, ledger, vendor, store) == collect(ticket, ledger, vendor, store)
    assert vendor.fetches == 1


def test_a_delivery_is_found_after_the_home_was_moved(vendor: PaidVendor, store: Store) -> None:
    ledger = Ledger(store.home.ledger)
    ticket = submit(make_order(), ledger, vendor).ticket
    collect(ticket, ledger, vendor, store)
    ledger.close()
    moved = Home(store.home.root.rename(store.home.root.with_name("moved")))
    delivery = collect(ticket, Ledger(moved.ledger), vendor, Store(moved))
    assert (delivery.file.path.is_file(), vendor.fetches) == (True, 1)


def _alter(path: Path) -> None:
    rewrite_unseen(path, path.read_bytes()[::-1])


@pytest.mark.parametrize("harm", [pytest.param(Path.unlink, id="lost"), pytest.param(_alter)])
def test_a_delivery_that_was_harmed_is_fetched_again_and_not_bought_again(
    ticket: Ticket,
    ledger: Ledger,
    vendor: PaidVendor,
    store: Store,
    harm: Callable[[Path], None],
) -> None:
    first = collect(ticket, ledger, vendor, store)
    harm(first.file.path)
    assert collect(ticket, ledger, vendor, store) == first
    assert hash_file(first.file.path) == first.file.sha256
    assert (vendor.fetches, vendor.sold) == (2, 1)


def test_four_processes_that_collect_one_ticket_fetch_it_once(
    ticket: Ticket, ledger: Ledger, vendor: PaidVendor, store: Store, shelf: Shelf
) -> None:
    ledger.close()
    at_once(4, lambda _number: collect(ticket, shelf.open(), vendor, store))
    assert vendor.fetches == 1


def test_killed_anywhere_a_result_still_arrives_and_is_never_bought_again(
    ledger: Ledger, vendor: PaidVendor, store: Store, shelf: Shelf
) -> None:
    point, worker = 1, shelf.open()
    ticket = submit(make_order("k1"), ledger, vendor).ticket

    def work() -> None:
        collect(ticket, worker, vendor, store)

    while die_at(point, work, points=CALLS, before=worker.tickets):
        delivery = collect(ticket, ledger, vendor, store)
        assert hash_file(delivery.file.path) == delivery.file.sha256
        delivery.file.path.unlink()
        point += 17
        ticket = submit(make_order(f"k{point}"), ledger, vendor).ticket
        assert vendor.sold_for(ticket.key) == 1
    store.sweep()
    assert not in_scratch(store)
    assert point > 50


@pytest.mark.parametrize(
    "transfer",
    [
        pytest.param(lambda whole: whole[: len(whole) // 2], id="half"),
        pytest.param(lambda whole: whole[:-10], id="all but the last bytes"),
        pytest.param(lambda whole: whole[:200], id="not even its index"),
        pytest.param(lambda _whole: b"<html>502 Bad Gateway</html>", id="an error page"),
        pytest.param(lambda _whole: b"", id="nothing"),
    ],
)
def test_a_transfer_that_is_no_whole_video_is_fetched_again(  # noqa: PLR0913, PLR0917  one table
    ticket: Ticket,
    ledger: Ledger,
    store: Store,
    tmp_path: Path,
    result: Path,
    transfer: Callable[[bytes], bytes],
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(transfer(result.read_bytes()))
    with pytest.raises(VendorBusy, match="not a whole video"):
        collect(ticket, ledger, PaidVendor(tmp_path / "books", broken), store)
    assert ledger.ticket(ticket.id).state is TicketState.COMPLETED
    assert not list((store.home.root / "store").rglob("*.mp4"))
    assert collect(ticket, ledger, PaidVendor(tmp_path / "books", result), store)


def test_a_voice_without_a_picture_is_no_video(
    ticket: Ticket, ledger: Ledger, store: Store, tmp_path: Path
) -> None:
    from tests.clips import make_voice

    voice = make_voice(tmp_path / "voice.m4a", 0.5)
    with pytest.raises(VendorBusy, match="not a whole video"):
        collect(ticket, ledger, PaidVendor(tmp_path / "books", voice), store)


def test_a_full_disk_is_said_and_the_result_is_fetched_when_there_is_room(  # noqa: PLR0913, PLR0917  fixtures
    ticket: Ticket, ledger: Ledger, vendor: PaidVendor, store: Store, shelf: Shelf, tmp_path: Path
) -> None:
    class Large(PaidVendor):
        def fetch(self, ticket: Ticket, into: Path, progress: Fetching) -> Fetched:
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
            return super().fetch(ticket, into, progress)

    def collect_with_a_full_disk(_number: int) -> None:
        large = Large(tmp_path / "books", vendor.result)
        with pytest.raises(StorageError, match="MB free"):
            collect(ticket, shelf.open(), large, store)

    ledger.close()
    at_once(1, collect_with_a_full_disk)
    assert ledger.ticket(ticket.id).state is TicketState.COMPLETED
    assert collect(ticket, ledger, vendor, store)


def test_a_job_that_is_not_finished_is_collected_later(
    ticket: Ticket, ledger: Ledger, vendor: PaidVendor, store: Store
) -> None:
    vendor.standings = [Progress(state=Standing.QUEUED, position=3)]
    with pytest.raises(VendorBusy, match="queued at paid; nothing is lost"):
        collect(ticket, ledger, vendor, store, ONCE)
    assert collect(ticket, ledger, vendor, store, ONCE)


def test_a_vendor_that_does_not_answer_has_not_lost_the_job(
    ticket: Ticket, ledger: Ledger, store: Store, tmp_path: Path, result: Path
) -> None:
    class Silent(PaidVendor):
        def status(self, ticket: Ticket) -> Progress:  # noqa: ARG002  the protocol
            raise VendorBusy("no connection")

    with pytest.raises(VendorBusy, match="silent at paid"):
        collect(ticket, ledger, Silent(tmp_path / "books", result), store, ONCE)
    assert ledger.ticket(ticket.id) == ticket


@pytest.mark.parametrize(
    ("answer", "error", "state", "says"),
    [
        pytest.param(
            Progress(state=Standing.FAILED, detail="no face", billed_usd=Decimal(0)),
            VendorError,
            TicketState.FAILED,
            "no face.*cost nothing",
            id="failed for free",
        ),
        pytest.param(
            Progress(state=Standing.FAILED, detail="no face"),
            VendorError,
            TicketState.FAILED,
            "may have been charged.*generation",
            id="failed, bill not known",
        ),
        pytest.param(
            Progress(state=Standing.LOST),
            OutcomeUnknown,
            TicketState.UNKNOWN,
            "knows no request job-1.*requests resolve",
            id="lost",
        ),
    ],
)
def test_a_job_that_ends_badly_is_written_down(  # noqa: PLR0913, PLR0917  one table
    ticket: Ticket,
    ledger: Ledger,
    vendor: PaidVendor,
    store: Store,
    answer: Progress,
    error: type[LipsyncError],
    state: TicketState,
    says: str,
) -> None:
    vendor.standings = [answer]
    for _ in range(2):
        with pytest.raises(error, match=says):
            collect(ticket, ledger, vendor, store, ONCE)
    assert ledger.ticket(ticket.id).state is state


def test_a_result_that_no_longer_exists_is_written_down_as_possibly_charged(
    ticket: Ticket, ledger: Ledger, vendor: PaidVendor, store: Store
) -> None:
    vendor.answers = [raising(VendorError("410: the link has expired"))]
    with pytest.raises(VendorError, match="expired"):
        collect(ticket, ledger, vendor, store)
    with pytest.raises(VendorError, match="may have been charged"):
        submit(make_order(), ledger, vendor)


def test_a_delivery_that_is_lost_everywhere_stays_delivered_and_paid(
    ticket: Ticket, ledger: Ledger, vendor: PaidVendor, store: Store
) -> None:
    collect(ticket, ledger, vendor, store).file.path.unlink()
    vendor.answers = [raising(VendorError("410: the link has expired"))]
    with pytest.raises(VendorError, match="expired"):
        collect(ticket, ledger, vendor, store)
    assert ledger.ticket(ticket.id).billed_usd == Decimal("0.04")


@pytest.mark.parametrize(
    ("frames", "rate", "pictures", "length_s", "wrong"),
    [
        pytest.param(250, 25, 250, 10.0, False, id="as predicted"),
        pytest.param(600, 60, 250, 10.0, False, id="60 fps came back as 25"),
        pytest.param(250, 25, 252, 10.08, False, id="two frames more"),
        pytest.param(250, 25, 260, 10.4, True, id="ten frames more"),
        pytest.param(250, 25, 125, 5.0, True, id="half of it"),
        pytest.param(600, 60, 600, 24.0, True, id="all pictures, at another speed"),
    ],
)
def test_the_length_that_was_bought_is_in_seconds(
    frames: int, rate: int, pictures: int, length_s: float, wrong: bool
) -> None:
    order = make_order(frames=frames, rate=Fraction(rate))
    assert (wrong_length(order, pictures, length_s) is not None) is wrong


def test_another_length_than_was_bought_is_kept_paid_and_said(
    ledger: Ledger, vendor: PaidVendor, store: Store
) -> None:
    ticket = submit(make_order(frames=50), ledger, vendor).ticket
    for _ in range(2):
        with pytest.raises(VendorError, match=r"it is 1.00 s long .25 pictures., 2.00 s were"):
            collect(ticket, ledger, vendor, store)
    now = ledger.ticket(ticket.id)
    assert (now.state, now.billed_usd, vendor.fetches) == ("delivered", Decimal("0.04"), 1)
    assert now.delivery is not None
    assert now.delivery.path.is_file()
    said = r"it cost \$0\.04\. It is kept as .*request job-1.*--generation 2`"
    with pytest.raises(VendorError, match=said):
        collect(submit(ticket.order, ledger, vendor).ticket, ledger, vendor, store)
    assert vendor.sold == 1


def test_a_price_nobody_knew_and_nobody_said_stays_unknown(
    ledger: Ledger, store: Store, tmp_path: Path, result: Path
) -> None:
    class Discreet(PaidVendor):
        def fetch(self, ticket: Ticket, into: Path, progress: Fetching) -> Fetched:
            came = super().fetch(ticket, into, progress)
            return came.model_copy(update={"billed_usd": None})

    vendor = Discreet(tmp_path / "books", result)
    ticket = submit(make_order(quoted_usd=None), ledger, vendor).ticket
    delivery = collect(ticket, ledger, vendor, store)
    assert delivery.billed_usd is None
    assert "nobody knows" in delivery.notes[-1]


def test_a_ticket_that_was_not_sent_is_not_collected(
    ledger: Ledger, vendor: PaidVendor, store: Store
) -> None:
    with pytest.raises(VendorBusy, match="run the dub again"):
        collect(ledger.intend(make_order()).ticket, ledger, vendor, store)


def test_a_vendor_that_names_no_price_is_billed_as_quoted_and_that_is_said(
    ticket: Ticket, ledger: Ledger, store: Store, tmp_path: Path, result: Path
) -> None:
    class Discreet(PaidVendor):
        def fetch(self, ticket: Ticket, into: Path, progress: Fetching) -> Fetched:
            came = super().fetch(ticket, into, progress)
            return came.model_copy(update={"billed_usd": None})

    delivery = collect(ticket, ledger, Discreet(tmp_path / "books", result), store)
    assert delivery.billed_usd == ticket.quoted_usd
    assert "as quoted" in delivery.notes[-1]
