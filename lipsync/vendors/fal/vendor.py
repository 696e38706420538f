"""The fal vendor: puts a pair on fal's CDN, buys a job once, waits for it, and brings it here."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from lipsync.accounts import FalSettings
from lipsync.catalogue import Catalogue, Model
from lipsync.errors import OutcomeUnknown, VendorBusy, VendorError, VendorRefused
from lipsync.store import Store
from lipsync.tickets import Media, Order, Receipt, Ticket
from lipsync.values import File
from lipsync.vendors.download import LinkDead, download, unfinished
from lipsync.vendors.fal.answers import Answer, of_result
from lipsync.vendors.fal.arguments import body_of, check
from lipsync.vendors.fal.line import Line
from lipsync.vendors.fal.matching import matching
from lipsync.vendors.fal.platform import NotAllowed, Platform
from lipsync.vendors.fal.prices import billed_usd
from lipsync.vendors.fal.queue import Queue
from lipsync.vendors.fal.results import Failure, Result, failure_in, failure_of, link_in, result_of
from lipsync.vendors.fal.uploads import Uploads
from lipsync.vendors.passed import Passed, nothing
from lipsync.vendors.protocol import (
    CancelAnswer,
    Fetched,
    Fetching,
    Follower,
    Progress,
    Standing,
)

log = logging.getLogger(__name__)

# fal's clock and ours may differ by so much.
SKEW = timedelta(minutes=2)
# fal ends an attempt after 3,600 s by default (fal-protocol.md §8), and may list it a little later.
LONGEST_RUN_S, LISTING_LAG_S = 3_600.0, 600.0

# A job that has ended so is asked for its result, which says more.
WITH_A_RESULT = frozenset({Standing.DONE, Standing.FAILED, Standing.CANCELLED})


class FalVendor:
    """fal.ai, under one account."""

    name = "fal"
    replayable = False

    def __init__(
        self,
        settings: FalSettings,
        catalogue: Catalogue,
        store: Store,
        passed: Passed = nothing,
    ) -> None:
        """Open nothing yet: connections are made when they are first needed."""
        self._settings = settings
        self._catalogue = catalogue
        self._store = store
        self._passed = passed
        self._line = Line(settings)
        self._queue = Queue(self._line)
        self._results: dict[str, Result] = {}
        self._listed_within_s = listed_within_s(settings)
        self.grace_s = self._listed_within_s or 0.0

    @cached_property
    def uploads(self) -> Uploads:
        """Its CDN."""
        return Uploads(self._line, self._store)

    @cached_property
    def platform(self) -> Platform:
        """Its list of requests, and its prices."""
        return Platform(self._line)

    def prepare(self, order: Order) -> Media:
        """Upload the pair, unless it is there; an order fal would not take goes no further.

        Raises:
            VendorRefused: Its model does not take its arguments, or fal not its files or our key.
            VendorBusy: An upload did not succeed; try again.
            MediaError: A file is gone or altered.
        """
        check(order, self._row(order.model))
        return self._passed_on(order) or Media(
            video_url=self._link(order.video, order.generation),
            voice_url=self._link(order.voice, order.generation),
        )

    def _passed_on(self, order: Order) -> Media | None:
        """Hand on the link the video came by; None where there is none that fal can use.

        Whoever has that link may send it, so it tells no request from another. The voice is always
        uploaded, and then for this video alone: by its link the request is found again.
        """
        if order.voice.size_bytes <= self._settings.inline_bytes:
            return None
        video_url = self._passed(order.video, self._settings.private_links)
        if video_url is None:
            return None
        voice_url = self.uploads.link(order.voice, order.generation, order.video.sha256)
        return Media(video_url=video_url, voice_url=voice_url)

    def _link(self, file: File, generation: int) -> str:
        if file.size_bytes <= self._settings.inline_bytes:
            return self.uploads.inline(file)
        return self.uploads.link(file, generation)

    def submit(self, order: Order, media: Media | None) -> Receipt:
        """Send the one request that buys.

        Raises:
            VendorRefused: fal rejects it; nothing was bought.
            VendorBusy: It did not reach fal, or was turned away; nothing was bought.
            OutcomeUnknown: It may have been taken.
        """
        if media is None:
            raise VendorRefused(f"{order.model} was given no links to the pair; nothing was sent")
        body = body_of(order, media, self._row(order.model))
        receipt = self._queue.submit(order.endpoint, body)
        log.info("%s submitted to fal as %s", order.key[:8], receipt.request_id)
        return receipt

    def status(self, ticket: Ticket) -> Progress:
        """Ask once how far a job is; one that has ended is asked for its result as well.

        Raises:
            VendorBusy: No answer about it.
        """
        return self._ended(ticket, self._queue.status(ticket))

    def watch(self, ticket: Ticket) -> Iterator[Progress]:
        """Follow a job by fal's stream of events.

        Raises:
            VendorBusy: The stream broke, or there is none.
        """
        for progress in self._queue.watch(ticket):
            yield self._ended(ticket, progress)

    def follower(self) -> AbstractAsyncContextManager[Follower]:
        """Open connections over which one event loop follows any number of jobs."""
        from lipsync.vendors.fal.follower import follower  # noqa: PLC0415  loads asyncio

        return follower(self._line, self._queue, self.judged)

    def fetch(self, ticket: Ticket, into: Path, progress: Fetching) -> Fetched:
        """Download the result; a link that is dead is asked for again.

        Raises:
            VendorBusy: It broke off, or the result is not to be had right now.
            VendorError: fal does not have it, or never made it.
        """
        result = self._results.pop(str(ticket.request_id), None) or self._result(ticket)
        partial = unfinished(self._store.home, f"fal {ticket.request_id}")
        try:
            download(result.url, into, progress, partial=partial)
        except LinkDead:
            result = self._result(ticket)
            self._fetch_again(ticket, result, into, progress)
        return Fetched(billed_usd=self._billed_usd(ticket, result.units), suffix=result.suffix)

    def cancel(self, ticket: Ticket) -> CancelAnswer:
        """Ask fal to let go of a job; one that runs may still finish, and be billed.

        Raises:
            VendorBusy: No answer to the wish.
        """
        return self._queue.cancel(ticket)

    def look_up(self, ticket: Ticket, taken: Callable[[str], bool]) -> Receipt | None:
        """Look for a request by its links and arguments in fal's list of requests.

        Raises:
            OutcomeUnknown: The list cannot be read with this key, hides what was sent, holds more
                than one match, or none while its absence proves nothing.
            VendorBusy: No answer; ask again.
        """
        since = (ticket.sent_at or ticket.created_at) - SKEW
        try:
            items = tuple(self.platform.requests(ticket.endpoint, since))
        except NotAllowed as error:
            raise OutcomeUnknown(f"fal's list of requests cannot be read ({error})") from error
        found = matching(ticket, self._row(ticket.model), items, taken)
        if found is not None:
            return self._queue.receipt(ticket.endpoint, found)
        if self._listed_within_s is None:
            raise OutcomeUnknown(
                "fal does not list it, which proves nothing while a job may still be waiting; look "
                "at fal.ai/dashboard/requests, or set FAL_START_TIMEOUT_S beforehand"
            )
        return None

    @property
    def _shapes(self) -> tuple[str, ...]:
        """Where the link may stand in a result."""
        return self._catalogue.vendors[self.name].result_shapes

    def _row(self, model: str) -> Model:
        """Find the row of a model.

        Raises:
            VendorRefused: The catalogue has none by that name any more.
        """
        row = self._catalogue.models.get(model)
        if row is None:
            raise VendorRefused(f"the catalogue has no {model} any more; nothing was sent")
        return row

    def _ended(self, ticket: Ticket, progress: Progress) -> Progress:
        """Ask what a job ended with, if it has: fal calls failed ones completed too."""
        if progress.state not in WITH_A_RESULT:
            return progress
        try:
            return self.judged(ticket, progress, self._queue.result(ticket))
        except VendorBusy:
            return progress

    def judged(self, ticket: Ticket, progress: Progress, answer: Answer) -> Progress:
        """Say how a job ended, by its last status and the answer about its result."""
        if progress.state is Standing.DONE and link_in(answer.body, self._shapes):
            self._results[str(ticket.request_id)] = result_of(answer, self._shapes)
        failure = failure_of(answer, progress)
        if failure is None and answer.is_fals and answer.status >= 500:  # noqa: PLR2004  the same
            failure = failure_in(self._listed(ticket))
        if failure is None:
            return progress
        return progress.model_copy(
            update={
                "state": failure.state,
                "detail": failure.sentence,
                "billed_usd": self._lost_usd(ticket, failure),
            }
        )

    def _lost_usd(self, ticket: Ticket, failure: Failure) -> Decimal | None:
        """Say what a job cost that has no result; None where fal leaves it open."""
        if failure.units is None:
            return Decimal(0) if failure.free else None
        return self._billed_usd(ticket, failure.units)

    def _billed_usd(self, ticket: Ticket, units: Decimal | None) -> Decimal | None:
        """Price what fal counted; not known where the catalogue has lost the model."""
        row = self._catalogue.models.get(ticket.model)
        if row is None:
            return None
        return billed_usd(self._catalogue, row, units, ticket.quoted_usd)

    def _result(self, ticket: Ticket) -> Result:
        """Ask for the result; fal's list of requests still has it when the queue has not.

        Raises:
            VendorBusy: It is not to be had right now.
            VendorError: fal does not have it any more, or never made it.
        """
        answer = self._queue.result(ticket)
        ruling = of_result(answer)
        if ruling is None:
            return result_of(answer, self._shapes)
        if answer.status in {404, 410} or answer.status >= 500:  # noqa: PLR2004  server errors
            item = self._listed(ticket)
            if (url := link_in(item.get("json_output"), self._shapes)) is not None:
                return Result(url=url)
            if (failure := failure_in(item)) is not None:
                raise VendorError(failure.sentence)
        raise ruling.error()

    def _listed(self, ticket: Ticket) -> dict[str, Any]:
        """Return what fal's list says about a ticket's request; nothing where it cannot be read."""
        since = (ticket.sent_at or ticket.created_at) - SKEW
        try:
            return self.platform.request(ticket.endpoint, str(ticket.request_id), since) or {}
        except VendorBusy as error:
            log.info("fal's list of requests does not help: %s", error)
            return {}

    def _fetch_again(self, ticket: Ticket, result: Result, into: Path, progress: Fetching) -> None:
        """Download by a fresh link; a dead one is believed once the file's promised life is over.

        Raises:
            VendorBusy: The link is dead, and should not be.
        """
        try:
            partial = unfinished(self._store.home, f"fal {ticket.request_id}")
            download(result.url, into, progress, partial=partial)
        except LinkDead as error:
            lifetime = self._catalogue.vendors[self.name].link_lifetime_s
            life_s = self._settings.result_lifetime_s or (lifetime.value if lifetime else 0)
            age = datetime.now(UTC) - (ticket.sent_at or ticket.created_at)
            if error.gone or age > timedelta(seconds=life_s):
                raise
            raise VendorBusy(
                f"{error}, {age.total_seconds() / 3600:.0f} h after it was ordered, although fal "
                f"keeps results for {life_s / 3600:.0f} h; collect it again later"
            ) from error


def listed_within_s(settings: FalSettings) -> float | None:
    """Say after how long absence from fal's list of requests is a proof; None: it never is.

    The list is sorted by the end of requests (fal-protocol.md §13) and may leave out those that
    have not ended; without a start timeout a job may wait for ever.

    >>> listed_within_s(FalSettings(start_timeout_s=600)), listed_within_s(FalSettings())
    (4800.0, None)
    """
    if settings.listed_within_s is not None or settings.start_timeout_s is None:
        return settings.listed_within_s
    return settings.start_timeout_s + LONGEST_RUN_S + LISTING_LAG_S
