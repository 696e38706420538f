"""Soak: many jobs, many at once, a share of all requests going wrong; nothing twice, nothing lost.

    python -m bench.soak [--jobs 2000] [--share 0.05] [--flight 64]

Runs every dub again until it is delivered, as a scheduled batch does. A dub whose outcome is
unknown is looked for in fal's list when it is run again.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.market import fal, market, orders
from lipsync.collect import collect
from lipsync.emulator.account import Account
from lipsync.errors import LipsyncError
from lipsync.ledger import Ledger
from lipsync.store import Store
from lipsync.submit import submit
from lipsync.tickets import Order, TicketState
from lipsync.vendors.protocol import Vendor
from lipsync.waiting import Waiting

ROUNDS = 8
PATIENCE_S = 600.0


@dataclass
class Desk:
    """Everything one process buys with."""

    ledger: Ledger
    vendor: Vendor
    store: Store
    errors: Counter[str] = field(default_factory=Counter)

    def dub(self, order: Order) -> bool:
        """Run one dub; says whether it is delivered."""
        try:
            ticket = submit(order, self.ledger, self.vendor).ticket
            waiting = Waiting(patience_s=PATIENCE_S)
            collect(ticket, self.ledger, self.vendor, self.store, waiting)
        except LipsyncError as error:
            self.errors[type(error).__name__] += 1
            return False
        return True

    def in_state(self, state: TicketState) -> int:
        """How many tickets stand there."""
        return len(self.ledger.tickets({state}))


def deliver(desk: Desk, wanted: list[Order], flight: int) -> None:
    """Run all of them, and what is left of them again."""
    left = wanted
    with ThreadPoolExecutor(flight) as pool:
        for number in range(1, ROUNDS + 1):
            done = list(pool.map(desk.dub, left))
            left = [order for order, delivered in zip(left, done, strict=True) if not delivered]
            unknown = desk.in_state(TicketState.UNKNOWN)
            print(f"round {number}: {len(left)} left, {unknown} unknown", flush=True)
            if not left:
                return


def told(desk: Desk, account: Account, wanted: int, took_s: float) -> bool:
    """Print the figures; says whether nothing was bought twice or lost."""
    delivered = desk.in_state(TicketState.DELIVERED)
    held = {ticket.request_id for ticket in desk.ledger.tickets()}
    lost = [job for job in account.accepted if job.request_id not in held]
    print(f"wanted      {wanted:6}")
    print(f"accepted    {len(account.accepted):6}")
    print(f"distinct    {account.distinct:6}")
    print(f"duplicates  {account.duplicates:6}")
    print(f"delivered   {delivered:6}")
    print(f"unknown     {desk.in_state(TicketState.UNKNOWN):6}")
    print(f"lost        {len(lost):6}")
    print(f"billed      {account.billed_usd:6.2f} USD, in the ledger {_booked(desk):6.2f} USD")
    print(f"errors met  {dict(desk.errors)}")
    print(f"calls       {account.calls}")
    print(f"took        {took_s:6.0f} s")
    return not account.duplicates and not lost and delivered == wanted


def _booked(desk: Desk) -> float:
    return float(sum(ticket.billed_usd or 0 for ticket in desk.ledger.tickets()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--flight", type=int, default=64)
    wishes = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="dubline-soak-") as name:
        folder = Path(name)
        store, wanted = orders(folder, wishes.jobs)
        with market(folder / "market", wishes.share, wishes.flight) as emulator:
            desk = Desk(Ledger(store.home.ledger), fal(emulator, store), store)
            began_s = time.monotonic()
            deliver(desk, wanted, wishes.flight)
            took_s = time.monotonic() - began_s
            sys.exit(not told(desk, emulator.account(), len(wanted), took_s))


if __name__ == "__main__":
    main()
