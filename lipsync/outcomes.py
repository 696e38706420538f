"""Outcomes: what an answer, a silence or a person's word means for a ticket, and for the money."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from lipsync.tickets import Receipt, Ticket, TicketState

# Two machines on the network time protocol differ by less; a request that left "before" is ours.
CLOCK_SLACK_S = 60.0


class Found(NamedTuple):
    """It was taken: the ticket goes on from here."""

    receipt: Receipt


class NotThere(NamedTuple):
    """It was not taken: it cost nothing and may be ordered again."""

    why: str


class Unclear(NamedTuple):
    """Nobody can tell yet: it waits, for time or for a person."""

    why: str


def after_look(
    ticket: Ticket, receipt: Receipt | None, now: datetime, grace_s: float
) -> Found | NotThere | Unclear:
    """Decide what a look into the vendor's list of requests proves.

    Args:
        ticket: Whose outcome is unknown.
        receipt: What the list has of it; None: the list was read and has nothing.
        now: By the ledger's clock.
        grace_s: How long after it was sent a request may still be missing from the list.

    Returns:
        That it is not there only when the list has had its time, and the vendor never confirmed
        it: what was confirmed once and is gone may have been charged.
    """
    if receipt is not None:
        return Found(receipt)
    if ticket.request_id is not None:
        return Unclear(f"{ticket.vendor} took it as {ticket.request_id} and lists it no more")
    if ticket.sent_at is None or ticket.media is None:
        return Unclear("there is no record of what to look for")
    shown_by = ticket.sent_at + timedelta(seconds=grace_s + CLOCK_SLACK_S)
    if now < shown_by:
        when = shown_by.strftime("%Y-%m-%d %H:%M:%S UTC")
        return Unclear(f"{ticket.vendor} does not list it, which is a proof after {when}")
    return NotThere(f"{ticket.vendor} does not list it, {now - ticket.sent_at} after it was sent")


def is_unbilled(ticket: Ticket | None) -> bool:
    """Say whether a choice is proven to have bought nothing, so that the next may be taken.

    None: its ticket was never written. Anything that is with the vendor, may be, or was charged is
    not: a dub that may have been paid is never paid elsewhere.
    """
    if ticket is None or ticket.is_free_to_repeat:
        return True
    return ticket.state is TicketState.INTENDED


class CancelAnswer(StrEnum):
    """What a vendor says to a wish to cancel."""

    REMOVED = "removed"  # it will never run
    ASKED = "asked"  # it may still finish, and be billed
    TOO_LATE = "too late"  # it has finished
    NOT_FOUND = "not found"
    NOT_OFFERED = "not offered"  # it has no call for it; the job goes on


class Cancelling(NamedTuple):
    """What becomes of a ticket after its vendor was asked to cancel."""

    ends: bool
    says: str
    billed_usd: Decimal | None = None


def after_cancel(answer: CancelAnswer, vendor: str) -> Cancelling:
    """Say what a vendor's answer to a wish to cancel means.

    >>> after_cancel(CancelAnswer.REMOVED, "fal").ends
    True
    >>> after_cancel(CancelAnswer.ASKED, "fal").ends
    False
    """
    if answer is CancelAnswer.REMOVED:
        return Cancelling(True, f"{vendor} removed it before it ran", Decimal(0))
    if answer is CancelAnswer.ASKED:
        return Cancelling(False, f"{vendor} was asked to cancel; it may still finish and be billed")
    if answer is CancelAnswer.TOO_LATE:
        return Cancelling(False, f"{vendor} had finished before it was asked to cancel")
    if answer is CancelAnswer.NOT_OFFERED:
        return Cancelling(False, f"{vendor} has no call to cancel with, so the job goes on")
    return Cancelling(False, f"{vendor} was asked to cancel and says it knows no such request")
