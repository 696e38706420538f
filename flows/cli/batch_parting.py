"""Parting from a batch: what Ctrl-C means for the paid jobs that are at their vendors."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from flows.cli.answering import Interrupted, say
from flows.cli.parting import Parting, ask
from lipsync.batch.outcome import BatchOutcome, RowOutcome, RowState
from lipsync.batch.running import BatchInterrupted
from lipsync.errors import LipsyncError
from lipsync.tickets import TicketState

QUESTION = "cancel the {count} paid jobs at the vendor, or leave them and collect later? [c/L] "
# Ours: so many vendors' answers at a time.
AT_ONCE = 8


@contextmanager
def batch_parting(wish: Parting | None) -> Iterator[None]:
    """Settle with the user what becomes of the jobs that an interrupted batch leaves behind.

    Args:
        wish: What to do with them; None asks, once, where there is a terminal to ask at.

    Raises:
        Interrupted: In place of a KeyboardInterrupt; it says what goes on and how to collect it.
    """
    try:
        yield
    except BatchInterrupted as error:
        raise Interrupted(_parted(error.outcome, wish)) from error


def _parted(outcome: BatchOutcome, wish: Parting | None) -> str:
    there = f"interrupted; {outcome.there} of {len(outcome.rows)} dubs are there"
    waiting = [row for row in outcome.rows if row.state is RowState.WAITING]
    paid = [row for row in waiting if row.quoted_usd != 0]
    if not paid:
        return f"{there}, nothing is running at a vendor; the same command goes on from here"
    if (wish or ask(QUESTION.format(count=len(paid)))) == "cancel":
        there += f"; {_cancelled(paid)}"
    else:
        there += f"; {_left(paid)}"
    return f"{there}; the same command collects them and goes on"


def _left(rows: Sequence[RowOutcome]) -> str:
    """Say which jobs go on.

    >>> rows = [RowOutcome(line=n, id="a", state=RowState.WAITING, vendor="fal", ticket_id=n)
    ...         for n in (3, 4)]
    >>> _left(rows)
    '2 jobs go on at fal (tickets 3, 4)'
    """
    vendors = " and ".join(sorted({row.vendor or "" for row in rows}))
    shown = [str(row.ticket_id) for row in rows[:10]]
    more = f" and {len(rows) - 10} more" if len(rows) > 10 else ""  # noqa: PLR2004  as shown
    return f"{len(rows)} jobs go on at {vendors} (tickets {', '.join(shown)}{more})"


def _cancelled(rows: Sequence[RowOutcome]) -> str:
    """Ask the vendors to let go of the jobs, and say what came of it."""
    say(f"asking to cancel {len(rows)} jobs…")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = sum(pool.map(_cancel, [row.ticket_id or 0 for row in rows]))
    if done == len(rows):
        return f"all {done} jobs are cancelled"
    rest = "the others were asked to and may still be billed"
    return f"{done} of {len(rows)} jobs are cancelled, {rest}"


def _cancel(ticket_id: int) -> bool:
    from lipsync.settle import cancel  # noqa: PLC0415  SQLAlchemy, loaded by now
    from tasks.workshop import workshop  # noqa: PLC0415  the same

    shop = workshop()
    try:
        return cancel(ticket_id, shop.ledger, shop.vendor).state is TicketState.CANCELLED
    except LipsyncError as error:
        say(f"ticket {ticket_id} was not cancelled: {error}")
        return False
