"""Bought: `fal_client.subscribe` in a thread pool beside ours, on the same faults; who bought what.

    python -m bench.bought [--jobs 100] [--share 0.1] [--flight 16]

Both are run again for what is not there yet, as a person would run a script again.
"""

import argparse
import logging
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import httpx

from bench.market import CATALOGUE, fal, market, orders
from bench.soak import Desk, deliver
from lipsync.emulator.emulator import Emulator
from lipsync.ledger import Ledger
from lipsync.store import Store
from lipsync.tickets import Order, TicketState

# As often as `bench.soak` runs what is left again.
ROUNDS = 8


class Script:
    """What people write: upload, subscribe, download."""

    def __init__(self, folder: Path) -> None:
        import fal_client  # noqa: PLC0415  it reads the environment now

        self._client = fal_client.SyncClient()
        theirs = (fal_client.FalClientError, httpx.HTTPError, HTTPException)
        self._errors = (*theirs, OSError, KeyError, ValueError)
        self._folder = folder

    def dub(self, order: Order) -> bool:
        """Run one dub; says whether its file is there."""
        fields = CATALOGUE.models[order.model].media
        try:
            media = {
                fields.video: self._client.upload_file(order.video.path),
                fields.voice: self._client.upload_file(order.voice.path),
            }
            result = self._client.subscribe(order.endpoint, {**order.arguments, **media})
            with urlopen(result["video"]["url"]) as answer:  # noqa: S310  the emulator's
                (self._folder / order.key).write_bytes(answer.read())
        except self._errors:
            return False
        return True


def by_script(folder: Path, wanted: list[Order], flight: int) -> int:
    """Run the script until everything is there; says how much is."""
    script, left = Script(folder), wanted
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(flight) as pool:
            done = list(pool.map(script.dub, left))
        left = [order for order, there in zip(left, done, strict=True) if not there]
        if not left:
            break
    return len(wanted) - len(left)


def by_us(emulator: Emulator, store: Store, wanted: list[Order], flight: int) -> int:
    """Run ours until everything is there; says how much is."""
    desk = Desk(Ledger(store.home.ledger), fal(emulator, store), store)
    deliver(desk, wanted, flight)
    return desk.in_state(TicketState.DELIVERED)


def line(name: str, emulator: Emulator, wanted: int, delivered: int, took_s: float) -> str:
    """Write one line of the table."""
    account = emulator.account()
    return (
        f"{name:<22} {wanted:7} {delivered:9} {len(account.accepted):8} {account.distinct:8} "
        f"{account.duplicates:10} {account.billed_usd:9.2f} {took_s:7.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--flight", type=int, default=16)
    wishes = parser.parse_args()
    logging.disable(logging.CRITICAL)
    lines = []
    with tempfile.TemporaryDirectory(prefix="dubline-bought-") as name:
        folder = Path(name)
        store, wanted = orders(folder, wishes.jobs)
        with market(folder / "theirs", wishes.share, wishes.flight) as emulator:
            began_s = time.monotonic()
            there = by_script(folder, wanted, wishes.flight)
            took_s = time.monotonic() - began_s
            lines.append(line("fal_client.subscribe", emulator, len(wanted), there, took_s))
        with market(folder / "ours", wishes.share, wishes.flight) as emulator:
            began_s = time.monotonic()
            there = by_us(emulator, store, wanted, wishes.flight)
            took_s = time.monotonic() - began_s
            lines.append(line("dubline", emulator, len(wanted), there, took_s))
    print(f"{'':<22}  wanted delivered accepted distinct duplicates billed_usd  took_s")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
