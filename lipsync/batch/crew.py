"""Crews: threads that work side by side, started by one, and stopped by one."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from heapq import heappop, heappush
from itertools import count
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from lipsync.errors import LipsyncError
from lipsync.progress import told

T = TypeVar("T")
R = TypeVar("R")

Rank = tuple[int, ...]


class _Wish(NamedTuple):
    """Some work that has not begun; no two are of one order, so nothing else is compared."""

    rank: Rank
    order: int
    work: Callable[[], Any]
    over: Callable[..., object]
    light: bool


class Stopped(LipsyncError):
    """The work was given up halfway because the batch is stopping; it is made when it goes on."""

    retryable = True
    exit_code = 6


class Crew:
    """So many threads, each working in a copy of the context of whoever gave it its work.

    What ranks first is begun first. One thread gives the work and takes note of what is over.
    Leaving the block by an error stops them: what has not begun is left out, what reports its
    progress is given up at the next unit of it, and what does neither is waited for.
    """

    def __init__(self, size: int, name: str, spare: int = 0) -> None:
        """Have threads.

        Args:
            size: How many work at a time.
            name: What they are called.
            spare: How many more there are for light work: what is mostly done elsewhere.
        """
        self.size, self.spare = size, spare
        self.busy = 0
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(size + spare, thread_name_prefix=name)
        self._queue: list[_Wish] = []
        self._order = count()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def stop(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        self._queue.clear()
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def put(
        self,
        rank: Rank,
        work: Callable[[], T],
        over: "Callable[[Future[T]], object]",
        *,
        light: bool = False,
    ) -> None:
        """Queue some work; the smallest rank goes first.

        Args:
            rank: Beside that of the other work.
            work: Done by one of the threads.
            over: Told by that thread, with what came of it; then `freed` is to be called.
            light: Whether a spare thread may do it; it should rank before what none may.
        """
        heappush(self._queue, _Wish(rank, next(self._order), work, over, light))
        self._fill()

    @property
    def queued(self) -> int:
        """How much work waits for a thread."""
        return len(self._queue)

    def has_room(self, *, light: bool = False) -> bool:
        """Say whether some work would begin at once."""
        return self.busy < self.size + (self.spare if light else 0)

    def freed(self) -> None:
        """Take note that a thread is free again."""
        self.busy -= 1
        self._fill()

    def each(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Do the same to many; results come in the order of the items."""
        futures = [self._submit(partial(work, one)) for one in items]
        for future in futures:
            yield future.result()

    def _fill(self) -> None:
        while self._queue and self.has_room(light=self._queue[0].light):
            wish = heappop(self._queue)
            self.busy += 1
            self._submit(wish.work).add_done_callback(wish.over)

    def _submit(self, work: Callable[[], T]) -> "Future[T]":
        return self._pool.submit(copy_context().run, self._listened, work)

    def _listened(self, work: Callable[[], T]) -> T:
        with told(self._heard):
            return work()

    def _heard(self, _stage: str, _done: int, _total: int) -> None:
        if self._stopping.is_set():
            raise Stopped("the batch was stopped; the same command goes on from here")
