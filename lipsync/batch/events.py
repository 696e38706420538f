"""Events: what the thread that runs a batch is told, and what it puts off."""

import random
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

from lipsync.batch.crew import Crew
from lipsync.batch.work import Work

# Ours: how often a step that may succeed later is tried again, and after how long at first.
TRIES, FIRST_PAUSE_S, PAUSE_GROWTH, JITTER = 4, 2.0, 2.5, 0.3


def pause_s(tries: int, chance: Callable[[], float] = random.random) -> float:
    """Say how long a step is put off that has failed so often before.

    >>> [round(pause_s(tries, lambda: 0.5), 1) for tries in range(4)]
    [2.0, 5.0, 12.5, 31.2]
    """
    return FIRST_PAUSE_S * PAUSE_GROWTH**tries * (1 + JITTER * (2 * chance() - 1))


class Later(NamedTuple):
    """A step that is tried again."""

    due_s: float
    work: Work
    step: Callable[[Work], None]


class Event(NamedTuple):
    """A step that is over: of which row, what came of it, and who goes on with that."""

    work: Work
    then: "Then"
    future: "Future[Any]"
    crew: Crew | None = None


Then = Callable[[Work, "Future[Any]"], None]
