"""Batch: many dubs beside the bare script, and what each of them costs this machine.

    python -m bench.batch race [--jobs 200] [--latency 10] [--flight 40]
    python -m bench.batch overhead [--rows 10 100]
    python -m bench.batch plan [--rows 1000 2000]

All through the flow `dub-batch`, on a Prefect server of its own, with the vendors in a process of
their own. `race` prepares the clips first, for both sides. `overhead` subtracts what the same media
functions cost when they are called by hand, and runs each batch again.
"""

import argparse
import contextlib
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.floor import MODEL, Vendors, floor, manifest
from flows.cli.flowing import flowing
from flows.embedded import down, standing
from lipsync.batch.crew import Crew
from lipsync.batch.desk import Desk
from lipsync.batch.params import BatchParams
from lipsync.batch.planning import plan_batch
from lipsync.batch.work import Work
from lipsync.home import Home
from lipsync.reading import read_manifest
from lipsync.tickets import Order
from lipsync.workshop import Workshop

# Of small batches as many are dubbed as have so many rows together: one of ten is over in a second,
# and the same work takes this machine a fifth more or less from one second to the next. They share
# their picture, so it is looked at and fitted once for all of them.
LEAST = 100
MEDIA = ("probe", "normalize", "fit", "finish", "verify")


@contextlib.contextmanager
def served() -> Iterator[None]:
    """Have a Prefect server of this home's own, and stop it."""
    try:
        with flowing():
            import flows.dub_batch  # noqa: F401, PLC0415  Prefect, once it is served

            yield
            told()
    finally:
        down(Home.found())


def dub(params: BatchParams) -> Any:
    """Run the flow; says what became of it."""
    from flows.dub_batch import dub_batch  # noqa: PLC0415  as above

    return dub_batch(params, return_state=True).result(raise_on_failure=False)


def told() -> float:
    """Wait until the pages of the runs have all their stages; says when that was."""
    from tasks.rows import all_told  # noqa: PLC0415  as above

    all_told()
    return time.monotonic()


def warm(folder: Path, rows: int = 2) -> None:
    """Dub a little else, bought and rendered here: it loads the libraries, and wakes the server."""
    for model in (MODEL, "local-preview"):
        path = manifest(folder / "warm", rows, model=model, first=1_000_000)
        dub(BatchParams(manifest=path, output_folder=folder / "warm" / model))
    told()


def prepare(params: BatchParams, desk: Desk, encoders: int = 2) -> list[Work]:
    """Plan and fit every row, so that it is there already."""
    found = read_manifest(params.manifest, folder=params.output_folder)
    rows = {row.line: row for row in found.rows}
    with Crew(encoders, "prepare") as crew:
        plan = plan_batch(desk, found, crew)
        works = [Work(desk, rows[one.line], one) for one in plan.rows]
        list(crew.each(Work.prepare, works))
    assert not plan.faults, plan.faults[0]
    return works


def script(folder: Path, orders: list[Order], flight: int) -> float:
    """Run `fal_client.subscribe` in a thread pool, as people do; says how long it took."""
    from urllib.request import urlopen  # noqa: PLC0415  as above

    import fal_client  # noqa: PLC0415  it reads the environment now

    client = fal_client.SyncClient()

    def one(order: Order) -> None:
        media = {
            "video_url": client.upload_file(order.video.path),
            "audio_url": client.upload_file(order.voice.path),
        }
        result = client.subscribe(order.endpoint, order.arguments | media)
        with urlopen(result["video"]["url"]) as answer:  # noqa: S310  the emulator's
            (folder / f"{order.key}.mp4").write_bytes(answer.read())

    began_s = time.monotonic()
    with ThreadPoolExecutor(flight) as pool:
        list(pool.map(one, orders))
    return time.monotonic() - began_s


