"""In flight: what it costs one process to await many jobs at once, and how late it sees them end.

    python -m bench.inflight [--jobs 500] [--latency 60]

Once as fal is awaited, by its streams, and once with a fal that has none, by questions. The jobs
are at an emulator in a process of its own; the figures are those of the process that waits, its
start and its imports included.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from bench.market import CATALOGUE, orders
from lipsync.accounts import FalSettings
from lipsync.tickets import Order, Receipt, Ticket, TicketState
from lipsync.vendors.fal.vendor import FalVendor

WAYS = {"by streams": "", "by questions": '[[fault]]\nname = "stream_absent"\n'}


@contextmanager
def emulator(folder: Path, latency_s: float, slots: int, faults: str) -> Iterator[dict[str, str]]:
    """Run one in a process of its own; yields what to export."""
    script = folder / "faults.toml"
    script.write_text(faults)
    command = [sys.executable, "-m", "lipsync.emulator", "--latency", str(latency_s)]
    command += ["--slots", str(slots), "--faults", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["environment"]
        process.terminate()


def bought(folder: Path, count: int) -> list[Ticket]:
    """Buy the same dub so many times, straight from the vendor: only the waiting is measured."""
    store, (order,) = orders(folder, 1)
    vendor = FalVendor(FalSettings.found(), CATALOGUE, store)
    media = vendor.prepare(order)
    return [ticket(order, vendor.submit(order, media), number) for number in range(1, count + 1)]


def ticket(order: Order, receipt: Receipt, number: int) -> Ticket:
    """Write a ticket as the ledger would."""
    now = datetime.now(UTC)
    return Ticket(
        id=number,
        key=f"{order.key}-{number}",
        generation=1,
        state=TicketState.SUBMITTED,
        vendor=order.vendor,
        model=order.model,
        endpoint=order.endpoint,
        order=order,
        request_id=receipt.request_id,
        urls=receipt.urls,
        quoted_usd=order.quoted_usd,
        created_at=now,
        updated_at=now,
    )


def measured(folder: Path, jobs: int, latency_s: float, faults: str) -> dict[str, Any]:
    """Await them in a process of its own, and count everything."""
    with emulator(folder, latency_s, jobs, faults) as environ:
        os.environ.update(environ)
        book = folder / "tickets.jsonl"
        book.write_text("\n".join(one.model_dump_json() for one in bought(folder, jobs)))
        began_s = time.perf_counter()
        given = [str(book), str(folder / "home"), str(latency_s)]
        command = [sys.executable, "-m", "bench.waiter", *given]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        said = json.loads(process.stdout.read())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        with urlopen(f"{environ['UNIFIED_BASE_URL']}/emulator/account") as answer:  # noqa: S310  ours
            calls = json.load(answer)["calls"]
    about = {name.removeprefix("fal "): count for name, count in calls.items()}
    return said | {
        "wall_s": time.perf_counter() - began_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
        "calls": {name: about.get(name, 0) for name in ("stream", "status", "result")},
    }


def main() -> None:
    """Measure both ways, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--latency", type=float, default=60.0)
    given = parser.parse_args()
    for way, faults in WAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            found = measured(Path(folder), given.jobs, given.latency, faults)
        late_s = found["late_s"]
        print(
            f"{way:<13} {given.jobs} jobs of {given.latency:.0f} s: {found['wall_s']:5.1f} s wall  "
            f"{found['cpu_s']:5.2f} s cpu  {found['peak_mb']:4.0f} MB  calls {found['calls']}  "
            f"seen late by {statistics.median(late_s):.2f} s in the middle, "
            f"{late_s[int(0.95 * len(late_s))]:.2f} s at the 95th percent  {found['ended']}",
            flush=True,
        )


if __name__ == "__main__":
    main()
