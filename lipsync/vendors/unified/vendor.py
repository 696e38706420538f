"""The unified vendor: the task API behind the protocol of all vendors."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from lipsync.accounts import UnifiedSettings
from lipsync.catalogue import Catalogue, Model
from lipsync.errors import MediaError, OutcomeUnknown, VendorBusy, VendorError, VendorRefused
from lipsync.hosting import Hosting, hosting_of, hosting_settings
from lipsync.store import Store
from lipsync.tickets import Media, Order, Receipt, Ticket
from lipsync.values import File
from lipsync.vendors.download import LinkDead, download, unfinished
from lipsync.vendors.passed import Passed, nothing
from lipsync.vendors.protocol import (
    CancelAnswer,
    Fetched,
    Fetching,
    Follower,
    Progress,
    Standing,
)
from lipsync.vendors.unified import addresses
from lipsync.vendors.unified.faults import Reply
from lipsync.vendors.unified.media import sendable_video, sendable_voice
from lipsync.vendors.unified.request import body_of, refuse_what_is_not_taken
from lipsync.vendors.unified.rulings import receipt
from lipsync.vendors.unified.standing import TaskGone, standing_of, task_in
from lipsync.vendors.unified.tasks import links_in, notes_of, progress_of
from lipsync.vendors.unified.wire import Wire

# All result links live 24 h (data/models.toml, "unified-tasks"); a younger one that leads nowhere
# is a trouble of the moment.
LINK_LIFETIME = timedelta(hours=24)
# A fresh question may bring fresh links, once.
_ASKED_FOR_LINKS = 2


def _now() -> datetime:
    return datetime.now(UTC)


class UnifiedVendor:
    """Sends links to the pair, asks about its task, and fetches the result."""

    name = "unified"
    replayable = False
    grace_s = 0.0  # there is no list of requests that could lag behind

    def __init__(  # noqa: PLR0913  two of them for tests and links
        self,
        settings: UnifiedSettings,
        hosting: Hosting,
        store: Store,
        catalogue: Catalogue,
        now: Callable[[], datetime] = _now,
        *,
        passed: Passed = nothing,
    ) -> None:
        """Open nothing yet.

        Raises:
            UsageError: The base URL would give the key away.
        """
        addresses.check_base(settings.base_url)
        self._settings = settings
        self._hosting = hosting
        self._store = store
        self._catalogue = catalogue
        self._now = now
        self._passed = passed
        self._wire = Wire(settings.key.get_secret_value(), settings.reply_timeout_s)

    @classmethod
    def found(
        cls, store: Store, catalogue: Catalogue, environ: Mapping[str, str] | None = None
    ) -> Self:
        """Set it up as the environment, or `.env`, says.

        Raises:
            UsageError: The key or the hosting is not set, or a setting cannot be read.
        """
        settings = UnifiedSettings.found(environ)
        hosting = hosting_of(hosting_settings(environ), store, environ)
        return cls(settings, hosting, store, catalogue)

    def prepare(self, order: Order) -> Media:
        """Host the pair where the vendor can fetch it; buys nothing.

        Raises:
            VendorRefused: The model does not take an argument of the order.
            MediaError: A file is gone, altered, or of a kind that cannot be made into MP4 or WAV.
            UsageError: The hosting is not set up as it says, or cannot be reached from outside.
            VendorBusy: The hosting did not answer.
        """
        refuse_what_is_not_taken(order, self._row(order))
        video = sendable_video(self._at_hand(order.video), self._store)
        voice = sendable_voice(self._at_hand(order.voice), self._store)
        media = Media(
            video_url=self._link(video),
            voice_url=self._link(voice),
        )
        addresses.check_reach(self._settings.base_url, media)
        return media

    def _link(self, file: File) -> str:
        """Return the link a file came by, where the vendor can use it; else it is hosted."""
        inside = addresses.is_private(self._settings.base_url)
        return self._passed(file, inside) or self._hosting.link(file)

    def submit(self, order: Order, media: Media | None) -> Receipt:
        """Send the one POST.

        Raises:
            VendorRefused: It was rejected; nothing was bought.
            VendorBusy: It never left or was turned away; nothing was bought.
            OutcomeUnknown: It may have been taken.
        """
        if media is None:
            raise VendorRefused("unified takes links only; nothing was sent, host the pair first")
        settings, row = self._settings, self._row(order)
        named = {"video": settings.video_field, "voice": settings.voice_field}
        fields = row.media.model_copy(update={side: name for side, name in named.items() if name})
        body = body_of(order, media, fields, row)
        ruling = self._wire.post(addresses.joined(settings.base_url, order.endpoint), body)
        return receipt(ruling, self._asked_at)

    def status(self, ticket: Ticket) -> Progress:
        """Ask how a task stands.

        Raises:
            VendorError: The key is refused, or the ticket is of another account; the job goes on.
            VendorBusy: There was no answer, or none that says anything about the job.
        """
        return standing_of(self._reply(ticket), ticket)

    def watch(self, ticket: Ticket) -> Iterator[Progress]:  # noqa: ARG002  the protocol asks with it
        """Follow nothing: the API has no stream."""
        return iter(())

    def fetch(self, ticket: Ticket, into: Path, progress: Fetching) -> Fetched:
        """Download the result; a link that is dead is asked for again.

        Raises:
            VendorBusy: It broke off, or the result should be there and is not; fetch again.
            VendorError: The vendor no longer has it.
        """
        why = "it names no link"
        for _ in range(_ASKED_FOR_LINKS):
            task = self._finished(ticket)
            for link in links_in(task):
                try:
                    download(link, into, progress, partial=self._unfinished(ticket))
                except LinkDead as dead:
                    why = str(dead)
                else:
                    return Fetched(notes=notes_of(task))
        raise self._missing(ticket, why)

    def cancel(self, ticket: Ticket) -> CancelAnswer:
        """Say whether there is anything left to cancel: the API has no call for it.

        Raises:
            VendorBusy: There was no answer.
        """
        state = self.status(ticket).state
        if state is Standing.LOST:
            return CancelAnswer.NOT_FOUND
        if state in {Standing.DONE, Standing.FAILED, Standing.CANCELLED}:
            return CancelAnswer.TOO_LATE
        return CancelAnswer.NOT_OFFERED

    def look_up(self, ticket: Ticket, taken: Callable[[str], bool]) -> Receipt | None:  # noqa: ARG002  the protocol
        """Say that nobody can: the API lists no requests.

        Raises:
            OutcomeUnknown: Always.
        """
        sent = ticket.sent_at or ticket.created_at
        raise OutcomeUnknown(
            f"unified lists no requests; look in its console for a task of {sent:%d %b %Y %H:%M} "
            f"UTC, then say `dubline requests resolve {ticket.id}` with what you found"
        )

    def follower(self) -> AbstractAsyncContextManager[Follower]:
        """Open connections over which one event loop asks after any number of tasks."""
        from lipsync.vendors.unified.follower import follower  # noqa: PLC0415  loads asyncio

        return follower(self._wire, self._place)

    def _reply(self, ticket: Ticket) -> Reply:
        return self._wire.get(self._place(ticket))

    def _place(self, ticket: Ticket) -> str:
        """Say where a ticket is asked about."""
        addresses.check_same_place(ticket, self._settings.base_url)
        return self._asked_at(ticket.request_id or "")

    def _asked_at(self, request_id: str) -> str:
        settings = self._settings
        return addresses.task_url(settings.base_url, settings.poll_path, request_id)

    def _finished(self, ticket: Ticket) -> dict[str, Any]:
        """Ask for a task that is done; a refused key must not end a job that is paid for."""
        try:
            task = task_in(self._reply(ticket), ticket)
        except TaskGone as gone:
            raise self._missing(ticket, str(gone)) from gone
        except VendorBusy:
            raise
        except VendorError as error:
            raise VendorBusy(str(error)) from error
        progress = progress_of(task)
        if progress.state in {Standing.FAILED, Standing.CANCELLED}:
            raise VendorError(f"unified ended ticket {ticket.id} after all: {progress.detail}")
        if progress.state is not Standing.DONE:
            raise VendorBusy(f"unified has ticket {ticket.id} at work again; collect it later")
        return task

    def _missing(self, ticket: Ticket, why: str) -> VendorError:
        """Give a result up only when its links can have expired."""
        age = self._now() - (ticket.sent_at or ticket.created_at)
        if age < LINK_LIFETIME:
            return VendorBusy(
                f"the result of ticket {ticket.id} is not there ({why}), though links live 24 h "
                f"and it is {age // timedelta(minutes=1)} min old; fetch it again later"
            )
        return VendorError(
            f"the result of ticket {ticket.id} is gone ({why}): links live 24 h and it is "
            f"{age // timedelta(hours=1)} h old; ask the vendor's support for it"
        )

    def _unfinished(self, ticket: Ticket) -> Path:
        return unfinished(self._store.home, f"{ticket.vendor} {ticket.request_id}")

    def _row(self, order: Order) -> Model:
        row = self._catalogue.models.get(order.model)
        if row is None:
            raise VendorRefused(
                f"the catalogue has no model {order.model}; nothing was sent, `dubline models` "
                "shows what there is"
            )
        return row

    def _at_hand(self, ordered: File) -> File:
        """Find a file of an order where it is now, with the bytes it was ordered with."""
        file = self._store.here(ordered)
        if not self._store.intact(file):
            raise MediaError(
                f"{file.path}: was ordered and is gone or altered; nothing was bought, run the "
                "dub again"
            )
        return file
