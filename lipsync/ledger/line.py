"""The line: how many jobs a vendor's account has in flight, and who may send the next one.

A ledger knows one account of each vendor. A job is in flight from the moment its request is about
to leave until it is known to have ended, whoever sent it and whether or not that worker lives.
"""

from datetime import datetime

import sqlalchemy as sa

from lipsync.ledger import rows
from lipsync.ledger.database import take_turns
from lipsync.ledger.schema import tickets
from lipsync.tickets import LineFull, Ticket, TicketState

# What a ticket says of itself while its worker waits for a place; by that the others count it.
WAITING = "waiting for a place"


def check_place(connection: sa.Connection, ticket: Ticket, in_flight: int, now: datetime) -> None:
    """Refuse to send a ticket that has no place, in the transaction that would move it.

    First come, first served: a place belongs to whoever waits for one, the longest first.

    Args:
        connection: Of a transaction that writes.
        ticket: Which is to be sent.
        in_flight: How many jobs its vendor's account may have in flight.
        now: By the ledger's clock.

    Raises:
        LineFull: All places are taken.
    """
    take_turns(connection, f"line {ticket.vendor}")
    taken = flying(connection, ticket.vendor, now)
    before = _waiting_before(connection, ticket, now)
    if taken + before < in_flight:
        return
    waiting = f" and {before} more wait for a place" if before else ""
    raise LineFull(
        f"{taken} jobs are in flight at {ticket.vendor}{waiting}, its account may have "
        f"{in_flight} ({ticket.vendor.upper()}_IN_FLIGHT); nothing was sent, run again later"
    )


def flying(connection: sa.Connection, vendor: str, now: datetime) -> int:
    """Count the jobs in flight; one whose worker died while sending, until its lease ends."""
    at = {"vendor": vendor, "now": rows.cell(now)}
    return int(connection.execute(_FLYING, at).scalar_one())


def _flying() -> sa.Select[tuple[int]]:
    leaving = (tickets.c.state == TicketState.SUBMITTING) & _is_held()
    there = tickets.c.state == TicketState.SUBMITTED
    return _counted(_is_at() & (there | leaving))


def _waiting_before(connection: sa.Connection, ticket: Ticket, now: datetime) -> int:
    """Count the workers that live and have waited longer than this ticket's."""
    at = {"vendor": ticket.vendor, "this": ticket.id, "now": rows.cell(now)}
    if ticket.detail == WAITING:
        since = at | {"since": rows.cell(ticket.updated_at)}
        return int(connection.execute(_WAITING_BEFORE, since).scalar_one())
    return int(connection.execute(_WAITING, at).scalar_one())


def _waiting() -> sa.ColumnElement[bool]:
    intended = (tickets.c.state == TicketState.INTENDED) & (tickets.c.detail == WAITING)
    others = tickets.c.id != sa.bindparam("this")
    return _is_at() & intended & others & _is_held()


def _since() -> sa.ColumnElement[bool]:
    longer = tickets.c.updated_at < sa.bindparam("since")
    together = tickets.c.updated_at == sa.bindparam("since")
    return longer | (together & (tickets.c.id < sa.bindparam("this")))


def _is_at() -> sa.ColumnElement[bool]:
    at: sa.ColumnElement[bool] = tickets.c.vendor == sa.bindparam("vendor")
    return at


def _is_held() -> sa.ColumnElement[bool]:
    held: sa.ColumnElement[bool] = tickets.c.lease_until > sa.bindparam("now")
    return held


def _counted(where: sa.ColumnElement[bool]) -> sa.Select[tuple[int]]:
    return sa.select(sa.func.count()).select_from(tickets).where(where)


# Built once: they are asked for every free place.
_FLYING = _flying()
_WAITING = _counted(_waiting())
_WAITING_BEFORE = _counted(_waiting() & _since())
