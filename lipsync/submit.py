"""Submit: an order leaves this machine once, and is written down before and after it does."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lipsync.budget import NO_BUDGET, Budget
from lipsync.errors import (
    LipsyncError,
    OutcomeUnknown,
    StorageError,
    VendorBusy,
    VendorRefused,
)
from lipsync.lookup import settled
from lipsync.placing import placed
from lipsync.tickets import (
    BOUGHT,
    HALFWAY,
    Media,
    Order,
    Receipt,
    Ticket,
    TicketMoved,
    TicketState,
    why_not,
)
from lipsync.values import Value
from lipsync.vendors.protocol import Vendor

if TYPE_CHECKING:  # loads SQLAlchemy
    from lipsync.ledger import Ledger

log = logging.getLogger(__name__)

# How often a worker looks whether one at another place has let go of a ticket: that one is in the
# middle of an upload or of a request, which take seconds to minutes.
LOOK_EVERY_S = 0.5


class Submitted(Value):
    """The ticket of an order, and whether this call sent it.

    It is another choice's ticket when that one was taken for the same dub before.
    """

    ticket: Ticket
    new: bool


def submit(  # noqa: PLR0913  what is bought, from whom, and within which limits
    order: Order,
    ledger: "Ledger",
    vendor: Vendor,
    budget: Budget = NO_BUDGET,
    run: str | None = None,
    *,
    line: int | None = None,
    wait: bool = True,
) -> Submitted:
    """Buy what is ordered, unless it was bought before: then attach to its ticket.

    Of all workers with one order one sends it; the others wait for its ticket. Killed at any
    point, the next call either attaches, sends what provably never left, or says `unknown`.

    Args:
        order: What is bought; of all orders for one `dub` one is.
        ledger: Where it is written.
        vendor: Who is asked.
        budget: What may be spent; reserved before anything is sent.
        run: The run it is spent by.
        line: How many jobs the vendor's account may have in flight; None: any number. While it has
            as many the order waits, its pair at the vendor and its price reserved.
        wait: Whether to wait for a place; else the order is left as if it were never made.

    Raises:
        LineFull: There was no place; nothing was sent, try again later.
        BudgetError: It is over the budget; nothing was sent.
        VendorRefused: The vendor rejects the order; nothing was bought.
        VendorBusy: It did not reach the vendor; nothing was bought, try again later.
        OutcomeUnknown: It may have been taken; it is not sent again before someone has looked.
        VendorError: It was ordered before, failed, and may have been charged.
        StorageError: The ledger cannot be written.
    """
    with _alone(order, ledger):
        ticket, ours = _intended(order, ledger, vendor, budget, run)
        if ours:
            return Submitted(ticket=_sent(ticket, ledger, vendor, line, wait=wait), new=True)
        if ticket.state not in BOUGHT:
            raise why_not(ticket)
        if vendor.replayable and ticket.key == order.key and ticket.order != order:
            ticket = ledger.renewed(ticket, order)
        log.info("%s attached to ticket %d, %s", order.key[:8], ticket.id, ticket.state)
        return Submitted(ticket=ticket, new=False)


@contextmanager
def _alone(order: Order, ledger: "Ledger") -> Iterator[None]:
    """Be alone with the dub, then with the key: always in this order."""
    if order.dub is None:
        with ledger.alone("submit", order.key):
            yield
        return
    with ledger.alone("dub", order.dub), ledger.alone("submit", order.key):
        yield


def _intended(
    order: Order, ledger: "Ledger", vendor: Vendor, budget: Budget, run: str | None
) -> tuple[Ticket, bool]:
    """Get the ticket to send, or one to attach to; wait while a worker elsewhere sends it."""
    while True:
        ticket, ours = ledger.intend(order, budget, run)
        if ours:
            return ticket, True
        if ledger.is_held_elsewhere(ticket):
            log.info("ticket %d is held by %s; waiting", ticket.id, ticket.lease_holder)
            time.sleep(LOOK_EVERY_S)
        elif ticket.key == order.key and ticket.state in HALFWAY:
            with suppress(TicketMoved):  # someone at another place was faster: look again
                settled(ticket, ledger, vendor)
        elif ticket.state is not TicketState.INTENDED:
            return ticket, False


def _sent(
    ticket: Ticket, ledger: "Ledger", vendor: Vendor, line: int | None, *, wait: bool
) -> Ticket:
    """Send the one request between two entries in the ledger; the lease lives until the second."""
    with ledger.holding(ticket):
        ticket, media = _prepared(ticket, ledger, vendor)
        ticket = placed(ticket, ledger, vendor, line, wait=wait)
        try:
            receipt = vendor.submit(ticket.order, media)
        except VendorRefused as error:
            ledger.refused(ticket, str(error))
            raise
        except VendorBusy as error:
            ledger.postponed(ticket, str(error))
            raise
        except OutcomeUnknown as error:
            found = settled(ledger.unknown(ticket, str(error)), ledger, vendor)
            if found.state not in BOUGHT:
                raise why_not(found) from error
            return found
        return _recorded(ticket, receipt, ledger)


def _prepared(ticket: Ticket, ledger: "Ledger", vendor: Vendor) -> tuple[Ticket, Media | None]:
    """Bring the pair to where the vendor can fetch it, and write down where that is."""
    try:
        media = vendor.prepare(ticket.order)
    except VendorRefused as error:
        ledger.refused(ticket, str(error))
        raise
    except LipsyncError as error:
        ledger.postponed(ticket, str(error))
        raise
    return (ticket, None) if media is None else (ledger.prepared(ticket, media), media)


def _recorded(ticket: Ticket, receipt: Receipt, ledger: "Ledger") -> Ticket:
    """Write down the request id; when that fails, say it aloud, for it has been paid for."""
    try:
        try:
            return ledger.submitted(ticket, receipt)
        except TicketMoved:  # someone took us for dead while we were sending
            return _recorded_late(ticket, receipt, ledger)
    except StorageError as error:
        raise StorageError(
            f"ticket {ticket.id} was accepted by {ticket.vendor} as {receipt.request_id}, which "
            f"could not be written down ({error}); keep that id and tell it to "
            f"`dubline requests resolve {ticket.id} --bought {receipt.request_id}`"
        ) from error


def _recorded_late(ticket: Ticket, receipt: Receipt, ledger: "Ledger") -> Ticket:
    """Write down the request id on a ticket that was given up meanwhile."""
    now = ledger.ticket(ticket.id)
    if now.request_id == receipt.request_id:  # found in the vendor's list
        return now
    if now.state is TicketState.UNKNOWN and now.attempt == ticket.attempt:
        return ledger.submitted(now, receipt, "its worker was alive after all")
    raise StorageError(f"the ticket has become {now.state} meanwhile")
