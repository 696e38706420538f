"""Processes: many at once, and killed ones; fal's account has every dub once all the same."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lipsync.collect import collect
from lipsync.emulator.clock import Clock
from lipsync.ledger import Ledger
from lipsync.submit import submit
from lipsync.tickets import Delivery, Order, TicketState
from lipsync.waiting import Waiting
from tests.lipsync.deaths import CALLS, at_once, die_at
from tests.money.house import FAL, FRAMES, RATE, House, open_house, order_of

pytest.importorskip("trustme")

PAIRS = 10
# Points of death that are passed over; 1 takes many minutes.
STRIDE = 61


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    running = {"clock": Clock(), "latency_s": 0.02}
    with open_house(tmp_path, monkeypatch.setenv, **running) as opened:
        yield opened


def dub(house: House, order: Order, ledger: Ledger) -> Delivery:
    """Buy and fetch, as a new process does."""
    vendor = house.vendor("fal")
    ticket = submit(order, ledger, vendor).ticket
    return collect(ticket, ledger, vendor, house.store, Waiting(patience_s=120))


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_with_the_same_ten_pairs_buy_each_once(house: House, processes: int) -> None:
    orders = [order_of(house.video, house.voice(), FAL[n % len(FAL)]) for n in range(PAIRS)]

    def work(number: int) -> None:
        ledger = house.ledger()
        for order in orders if number % 2 else reversed(orders):
            assert dub(house, order, ledger).key == order.key

    at_once(processes, work)
    account, tickets = house.emulator.account(), house.ledger().tickets()
    assert (len(account.accepted), account.duplicates) == (PAIRS, 0)
    assert {ticket.request_id for ticket in tickets} == {job.request_id for job in account.accepted}
    assert [ticket.state for ticket in tickets] == [TicketState.DELIVERED] * PAIRS
    assert account.calls["fal submit"] == PAIRS


def test_killed_anywhere_a_dub_is_bought_once_and_delivered_by_the_next_run(house: House) -> None:
    """What was sent by the dead is found in fal's list, so nothing stays unknown."""
    point, worker, heir = 1, house.ledger(), house.ledger()
    order = house.order("sync-2")
    heir.tickets()
    before: set[int] = set()
    while die_at(point, partial(dub, house, order, worker), points=CALLS, before=worker.tickets):
        before.add(len(house.sold()))
        delivery = dub(house, order, heir)
        (job,) = house.sold()
        assert (delivery.request_id, delivery.billed_usd) == (job.request_id, job.billed_usd)
        assert job.output_s == pytest.approx(FRAMES / float(RATE), abs=0.05)
        point += STRIDE
        order = house.order("sync-2")
    assert before == {0, 1}  # some died before the purchase, some after
    account = house.emulator.account()
    assert (account.duplicates, account.calls["fal submit"]) == (0, len(account.accepted))
