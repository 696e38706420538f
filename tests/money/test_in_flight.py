"""In flight: workers share the places of an account; fal never has one job more than agreed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lipsync.collect import collect
from lipsync.emulator.clock import Clock
from lipsync.submit import submit
from lipsync.tickets import Order, TicketState
from lipsync.waiting import Waiting
from tests.lipsync.deaths import at_once
from tests.money.house import FAL, House, open_house, order_of

pytest.importorskip("trustme")

PLACES, PAIRS, THREADS = 3, 12, 3


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr("lipsync.placing.LOOK_EVERY_S", 0.05)
    with open_house(
        tmp_path, monkeypatch.setenv, clock=Clock(), latency_s=1.0, fal_slots=64
    ) as opened:
        yield opened


def most_at_once(house: House) -> int:
    """Say how many jobs the account had there at once, at most, by the vendor's own clock."""
    jobs = house.emulator._fal.line.all()
    moves = sorted(
        move for job in jobs for move in ((job.accepted_s, 1), (job.ends_s or float("inf"), -1))
    )
    there, most = 0, 0
    for _, change in moves:
        there += change
        most = max(most, there)
    return most


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_the_places_of_an_account(house: House, processes: int) -> None:
    orders = [order_of(house.video, house.voice(), FAL[n % len(FAL)]) for n in range(PAIRS)]

    def work(number: int) -> None:
        ledger, vendor = house.ledger(), house.vendor("fal")

        def dub(order: Order) -> str:
            ticket = submit(order, ledger, vendor, line=PLACES).ticket
            return collect(ticket, ledger, vendor, house.store, Waiting(patience_s=120)).key

        with ThreadPoolExecutor(THREADS) as pool:
            mine = orders if number % 2 else orders[::-1]
            assert list(pool.map(dub, mine)) == [order.key for order in mine]

    at_once(processes, work)
    account = house.emulator.account()
    assert (len(account.accepted), account.duplicates) == (PAIRS, 0)
    assert 1 < most_at_once(house) <= PLACES
    states = {ticket.state for ticket in house.ledger().tickets()}
    assert states == {TicketState.DELIVERED}
