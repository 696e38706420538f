"""Awaiting: any number of jobs in one thread with one event loop, whoever waits for them."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from lipsync.attending import Crowd, InThreads, Told, attended
from lipsync.tickets import Ticket
from lipsync.vendors.protocol import Followed, Follower, Progress, Vendor
from lipsync.waiting import PATIENCE_S

# Ours: as many as are followed by their streams at once; half of what a process may have open is
# left to everything else.
MOST_STREAMS = 1_000
# Ours: for vendors that can only be asked in threads, which wait for the network most of the time.
THREADS = 8


class Awaiter:
    """Awaits submitted jobs until they have ended; it writes nothing down and buys nothing.

    Close it, best by `with`: that ends all waiting at once and touches no job. Its futures are
    cancelled, and the jobs can be awaited again by anyone.
    """

    def __init__(
        self,
        vendor_named: Callable[[str], Vendor],
        told: Told = lambda _ticket, _progress: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Start the thread; nothing is asked before there is a job.

        Args:
            vendor_named: Gives a vendor by its name; each is asked for once.
            told: Told every change, in the thread of the event loop: it must not take long, and
                what it raises ends the waiting for that job.
            patience_s: How long each job is awaited.
        """
        self._vendor_named = vendor_named
        self._crowd = Crowd(told, patience_s, most_streams())
        self._vendors: dict[str, Vendor] = {}
        self._futures: set[Future[Progress]] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="ask"))
        self._followers: dict[str, asyncio.Task[Follower]] = {}
        self._connections = AsyncExitStack()
        self._thread = threading.Thread(target=self._run, name="awaiting", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Await jobs for as long as the block runs."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def wait_for(self, ticket: Ticket) -> "Future[Progress]":
        """Await a job that was submitted.

        Returns:
            How the job ended: done, failed, cancelled or lost. Or why that is not known:
            `VendorBusy` when patience has ended, another `LipsyncError` when the vendor cannot be
            asked as it is set up; the job goes on.

        Raises:
            UsageError: There is no such vendor, or its account is not set up.
            RuntimeError: It is closed.
        """
        vendor = self._vendor(ticket.vendor)
        with self._lock:
            if self._closed:
                raise RuntimeError("nothing is awaited any more: it is closed")
            future = asyncio.run_coroutine_threadsafe(self._awaited(ticket, vendor), self._loop)
            self._futures.add(future)
        future.add_done_callback(self._forget)
        return future

    def waiting(self) -> int:
        """Count the jobs that are awaited now."""
        with self._lock:
            return len(self._futures)

    def close(self) -> None:
        """End all waiting at once; it may be called again."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            left = list(self._futures)
        for future in left:
            future.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _forget(self, future: "Future[Progress]") -> None:
        with self._lock:
            self._futures.discard(future)

    def _vendor(self, name: str) -> Vendor:
        """Find a vendor here, where the caller's settings hold, and not in the thread."""
        with self._lock:
            if name not in self._vendors:
                self._vendors[name] = self._vendor_named(name)
            return self._vendors[name]

    def _run(self) -> None:
        """Run the event loop until it is stopped, then end whatever is left in it."""
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._ended())
        finally:
            self._loop.close()

    async def _ended(self) -> None:
        """End all waiting, then hang up."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._connections.aclose()
        await self._loop.shutdown_asyncgens()

    async def _awaited(self, ticket: Ticket, vendor: Vendor) -> Progress:
        """Await one job; the first at its vendor opens the connections for all."""
        opened = self._followers.get(ticket.vendor)
        if opened is None or (opened.done() and opened.exception() is not None):
            opened = self._loop.create_task(self._opened(vendor))
            self._followers[ticket.vendor] = opened
        return await attended(ticket, await asyncio.shield(opened), self._crowd)

    async def _opened(self, vendor: Vendor) -> Follower:
        if isinstance(vendor, Followed):
            return await self._connections.enter_async_context(vendor.follower())
        return InThreads(vendor)


def most_streams() -> int:
    """Say how many jobs are followed by their streams at once: half of what may be open here."""
    try:
        import resource  # noqa: PLC0415  there is none on Windows
    except ImportError:
        return MOST_STREAMS // 4
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_STREAMS if soft == resource.RLIM_INFINITY else min(MOST_STREAMS, soft // 2)
