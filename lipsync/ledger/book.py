"""The ledger itself: tickets written before anything is sent, moved only as `ALLOWED` says."""

import hashlib
import logging
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from lipsync.disk import alone, disk_errors
from lipsync.errors import UsageError
from lipsync.ledger import rows
from lipsync.ledger.database import READING, database_errors, opened
from lipsync.ledger.schema import events, tickets
from lipsync.tickets import (
    ALLOWED,
    Event,
    IllegalMove,
    Order,
    Receipt,
    Ticket,
    TicketMoved,
    TicketState,
)
from lipsync.values import File

log = logging.getLogger(__name__)

NOTHING_USD = Decimal(0)


class Intended(NamedTuple):
    """A ticket, and whether this call wrote it."""

    ticket: Ticket
    new: bool


class Ledger:
    """The durable record of paid requests, one row per key, shared by every worker.

    Every change is one transaction that also adds a line to the ticket's history. Each is a
    compare-and-set on the ticket's revision: of two workers with one ticket in hand, one moves it
    and the other gets `TicketMoved`. Tickets are values: go on with the one that a move returns.
    """

    def __init__(self, place: Path | str, locks: Path | None = None) -> None:
        """Name a ledger; nothing is opened or created until it is used.

        Args:
            place: A SQLite file, or an SQLAlchemy URL ("postgresql+psycopg://…").
            locks: Folder for lock files; beside the SQLite file unless given.

        Raises:
            UsageError: The ledger is on a server, or nowhere, and no folder was given.
        """
        if isinstance(place, Path):
            self.url = sa.URL.create("sqlite", database=str(place.absolute()))
        else:
            self.url = sa.make_url(place)
        if locks is None:
            if self.url.get_backend_name() != "sqlite" or not self.url.database:
                raise UsageError(f"{self.url!r}: name a folder for this ledger's lock files")
            locks = Path(self.url.database).with_name("locks")
        self._locks = locks

    def intend(self, order: Order) -> Intended:
        """Write down that something will be ordered, or find the ticket that says so already."""
        found = self.by_key(order.key)
        if found is not None:
            return Intended(found, new=False)
        fields = rows.written(rows.of_new(order, datetime.now(UTC)))
        try:
            with self._writing() as connection:
                connection.execute(tickets.insert().values(fields))
                ticket = _one(connection, tickets.c.key == order.key)
                connection.execute(events.insert().values(rows.written(rows.of_event(ticket))))
        except sa.exc.IntegrityError:  # another worker wrote it between our look and our insert
            return Intended(_sure(self.by_key(order.key), order.key), new=False)
        log.info("%s intended as ticket %d, $%s", order.key[:8], ticket.id, order.quoted_usd)
        return Intended(ticket, new=True)

    def renewed(self, ticket: Ticket, order: Order) -> Ticket:
        """Write an order anew that stands where it stood: its files have moved, or its quote has.

        Raises:
            IllegalMove: It is the order of another ticket.
        """
        if order.key != ticket.key:
            raise IllegalMove(f"ticket {ticket.id} is for {ticket.key}, not for {order.key}")
        fields = {"order": order, "quoted_usd": order.quoted_usd}
        return self._written(ticket, fields | {"state": ticket.state, "detail": "order renewed"})

    def submitting(self, ticket: Ticket) -> Ticket:
        """Write down that the one request is about to leave."""
        return self._moved(ticket, TicketState.SUBMITTING)

    def postponed(self, ticket: Ticket, detail: str) -> Ticket:
        """Write down that the request provably bought nothing and may be made again later."""
        return self._moved(ticket, TicketState.INTENDED, detail)

    def submitted(self, ticket: Ticket, receipt: Receipt) -> Ticket:
        """Write down what the vendor answered; before anything else is asked of it."""
        return self._moved(
            ticket, TicketState.SUBMITTED, request_id=receipt.request_id, urls=receipt.urls
        )

    def completed(self, ticket: Ticket) -> Ticket:
        """Write down that the vendor has the result ready."""
        return self._moved(ticket, TicketState.COMPLETED)

    def delivered(
        self, ticket: Ticket, delivery: File, billed_usd: Decimal, notes: tuple[str, ...] = ()
    ) -> Ticket:
        """Write down that the result is in the store, and what it cost."""
        return self._moved(
            ticket,
            TicketState.DELIVERED,
            delivery=delivery,
            billed_usd=billed_usd,
            notes=notes,
        )

    def refused(self, ticket: Ticket, detail: str) -> Ticket:
        """Write down that the vendor rejected the request; nothing was bought."""
        return self._moved(ticket, TicketState.REFUSED, detail, billed_usd=NOTHING_USD)

    def failed(self, ticket: Ticket, detail: str, billed_usd: Decimal | None = None) -> Ticket:
        """Write down that the vendor could not make it; `billed_usd` is None while not known."""
        return self._moved(ticket, TicketState.FAILED, detail, billed_usd=billed_usd)

    def unknown(self, ticket: Ticket, detail: str) -> Ticket:
        """Write down that nobody here knows whether the request was taken."""
        return self._moved(ticket, TicketState.UNKNOWN, detail)

    def cancelled(self, ticket: Ticket, detail: str, billed_usd: Decimal | None = None) -> Ticket:
        """Write down that the vendor has let go of it; `billed_usd` is None while not known."""
        return self._moved(ticket, TicketState.CANCELLED, detail, billed_usd=billed_usd)

    def again(self, ticket: Ticket, order: Order) -> Ticket:
        """Order once more what is over and known to have cost nothing; its history stays.

        Raises:
            IllegalMove: It is not over, may have cost something, or the order is another one.
        """
        if not ticket.is_free_to_repeat or order.key != ticket.key:
            raise IllegalMove(
                f"ticket {ticket.id} is {ticket.state} with ${ticket.billed_usd} billed; only what "
                "is over and known to have cost nothing is ordered again"
            )
        changes = rows.of_order(order) | {"attempt": ticket.attempt + 1}
        return self._moved(ticket, TicketState.INTENDED, "ordered again", **changes)

    def ticket(self, ticket_id: int) -> Ticket:
        """Read a ticket as it stands.

        Raises:
            UsageError: There is no such ticket.
        """
        with self._reading() as connection:
            return _sure(_any(connection, tickets.c.id == ticket_id), str(ticket_id))

    def by_key(self, key: str) -> Ticket | None:
        """Read the ticket of a dub, if there is one."""
        with self._reading() as connection:
            return _any(connection, tickets.c.key == key)

    def tickets(self, states: Collection[TicketState] = tuple(TicketState)) -> tuple[Ticket, ...]:
        """Read all tickets in one of these states, oldest first."""
        wanted = tickets.c.state.in_([state.value for state in states])
        query = sa.select(tickets).where(wanted).order_by(tickets.c.id)
        with self._reading() as connection:
            return tuple(rows.to_ticket(row) for row in connection.execute(query).mappings())

    def history(self, ticket: Ticket) -> tuple[Event, ...]:
        """Read every move a ticket made, oldest first."""
        query = sa.select(events).where(events.c.ticket_id == ticket.id).order_by(events.c.id)
        with self._reading() as connection:
            return tuple(rows.to_event(row) for row in connection.execute(query).mappings())

    def alone(self, purpose: str, key: str) -> AbstractContextManager[None]:
        """Be the only worker on this machine that does this for this key.

        The lock frees itself when its holder dies, so whoever holds it knows that a ticket left
        halfway was left by the dead.
        """
        with disk_errors(self._locks):
            self._locks.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(key.encode()).hexdigest()
        return alone(self._locks / f"{purpose}-{name}.lock")

    def close(self) -> None:
        """Give back the connections; the ledger may be used again."""
        self._engine.dispose()

    def _moved(
        self, ticket: Ticket, to: TicketState, detail: str | None = None, **changes: Any
    ) -> Ticket:
        """Move a ticket where it may go."""
        if to not in ALLOWED[ticket.state]:
            raise IllegalMove(f"ticket {ticket.id} is {ticket.state}; it cannot become {to}")
        return self._written(ticket, changes | {"state": to, "detail": detail})

    def _written(self, ticket: Ticket, changes: dict[str, Any]) -> Ticket:
        """Change a ticket that stands where the caller saw it, and add to its history."""
        stamp = {"revision": ticket.revision + 1, "updated_at": datetime.now(UTC)}
        fields = rows.written(changes | stamp)
        here = (tickets.c.id == ticket.id) & (tickets.c.revision == ticket.revision)
        with self._writing() as connection:
            if connection.execute(tickets.update().where(here).values(fields)).rowcount != 1:
                raise TicketMoved(
                    f"ticket {ticket.id} was {ticket.state} and has moved; look again"
                )
            now = _one(connection, tickets.c.id == ticket.id)
            connection.execute(events.insert().values(rows.written(rows.of_event(now))))
        log.info("%s %s%s", now.key[:8], now.state, f": {now.detail}" if now.detail else "")
        return now

    @cached_property
    def _engine(self) -> sa.Engine:
        return opened(self.url)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction: committed and on the disk when it ends, or it never was."""
        with database_errors(self.url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with database_errors(self.url), self._engine.connect() as connection:
            yield connection.execution_options(**READING)


def _any(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Ticket | None:
    row = connection.execute(sa.select(tickets).where(where)).mappings().first()
    return None if row is None else rows.to_ticket(row)


def _one(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Ticket:
    return rows.to_ticket(connection.execute(sa.select(tickets).where(where)).mappings().one())


def _sure(ticket: Ticket | None, name: str) -> Ticket:
    if ticket is None:
        raise UsageError(f"{name}: there is no such ticket; `dubline requests list` shows them all")
    return ticket
