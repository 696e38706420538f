"""Buying: the stages that may cost money; the ledger decides what is sent, and never the cache."""

import time

from lipsync.cache import Made
from lipsync.decision import Decision
from lipsync.fit import FittedPair
from lipsync.following import Heard, follow
from lipsync.ordering import ordered
from lipsync.outcomes import is_unbilled as proven
from lipsync.tickets import Delivery, Ticket
from lipsync.waiting import Waiting
from lipsync.workshop import Workshop

# Version of the embedded engine: raised whenever it renders the same order differently.
RENDER = 2


def submit(  # noqa: PLR0913  what is bought, and within which limits
    shop: Workshop,
    decision: Decision,
    fitted: FittedPair,
    run: str | None = None,
    *,
    in_flight: int | None = None,
    wait: bool = True,
) -> Made[Ticket]:
    """Send the order once, or attach to the ticket it has; the ledger decides, not the cache.

    Args:
        shop: Where the ledger, the vendors and the limits of spending are.
        decision: What is bought.
        fitted: The pair as it is sent.
        run: The run that pays; its budget is held against all dubs of one run.
        in_flight: How many jobs the vendor's account may have in flight, for all workers; None: as
            the account says.
        wait: Whether to wait while it has as many.

    Raises:
        LineFull: It has, and was not waited for; nothing was sent.
        BudgetError: A limit would be broken; nothing was sent.
        VendorError: Or one of its kinds, as `lipsync.submit`.
    """
    from lipsync.submit import submit as submit_order  # noqa: PLC0415

    began_s = time.monotonic()
    order = ordered(decision, fitted, RENDER)
    budget = shop.means.ledger().budget(decision.budget_usd)
    line = in_flight or shop.means.in_flight(order.vendor)
    vendor = shop.vendor(order.vendor)
    submitted = submit_order(order, shop.ledger, vendor, budget, run, line=line, wait=wait)
    return Made(submitted.ticket, not submitted.new, time.monotonic() - began_s)


def ticket_of(shop: Workshop, decision: Decision, fitted: FittedPair) -> Ticket | None:
    """Find the ticket of a choice, wherever it stands; None: it was never written."""
    return shop.ledger.by_key(ordered(decision, fitted, RENDER).key)


def is_unbilled(shop: Workshop, decision: Decision, fitted: FittedPair) -> bool:
    """Say whether the ledger proves that a choice has cost nothing, and never will."""
    return proven(ticket_of(shop, decision, fitted))


def collect(shop: Workshop, ticket: Ticket, heard: Heard = follow) -> Made[Delivery]:
    """Wait for the ticket's result and bring it into the store; found there, it is not fetched."""
    from lipsync.collect import collected  # noqa: PLC0415  see the module

    began_s = time.monotonic()
    waiting = Waiting(watch=heard(ticket))
    found = collected(ticket, shop.ledger, shop.vendor(ticket.vendor), shop.store, waiting)
    return Made(found.delivery, not found.new, time.monotonic() - began_s)
