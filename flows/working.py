"""Working: a Prefect worker of this home, started, watched until it is online, and stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from flows.deploying import POOL
from lipsync.errors import LipsyncError
from lipsync.home import Home
from lipsync.store import disk_errors

if TYPE_CHECKING:  # Prefect is imported once it is served
    from prefect.client.orchestration import SyncPrefectClient

# -P: flows/ must not be on the path of a process that imports Prefect.
PROCESS = (sys.executable, "-P", str(Path(__file__).with_name("worker_process.py")))
# Measured: 5 s on two shared cores, most of it imports.
ONLINE_LIMIT_S = 90.0
# A run told to end leaves within a second; one inside a long encoder call after that call.
GRACE_S = 20.0
LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Worker:
    """A worker that was started here.

    Attributes:
        name: What Prefect calls it; the same for this home every time.
        log: What it and its runs print.
    """

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    def watch(self, wait_s: float) -> None:
        """Watch for a while that it does not end by itself.

        Raises:
            LipsyncError: It did.
        """
        try:
            code = self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return
        raise LipsyncError(f"the worker ended by itself with code {code}; see {self.log}")


def worker_name(home: Home) -> str:
    """Name the worker of a home: it finds its own runs again after a crash."""
    return f"{socket.gethostname()}-{zlib.crc32(os.fsencode(home.root)):08x}"


@contextmanager
def working(home: Home, limit: int | None, hurry: Event) -> Iterator[Worker]:
    """Have a worker for as long as the block runs; with it end the runs it has begun.

    Args:
        home: Whose worker it is.
        limit: How many runs it works on at a time; None: as many as come.
        hurry: Set: do not wait for runs to end by themselves.
    """
    folder = home.folder("worker")
    with disk_errors(folder):
        stream = (folder / "worker.log").open("wb")
    name = worker_name(home)
    most = () if limit is None else ("--limit", str(limit))
    with stream:
        process = subprocess.Popen(
            [*PROCESS, "--pool", POOL, "--name", name, "--install-policy", "never", *most],
            cwd=folder,  # no prefect.toml or .env of the caller's folder is read here
            env=os.environ | {"DUBLINE_HOME": str(home.root)},
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours: the runs are ended in order
        )
    worker = Worker(name, folder / "worker.log", process)
    try:
        yield worker
    finally:
        _stop(process, hurry)


def last_beat(client: "SyncPrefectClient", name: str) -> object:
    """Return when the server last heard of a worker, by the server's clock; None: never."""
    beats = {one.name: one.last_heartbeat_time for one in client.read_workers_for_work_pool(POOL)}
    return beats.get(name)


def wait_until_online(client: "SyncPrefectClient", worker: Worker, before: object) -> None:
    """Wait for the worker's first heartbeat.

    Args:
        client: Asks the server.
        worker: The one that was started.
        before: Its `last_beat` before it was started.

    Raises:
        LipsyncError: It ended, or sent none in time; the message names its log.
    """
    began_s = time.monotonic()
    while time.monotonic() - began_s < ONLINE_LIMIT_S and worker.process.poll() is None:
        if last_beat(client, worker.name) != before:
            return
        time.sleep(LOOK_EVERY_S)
    raise LipsyncError(f"the worker is not online after {ONLINE_LIMIT_S:.0f} s; see {worker.log}")


def _stop(process: subprocess.Popen[bytes], hurry: Event) -> None:
    """End the runs, then the worker: a run that is asked says `Crashed` and cleans up."""
    runs = children(process.pid)
    for pid in runs:
        _signal_group(pid, signal.SIGTERM)
    _wait_for(runs, hurry)
    for pid in {*runs, *children(process.pid)}:
        _signal_group(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        process.wait(0 if hurry.is_set() else GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(pids: tuple[int, ...], hurry: Event) -> None:
    deadline_s = time.monotonic() + GRACE_S
    while any(map(is_running, pids)) and time.monotonic() < deadline_s:
        if hurry.wait(LOOK_EVERY_S):
            return


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a run and what it has started: each run leads a group of its own."""
    with suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def children(parent: int) -> tuple[int, ...]:
    """Find the processes a process has started and not yet buried."""
    if not Path("/proc/self/stat").exists():  # macOS
        found = subprocess.run(
            ["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False
        )
        return tuple(map(int, found.stdout.split()))
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return tuple(pid for pid in pids if (stat := _stat(pid)) and int(stat[1]) == parent)


def is_running(pid: int) -> bool:
    """Tell a living process from none, and from a dead one that waits to be buried."""
    if not Path("/proc/self/stat").exists():  # macOS
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    stat = _stat(pid)
    return bool(stat) and stat[0] != "Z"


def _stat(pid: int) -> list[str]:
    """Read state, parent and so on of a process; its name, in brackets, may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
