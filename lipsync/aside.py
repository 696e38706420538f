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
    """So many helpers, each for one thread at a time; all end with the block."""

    def __init__(self, count: int = 1, modules: Sequence[str] = ()) -> None:
        """Plan some helpers; they begin when the first is asked for, and who finds none free waits.

        Args:
            count: How many there are.
            modules: What their work imports: it is loaded once for all of them.
        """
        self._count, self._modules = count, modules
        self._processes: list[subprocess.Popen[bytes]] = []
        self._all: list[_Line] = []
        self._idle: list[_Line] = []
        self._begun = 0  # of those that have not been lost
        self._stopped = False
        self._changed = threading.Condition()

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
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for process in self._processes:
            # Apple's kernel forbids it for a group of which only the dead are left.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # its copies, too

    def __call__(self, work: Callable[..., T], *given: object) -> T:
        """Have a helper do it, the first that is free.

        Raises:
            HelperLost: The helper ended; another will begin in its place, unless they were stopped.
        """
        line = self._take()
        try:
            answer = line.ask(work, given)
        except BaseException:  # nobody knows what it would say next
            self._lose(line)
            raise
        self._give_back(line)
        for record in answer.logged:
            logger = logging.getLogger(record.name)
            if logger.isEnabledFor(record.levelno):
                logger.handle(record)
        if answer.error is not None:
            raise answer.error
        value: T = answer.value
        return value

    def _take(self) -> "_Line":
        """Return the line to a helper that nobody else speaks to."""
        with self._changed:
            while not self._stopped:
                if self._idle:
                    return self._idle.pop()
                if self._begun < self._count:
                    self._begin(self._count if COPIES and not self._all else 1)
                else:
                    self._changed.wait()
        raise HelperLost("the helpers were stopped; nothing is lost, run again")

    def _give_back(self, line: "_Line") -> None:
        with self._changed:
            self._idle.append(line)
            self._changed.notify()

    def _lose(self, line: "_Line") -> None:
        line.hang_up()
        with self._changed:
            self._begun -= 1
            self._changed.notify()

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
        begun = []
        for ours, their in pairs:
            their.close()
            begun.append(_Line(ours))
        self._processes.append(process)
        self._all += begun
        self._idle += begun
        self._begun += count
        self._changed.notify_all()


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
