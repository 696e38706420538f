"""Aside: pure work done by a process of its own, so that it does not hold this interpreter.

One thread at a time runs Python in a process. Where dozens of jobs are bought and fetched by
threads, half a second of measuring a picture keeps all of them waiting; a helper does it beside
them. Work is a function that can be imported and values that can be pickled, told on a line that
nobody else holds: a helper whose parent is gone reads its end, and ends (`lipsync.helper`).
"""

import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from lipsync.errors import LipsyncError

T = TypeVar("T")

# glibc's mallopt(3): a helper keeps the memory of one picture for the next, and does not have 3,000
# pages a dub taken from it and given to it anew (measured: 7 ms of the system's time a dub).
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**27)}
# Where a process that has loaded libraries can be copied: those of Apple forbid it.
COPIES = sys.platform == "linux"


class Doing(Protocol):
    """Does work, here or elsewhere."""

    def __call__(self, work: Callable[..., T], *given: object) -> T:
        """Return what `work` makes of what it is given, or raise what it raises."""
        ...


def here(work: Callable[..., T], *given: object) -> T:
    """Do it in this thread."""
    return work(*given)


class HelperLost(LipsyncError):
    """A helper ended in the middle of its work: killed, or out of memory."""

    retryable = True
    exit_code = 6


class Answer(NamedTuple):
    """What became of some work: its result or its error, and what it logged on the way."""

    value: Any
    error: BaseException | None
    logged: tuple[logging.LogRecord, ...]


class Helpers:
    """A helper for every thread that asks for one; all end with the block."""

    def __init__(self, count: int = 1, modules: Sequence[str] = ()) -> None:
        """Plan so many threads; a helper more begins when another one asks.

        Args:
            count: How many helpers begin when the first is asked for, one as a copy of the other.
            modules: What their work imports: it is loaded once for all of them.
        """
        self._count, self._modules = count, modules
        self._mine = threading.local()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._all: list[_Line] = []
        self._idle: list[_Line] = []
        self._stopped = False
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for line in self._all:
            line.hang_up()
        for line in self._all:  # they end side by side
            line.close()
        for process in self._processes:
            process.wait()

    def stop(self) -> None:
        """End them in the middle of whatever they do; whoever waits for them is told."""
        with self._starting:
            self._stopped = True
        for process in self._processes:
            # Apple's kernel forbids it for a group of which only the dead are left.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # its copies, too

    def __call__(self, work: Callable[..., T], *given: object) -> T:
        """Have this thread's helper do it.

        Raises:
            HelperLost: The helper ended; the next call begins another, unless they were stopped.
        """
        try:
            answer = self._helper().ask(work, given)
        except HelperLost:
            with suppress(AttributeError):
                del self._mine.line
            raise
        for record in answer.logged:
            logger = logging.getLogger(record.name)
            if logger.isEnabledFor(record.levelno):
                logger.handle(record)
        if answer.error is not None:
            raise answer.error
        value: T = answer.value
        return value

    def _helper(self) -> "_Line":
        """Return the line to this thread's helper."""
        line: _Line | None = getattr(self._mine, "line", None)
        if line is not None:
            return line
        with self._starting:
            if self._stopped:
                raise HelperLost("the helpers were stopped; nothing is lost, run again")
            if not self._idle:
                self._begin(self._count if COPIES and not self._all else 1)
            self._mine.line = line = self._idle.pop()
            return line

    def _begin(self, count: int) -> None:
        """Begin helpers: a group of processes, so that they can be stopped together."""
        pairs = [socket.socketpair() for _ in range(count)]
        theirs = [theirs.fileno() for _, theirs in pairs]
        lines = ",".join(map(str, theirs))
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lipsync.helper", lines, *self._modules],
            env=MEMORY | os.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=theirs,
            start_new_session=True,  # a terminal stops no background job of it that complains
        )
        for ours, their in pairs:
            their.close()
            self._idle.append(_Line(ours))
        self._processes.append(process)
        self._all += self._idle


class _Line:
    """The line to one helper; one thread at a time speaks on it."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._asked, self._answers = line.makefile("wb"), line.makefile("rb")

    def ask(self, work: Callable[..., T], given: tuple[object, ...]) -> Answer:
        """Have some work done.

        Raises:
            HelperLost: The helper ended, or what it said cannot be understood.
        """
        asked = pickle.dumps((work, given))  # whole, or nothing of it is sent
        try:
            self._asked.write(asked)
            self._asked.flush()
            answer: Answer = pickle.load(self._answers)  # noqa: S301  our own child's
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            self.hang_up()
            raise HelperLost(
                "a helper ended in the middle of its work: it was killed, or this machine had no "
                "memory left; nothing is lost, run again"
            ) from error
        return answer

    def hang_up(self) -> None:
        """Say that nothing more will be asked."""
        with suppress(OSError):  # it may have ended already
            self._line.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Wait until the helper has ended."""
        with suppress(OSError), self._answers:
            while self._answers.read(2**16):
                pass
        with suppress(OSError):
            self._asked.close()
        self._line.close()
