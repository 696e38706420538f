"""Settle: what is done about tickets afterwards, by a person or by a schedule; it never buys."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import Decimal
from typing import TYPE_CHECKING

from lipsync.collect import collect
from lipsync.errors import LipsyncError, UsageError, VendorBusy
from lipsync.lookup import MAY_HAVE_LEFT, settled
from lipsync.outcomes import after_cancel
from lipsync.store import Store
from lipsync.tickets import HALFWAY, OPEN, Delivery, Receipt, Ticket, TicketState
from lipsync.values import Value
from lipsync.vendors.protocol import Vendor
from lipsync.waiting import PATIENTLY, Waiting

if TYPE_CHECKING:  # loads SQLAlchemy
    from lipsync.ledger import Ledger

log = logging.getLogger(__name__)

VendorNamed = Callable[[str], Vendor]

ONCE = Waiting(patience_s=0)
# Ours: as many as a vendor answers without complaint, and as a small machine stores at a time.
AT_ONCE = 8


class Settled(Value):
    """What became of one ticket of many."""

    ticket: Ticket
    delivery: Delivery | None = None
    said: str = ""
    exit_code: int = 0


def resume(
    ticket_id: int,
    ledger: "Ledger",
    vendor_named: VendorNamed,
    store: Store,
    waiting: Waiting = PATIENTLY,
) -> Delivery:
    """Bring a ticket to its delivery from wherever it stands; nothing is sent that buys.

    Raises:
        UsageError: There is no such ticket, or its vendor cannot be asked from here.
        VendorBusy: It is not finished, or is being sent just now.
        VendorError: Or one of its kinds: it leads to no delivery, and the message says why.
    """
    ticket = ledger.ticket(ticket_id)
    vendor = vendor_named(ticket.vendor)
    if ticket.state in HALFWAY:
        with ledger.alone("submit", ticket.key):
            ticket = _settled_here(ledger.ticket(ticket_id), ledger, vendor)
    return collect(ticket, ledger, vendor, store, waiting)


def collect_open(
    ledger: "Ledger", vendor_named: VendorNamed, store: Store, waiting: Waiting = ONCE
) -> tuple[Settled, ...]:
    """Collect every ticket that may lead to a delivery; one that does not stops no other.

    Safe to run at any time, any number of times, at any place.

    Returns:
        One line for each, in the order of their ids.
    """

    def one(ticket: Ticket) -> Settled:
        try:
            delivery = resume(ticket.id, ledger, vendor_named, store, waiting)
        except LipsyncError as error:
            log.info("ticket %d stays: %s", ticket.id, error)
            now = ledger.ticket(ticket.id)
            return Settled(ticket=now, said=str(error), exit_code=error.exit_code)
        return Settled(ticket=ledger.ticket(ticket.id), delivery=delivery)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="collect") as pool:
        # Each in the context it was asked for in: an orchestrator's settings live there.
        asked = [pool.submit(copy_context().run, one, ticket) for ticket in ledger.tickets(OPEN)]
        return tuple(future.result() for future in asked)


def cancel(ticket_id: int, ledger: "Ledger", vendor_named: VendorNamed) -> Ticket:
    """Ask the vendor to let go of a job, and write down what it answers.

    A ticket whose job goes on stays as it is, to be collected. What was not sent yet is cancelled
    without asking anyone.

    Raises:
        UsageError: It is over, or nobody knows whether the vendor has it.
        VendorBusy: The vendor did not answer; ask again.
    """
    ticket = ledger.ticket(ticket_id)
    if ticket.state is TicketState.INTENDED:
        with ledger.alone("submit", ticket.key):
            return _cancelled_unsent(ledger.ticket(ticket_id), ledger)
    if ticket.state is not TicketState.SUBMITTED:
        raise UsageError(_say_cannot_cancel(ticket))
    answer = after_cancel(vendor_named(ticket.vendor).cancel(ticket), ticket.vendor)
    if answer.ends:
        return ledger.cancelled(ticket, answer.says, answer.billed_usd)
    return ledger.noted(ticket, answer.says)


def resolve(
    ticket_id: int,
    ledger: "Ledger",
    *,
    bought: str | None = None,
    not_bought: bool = False,
    billed_usd: Decimal | None = None,
) -> Ticket:
    """Write down what a person found out about a ticket.

    Args:
        ticket_id: The ticket.
        ledger: Where it is written.
        bought: The vendor has it, under this request id; it is collected from there.
        not_bought: The vendor never took it; it may be ordered again.
        billed_usd: What it cost; 0 lets a failed one be ordered again.

    Raises:
        UsageError: Not exactly one is said, or it does not fit where the ticket stands.
    """
    said = (bought is not None, not_bought, billed_usd is not None)
    if sum(said) != 1:
        raise UsageError("say one of --bought REQUEST_ID, --not-bought or --billed USD")
    ticket = ledger.ticket(ticket_id)
    if billed_usd is not None:
        return ledger.billed(ticket, billed_usd, f"a person says it cost ${billed_usd}")
    with ledger.alone("submit", ticket.key):
        ticket = _given_up(ledger.ticket(ticket_id), ledger)
        if bought is None:
            return ledger.not_bought(ticket, "a person has looked")
        if ledger.is_taken(bought, ticket):
            raise UsageError(f"{bought}: is the request of another order; look again")
        return ledger.submitted(ticket, Receipt(request_id=bought), "a person has found it")


def _settled_here(ticket: Ticket, ledger: "Ledger", vendor: Vendor) -> Ticket:
    """Look up what is still halfway, unless a worker at another place is sending it."""
    if ticket.state not in HALFWAY:
        return ticket
    _refuse_if_held(ticket, ledger)
    return settled(ticket, ledger, vendor)


def _given_up(ticket: Ticket, ledger: "Ledger") -> Ticket:
    """Bring a ticket to `unknown`, where a person's word counts."""
    if ticket.state is TicketState.SUBMITTING:
        _refuse_if_held(ticket, ledger)
        return ledger.unknown(ticket, MAY_HAVE_LEFT)
    if ticket.state is not TicketState.UNKNOWN:
        raise UsageError(
            f"ticket {ticket.id} is {ticket.state}, which is known; only what is unknown is "
            "resolved, see `dubline requests list --state unknown`"
        )
    return ticket


def _cancelled_unsent(ticket: Ticket, ledger: "Ledger") -> Ticket:
    if ticket.state is not TicketState.INTENDED:
        raise UsageError(f"ticket {ticket.id} has become {ticket.state} meanwhile; cancel it again")
    _refuse_if_held(ticket, ledger)
    return ledger.cancelled(ticket, "cancelled before it was sent", Decimal(0))


def _refuse_if_held(ticket: Ticket, ledger: "Ledger") -> None:
    if ledger.is_held_elsewhere(ticket):
        raise VendorBusy(
            f"ticket {ticket.id} is being sent by {ticket.lease_holder} just now; try again after "
            f"{ticket.lease_until:%H:%M:%S} UTC"
        )


def _say_cannot_cancel(ticket: Ticket) -> str:
    if ticket.state in HALFWAY:
        return (
            f"ticket {ticket.id} is {ticket.state}: nobody knows whether {ticket.vendor} has it; "
            f"`dubline requests resume {ticket.id}` looks for it, then cancel it"
        )
    return f"ticket {ticket.id} is {ticket.state}: there is nothing left to cancel"
