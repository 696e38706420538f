"""The matrix: whatever goes wrong, on whatever model, a dub is bought once and the ledger is true.

Each cell is one pair nobody else has, one fault, and as many runs as a person would make.
"""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from lipsync.collect import collect
from lipsync.emulator.account import Accepted
from lipsync.emulator.presets import fitting
from lipsync.errors import LipsyncError, OutcomeUnknown, VendorBusy
from lipsync.ledger import Ledger
from lipsync.settle import cancel, resolve
from lipsync.submit import submit
from lipsync.tickets import Delivery, Order, Ticket, TicketState
from lipsync.values import File
from lipsync.vendors.protocol import CancelAnswer, Vendor
from lipsync.waiting import Waiting
from tests.lipsync.pairs import CATALOGUE
from tests.money.house import LATENCY_S, PAID, House, open_house

pytest.importorskip("trustme")

RUNS = 5
# How long the unified API takes no connection, in real seconds.
CLOSED_S = 0.2
# Faults of uploads in parts: they happen to a large file, which is dubbed on one model at the end.
IN_PARTS = {"part_500", "part_without_etag"}
# fal's client sends what is above this in parts (fal-protocol.md §14).
ONE_PIECE_BYTES = 100 * 2**20

# What leads to no delivery, because the vendor never has one: where the ticket stays, and why.
NOTHING_COMES = {
    "stuck": TicketState.SUBMITTED,  # it waits for ever
    "odd_state": TicketState.SUBMITTED,
    "not_a_video": TicketState.COMPLETED,  # its file may yet be mended
    "wrong_length": TicketState.DELIVERED,  # it is kept, and not handed on
    "result_422": TicketState.FAILED,  # may have been charged
    "result_404": TicketState.FAILED,
    "result_499": TicketState.CANCELLED,
    "withdrawn": TicketState.CANCELLED,
    "unified result_expired": TicketState.UNKNOWN,  # fal's list still has it
}
# What failed and is known to have cost nothing is ordered once more.
FREE = {"completed_with_error", "result_500"}
REFUSED = {"unauthorized", "locked", "no_credit"}
# What happens to a job that is still at work.
MEANWHILE = {"requeue", "cancel_ignored"}

