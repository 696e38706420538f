"""Reading the ledger, and the transactions it is read and written in."""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa

from lipsync.budget import Amount
from lipsync.disk import disk_errors
from lipsync.errors import UsageError
from lipsync.ledger import rows
from lipsync.ledger.database import BUSY_MS, READING, clock, database_errors, opened
from lipsync.ledger.leases import LEASE_S, is_held_elsewhere, place_of
from lipsync.ledger.line import flying
from lipsync.ledger.schema import events, tickets
from lipsync.ledger.spending import total
from lipsync.locks import alone
from lipsync.tickets import Event, Ticket, TicketState

# Built once: a statement that is put together anew costs 0.1 ms more, each time.
Wanted = sa.Select[Any]
BY_ID: Wanted = sa.select(tickets).where(tickets.c.id == sa.bindparam("wanted"))
BY_KEY: Wanted = sa.select(tickets).where(tickets.c.key == sa.bindparam("wanted"))


class Pages:
    """The readable side of a ledger."""

    def __init__(
        self, place: Path | str, locks: Path | None = None, *, lease_s: float = LEASE_S
    ) -> None:
        """Name a ledger; nothing is opened or created until it is used.

        Args:
            place: A SQLite file, or an SQLAlchemy URL ("postgresql+psycopg://…").
            locks: Folder for locks; beside the SQLite file unless given.
            lease_s: How long a worker at another place is believed to live without a sign of it.

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
        self._lease_s = lease_s
        self._turn = Lock()

    def ticket(self, ticket_id: int) -> Ticket:
        """Read a ticket as it stands.

        Raises:
            UsageError: There is no such ticket.
        """
        with self._reading() as connection:
            found = any_ticket(connection, BY_ID, ticket_id)
        if found is None:
            raise UsageError(
                f"{ticket_id}: there is no such ticket; `dubline requests list` shows them all"
            )
        return found

    def by_key(self, key: str) -> Ticket | None:
        """Read the ticket of a dub, if there is one."""
        with self._reading() as connection:
            return any_ticket(connection, BY_KEY, key)

    def named(self, names: Collection[str]) -> tuple[Ticket, ...]:
        """Read the tickets whose key, or whose dub, is one of these; oldest first."""
        wanted = tickets.c.key.in_(names) | tickets.c.dub.in_(names)
        query = sa.select(tickets).where(wanted).order_by(tickets.c.id)
        with self._reading() as connection:
            return tuple(rows.to_ticket(row) for row in connection.execute(query).mappings())

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

    def spent(self, scope: str) -> Amount:
        """Read what the tickets of a run or a day come to: "run:NAME", "day:2026-11-20"."""
        with self._reading() as connection:
            return total(connection, scope)

    def is_taken(self, request_id: str, ticket: Ticket) -> bool:
        """Say whether a vendor's request belongs to another ticket, or another attempt of this."""
        theirs = (events.c.ticket_id != ticket.id) | (events.c.attempt != ticket.attempt)
        query = (
            sa.select(events.c.id)
            .join(tickets, tickets.c.id == events.c.ticket_id)
            .where((events.c.request_id == request_id) & (tickets.c.vendor == ticket.vendor))
            .where(theirs)
            .limit(1)
        )
        with self._reading() as connection:
            return connection.execute(query).first() is not None

    def now(self) -> datetime:
        """Read the clock that all workers of this ledger share."""
        with self._reading() as connection:
            return clock(connection)

    def in_flight(self, vendor: str) -> int:
        """Count the jobs that the account at a vendor has in flight, whoever sent them."""
        with self._reading() as connection:
            return flying(connection, vendor, clock(connection))

    def is_held_elsewhere(self, ticket: Ticket) -> bool:
        """Say whether a worker at another place is sending a ticket and must be believed to live.

        Of the workers here the one that is `alone` with the ticket's key knows that it is not.
        """
        return is_held_elsewhere(ticket, self._place, self.now())

    def alone(self, purpose: str, key: str) -> AbstractContextManager[None]:
        """Be the only worker of this place that does this for this key.

        The lock frees itself when its holder dies, so whoever holds it knows that a ticket left
        halfway at this place was left by the dead.
        """
        self._make_locks()
        name = hashlib.sha256(key.encode()).hexdigest()
        return alone(self._locks / f"{purpose}-{name}.lock")

    def close(self) -> None:
        """Give back the connections; the ledger may be used again."""
        self._engine.dispose()

    @cached_property
    def _place(self) -> str:
        self._make_locks()
        return place_of(self._locks)

    def _make_locks(self) -> None:
        if not self._locks.is_dir():
            with disk_errors(self._locks):
                self._locks.mkdir(parents=True, exist_ok=True)

    @cached_property
    def _engine(self) -> sa.Engine:
        return opened(self.url)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction: committed and on the disk when it ends, or it never was."""
        with self._in_turn(), database_errors(self.url), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Have the threads of this process write one after the other to a file.

        SQLite lets one write at a time, and whoever finds it busy sleeps up to 0.1 s before the
        next look: of 16 threads each slept for most of its life, and some for many seconds.
        """
        if self.url.get_backend_name() != "sqlite":
            yield
            return
        # Another process may hold the file: then everyone is told so by SQLite itself.
        ours = self._turn.acquire(timeout=BUSY_MS / 1000)
        try:
            yield
        finally:
            if ours:
                self._turn.release()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with database_errors(self.url), self._engine.connect() as connection:
            yield connection.execution_options(**READING)


def any_ticket(connection: sa.Connection, by: Wanted, wanted: int | str) -> Ticket | None:
    """Read the ticket of this id or key, if there is one."""
    row = connection.execute(by, {"wanted": wanted}).mappings().first()
    return None if row is None else rows.to_ticket(row)
