"""A helper: the process that does what `lipsync.aside` asks of it, until nobody asks any more.

To load the libraries takes longer than to dub. So the first of several helpers loads them, and the
others are copies of it, made before it has begun any work. Only OpenBLAS has threads by then
(numpy's and OpenCV's), and ends them before a process is copied (its pthread_atfork).
"""

import gc
import logging
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any

from lipsync.aside import Answer
from lipsync.errors import LipsyncError
from lipsync.store import store_at

# Ours: what buys and fetches goes first where both want the same core; alone, a helper has it all.
NICER = 10


def help_out(line: socket.socket) -> None:
    """Do what is asked on a line, one after the other, until it is closed."""
    loaded = len(sys.modules)
    with line.makefile("rb") as asked, line.makefile("wb") as answers:
        while True:
            try:
                work, given = pickle.load(asked)  # noqa: S301  our own parent's
            except (EOFError, ConnectionError):
                return
            with suppress(ConnectionError):  # nobody waits for it any more
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


def _copied(lines: Sequence[int]) -> int:
    """Copy this process for every line but the first; returns the one that each is left with."""
    mine, *others = lines
    for line in others:
        if os.fork() == 0:
            mine = line
            break
    for line in lines:
        if line != mine:  # whoever held it too would keep its helper from hearing the end
            os.close(line)
    os.set_inheritable(mine, False)  # nor may what a scorer starts hold it
    return mine


def main(lines: Sequence[int], modules: Sequence[str]) -> None:
    """Help whoever started this process, on so many lines; Ctrl-C is theirs to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICER)
    os.dup2(2, 1)  # what is printed is a complaint
    logging.getLogger("lipsync").setLevel(logging.INFO)
    for name in modules:
        import_module(name)
    gc.freeze()
    with socket.socket(fileno=_copied(lines)) as line:
        help_out(line)
        store_at.cache_clear()  # its scratch goes with it
    with suppress(ChildProcessError):
        while True:
            os.wait()
    sys.stderr.flush()
    os._exit(0)  # taking down what was imported takes longer than a dub, and somebody waits


if __name__ == "__main__":
    main([int(line) for line in sys.argv[1].split(",")], sys.argv[2:])