def race(jobs: int, latency_s: float, flight: int) -> None:
    """Dub many beside the script, one after the other on the same vendors.

    Both send the same pairs, prepared before, and both have run once: the script for all of them,
    because the emulator makes the results then, which vendors do on machines of their own; the flow
    for two, because a server that has just begun answers its first run late.
    """
    limit_s = jobs * latency_s / flight
    with floor(latency_s, flight) as (folder, vendors):
        path = manifest(folder, jobs)
        params = BatchParams(manifest=path, output_folder=folder / "out", in_flight=flight)
        works = prepare(params, Desk(Workshop(Home.found()), folder=folder / "out"))
        orders = [work.order() for work in works]
        script(folder, orders, flight)
        theirs_s = script(folder, orders, flight)
        with served():
            warm(folder)
            before = vendors.account()["accepted"]
            began_s, began_cpu_s = time.monotonic(), spent_cpu_s()
            outcome = dub(params)
            ours_s = time.monotonic() - began_s
            told_s = told() - began_s - ours_s
            cpu_s = spent_cpu_s() - began_cpu_s
        bought = vendors.account()["accepted"] - before
    assert outcome.there == jobs == bought, (outcome.states, bought)
    print(f"{jobs} dubs, latency {latency_s:g} s, {flight} in flight: the limit is {limit_s:.1f} s")
    print(f"fal_client.subscribe  {theirs_s:7.1f} s  {theirs_s / limit_s:6.3f} of the limit")
    print(f"dubline, all stages   {ours_s:7.1f} s  {ours_s / limit_s:6.3f} of the limit", end="")
    print(f"; its page is complete {told_s:.1f} s later")
    print(
        f"ours : script {ours_s / theirs_s:.3f}; {1000 * cpu_s / jobs:.0f} ms CPU a dub; ", end=""
    )
    print(f"bought {bought}")


def media_ms(folder: Path, rows: int = 10) -> dict[str, float]:
    """Measure what the media work of a dub costs when its functions are called by hand."""
    os.environ["DUBLINE_HOME"] = str(folder / "by-hand")
    spent_s = dict.fromkeys(MEDIA, 0.0)

    def timed(word: str, label: str, work: Any) -> Any:
        began_s = time.process_time()  # libav decodes in threads of its own
        try:
            return work()
        finally:
            spent_s[word] = spent_s.get(word, 0.0) + time.process_time() - began_s

    def dubbed(count: int) -> None:
        params = BatchParams(
            manifest=manifest(folder, count, model="local-preview"),
            output_folder=folder / f"by-hand-{count}",
        )
        desk = Desk(Workshop(Home.found()), timed, params.output_folder)
        for work in prepare(params, desk, encoders=1):
            work.upload()
            work.buy(None, wait=False)
            work.bring()
            work.complete()

    dubbed(1)  # loads the media libraries
    spent_s |= dict.fromkeys(spent_s, 0.0)
    dubbed(rows + 1)  # of which one is found
    return {word: 1000 * spent_s[word] / rows for word in MEDIA}


