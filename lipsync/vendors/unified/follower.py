"""The follower: any number of tasks asked after over the connections of one event loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from lipsync.tickets import Ticket
from lipsync.vendors.protocol import Progress
from lipsync.vendors.unified.standing import standing_of
from lipsync.vendors.unified.wire import Wire

# Ours: questions at once, however many tasks there are; each takes a tenth of a second.
QUESTIONS = 32

NOTHING: tuple[Progress, ...] = ()

# Says where a ticket is asked about: `UnifiedVendor._place`.
Place = Callable[[Ticket], str]


@asynccontextmanager
async def follower(wire: Wire, place: Place) -> AsyncIterator["UnifiedFollower"]:
    """Open connections for the event loop that runs.

    Raises:
        VendorBusy: Nothing can be sent from here as it is set up.
    """
    async with wire.many(QUESTIONS) as client:
        yield UnifiedFollower(wire, client, place)


class UnifiedFollower:
    """Asks as `UnifiedVendor` does, without holding a thread."""

    def __init__(self, wire: Wire, client: httpx.AsyncClient, place: Place) -> None:
        self._wire = wire
        self._client = client
        self._place = place
        self._turns = asyncio.Semaphore(QUESTIONS)

    async def follow(self, ticket: Ticket) -> AsyncGenerator[Progress, None]:  # noqa: ARG002  the protocol asks with it
        """Follow nothing: the API has no stream."""
        for progress in NOTHING:
            yield progress

    async def ask(self, ticket: Ticket) -> Progress:
        """Ask how a task stands.

        Raises:
            UsageError: It was bought at another account.
            VendorError: The key is refused; the job goes on.
            VendorBusy: There was no answer, or none that says anything about the job.
        """
        async with self._turns:
            reply = await self._wire.ask(self._client, self._place(ticket))
        return standing_of(reply, ticket)