CELLS = [
    pytest.param(model, fault, id=f"{model} {fault}", marks=pytest.mark.xdist_group(model))
    for model in PAID
    for fault in fitting(CATALOGUE.models[model].vendor)
    if fault not in IN_PARTS
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("house")
        with open_house(folder, patch.setenv) as opened:
            yield opened


@pytest.fixture(scope="module")
def ledger(house: House) -> Ledger:
    return house.ledger()


@pytest.mark.parametrize(("model", "fault"), CELLS)
def test_whatever_goes_wrong_a_dub_is_bought_once_and_the_ledger_is_true(
    house: House, ledger: Ledger, model: str, fault: str
) -> None:
    order = house.order(model)
    strike(house, fault, order.vendor)
    said = [attempt(house, ledger, order, fault, first=True)]
    if fault in REFUSED:
        assert (state_of(ledger, order), house.sold()) == (TicketState.REFUSED, [])
    while len(said) < RUNS and not isinstance(said[-1], Delivery):
        ask_a_person(house, ledger, order, said)
        await_the_door(house)
        said.append(attempt(house, ledger, order, fault))
    happened = {left.name for left in house.emulator.faults.open() if left.times is not None}
    house.emulator.faults.clear()
    assert happened == set(), "it did not happen"
    check(house.sold(), ledger, order, fault, said[-1])


@pytest.mark.xdist_group("sync-2")
def test_a_part_of_a_large_upload_that_fails_bought_nothing_and_the_dub_is_bought_once(
    house: House, ledger: Ledger
) -> None:
    order, calls = house.order("sync-2", large(house)), house.emulator.account().calls
    for fault in sorted(IN_PARTS):
        strike(house, fault, order.vendor)
        assert isinstance(attempt(house, ledger, order, fault), VendorBusy)
        assert house.emulator.faults.open() == (), "it did not happen"
        assert (state_of(ledger, order), house.sold()) == (TicketState.INTENDED, [])
    end = attempt(house, ledger, order, "")
    check(house.sold(), ledger, order, "", end)
    # The voice goes in one piece.
    now = house.emulator.account().calls
    assert now["fal complete"] - calls.get("fal complete", 0) == 1
    assert now["fal upload"] - calls.get("fal upload", 0) == 1


def large(house: House) -> File:
    """Make a video that is too large for one piece; what makes it so is a hole, and costs nothing.

    It lies in a box of free space (ISO/IEC 14496-12 §8.1.2), which no player looks into.
    """
    with house.store.scratch(".mp4") as trial:
        shutil.copyfile(house.video.path, trial)
        with trial.open("ab") as stream:
            stream.write(ONE_PIECE_BYTES.to_bytes(4, "big") + b"free")
            stream.truncate(house.video.size_bytes + ONE_PIECE_BYTES)
        return house.store.keep(trial, ".mp4")


def strike(house: House, fault: str, vendor: str) -> None:
    """Let it happen to the next that comes by; a list that is silent matters to who must look."""
    if fault == "refused":
        # fal has two addresses, and is reached at either.
        more = {"times": 2, "endpoint": "queue.*"} if vendor == "fal" else {"delay_s": CLOSED_S}
        house.emulator.fault(fault, vendor=vendor, **more)
        return
    if fault == "listing_503":
        house.emulator.fault("cut_after_acceptance", vendor=vendor)
    house.emulator.fault(fault, vendor=vendor)


def attempt(
    house: House, ledger: Ledger, order: Order, fault: str, *, first: bool = False
) -> Delivery | LipsyncError:
    """Run the dub as a new process does, until it has its delivery or says why not."""
    vendor = house.vendor(order.vendor, hasty=first and fault == "slow_reply")
    patience_s = 20 if fault.startswith("stream") else 0
    try:
        ticket = submit(order, ledger, vendor).ticket
        house.emulator.clock.advance(0.45 * LATENCY_S if fault in MEANWHILE else LATENCY_S + 1)
        if first and fault == "cancel_ignored":
            let_go(ticket, ledger, vendor)
        return collect(ticket, ledger, vendor, house.store, Waiting(patience_s=patience_s))
    except LipsyncError as error:
        return error


def let_go(ticket: Ticket, ledger: Ledger, vendor: Vendor) -> None:
    """Ask to cancel a job that runs; it goes on."""
    noted = cancel(ticket.id, ledger, lambda _name: vendor)
    assert noted.state is TicketState.SUBMITTED
    assert vendor.cancel(ticket) is CancelAnswer.ASKED


def await_the_door(house: House) -> None:
    """Wait until the unified API takes connections again."""
    place = urlsplit(house.emulator.url)
    while True:
        with suppress(ConnectionRefusedError):
            socket.create_connection((place.hostname, place.port)).close()
            return
        time.sleep(0.05)


def ask_a_person(
    house: House, ledger: Ledger, order: Order, said: list[Delivery | LipsyncError]
) -> None:
    """Have somebody look at the account, once a second run does not know either."""
    if not all(isinstance(word, OutcomeUnknown) for word in said[-2:]) or len(said) < 2:
        return
    sold, ticket = house.sold(), ledger.by_key(order.key)
    assert ticket is not None
    if sold:
        resolve(ticket.id, ledger, bought=sold[-1].request_id)
    else:
        resolve(ticket.id, ledger, not_bought=True)


def check(
    sold: list[Accepted], ledger: Ledger, order: Order, fault: str, end: Delivery | LipsyncError
) -> None:
    """Hold the account, the delivery and the ledger against each other."""
    state = NOTHING_COMES.get(fault) or NOTHING_COMES.get(f"{order.vendor} {fault}")
    ticket = ledger.by_key(order.key)
    assert ticket is not None
    assert isinstance(end, Delivery) is (state is None), end
    assert ticket.state is (state or TicketState.DELIVERED)
    *free, last = sold
    assert len(free) == (fault in FREE)
    assert not any(job.billed_usd for job in free)
    assert len({job.dub for job in sold}) == 1
    written = [event.request_id for event in ledger.history(ticket) if event.request_id]
    assert list(dict.fromkeys(written)) == [job.request_id for job in sold]
    assert ticket.request_id == last.request_id
    if isinstance(end, Delivery):
        assert (end.request_id, end.file) == (last.request_id, ticket.delivery)
        known = last.billed_usd if fault != "result_expired" else ticket.quoted_usd
        assert float(ticket.billed_usd or 0) == pytest.approx(float(known or 0), abs=1e-4)
    assert ticket.billed_usd != Decimal(0) or not last.billed_usd


def state_of(ledger: Ledger, order: Order) -> TicketState:
    ticket = ledger.by_key(order.key)
    assert ticket is not None
    return ticket.state
