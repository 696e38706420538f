"""The embedded server's parent: a few megabytes that stop the server when nobody uses it.

Run as `python -ISB embedded_watch.py FOLDER IDLE_S FACTS ALIVE_FD SOCKET_FD COMMAND...`; it imports
nothing but the standard library. Three files in FOLDER carry the whole protocol, and the kernel
frees every lock of a process that dies in any way:

    alive        locked by watcher and server together: held while either of them lives
    server.json  locked by the watcher: whoever finds it unlocked knows that it is stale
    users        locked, shared, by every command while it runs; its mtime is the last visit
"""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# The longest a finished command is not noticed; also how often this process wakes up.
LOOK_EVERY_S = 5.0
# Prefect's services need 1-3 s after a TERM; a server still there after this hangs.
GRACE_S = 10.0


@dataclass(frozen=True)
class Watch:
    """One server under watch: its folder, its process, and how long it may stand idle.

    Attributes:
        idle_s: Seconds without a user before the server is stopped; 0 means never.
    """

    folder: Path
    idle_s: float
    server: subprocess.Popen[bytes]

    def run(self, bell: int) -> str:
        """Watch until there is a reason to stop, and return the reason.

        Args:
            bell: File descriptor that becomes readable when a signal arrives.
        """
        look_every_s = min(LOOK_EVERY_S, self.idle_s / 4) if self.idle_s else None
        last_use_s = time.time()
        while True:
            select.select([bell], [], [], look_every_s)
            if signal.SIGTERM in _rung(bell):
                return "asked to stop"
            if self.server.poll() is not None:
                return f"the server ended by itself with code {self.server.returncode}"
            last_use_s = max(last_use_s, _last_use_s(self.folder / "users"))
            if self.idle_s and time.time() - last_use_s > self.idle_s and self._retire():
                return f"nobody used the server for {self.idle_s:g} s"

    def _retire(self) -> bool:
        """Withdraw the server's card, unless a command has just come in."""
        with (self.folder / "users").open("a") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self.withdraw()
            return True

    def withdraw(self) -> None:
        """Remove server.json: nobody shall find this server any more."""
        (self.folder / "server.json").unlink(missing_ok=True)

    def stop(self) -> None:
        """End the server: asked first, killed after the grace."""
        self.withdraw()
        self.server.terminate()
        try:
            self.server.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()


def _last_use_s(users: Path) -> float:
    """Return when a command was last seen, in seconds since the epoch: now, while one runs."""
    with suppress(FileNotFoundError), users.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return time.time()
        return users.stat().st_mtime
    return 0.0


def _bell() -> int:
    """Make signals readable: a pipe that receives the number of each as one byte."""
    ears, mouth = os.pipe()
    for end in (ears, mouth):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(mouth)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return ears


def _rung(bell: int) -> bytes:
    with suppress(BlockingIOError):
        return os.read(bell, 64)
    return b""


def publish(folder: Path, card: dict[str, Any]) -> IO[bytes]:
    """Write server.json whole and locked; the lock lives as long as the returned stream."""
    draft = folder / f"server.{os.getpid()}.tmp"
    stream = draft.open("wb")
    fcntl.flock(stream, fcntl.LOCK_EX)
    stream.write(json.dumps(card).encode())
    stream.flush()
    draft.replace(folder / "server.json")
    return stream


def main(folder: str, idle_s: str, facts: str, alive: str, listening: str, *command: str) -> None:
    """Start the server, publish it, watch it, stop it."""
    if os.fork():  # the command that started us must not have to bury us
        os._exit(0)
    bell = _bell()
    server = subprocess.Popen(
        [*command, listening], stdin=subprocess.PIPE, pass_fds=[int(alive), int(listening)]
    )
    os.close(int(listening))
    watch = Watch(Path(folder), float(idle_s), server)
    card = {"watcher_pid": os.getpid(), "server_pid": server.pid, "started_s": time.time()}
    with publish(watch.folder, card | json.loads(facts)):
        reason = watch.run(bell)
        watch.stop()
    sys.stderr.write(f"stopped: {reason}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
