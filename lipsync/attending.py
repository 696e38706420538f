"""Attending: one of many jobs is followed or asked after in an event loop until it has ended."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from lipsync.errors import VendorBusy
from lipsync.tickets import Ticket
from lipsync.vendors.protocol import Follower, Progress, Standing, Vendor
from lipsync.waiting import JITTER, LONGEST_PAUSE_S, PATIENCE_S, WAITING, not_ended

log = logging.getLogger(__name__)

Told = Callable[[Ticket, Progress], None]

# Ours: a pause is this share of the time waited, so the end of a job is seen late by a twentieth
# of its length on average, a short one's within a quarter of a second.
PAUSE_SHARE = 0.1
SHORTEST_PAUSE_S = 0.5
# Ours: all jobs of one process together ask so often, two milliseconds of processor each; fal
# documents no limit for polls (reference: fal-protocol.md §8).
QUESTIONS_PER_S = 80
# Ours: streams that are opened at once, each a handshake of some milliseconds here and there; a
# job that has waited so long for its turn is asked after meanwhile.
OPENING = 32
TURN_S = 3.0
# Ours: whoever tells of a job does so at once; a stream that does not, a proxy holds back.
FIRST_WORD_S = 10.0


NOTHING: tuple[Progress, ...] = ()


@dataclass
class Crowd:
    """The jobs that one event loop awaits.

    Attributes:
        told: Told every change.
        patience_s: How long a job is awaited.
        most_streams: How many are followed at once; the others are asked after.
        asking: How many are asked after now.
        following: How many are followed now.
        opening: Held by those whose stream is being opened.
    """

    told: Told
    patience_s: float = PATIENCE_S
    most_streams: int = 0
    asking: int = 0
    following: int = 0
    opening: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(OPENING))
    chance: Callable[[], float] = field(default=random.random)

    def pause_s(self, waited_s: float) -> float:
        """Say how long to wait before the next question about a job, in seconds."""
        plain_s = pause_s(waited_s, self.asking)
        return plain_s * (1 + JITTER * (2 * self.chance() - 1))


def pause_s(waited_s: float, asking: int) -> float:
    """Say how long to wait before the next question, without chance.

    Args:
        waited_s: How long the job has been awaited.
        asking: How many jobs are asked after at once.

    >>> pause_s(1, 1), pause_s(30, 1), pause_s(600, 1), pause_s(1, 500)
    (0.5, 3.0, 6.0, 6.25)
    """
    grown_s = min(max(PAUSE_SHARE * waited_s, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)
    return max(grown_s, asking / QUESTIONS_PER_S)


async def attended(ticket: Ticket, follower: Follower, crowd: Crowd) -> Progress:
    """Follow or ask until a job has ended, one way or another, or patience has.

    Raises:
        VendorBusy: It has not ended.
        LipsyncError: Asking again would not help; the job goes on.
    """
    job = _Job(ticket, follower, crowd)
    try:
        async with asyncio.timeout(crowd.patience_s):
            return await job.ended()
    except TimeoutError:
        raise VendorBusy(not_ended(ticket, job.last)) from None


class _Job:
    """One job, and the last that was heard of it."""

    def __init__(self, ticket: Ticket, follower: Follower, crowd: Crowd) -> None:
        self.last = Progress(state=Standing.SILENT)
        self._ticket = ticket
        self._follower = follower
        self._crowd = crowd
        self._told: Progress | None = None
        self._streams = True

    async def ended(self) -> Progress:
        """Follow as long as that works, ask where it does not."""
        began_s = time.monotonic()
        while True:
            if self._streams and self._crowd.following < self._crowd.most_streams:
                await self._follow()
            if self.last.state in WAITING:
                await self._ask()
            if self.last.state not in WAITING:
                return self.last
            await self._pause(time.monotonic() - began_s)

    async def _follow(self) -> None:
        """Follow the vendor's stream as far as it goes."""
        self._crowd.following += 1
        try:
            async with aclosing(self._follower.follow(self._ticket)) as stream:
                progress = await self._first(stream)
                while progress is not None:
                    self._hear(progress)
                    progress = await anext(stream, None)
        except VendorBusy as error:
            log.info("%s the stream broke: %s", self._ticket.key[:8], error)
        finally:
            self._crowd.following -= 1

    async def _first(self, stream: AsyncGenerator[Progress, None]) -> Progress | None:
        """Open a stream; one that tells nothing, or not soon enough, is not tried again.

        Returns:
            The first it tells; None, too, when it was not its turn to be opened.
        """
        first = None
        try:
            async with asyncio.timeout(TURN_S):
                await self._crowd.opening.acquire()
        except TimeoutError:
            return None
        self._streams = False
        try:
            async with asyncio.timeout(FIRST_WORD_S):
                first = await anext(stream, None)
        except TimeoutError:
            log.info("%s the stream tells nothing", self._ticket.key[:8])
        finally:
            self._crowd.opening.release()
        self._streams = first is not None
        return first

    async def _ask(self) -> None:
        """Ask once; no answer says nothing about the job, which goes on."""
        try:
            self._hear(await self._follower.ask(self._ticket))
        except VendorBusy as error:
            if self.last.state is not Standing.SILENT:
                log.warning("%s no answer: %s", self._ticket.key[:8], error)
            self._hear(Progress(state=Standing.SILENT, detail=str(error)))

    async def _pause(self, waited_s: float) -> None:
        self._crowd.asking += 1
        try:
            await asyncio.sleep(self._crowd.pause_s(waited_s))
        finally:
            self._crowd.asking -= 1

    def _hear(self, progress: Progress) -> None:
        """Remember what was heard, and tell it where it is news."""
        self.last = progress
        if progress != self._told:
            self._told = progress
            self._crowd.told(self._ticket, progress)


class InThreads:
    """Asks a vendor that knows nothing of event loops, in threads that are few."""

    def __init__(self, vendor: Vendor) -> None:
        """Ask this one."""
        self._vendor = vendor

    async def follow(self, ticket: Ticket) -> AsyncGenerator[Progress, None]:  # noqa: ARG002  the protocol asks with it
        """Follow nothing: that would hold a thread."""
        for progress in NOTHING:
            yield progress

    async def ask(self, ticket: Ticket) -> Progress:
        """Ask as the vendor does.

        Raises:
            VendorBusy: No answer; ask again.
        """
        return await asyncio.to_thread(self._vendor.status, ticket)