def spent_cpu_s() -> float:
    """Read what this process has used so far, and the helpers that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def server_cpu_s() -> float:
    """Read what the Prefect server has used so far."""
    server = standing(Home.found())
    assert server is not None
    fields = Path(f"/proc/{server.server_pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def overhead(sizes: list[int]) -> None:
    """Dub batches of several sizes with trivial media, and each of them again."""
    with floor(0.05, 40) as (folder, _vendors):
        by_hand = media_ms(folder)
        each = ", ".join(f"{word} {spent:.0f}" for word, spent in by_hand.items())
        print(f"media functions by hand: {sum(by_hand.values()):.0f} ms CPU a dub ({each})")
        print(
            f"{'rows':>6} {'s':>7} {'CPU/dub':>8} {'overhead':>9} {'server':>7} {'RSS MB':>7}",
            end="",
        )
        print(f" {'again ms/row':>13} {'requests':>9}", end="")
        print(flush=True)
        for size in sizes:
            _in_a_process(
                "overhead-one", folder, size, "--media", f"{sum(by_hand.values()):.1f}",
                DUBLINE_HOME=str(folder / f"home-{size}"),
            )  # fmt: skip


def _in_a_process(what: str, folder: Path, size: int, *more: str, **exports: str) -> None:
    """Measure one size in a process of its own: its memory, its server, its imports."""
    command = [sys.executable, "-m", "bench.batch", what, "--folder", str(folder)]
    environment = os.environ | exports
    subprocess.run([*command, "--rows", str(size), *more], env=environment, check=True)


def overhead_one(folder: Path, size: int, media: float) -> None:
    """Dub one batch, and again; `media` is what its media functions cost by hand, in ms a dub."""
    vendors = Vendors(dict(os.environ))
    with served():
        warm(folder / f"size-{size}")
        _overhead(folder, vendors, size, media)


def _overhead(folder: Path, vendors: Vendors, size: int, media: float) -> None:
    batches = [_batch(folder, size, number) for number in range(max(1, LEAST // size))]
    began_s, began_cpu_s, server_s = time.monotonic(), spent_cpu_s(), server_cpu_s()
    outcomes = [dub(params) for params in batches]
    rows = size * len(batches)
    took_s = time.monotonic() - began_s
    told()
    cpu_s = spent_cpu_s() - began_cpu_s
    assert sum(outcome.there for outcome in outcomes) == rows, outcomes[0].states
    time.sleep(5)  # the server writes its events behind the run's back
    server_s, before = server_cpu_s() - server_s, vendors.requests()
    began_s = time.monotonic()
    again = dub(batches[0])
    again_s = time.monotonic() - began_s
    assert again.states == {"found": size}, again.states
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = 1000 * cpu_s / rows
    print(
        f"{size:6} {took_s / len(batches):7.1f} {spent:8.0f} {spent - media:9.0f} "
        f"{1000 * server_s / rows:7.0f}",
        end="",
    )
    print(
        f" {peak_mb:7.0f} {1000 * again_s / size:13.1f} {vendors.requests() - before:9}", flush=True
    )


def _batch(folder: Path, size: int, number: int) -> BatchParams:
    path = manifest(folder / f"batch-{number}", size, first=number * size)
    return BatchParams(manifest=path, output_folder=path.parent / f"out-{size}", in_flight=40)


def plan(sizes: list[int]) -> None:
    """Plan large batches whose media facts are known; each size in a process of its own."""
    print(f"{'rows':>6} {'s':>7} {'s/1,000':>8} {'MB/1,000':>9}", flush=True)
    with floor(0.05, 40) as (folder, _vendors):
        prepare(
            BatchParams(manifest=manifest(folder, 8), output_folder=folder / "out"),
            Desk(Workshop(Home.found()), folder=folder / "out"),
        )
        for size in sizes:
            manifest(folder, size, pairs=8)
            _in_a_process("plan-one", folder, size)


def plan_one(folder: Path, size: int) -> None:
    """Plan one large batch here; the output of a row is its own."""
    path = folder / f"{MODEL}-{size}.csv"
    desk = Desk(Workshop(Home.found()), folder=folder / "out")
    with Crew(2, "plan") as crew:
        plan_batch(desk, read_manifest(folder / f"{MODEL}-8.csv", folder=folder / "out"), crew)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began_s = time.monotonic()
    with Crew(2, "plan") as crew:
        found = plan_batch(desk, read_manifest(path, folder=folder / "out"), crew)
    took_s = time.monotonic() - began_s
    more_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before_mb
    assert len(found.rows) == size, found.faults[:2]
    print(
        f"{size:6} {took_s:7.1f} {1000 * took_s / size:8.2f} {1000 * more_mb / size:9.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("race", "overhead", "overhead-one", "plan", "plan-one"))
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--latency", type=float, default=10.0)
    parser.add_argument("--flight", type=int, default=40)
    parser.add_argument("--rows", type=int, nargs="+")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--media", type=float, default=0.0)
    wishes = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if wishes.what == "race":
        race(wishes.jobs, wishes.latency, wishes.flight)
    elif wishes.what == "overhead":
        overhead(wishes.rows or [10, 100])
    elif wishes.what == "overhead-one":
        overhead_one(wishes.folder, wishes.rows[0], wishes.media)
    elif wishes.what == "plan":
        plan(wishes.rows or [1000, 2000])
    else:
        plan_one(wishes.folder, wishes.rows[0])


if __name__ == "__main__":
    main()
