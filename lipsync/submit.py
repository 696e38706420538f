"""Submit: an order leaves this machine once, and is written down before and after it does."""

import logging
from typing import TYPE_CHECKING

from lipsync.errors import OutcomeUnknown, StorageError, VendorBusy, VendorRefused
from lipsync.tickets import BOUGHT, OVER, Order, Receipt, Ticket, TicketState, why_not
from lipsync.values import Value
from lipsync.vendors.protocol import Vendor

if TYPE_CHECKING:  # loads SQLAlchemy
    from lipsync.ledger import Ledger

log = logging.getLogger(__name__)


class Submitted(Value):
    """The ticket of an order, and whether this call sent it."""

    ticket: Ticket
    new: bool


def submit(order: Order, ledger: "Ledger", vendor: Vendor) -> Submitted:
    """Buy what is ordered, unless it was bought before: then attach to its ticket.

    Of all workers with one order one sends it; the others wait for its ticket. Killed at any
    point, the next call either attaches, sends what provably never left, or says `unknown`.

    Raises:
        VendorRefused: The vendor rejects the order; nothing was bought.
        VendorBusy: It did not reach the vendor; nothing was bought, try again later.
        OutcomeUnknown: It may have been taken; it is not sent again before someone has looked.
        VendorError: It was ordered before, failed, and may have been charged.
        StorageError: The ledger cannot be written.
    """
    with ledger.alone("submit", order.key):
        ticket = _ready(ledger.intend(order).ticket, order, ledger, vendor)
        if ticket.state in BOUGHT:
            log.info("%s attached to ticket %d, %s", order.key[:8], ticket.id, ticket.state)
            return Submitted(ticket=ticket, new=False)
        return Submitted(ticket=_sent(ticket, ledger, vendor), new=True)


def _ready(ticket: Ticket, order: Order, ledger: "Ledger", vendor: Vendor) -> Ticket:
    """Bring a ticket to where it can be sent or attached to. The caller holds the key's lock."""
    if ticket.state is TicketState.SUBMITTING:  # nobody else is alive with it: its worker died
        ticket = _left_halfway(ticket, ledger, vendor)
    if ticket.is_free_to_repeat:
        return ledger.again(ticket, order)
    if ticket.state is TicketState.UNKNOWN or ticket.state in OVER:
        raise why_not(ticket)
    if ticket.order != order and (vendor.replayable or ticket.state is TicketState.INTENDED):
        return ledger.renewed(ticket, order)
    return ticket


def _left_halfway(ticket: Ticket, ledger: "Ledger", vendor: Vendor) -> Ticket:
    """Decide about an order whose worker died after it said "submitting"."""
    if vendor.replayable:
        return ledger.postponed(ticket, "its worker died while sending; sent again, at no cost")
    return ledger.unknown(ticket, "its worker died while sending; it may have arrived")


def _sent(ticket: Ticket, ledger: "Ledger", vendor: Vendor) -> Ticket:
    """Send the one request between two entries in the ledger."""
    ticket = ledger.submitting(ticket)
    try:
        receipt = vendor.submit(ticket.order)
    except VendorRefused as error:
        ledger.refused(ticket, str(error))
        raise
    except VendorBusy as error:
        ledger.postponed(ticket, str(error))
        raise
    except OutcomeUnknown as error:
        ledger.unknown(ticket, str(error))
        raise
    return _recorded(ticket, receipt, ledger)


def _recorded(ticket: Ticket, receipt: Receipt, ledger: "Ledger") -> Ticket:
    """Write down the request id; when that fails, say it aloud, for it has been paid for."""
    try:
        return ledger.submitted(ticket, receipt)
    except StorageError as error:
        raise StorageError(
            f"ticket {ticket.id} was accepted by {ticket.vendor} as {receipt.request_id}, which "
            f"could not be written down ({error}); keep that id and tell it to "
            f"`dubline requests resolve {ticket.id}`"
        ) from error
