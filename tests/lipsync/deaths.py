"""Sudden death: a child process that is killed with -9 at a chosen point of our code.

The child is forked, so nothing is imported again and a death costs milliseconds; it is killed by
the kernel, so no `finally`, no `atexit` and no destructor runs, exactly as in the field.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import lipsync

OURS = str(Path(lipsync.__file__).parent)


# Points to die at: before every line, or whenever one of our functions is entered or left, which
# is a tenth as many and lies around everything that has an effect.
LINES = frozenset({"line"})
CALLS = frozenset({"call", "return"})


def die_at(
    point: int,
    work: Callable[[], object],
    *,
    points: frozenset[str] = LINES,
    before: Callable[[], object] = lambda: None,
) -> bool:
    """Run `work` in a child that is killed at the `point`-th point of our code.

    Args:
        point: Counted from 1, over everything `work` runs below `lipsync/`.
        work: What is cut short.
        points: Which points count.
        before: Done first in the child, and never cut short.

    Returns:
        Whether it died; False when it finished before it came that far.
    """
    child = os.fork()
    if child == 0:
        before()
        _work_and_die(point, points, work)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "the child failed by itself"
    return False


def at_once(count: int, work: Callable[[int], object]) -> None:
    """Run `work(0)`, `work(1)`, … in as many processes that start together."""
    start, go = os.pipe()
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(start, 1)  # the end of the pipe: nobody starts before all are there
            _leave_after(partial(work, number))
        children.append(child)
    os.close(go)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    os.close(start)
    assert codes == [0] * count


def _leave_after(work: Callable[[], object]) -> None:
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def _work_and_die(point: int, points: frozenset[str], work: Callable[[], object]) -> None:
    left = point

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event in points:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    _leave_after(work)
