"""The embedded Prefect server: started by the first command, found by the next, stopped when idle.

How it is kept to one server per home, and how it ends, is told in `embedded_watch.py` and in
`docs/adr/0003-one-embedded-server-for-many-commands.md`. Nothing here imports Prefect unless the
caller already did: the environment has to be set before.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from socket import gethostname

from flows import embedded_env
from flows.embedded_launch import claimed, launch, log_of
from lipsync.errors import LipsyncError
from lipsync.home import Home
from lipsync.store import disk_errors

Say = Callable[[str], None]

# Prefect 3.8.8, two shared cores: 4-6 s with a database, 11-16 s for the first one of a home.
START_LIMIT_S = 120.0
# The watcher gives the server 10 s after a TERM and then kills it (embedded_watch.GRACE_S).
STOP_LIMIT_S = 20.0
# A running server answers its health check in 2-4 ms; longer, and the user is told.
PATIENCE_S = 1.0

STARTING = (
    "starting the Prefect server (once; it stays for the next commands, `dubline down` stops it)…"
)


@dataclass(frozen=True)
class Standing:
    """A server of this home that is there, though it may still be starting.

    Attributes:
        watcher_pid: The small process that owns the server and stops it.
        server_pid: The server.
        port: On 127.0.0.1.
        prefect: The version it was started with.
        started_s: When, in seconds since the epoch.
        host: The machine (or container) it runs on: a home may lie on a shared disk.
    """

    watcher_pid: int
    server_pid: int
    port: int
    prefect: str
    started_s: float
    host: str

    @property
    def url(self) -> str:
        """The address of the API, as `PREFECT_API_URL` takes it; the UI is one level up."""
        return embedded_env.api_url(self.port)


@contextmanager
def serving(home: Home, say: Say) -> Iterator[str]:
    """Have a Prefect server for as long as the block runs, and point this process at it.

    Args:
        home: Where the embedded server keeps everything it writes.
        say: Told, in one line, whatever makes the user wait.

    Yields:
        The API's address: `PREFECT_API_URL` if it is set, else that of this home's own server,
        which is started if need be and stays for the next command.

    Raises:
        StorageError: The home cannot be written.
        LipsyncError: The server does not start; the message names its log.
    """
    given = os.environ.get("PREFECT_API_URL")
    if given:
        with embedded_env.changed(embedded_env.guest_environment(os.environ, home.root)):
            yield given
        return
    with _using(home):
        server = _reach(home, say)
        if server.prefect != version("prefect"):
            say(
                f"the server is Prefect {server.prefect}, this command {version('prefect')}: "
                "`dubline down` once, and the next command starts the new one"
            )
        client = embedded_env.client_environment(os.environ, home.root, server.port)
        with embedded_env.changed(client):
            yield server.url


def standing(home: Home) -> Standing | None:
    """Find this home's server, running or starting; changes nothing, costs under a millisecond."""
    try:
        stream = (home.root / "server" / "server.json").open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:  # its watcher lives and holds it
            card = json.load(stream)
            return Standing(**{field.name: card[field.name] for field in fields(Standing)})
        return None


def down(home: Home) -> str:
    """Stop this home's server and say so; safe to repeat, and never touches another process.

    Raises:
        LipsyncError: It is still there after the watcher should have killed it, or it runs on
            another machine.
    """
    server = standing(home)
    if server is None:
        return f"no Prefect server is running for {home.root}"
    _refuse_another_machine(home, server)
    with suppress(ProcessLookupError):
        os.kill(server.watcher_pid, signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_LIMIT_S
    while time.monotonic() < deadline_s:
        with claimed(home) as alive:
            if alive is not None:
                return f"stopped the Prefect server of {home.root} (pid {server.server_pid})"
        time.sleep(0.05)
    raise LipsyncError(
        f"the Prefect server of {home.root} (pid {server.server_pid}) did not stop "
        f"within {STOP_LIMIT_S:.0f} s; see {log_of(home)}"
    )


def down_if_unused(home: Home) -> str:
    """Stop this home's server unless a command is using it, and say which.

    Raises:
        LipsyncError: As `down`.
    """
    users = home.folder("server") / "users"
    with disk_errors(users), users.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return f"the Prefect server of {home.root} stays: another command is using it"
    return down(home)


@contextmanager
def _using(home: Home) -> Iterator[None]:
    """Count as a user of the server; a killed process stops counting by itself."""
    users = home.folder("server") / "users"
    with disk_errors(users):
        stream = users.open("a")
    with stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        os.utime(users)
        try:
            yield
        finally:
            os.utime(users)


def _reach(home: Home, say: Say) -> Standing:
    """Find a server that answers, or start the one that will."""
    began_s = time.monotonic()
    told = launched = False
    while (waited_s := time.monotonic() - began_s) < START_LIMIT_S:
        server = standing(home)
        if server:
            _refuse_another_machine(home, server)
            if _answers(server, START_LIMIT_S - waited_s if told else PATIENCE_S):
                return server
        with claimed(home) as alive:
            if alive is not None:
                _refuse_a_second_start(home, launched)
                say(STARTING)
                launch(home, alive)
                told = launched = True
        if not told and time.monotonic() - began_s > PATIENCE_S:
            say("waiting for the Prefect server, which is starting or stopping…")
            told = True
        time.sleep(0.05)
    raise LipsyncError(
        f"the Prefect server of {home.root} did not answer within {START_LIMIT_S:.0f} s; "
        f"see {log_of(home)}, then run `dubline down` and try again"
    )


def _refuse_another_machine(home: Home, server: Standing) -> None:
    """Leave alone what cannot be reached or stopped from here: its port and pids mean nothing."""
    if server.host != gethostname():
        raise LipsyncError(
            f"the Prefect server of {home.root} runs on {server.host}; stop it there with "
            "`dubline down`, or set DUBLINE_HOME to a folder of this machine"
        )


def _answers(server: Standing, wait_s: float) -> bool:
    """Ask for its health, past any proxy; a server still starting answers once it is up."""
    connection = HTTPConnection(embedded_env.HOST, server.port, timeout=wait_s)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200  # noqa: PLR2004  HTTP's own word for yes
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _refuse_a_second_start(home: Home, launched: bool) -> None:
    """Give up when the server this command has started is gone already."""
    if launched:
        lines = log_of(home).read_text(errors="replace").split("\n")
        words = [line.strip() for line in lines if line.strip() and "stopped:" not in line]
        raise LipsyncError(
            f"the Prefect server ended while it was starting ({words[-1] if words else 'silent'}); "
            f"see {log_of(home)}"
        )
