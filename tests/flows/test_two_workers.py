"""Claims about several workers: one PostgreSQL server, one batch, and a worker killed half-way.

Set up as docs/several-workers.md says: the Prefect server and the ledger are databases of one
PostgreSQL, each worker has a home of its own, and inputs and outputs lie in one folder.
"""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.working import children, is_running, worker_name
from lipsync.home import Home
from lipsync.ledger import Ledger
from lipsync.outcomes import CLOCK_SLACK_S
from lipsync.tickets import TicketState
from tests.flows.office import ROOT, Office, eventually
from tests.flows.paid import SAMPLES
from tests.lipsync.servers import database, postgresql, why_none
from tests.voices import ffmpeg, make_voice

pytestmark = [
    pytest.mark.xdist_group("two-workers"),
    pytest.mark.skipif(why_none() is not None, reason=str(why_none())),
]

pytest.importorskip("trustme")
pytest.importorskip("asyncpg")

ROWS, SHARDS = 50, 4
# Of each worker: the batch and its four parts are five runs, so both have some.
RUNS_AT_A_TIME = 3
# Longer than any step here may take on a machine that is busy with something else.
PATIENCE_S = 600.0
# As docs/several-workers.md has them.
RECORDER = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


@dataclass
class Town:
    """What workers share: a server, a ledger, the files, and vendors in a process of their own."""

    folder: Path
    exports: dict[str, str]
    ledger_url: str

    def office(self, name: str) -> Office:
        """Open another home here, as another machine would be."""
        return Office(Home(self.folder / name), self.folder, self.exports)

    def account(self) -> dict[str, Any]:
        """Read what the vendors sold, and how often they were called."""
        url = f"{self.exports['UNIFIED_BASE_URL']}/emulator/account"
        found: dict[str, Any] = httpx.get(url, trust_env=False, timeout=60).json()
        return found

    def tickets(self) -> Counter[TicketState]:
        ledger = Ledger(self.ledger_url, locks=self.folder)
        try:
            return Counter(ticket.state for ticket in ledger.tickets())
        finally:
            ledger.close()

    def order(self, office: Office, manifest: Path) -> str:
        """Start a run of `dub-batch`, as the UI does."""
        place = f"/deployments/{office.deployment('dub-batch')['id']}/create_flow_run"
        params = {"manifest": str(manifest), "output_folder": str(self.out), "shards": SHARDS}
        body = {"parameters": {"params": params}, "state": {"type": "SCHEDULED"}}
        return str(office.call("POST", place, body).body["id"])

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def outcome(self) -> list[dict[str, str]]:
        """Read the table of what became of every row."""
        with (self.out / "week.outcome.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with (
        postgresql() as server,
        database(server, "prefect") as (prefects, _, _),
        database(server, "ledger") as (ledger, _, _),
        vendors() as emulated,
        prefect_server(tmp_path, prefects.replace("+psycopg", "+asyncpg")) as api,
    ):
        exports = {
            **emulated,
            "PREFECT_API_URL": api,
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "DUBLINE_LEDGER": ledger,
            "DUBLINE_BUDGET_PER_DAY_USD": "100",
            "FAL_IN_FLIGHT": "4",
            # The emulator's list shows a request at once: an answer that was lost is looked up.
            "FAL_LISTED_WITHIN_S": "0",
        }
        yield Town(tmp_path, exports, ledger)


@contextmanager
def vendors() -> Iterator[dict[str, str]]:
    """Run the emulated vendors in a process of their own; returns what to export for them."""
    command = (sys.executable, "-m", "lipsync.emulator", "--latency", "4", "--slots", "4")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["environment"]
        finally:
            process.terminate()


