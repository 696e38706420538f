"""Collect: a ticket becomes a delivery, by any process, at any later time; it never buys."""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync.errors import MediaError, VendorBusy, VendorError
from lipsync.price import dollars
from lipsync.progress import tell
from lipsync.store import Store
from lipsync.tickets import Delivery, Order, Ticket, TicketMoved, TicketState, why_not
from lipsync.values import File, Value
from lipsync.vendors.protocol import Fetched, Progress, Standing, Vendor
from lipsync.waiting import PATIENTLY, Waiting, wait

if TYPE_CHECKING:  # loads SQLAlchemy
    from lipsync.ledger import Ledger

log = logging.getLogger(__name__)

# Ours: vendors re-encode, and round to their own frame rate; what is less is judged by verify.
LENGTH_SLACK_S = 0.1
LENGTH_SLACK_FRAMES = 2


class Collected(Value):
    """A delivery, and whether this call fetched it."""

    delivery: Delivery
    new: bool


def collect(
    ticket: Ticket,
    ledger: "Ledger",
    vendor: Vendor,
    store: Store,
    waiting: Waiting = PATIENTLY,
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
        VendorError: The vendor failed to make it, let go of it, no longer has it, or made another
            length than was predicted.
        OutcomeUnknown: The vendor does not know it.
        StorageError: The result could not be written.
    """
    return collected(ticket, ledger, vendor, store, waiting).delivery


def collected(
    ticket: Ticket,
    ledger: "Ledger",
    vendor: Vendor,
    store: Store,
    waiting: Waiting = PATIENTLY,
) -> Collected:
    """Do as `collect`, and say who fetched it."""
    ticket = ledger.ticket(ticket.id)
    if ticket.state is TicketState.SUBMITTED:
        ticket = ended(ticket, wait(ticket, vendor, waiting), ledger)
    return brought(ticket, ledger, vendor, store)


def brought(ticket: Ticket, ledger: "Ledger", vendor: Vendor, store: Store) -> Collected:
    """Fetch the result of a job that has ended, unless it is in the store; wait for no job.

    Args:
        ticket: As it stands.
        ledger: Where it is written.
        vendor: Who has the result.
        store: Where it goes.

    Raises:
        VendorBusy: The job has not ended, or the transfer broke off; collect again later.
        VendorError: Or one of its kinds: from where the ticket stands, there will be no result.
        StorageError: The result could not be written.
    """
    if (delivery := _at_hand(ticket, store)) is not None:
        return Collected(delivery=delivery, new=False)
    with ledger.alone("collect", ticket.key):
        ticket = ledger.ticket(ticket.id)
        if (delivery := _at_hand(ticket, store)) is not None:
            return Collected(delivery=delivery, new=False)
        return Collected(delivery=_fetched(ticket, ledger, vendor, store), new=True)


def ended(ticket: Ticket, progress: Progress, ledger: "Ledger") -> Ticket:
    """Write down how a job ended, unless another worker has.

    Args:
        ticket: `submitted`.
        progress: The vendor's last word about it: done, failed, cancelled or lost.
        ledger: Where it is written.

    Returns:
        The ticket as it stands now.
    """
    said = progress.detail or f"{ticket.vendor} did not say why"
    try:
        if progress.state is Standing.DONE:
            return ledger.completed(ticket)
        if progress.state is Standing.LOST:
            return ledger.unknown(ticket, f"{ticket.vendor} knows no request {ticket.request_id}")
        if progress.state is Standing.CANCELLED:
            return ledger.cancelled(ticket, said, progress.billed_usd)
        return ledger.failed(ticket, said, progress.billed_usd)
    except TicketMoved:
        return ledger.ticket(ticket.id)


def _fetched(ticket: Ticket, ledger: "Ledger", vendor: Vendor, store: Store) -> Delivery:
    """Fetch the result, look at it, keep it, and only then write that down."""
    with store.scratch(".mp4") as trial:
        came = _transferred(ticket, trial, ledger, vendor)
        wrong = _looked_at(trial, ticket)
        file = store.keep(trial, came.suffix)
    billed_usd, notes = came.billed_usd, came.notes
    if billed_usd is None:
        billed_usd = ticket.quoted_usd
        known = "nobody knows" if billed_usd is None else f"${billed_usd} as quoted"
        notes = (*notes, f"{ticket.vendor} did not say what it charged: {known}")
    try:
        ticket = ledger.delivered(ticket, file, billed_usd, notes, wrong)
    except TicketMoved:  # a worker at another place has fetched it into another store
        log.info("%s was collected elsewhere, too", ticket.key[:8])
        ticket = ledger.ticket(ticket.id)
    return _delivery(ticket, file)


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


def _looked_at(trial: Path, ticket: Ticket) -> str | None:
    """Refuse a transfer that is cut off or is no video; the job is not touched by that.

    Returns:
        What is wrong with its length; None when it is as predicted.

    Raises:
        VendorBusy: It is not a whole video.
    """
    from lipsync.media.opening import open_media, top_boxes  # noqa: PLC0415  PyAV, for news only

    try:
        with open_media(trial, first_picture=False) as container:
            shown = [
                (packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base)
                for packet in container.demux(video=0)
                if packet.size and packet.pts is not None
            ]
        _, missing_bytes = top_boxes(trial)
    except (MediaError, IndexError) as error:
        raise VendorBusy(_say_broken(ticket, str(error))) from error
    if missing_bytes or not shown:
        raise VendorBusy(_say_broken(ticket, f"{missing_bytes} bytes, {len(shown)} pictures"))
    length_s = max(at_s + lasts_s for at_s, lasts_s in shown) - min(at_s for at_s, _ in shown)
    return wrong_length(ticket.order, len(shown), float(length_s))


def wrong_length(order: Order, pictures: int, length_s: float) -> str | None:
    """Say what is wrong with the length of a result; None when nothing is.

    A vendor may change the frame rate; the length in seconds is what was bought.
    """
    predicted_s = float(order.frames / order.rate)
    frame_s = max(1 / float(order.rate), length_s / pictures)
    if abs(length_s - predicted_s) <= max(LENGTH_SLACK_S, LENGTH_SLACK_FRAMES * frame_s):
        return None
    return f"it is {length_s:.2f} s long ({pictures} pictures), {predicted_s:.2f} s were predicted"


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
    """Hand a result on, if it is what was bought.

    Raises:
        VendorError: It has another length.
    """
    if ticket.flaw is not None:
        raise VendorError(_say_flawed(ticket, file))
    return Delivery(
        ticket_id=ticket.id,
        key=ticket.key,
        request_id=ticket.request_id or "",
        file=file,
        billed_usd=ticket.quoted_usd if ticket.billed_usd is None else ticket.billed_usd,
        notes=ticket.notes,
    )


def _say_flawed(ticket: Ticket, file: File) -> str:
    """Say what came, what it cost, and what a person can do: it is never bought again by itself."""
    billed_usd = ticket.billed_usd
    cost = "what it cost is not known" if billed_usd is None else f"it cost {dollars(billed_usd)}"
    return (
        f"ticket {ticket.id}: {ticket.vendor} delivered something else: {ticket.flaw}; {cost}. It "
        f"is kept as {file.path}: look at it, claim it at {ticket.vendor} as request "
        f"{ticket.request_id}, or buy the dub once more with `--generation {ticket.generation + 1}`"
    )


def _say_broken(ticket: Ticket, why: str) -> str:
    return (
        f"ticket {ticket.id}: what came from {ticket.vendor} is not a whole video ({why}); "
        f"nothing is lost, fetch it again with `dubline requests resume {ticket.id}`"
    )
