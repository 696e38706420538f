"""Placing: an order that is ready waits until its vendor's account has room for one more job."""

import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lipsync.collect import ended
from lipsync.errors import LipsyncError
from lipsync.progress import say, tell
from lipsync.tickets import LineFull, Ticket, TicketMoved, TicketState
from lipsync.vendors.protocol import Vendor
from lipsync.waiting import WAITING

if TYPE_CHECKING:  # loads SQLAlchemy
    from lipsync.ledger import Ledger

log = logging.getLogger(__name__)

# Ours: a look is one read of the ledger; a place that is free for so long costs a job of a minute
# less than one percent.
LOOK_EVERY_S = 0.5
# Ours: so that ten workers that began together do not look together for ever.
JITTER = 0.5
# Ours: a job that was left by the dead holds its place until someone asks after it; so many looks
# are ten seconds, in which whoever follows a living job hears of its end by itself.
LOOKS_PER_QUESTION = 20
# Half the shortest life that may be set for the links to the pair, which wait with it
# (lipsync.hosting).
PATIENCE_S = 1_800.0


def placed(
    ticket: Ticket, ledger: "Ledger", vendor: Vendor, in_flight: int | None, *, wait: bool
) -> Ticket:
    """Move a ticket that is ready to `submitting`, as soon as there is a place for it.

    Whoever leaves while it waits gives its money back; it is `intended` and may be sent later. One
    that waits in a thread is made to leave by whoever listens to its progress.

    Args:
        ticket: Held by this worker, its pair at the vendor.
        ledger: Where the places are counted, for all workers.
        vendor: Whose account it is.
        in_flight: How many jobs that may have in flight; None: any number.
        wait: Whether to wait for a place; not to leaves the ticket as whoever leaves does.

    Raises:
        LineFull: There is no place, or none for half an hour.
    """
    with _leaving(ticket, ledger, wait=wait):
        try:
            return ledger.submitting(ticket, in_flight)
        except LineFull:
            if not wait or in_flight is None:
                raise
    ticket = ledger.queued(ticket)
    with _leaving(ticket, ledger, wait=wait):
        there = ledger.in_flight(vendor.name)
        said = f"{there} jobs are in flight at {vendor.name}; waiting for a place"
        log.info("%s", said)
        say("submit", said)
        return _waited(ticket, ledger, vendor, in_flight)


@contextmanager
def _leaving(ticket: Ticket, ledger: "Ledger", *, wait: bool) -> Iterator[None]:
    """Let go of a ticket, and of its money, when the block is left in any way but its end."""
    try:
        yield
    except BaseException as error:
        why = str(error) if not wait else "its worker left before there was a place"
        with suppress(TicketMoved):
            ledger.postponed(ticket, why)
        raise


def _waited(ticket: Ticket, ledger: "Ledger", vendor: Vendor, in_flight: int) -> Ticket:
    """Look again and again; now and then ask after a job nobody may be following any more."""
    until_s, questions = time.monotonic() + PATIENCE_S, _questions(ledger, vendor)
    looks = 0
    while True:
        time.sleep(LOOK_EVERY_S * (1 + JITTER * (2 * random.random() - 1)))  # noqa: S311  no secret
        looks += 1
        tell("submit", 0, 1)  # whoever listens may raise, and so end it
        if looks % LOOKS_PER_QUESTION == 0:
            next(questions)
        patient = time.monotonic() < until_s
        if patient and ledger.in_flight(vendor.name) >= in_flight:
            continue
        try:
            return ledger.submitting(ticket, in_flight)
        except LineFull:
            if not patient:
                raise


def _questions(ledger: "Ledger", vendor: Vendor) -> Iterator[None]:
    """Ask after one job in flight with each step, the oldest first, then from the start again."""
    while True:
        sent = ledger.tickets({TicketState.SUBMITTED})
        there = [ticket for ticket in sent if ticket.vendor == vendor.name]
        for ticket in there:
            _ask(ticket, ledger, vendor)
            yield
        if not there:
            yield


def _ask(ticket: Ticket, ledger: "Ledger", vendor: Vendor) -> None:
    """Write down that a job has ended, if it has; its result is fetched by whoever wants it."""
    try:
        progress = vendor.status(ticket)
        if progress.state not in WAITING:
            ended(ticket, progress, ledger)
    except LipsyncError as error:
        log.info("%s no answer about ticket %d: %s", ticket.key[:8], ticket.id, error)