@contextmanager
def prefect_server(folder: Path, url: str) -> Iterator[str]:
    """Run a Prefect server on a database; returns the address of its API."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    api = f"http://127.0.0.1:{port}/api"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    env = (
        clean
        | RECORDER
        | {
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": api,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": url,
            "PREFECT_SERVER_UI_ENABLED": "false",
        }
    )
    command = (sys.executable, "-m", "prefect", "server", "start", "--port", port)
    log = folder / "server.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(command, cwd=folder, env=env, stdout=said, stderr=said) as process,
    ):
        try:
            assert eventually(lambda: process.poll() is not None or answers(api), PATIENCE_S)
            assert process.poll() is None, log.read_text(errors="replace")
            yield api
        finally:
            process.terminate()


def answers(api: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{api}/health", trust_env=False).is_success
    return False


@contextmanager
def working(office: Office) -> Iterator[subprocess.Popen[str]]:
    """Have a worker of a home: `dubline up` with the address of a server."""
    up = office.up("--limit", str(RUNS_AT_A_TIME))
    try:
        assert up.stdout is not None
        json.loads(up.stdout.readline())
        yield up
    finally:
        if up.poll() is None:
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=PATIENCE_S)


def family(pid: int) -> tuple[int, ...]:
    """Find a process and everything it has started, the oldest first."""
    return (pid, *(one for child in children(pid) for one in family(child)))


def kill(up: subprocess.Popen[str]) -> None:
    """Kill a worker and its runs, as a machine does that loses its power."""
    dead = family(up.pid)
    for pid in dead:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    up.communicate()
    assert eventually(lambda: not any(map(is_running, dead)))


def week(folder: Path) -> Path:
    """Write a manifest of dubs of half a second, each with a voice of its own."""
    video, path = folder / "talk.mp4", folder / "week.csv"
    small = ("-vf", "scale=320:240", "-frames:v", "12", "-an")
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    ffmpeg("-i", SAMPLES / "talk.mp4", *small, *encoder, video)
    voices = [make_voice(folder / f"v{n}.wav", 0.48, seed=n + 1) for n in range(ROWS)]
    lines = [f"{video},{voice},r{n},sync-2,r{n}.mp4" for n, voice in enumerate(voices)]
    path.write_text("\n".join(["video,voice,id,model,output", *lines]), encoding="utf-8")
    return path


def test_two_workers_share_a_batch_and_one_killed_half_way_costs_nothing_twice(
    town: Town,
) -> None:
    """A batch of 50 in four parts; the worker that holds the batch itself is killed with 25 bought.

    It is brought to its end as docs/what-to-do-when.md says: `dubline up` on the machine that was
    lost. What it had begun goes on there, the batch waits for the parts that lived on elsewhere,
    and a request that was leaving when its worker died is looked up at the vendor.
    """
    manifest = week(town.folder)
    east, west = town.office("east"), town.office("west")
    east.deploy()
    with working(east) as first, working(west) as second:
        batch = town.order(east, manifest)
        assert eventually(lambda: town.account()["accepted"] >= ROWS // 2, PATIENCE_S)
        holder = east.call("GET", f"/flow_runs/{batch}").body["labels"]["prefect.worker.name"]
        assert {run["labels"].get("prefect.worker.name") for run in parts(east)} >= {
            worker_name(east.home),
            worker_name(west.home),
        }
        lost, up = (east, first) if holder == worker_name(east.home) else (west, second)
        kill(up)
        assert east.state_of(batch) == "Running"
        assert town.account()["accepted"] < ROWS
        with working(lost):
            assert ended(east, batch)
            assert len(parts(east)) == SHARDS
            if town.tickets()[TicketState.UNKNOWN]:  # it had not arrived; the list proves it later
                time.sleep(CLOCK_SLACK_S)
                batch = town.order(east, manifest)
                assert ended(east, batch)
    assert east.state_of(batch) == "Completed", east.call("GET", f"/flow_runs/{batch}").body
    sold = town.account()
    assert (sold["accepted"], sold["distinct"], sold["duplicates"]) == (ROWS, ROWS, 0)
    assert town.tickets() == {TicketState.DELIVERED: ROWS}
    rows = town.outcome()
    assert {row["state"] for row in rows} <= {"delivered", "found"}
    assert {row["request_id"] for row in rows} == {job["request_id"] for job in sold["jobs"]}
    assert {path.name for path in town.out.glob("*.mp4")} == {f"r{n}.mp4" for n in range(ROWS)}


def parts(office: Office) -> list[dict[str, Any]]:
    """Read the runs that are parts of a batch."""
    return [run for run in office.all("flow_runs") if " lines from " in run["name"]]


def ended(office: Office, run: str) -> bool:
    """Wait until a run has ended, however it did."""

    def final() -> bool:
        state = office.call("GET", f"/flow_runs/{run}").body["state"]
        return state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

    return eventually(final, PATIENCE_S)
