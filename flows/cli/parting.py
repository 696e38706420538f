"""Parting: what Ctrl-C means for a paid job that is at its vendor."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from flows.cli.answering import Interrupted, say
from lipsync.errors import LipsyncError
from lipsync.tickets import Ticket, TicketState

if TYPE_CHECKING:
    from lipsync.workshop import Workshop
    from tasks.following import Aboard

Parting = Literal["leave", "cancel"]

QUESTION = "cancel the paid job at the vendor, or leave it running and collect later? [c/L] "


@contextmanager
def parting(jobs: "Aboard", wish: Parting | None) -> Iterator[None]:
    """Settle with the user what becomes of the jobs that an interrupted run leaves behind.

    Args:
        jobs: What the run has bought and waits for, at any time.
        wish: What to do with them; None asks, once, where there is a terminal to ask at.

    Raises:
        Interrupted: In place of a KeyboardInterrupt, and says what became of each job.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        from tasks.workshop import workshop  # noqa: PLC0415  loaded by now

        shop = workshop()
        running = [one for one in jobs.submitted(shop.ledger) if one.quoted_usd != 0]
        if not running:
            raise
        answer = wish or ask()
        raise Interrupted("; ".join(_parted(ticket, shop, answer) for ticket in running)) from error


def ask(question: str = QUESTION) -> Parting:
    """Ask once; without a terminal, or without an answer, what is there is left alone."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return "leave"
    sys.stderr.write(question)
    sys.stderr.flush()
    try:
        said = sys.stdin.readline()
    except KeyboardInterrupt:
        said = ""
    return "cancel" if said.strip().lower() in {"c", "cancel"} else "leave"


def _parted(ticket: Ticket, shop: "Workshop", wish: Parting) -> str:
    """Do it, and say what became of one job."""
    later = f"collect it later with `dubline requests resume {ticket.id}`, or run the same again"
    if wish == "leave":
        return f"interrupted; ticket {ticket.id} goes on at {ticket.vendor}, {later}"
    from lipsync.settle import cancel  # noqa: PLC0415  loads SQLAlchemy, which is loaded by now

    say(f"asking {ticket.vendor} to cancel ticket {ticket.id}…")
    try:
        now = cancel(ticket.id, shop.ledger, shop.vendor)
    except LipsyncError as error:
        return f"interrupted; ticket {ticket.id} was not cancelled: {error}"
    if now.state is TicketState.CANCELLED:
        return f"interrupted; ticket {ticket.id} is cancelled: {now.detail}"
    return f"interrupted; {now.detail}: ticket {ticket.id} is {now.state}, {later}"
