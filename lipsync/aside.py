"""Aside: pure work done by a process of its own, so that it does not hold this interpreter.

One thread at a time runs Python in a process. Where dozens of jobs are bought and fetched by
threads, half a second of measuring a picture keeps all of them waiting; a helper does it beside
them. Work is a function that can be imported and values that can be pickled, told through a pipe
that nobody else holds: a helper whose parent is gone reads its end, and ends.
"""

import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any, BinaryIO, NamedTuple, Protocol, Self, TypeVar

from lipsync.errors import LipsyncError
from lipsync.store import store_at

T = TypeVar("T")

# Ours: what buys and fetches goes first where both want the same core; alone, a helper has it all.
NICER = 10
# glibc's mallopt(3): a helper keeps the memory of one picture for the next, and does not have 3,000
# pages a dub taken from it and given to it anew (measured: 7 ms of the system's time a dub).
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**27)}


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

    def __init__(self) -> None:
        self._mine = threading.local()
        self._all: list[subprocess.Popen[bytes]] = []
        self._stopped = False
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self._all:
            with suppress(OSError):  # it may have ended already
                _stdin(process).close()
        for process in self._all:  # which end side by side
            process.wait()
            _stdout(process).close()

    def stop(self) -> None:
        """End them in the middle of whatever they do; whoever waits for them is told."""
        with self._starting:
            self._stopped = True
        for process in self._all:
            process.kill()

    def __call__(self, work: Callable[..., T], *given: object) -> T:
        """Have this thread's helper do it.

        Raises:
            HelperLost: The helper ended; the next call begins another, unless they were stopped.
        """
        process = self._helper()
        asked = pickle.dumps((work, given))  # whole, or nothing of it is sent
        try:
            _stdin(process).write(asked)
            _stdin(process).flush()
            answer: Answer = pickle.load(_stdout(process))  # noqa: S301  our own child's
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            del self._mine.process
            process.kill()
            raise HelperLost(
                f"a helper ended with code {process.wait()} in the middle of its work; nothing is "
                "lost, run again"
            ) from error
        for record in answer.logged:
            logger = logging.getLogger(record.name)
            if logger.isEnabledFor(record.levelno):
                logger.handle(record)
        if answer.error is not None:
            raise answer.error
        value: T = answer.value
        return value

    def _helper(self) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] | None = getattr(self._mine, "process", None)
        if process is not None:
            return process
        with self._starting:
            if self._stopped:
                raise HelperLost("the helpers were stopped; nothing is lost, run again")
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lipsync.aside"],
                env=MEMORY | os.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self._all.append(process)
        self._mine.process = process
        return process


def _stdin(process: subprocess.Popen[bytes]) -> Any:
    return process.stdin


def _stdout(process: subprocess.Popen[bytes]) -> Any:
    return process.stdout


def help_out(asked: BinaryIO, answers: BinaryIO) -> None:
    """Do what is asked, one after the other, until nobody asks any more."""
    loaded = 0
    while True:
        try:
            work, given = pickle.load(asked)  # noqa: S301  our own parent's
        except EOFError:
            return
        pickle.dump(_answer(work, given), answers)
        answers.flush()
        if len(sys.modules) > loaded:  # what was loaded for it is no garbage, now or later
            loaded = len(sys.modules)
            gc.freeze()


def _answer(work: Callable[..., Any], given: tuple[Any, ...]) -> Answer:
    """Do some work; an error that cannot travel is told in its own words."""
    logged: SimpleQueue[logging.LogRecord] = SimpleQueue()
    handler = QueueHandler(logged)  # makes records fit to travel
    log = logging.getLogger("lipsync")
    log.addHandler(handler)
    try:
        value, error = work(*given), None
    except Exception as raised:  # noqa: BLE001  it is raised again by the parent
        value, error = None, _fit_to_travel(raised)
    finally:
        log.removeHandler(handler)
    return Answer(value, error, tuple(logged.get() for _ in range(logged.qsize())))


def _fit_to_travel(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  our own
    except Exception:  # noqa: BLE001  whatever it is, it cannot travel
        return LipsyncError(f"{type(error).__name__}: {error}")
    return error


def main() -> None:
    """Help whoever started this process; Ctrl-C is theirs to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICER)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed is no answer
    logging.getLogger("lipsync").setLevel(logging.INFO)
    help_out(sys.stdin.buffer, answers)
    store_at.cache_clear()  # its scratch goes with it
    sys.stderr.flush()
    os._exit(0)  # taking down what was imported takes longer than a dub, and somebody waits


if __name__ == "__main__":
    from lipsync.aside import main as the_same  # classes travel by the name of their module

    the_same()
