"""The local vendor: the embedded engine behind the protocol of a paid one; free, and here."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lipsync.errors import MediaError
from lipsync.fit import Lengths, SyncMode, plan_fit
from lipsync.requests import ConformRequest
from lipsync.store import Store
from lipsync.tickets import Order, Receipt, Ticket
from lipsync.values import File
from lipsync.vendors.protocol import CancelAnswer, Fetched, Fetching, Media, Progress, Standing

if TYPE_CHECKING:  # loads OpenCV
    from lipsync.engine import Rendering


class Engine(Protocol):
    """Renders a pair of equal lengths: `lipsync.engine.render`."""

    def __call__(
        self, video: Path, voice: Path, out: Path, *, progress: Callable[[int, int], None] | None
    ) -> "Rendering":
        """Write the dub of a pair to `out`."""
        ...


class LocalVendor:
    """Takes an order at once and renders it when it is fetched.

    The order in the ticket is all it needs, so a render that was killed is simply made again, by
    any process that has the same store.
    """

    name = "local"
    replayable = True
    grace_s = 0.0

    def __init__(self, store: Store, engine: Engine | None = None) -> None:
        """Render with `engine`, else with the embedded one."""
        self._store = store
        self._engine = engine

    def prepare(self, order: Order) -> None:  # noqa: ARG002  the protocol asks with it
        """Need no links: the files are here."""
        return

    def submit(self, order: Order, media: Media | None = None) -> Receipt:  # noqa: ARG002  the same
        """Take an order; nothing is rendered yet."""
        return Receipt(request_id=f"local-{order.key[:32]}")

    def status(self, ticket: Ticket) -> Progress:  # noqa: ARG002  the same
        """Say that it is ready to be fetched, as everything here always is."""
        return Progress(state=Standing.DONE)

    def watch(self, ticket: Ticket) -> Iterator[Progress]:
        """Follow a job: it is done."""
        yield self.status(ticket)

    def fetch(self, ticket: Ticket, into: Path, progress: Fetching) -> Fetched:
        """Render the order of a ticket.

        Raises:
            MediaError: Its video or voice is gone or altered, or cannot be rendered.
        """
        order = ticket.order
        video, voice = self._at_hand(ticket, order.video), self._at_hand(ticket, order.voice)
        video, voice = _of_equal_length(order, video, voice, self._store)
        engine = self._engine or _embedded()
        rendering = engine(video.path, voice.path, into, progress=progress)
        return Fetched(notes=rendering.notes, billed_usd=Decimal(0))

    def cancel(self, ticket: Ticket) -> CancelAnswer:  # noqa: ARG002  the same
        """Let go of a job: nothing runs here unless it is being fetched."""
        return CancelAnswer.REMOVED

    def look_up(self, ticket: Ticket, taken: Callable[[str], bool]) -> Receipt | None:  # noqa: ARG002  the same
        """Find a request: every order is taken, under an id of its own."""
        return self.submit(ticket.order)

    def _at_hand(self, ticket: Ticket, ordered: File) -> File:
        """Find a file of an order where it is now, with the bytes it was ordered with."""
        file = self._store.here(ordered)
        if not self._store.intact(file):
            raise MediaError(
                f"{file.path}: was ordered with ticket {ticket.id} and is gone or altered; "
                "run the dub again with its video and voice"
            )
        return file


def _of_equal_length(order: Order, video: File, voice: File, store: Store) -> tuple[File, File]:
    """Fit the pair as the order's own sync mode says; one that was fitted before stays as it is.

    A vendor does this on its own machines when it is sent an unequal pair (`--fit vendor`).
    """
    from lipsync.conform import conform  # noqa: PLC0415  the media libraries
    from lipsync.media.tempo import length_of  # noqa: PLC0415  are not needed
    from lipsync.probe import probe  # noqa: PLC0415  to take an order

    picture = probe(video).video
    if picture is None:
        raise MediaError(f"{video.path}: has no picture; order the dub with a video")
    lengths = Lengths(
        source_frames=picture.frames, rate=picture.rate, voice_samples=length_of(voice.path)
    )
    if picture.frames == order.frames and lengths.mismatch.longer == "equal":
        return video, voice
    plan = plan_fit(SyncMode(order.arguments["sync_mode"]), lengths)
    request = ConformRequest(video=video, video_facts=picture, plan=plan, voice=voice)
    fitted = conform(request, store)
    return fitted.video, fitted.voice


def _embedded() -> Engine:
    """Load the embedded engine, and OpenCV with it."""
    from lipsync.engine import render  # noqa: PLC0415  the same

    return render
