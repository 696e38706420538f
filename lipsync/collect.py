"""Collect: a ticket becomes a delivery, by any process, at any later time; it never buys."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync.errors import MediaError, VendorBusy, VendorError
from lipsync.progress import tell
from lipsync.store import Store
from lipsync.tickets import Delivery, Ticket, TicketMoved, TicketState, why_not
from lipsync.values import File, Value
from lipsync.vendors.protocol import Fetched, Progress, Standing, Vendor

if TYPE_CHECKING:  # loads SQLAlchemy
    from lipsync.ledger import Ledger

log = logging.getLogger(__name__)

# fal_client polls every 0.1 s by default, ten GETs a second per job; its docs advise 1 to 5 s
# (fal.ai/docs, queue). The pause grows from one to the other.
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 5.0
PAUSE_GROWTH = 1.5

# fal ends an attempt after 3,600 s by default (fal.ai/docs, queue, request_timeout).
PATIENCE_S = 3_600.0

WAITING = frozenset({Standing.QUEUED, Standing.RUNNING, Standing.SILENT})


@dataclass(frozen=True)
class Waiting:
    """How a job is waited for.

    Attributes:
        patience_s: How long before giving up for now; 0 asks once.
        watch: Told every answer the vendor gives meanwhile.
    """

    patience_s: float = PATIENCE_S
    watch: Callable[[Progress], None] = lambda _progress: None


class Collected(Value):
    """A delivery, and whether this call fetched it."""

    delivery: Delivery
    new: bool


def collect(
    ticket: Ticket,
    ledger: "Ledger",
    vendor: Vendor,
    store: Store,
    waiting: Waiting = Waiting(),
) -> Delivery:
    """Wait for a job, fetch its result, put it into the store, and write that down.

    Of all workers that collect one ticket one fetches; the others wait and find the file. A result
    that is in the store, byte for byte, is not fetched again; one that was lost from it is.

    Args:
        ticket: Any copy of it; where it stands is read from the ledger.
        ledger: Where it is written.
        vendor: Who has the job.
        store: Where the result goes.
        waiting: For how long, and who is told meanwhile.

    Raises:
        VendorBusy: It is not finished, or the transfer broke off; collect again later.
        VendorError: The vendor failed to make it, or no longer has it.
        OutcomeUnknown: The vendor does not know it.
        StorageError: The result could not be written.
    """
    return collected(ticket, ledger, vendor, store, waiting).delivery


def collected(
    ticket: Ticket,
    ledger: "Ledger",
    vendor: Vendor,
    store: Store,
    waiting: Waiting = Waiting(),
) -> Collected:
    """Do as `collect`, and say who fetched it."""
    ticket = ledger.ticket(ticket.id)
    if ticket.state is TicketState.SUBMITTED:
        ticket = _awaited(ticket, ledger, vendor, waiting)
    if (delivery := _at_hand(ticket, store)) is not None:
        return Collected(delivery=delivery, new=False)
    with ledger.alone("collect", ticket.key):
        ticket = ledger.ticket(ticket.id)
        if (delivery := _at_hand(ticket, store)) is not None:
            return Collected(delivery=delivery, new=False)
        return Collected(delivery=_fetched(ticket, ledger, vendor, store), new=True)


def pauses() -> Iterator[float]:
    """Yield how long to wait before each next question, in seconds."""
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)


def _awaited(ticket: Ticket, ledger: "Ledger", vendor: Vendor, waiting: Waiting) -> Ticket:
    """Ask until the job has ended, one way or another, or patience has."""
    until_s = time.monotonic() + waiting.patience_s
    waits_s = pauses()
    while (progress := _asked(ticket, vendor, waiting)).state in WAITING:
        pause_s = next(waits_s)
        if time.monotonic() + pause_s > until_s:
            raise VendorBusy(
                f"ticket {ticket.id} is {progress.state} at {ticket.vendor}; nothing is lost, "
                f"collect it later with `dubline requests resume {ticket.id}`"
            )
        time.sleep(pause_s)
    return _ended(ticket, progress, ledger)


def _asked(ticket: Ticket, vendor: Vendor, waiting: Waiting) -> Progress:
    """Ask once; no answer says nothing about the job, which goes on."""
    try:
        progress = vendor.status(ticket)
    except VendorBusy as error:
        log.warning("%s no answer about ticket %d: %s", ticket.key[:8], ticket.id, error)
        progress = Progress(state=Standing.SILENT, detail=str(error))
    waiting.watch(progress)
    return progress


def _ended(ticket: Ticket, progress: Progress, ledger: "Ledger") -> Ticket:
    """Write down how a job ended, unless another worker has."""
    said = progress.detail or f"{ticket.vendor} did not say why"
    try:
        if progress.state is Standing.DONE:
            return ledger.completed(ticket)
        if progress.state is Standing.LOST:
            return ledger.unknown(ticket, f"{ticket.vendor} knows no request {ticket.request_id}")
        return ledger.failed(ticket, said, progress.billed_usd)
    except TicketMoved:
        return ledger.ticket(ticket.id)


def _fetched(ticket: Ticket, ledger: "Ledger", vendor: Vendor, store: Store) -> Delivery:
    """Fetch the result, look at it, keep it, and only then write that down."""
    with store.scratch(".mp4") as trial:
        came = _transferred(ticket, trial, ledger, vendor)
        _looked_at(trial, ticket)
        file = store.keep(trial, came.suffix)
    billed_usd, notes = came.billed_usd, came.notes
    if billed_usd is None:
        billed_usd = ticket.quoted_usd
        notes = (*notes, f"{ticket.vendor} did not say what it charged: ${billed_usd} as quoted")
    return _delivery(ledger.delivered(ticket, file, billed_usd, notes), file)


def _transferred(ticket: Ticket, trial: Path, ledger: "Ledger", vendor: Vendor) -> Fetched:
    """Have the vendor write the result; a result that is not there is written down."""
    try:
        return vendor.fetch(ticket, trial, partial(tell, "collect"))
    except VendorBusy:
        raise
    except VendorError as error:
        if ticket.state is TicketState.COMPLETED:
            ledger.failed(ticket, str(error))
        raise


def _looked_at(trial: Path, ticket: Ticket) -> None:
    """Refuse a transfer that is cut off or is no video; the job is not touched by that.

    Raises:
        VendorBusy: It is not a whole video.
    """
    from lipsync.media.opening import open_media, top_boxes  # noqa: PLC0415  PyAV, for news only

    try:
        with open_media(trial) as container:
            pictures = sum(packet.size > 0 for packet in container.demux(video=0))
        _, missing_bytes = top_boxes(trial)
    except (MediaError, IndexError) as error:
        raise VendorBusy(_say_broken(ticket, str(error))) from error
    if missing_bytes or not pictures:
        raise VendorBusy(_say_broken(ticket, f"{missing_bytes} bytes, {pictures} pictures"))


def _at_hand(ticket: Ticket, store: Store) -> Delivery | None:
    """Find a delivery that is in the store, byte for byte; None when it has yet to come.

    Raises:
        VendorError: Or one of its kinds: from where the ticket stands, none will.
    """
    if ticket.state not in {TicketState.COMPLETED, TicketState.DELIVERED}:
        raise why_not(ticket)
    if ticket.state is not TicketState.DELIVERED or ticket.delivery is None:
        return None
    file = store.here(ticket.delivery)
    return _delivery(ticket, file) if store.intact(file) else None


def _delivery(ticket: Ticket, file: File) -> Delivery:
    return Delivery(
        ticket_id=ticket.id,
        key=ticket.key,
        request_id=ticket.request_id or "",
        file=file,
        billed_usd=ticket.quoted_usd if ticket.billed_usd is None else ticket.billed_usd,
        notes=ticket.notes,
    )


def _say_broken(ticket: Ticket, why: str) -> str:
    return (
        f"ticket {ticket.id}: what came from {ticket.vendor} is not a whole video ({why}); "
        f"nothing is lost, fetch it again with `dubline requests resume {ticket.id}`"
    )
