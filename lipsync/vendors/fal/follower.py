"""The follower: any number of fal's jobs over the streams and questions of one event loop."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from lipsync.errors import VendorBusy
from lipsync.tickets import Ticket
from lipsync.trust import trusted
from lipsync.vendors.fal.answers import Answer
from lipsync.vendors.fal.line import ANSWER_S, CONNECT_S, Line, no_answer, read, with_a_key
from lipsync.vendors.fal.queue import (
    STREAM_HEADERS,
    WITH_LOGS,
    Queue,
    broken,
    check_stream,
    status_in,
)
from lipsync.vendors.fal.standing import ENDED, EventReader, standing
from lipsync.vendors.protocol import Progress, Standing

if TYPE_CHECKING:  # see lipsync.vendors.fal.line
    import httpx

log = logging.getLogger(__name__)

# Ours: a stream that tells nothing new for so long is left, and the job asked after; a connection
# that died in a router on the way looks just like that.
SILENCE_S = 30.0
# Ours: questions at once, however many jobs there are; each takes a tenth of a second.
QUESTIONS = 32

# Says how a job ended: `FalVendor.judged`.
Judge = Callable[[Ticket, Progress, Answer], Progress]


@asynccontextmanager
async def follower(line: Line, queue: Queue, judge: Judge) -> AsyncIterator["FalFollower"]:
    """Open connections for the event loop that runs.

    fal's own client finds the key, and knows fal's second address for when the first cannot be
    reached. It costs twice as much per question and holds no more than 100 connections, so it is
    kept for that; the rest has the same key, proxies and trust. Of streams no connection is kept:
    for every request httpx looks at all that are, and at dozens longer than a new one takes
    (measured: 22 ms a job with 64 kept, 6 so).

    Raises:
        VendorRefused: There is no key.
    """
    import httpx  # noqa: PLC0415  see lipsync.vendors.fal.line
    from fal_client import AsyncClient  # noqa: PLC0415  the same

    key = line.settings.key
    client = AsyncClient(key=key.get_secret_value() if key else None)
    with with_a_key():
        fals = (await client.get_handle("fal-ai/any", "-")).client
    streams, questions = (
        httpx.AsyncClient(
            headers=fals.headers,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=kept),
            timeout=httpx.Timeout(patience_s, connect=CONNECT_S),
            verify=trusted(),
        )
        for patience_s, kept in ((SILENCE_S, 0), (ANSWER_S, QUESTIONS))
    )
    async with fals, streams, questions:
        yield FalFollower(questions, fals, streams, queue, judge)


class FalFollower:
    """Follows and asks as `Queue` does, without holding a thread."""

    def __init__(
        self,
        questions: "httpx.AsyncClient",
        fals: "httpx.AsyncClient",
        streams: "httpx.AsyncClient",
        queue: Queue,
        judge: Judge,
    ) -> None:
        self._questions = questions
        self._fals = fals
        self._streams = streams
        self._queue = queue
        self._judge = judge
        self._turns = asyncio.Semaphore(QUESTIONS)

    async def follow(self, ticket: Ticket) -> AsyncGenerator[Progress, None]:
        """Follow a job by fal's stream; ends when the job has, or when it tells nothing new.

        Raises:
            VendorBusy: The stream broke, or there is none.
        """
        import httpx  # noqa: PLC0415  see lipsync.vendors.fal.line

        url = f"{self._queue.urls(ticket)['status']}/stream"
        try:
            async with self._streams.stream(
                "GET", url, params=WITH_LOGS, headers=STREAM_HEADERS
            ) as response:
                check_stream(response)
                async for progress in _told(response):
                    yield await self._ended(ticket, progress)
        except httpx.ReadTimeout:
            return
        except httpx.TransportError as error:
            raise broken(ticket, error) from error

    async def ask(self, ticket: Ticket) -> Progress:
        """Ask once how far a job is; one that has ended is asked for its result as well.

        Raises:
            VendorBusy: No answer about it.
        """
        answer = await self._asked(self._queue.urls(ticket)["status"], **WITH_LOGS)
        return await self._ended(ticket, status_in(answer))

    async def _ended(self, ticket: Ticket, progress: Progress) -> Progress:
        """Ask what a job ended with, if it has, as `FalVendor` does."""
        if progress.state not in {Standing.DONE, Standing.FAILED, Standing.CANCELLED}:
            return progress
        try:
            answer = await self._asked(self._queue.urls(ticket)["response"])
        except VendorBusy:
            return progress
        if answer.status < 500:  # noqa: PLR2004  a server error is looked up in fal's list
            return self._judge(ticket, progress, answer)
        return await asyncio.to_thread(self._judge, ticket, progress, answer)

    async def _asked(self, url: str, **params: Any) -> Answer:
        """Ask something that buys nothing, once.

        Raises:
            VendorBusy: No answer; ask again.
        """
        import httpx  # noqa: PLC0415  see lipsync.vendors.fal.line

        try:
            async with self._turns:
                try:
                    return read(await self._questions.get(url, params=params or None))
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    return read(await self._fals.get(url, params=params or None))
        except httpx.TransportError as error:
            raise no_answer(url, error) from error


async def _told(response: "httpx.Response") -> AsyncGenerator[Progress, None]:
    """Yield what a stream tells; end when nothing but its pulse comes for too long."""
    reader, last, told_s = EventReader(), Progress(state=Standing.SILENT), time.monotonic()
    async for line in response.aiter_lines():
        event = reader.read(line)
        if event is not None:
            last, told_s = standing(event, last.lines), time.monotonic()
            yield last
        if last.state in ENDED or time.monotonic() - told_s > SILENCE_S:
            return
