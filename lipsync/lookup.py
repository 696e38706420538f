"""Look up: an outcome nobody knows is looked for at the vendor, and never paid for twice."""

import logging
from functools import partial
from typing import TYPE_CHECKING

from lipsync.errors import OutcomeUnknown, VendorBusy
from lipsync.outcomes import Found, NotThere, Unclear, after_look
from lipsync.tickets import Ticket, TicketState, why_not
from lipsync.vendors.protocol import Vendor

if TYPE_CHECKING:  # loads SQLAlchemy
    from lipsync.ledger import Ledger

log = logging.getLogger(__name__)

FREE_TO_SEND = "its worker died while sending; sent again, at no cost"
MAY_HAVE_LEFT = "its worker died while sending; it may have arrived"


def settled(ticket: Ticket, ledger: "Ledger", vendor: Vendor) -> Ticket:
    """Find out what became of a request that was cut short, or whose answer was.

    Args:
        ticket: `unknown`, or `submitting` and left by the dead: the caller is `alone` with its
            key, and no worker at another place holds it.
        ledger: Where it is written.
        vendor: Who may have it.

    Returns:
        The ticket: `submitted`, if it was found; `failed` at no cost or `intended`, if it may be
        sent again.

    Raises:
        OutcomeUnknown: It is not known; it waits, for time or for a person.
    """
    if ticket.state is TicketState.SUBMITTING:
        if vendor.replayable:
            return ledger.postponed(ticket, FREE_TO_SEND)
        ticket = ledger.unknown(ticket, MAY_HAVE_LEFT)
    if vendor.replayable:
        return ledger.not_bought(ticket, f"{vendor.name} charges nothing")
    seen = _looked(ticket, ledger, vendor)
    if isinstance(seen, Found):
        log.info("%s found at %s as %s", ticket.key[:8], vendor.name, seen.receipt.request_id)
        return ledger.submitted(ticket, seen.receipt, f"found in {vendor.name}'s list of requests")
    if isinstance(seen, NotThere):
        return ledger.not_bought(ticket, seen.why)
    raise OutcomeUnknown(f"{why_not(ticket)} ({seen.why})")


def _looked(ticket: Ticket, ledger: "Ledger", vendor: Vendor) -> Found | NotThere | Unclear:
    """Look once; a vendor that cannot tell, or does not answer, leaves it unclear."""
    try:
        receipt = vendor.look_up(ticket, partial(ledger.is_taken, ticket=ticket))
    except (OutcomeUnknown, VendorBusy) as error:
        return Unclear(str(error))
    if receipt is not None and ledger.is_taken(receipt.request_id, ticket):
        return Unclear(f"{vendor.name} named {receipt.request_id}, which is another order's")
    return after_look(ticket, receipt, ledger.now(), vendor.grace_s)
