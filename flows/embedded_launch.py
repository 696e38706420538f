"""Starting the embedded server: one lock, one socket, two detached processes."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO

from flows import embedded_env
from lipsync.errors import StorageError, UsageError
from lipsync.home import Home
from lipsync.store import disk_errors

# Long enough for a person to come back to the UI; every command starts the count again.
IDLE_S = 900.0

_HERE = Path(__file__).parent
# -I -S: nothing of site-packages, 12 MB and 15 ms; -B: writes no bytecode anywhere.
WATCH = (sys.executable, "-ISB", str(_HERE / "embedded_watch.py"))
# -P: flows/ must not be on the path of a process that imports Prefect.
SERVE = (sys.executable, "-P", str(_HERE / "embedded_serve.py"))


@contextmanager
def claimed(home: Home) -> Iterator[int | None]:
    """Try to take the lock that watcher and server hold while one of them lives.

    Yields:
        The lock's file descriptor, to be handed down by `launch`; None when somebody has it.

    Raises:
        StorageError: The home cannot be written.
    """
    path = home.folder("server") / "alive"
    with disk_errors(path):
        alive = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield None
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be locked ({error.strerror}); "
            "set DUBLINE_HOME to a folder on a local disk"
        ) from error
    else:
        yield alive
    finally:
        os.close(alive)  # whoever inherited it keeps the lock


def launch(home: Home, alive: int) -> None:
    """Start watcher and server, detached from this command and its terminal.

    The socket is bound here and handed down: no port can be lost between choosing and binding.
    """
    home.folder("prefect")  # Prefect makes this folder, but not its parents
    folder, idle_s = home.folder("server"), _idle_s()
    with disk_errors(folder), listening_for(home) as listening, _fresh_log(home) as log:
        port = listening.getsockname()[1]
        facts = {"port": port, "prefect": version("prefect"), "host": socket.gethostname()}
        lent = (alive, listening.fileno())
        subprocess.run(
            [*WATCH, folder, str(idle_s), json.dumps(facts), *map(str, lent), *SERVE],
            env=embedded_env.server_environment(os.environ, home.root, port),
            cwd=folder,  # no prefect.toml or .env of the caller's folder is read here
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=lent,
            start_new_session=True,
            check=True,
        )


@contextmanager
def listening_for(home: Home) -> Iterator[socket.socket]:
    """Listen on the port this home prefers, so that the UI's address stays, or on any other."""
    # Below Linux's ephemeral range (32768 and up), above the registered ports in common use.
    preferred = 20_000 + zlib.crc32(os.fsencode(home.root)) % 10_000
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((embedded_env.HOST, preferred))
        except OSError:
            listening.bind((embedded_env.HOST, 0))
        listening.listen(128)
        yield listening


def _idle_s() -> float:
    named = os.environ.get("DUBLINE_SERVER_IDLE_S", str(IDLE_S))
    try:
        idle_s = float(named)
    except ValueError:
        idle_s = -1.0
    if not 0 <= idle_s < float("inf"):
        raise UsageError(
            f"DUBLINE_SERVER_IDLE_S={named} is not a number of seconds; "
            "0 keeps the server until `dubline down`"
        )
    return idle_s


def log_of(home: Home) -> Path:
    """Name the file that holds what this home's server printed; `.1` is the one before."""
    return home.root / "server" / "server.log"


def _fresh_log(home: Home) -> IO[bytes]:
    log = log_of(home)
    with suppress(FileNotFoundError):
        log.replace(log.with_suffix(".log.1"))
    return log.open("wb")
