"""The ledger itself: tickets written before anything is sent, moved only as `ALLOWED` says."""

import logging
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from lipsync.budget import NO_BUDGET, Budget, limits
from lipsync.errors import UsageError
from lipsync.ledger import rows
from lipsync.ledger.database import clock
from lipsync.ledger.leases import BEATS_PER_LEASE, beating
from lipsync.ledger.line import WAITING, check_place
from lipsync.ledger.pages import Pages
from lipsync.ledger.schema import events, tickets
from lipsync.ledger.spending import spend
from lipsync.tickets import (
    ALLOWED,
    IllegalMove,
    Media,
    Order,
    Receipt,
    Ticket,
    TicketMoved,
    TicketState,
)
from lipsync.values import File

log = logging.getLogger(__name__)

NOTHING_USD = Decimal(0)
NO_LEASE: dict[str, Any] = {"lease_holder": None, "lease_until": None}

# Built once; what is changed is named by the values that come with them.
MOVE = (
    tickets.update()
    .where((tickets.c.id == sa.bindparam("this")) & (tickets.c.revision == sa.bindparam("as_seen")))
    .returning(*tickets.c)
)
NOTE = events.insert()


class Book(Pages):
    """Moves of tickets.

    Every change is one transaction that also adds a line to the ticket's history and brings the
    totals of its budgets up to date. Each is a compare-and-set on the ticket's revision: of two
    workers with one ticket in hand, one moves it and the other gets `TicketMoved`. Tickets are
    values: go on with the one that a move returns.
    """

    def renewed(self, ticket: Ticket, order: Order) -> Ticket:
        """Write an order anew that stands where it stood: its files have moved, or its quote has.

        Raises:
            IllegalMove: It is the order of another ticket.
        """
        if order.key != ticket.key:
            raise IllegalMove(f"ticket {ticket.id} is for {ticket.key}, not for {order.key}")
        fields = {"order": order, "quoted_usd": order.quoted_usd}
        return self._written(ticket, fields | {"state": ticket.state, "detail": "order renewed"})

    def prepared(self, ticket: Ticket, media: Media) -> Ticket:
        """Write down where the vendor will fetch the pair: by that its request can be found."""
        bare = media.without_queries()
        if bare == ticket.media:
            return ticket
        if ticket.state is not TicketState.INTENDED:
            raise IllegalMove(f"ticket {ticket.id} is {ticket.state}; its media cannot change")
        return self._written(
            ticket, {"media": bare, "state": ticket.state, "detail": "media is at the vendor"}
        )

    def queued(self, ticket: Ticket) -> Ticket:
        """Write down that a ticket waits for a place: nobody who comes later gets one before."""
        return self.noted(ticket, WAITING)

    def submitting(self, ticket: Ticket, in_flight: int | None = None) -> Ticket:
        """Write down that the one request is about to leave.

        Args:
            ticket: To be sent.
            in_flight: How many jobs its vendor's account may have in flight, this one included;
                None: any number.

        Raises:
            LineFull: It has as many, or others wait before this one; nothing was changed.
        """
        _check_move(ticket, TicketState.SUBMITTING)
        with self._writing() as connection:
            if in_flight is not None:
                check_place(connection, ticket, in_flight, clock(connection))
            now = clock(connection)
            lease = {"sent_at": now, "lease_until": self._lease_end(now)}
            changes = lease | {"state": TicketState.SUBMITTING, "detail": None}
            return self._changed(connection, ticket, changes, now)

    def postponed(self, ticket: Ticket, detail: str) -> Ticket:
        """Write down that the request provably bought nothing and may be made again later."""
        return self._moved(ticket, TicketState.INTENDED, detail, **NO_LEASE)

    def submitted(self, ticket: Ticket, receipt: Receipt, detail: str | None = None) -> Ticket:
        """Write down what the vendor answered; before anything else is asked of it."""
        return self._moved(
            ticket,
            TicketState.SUBMITTED,
            detail,
            request_id=receipt.request_id,
            urls=receipt.urls,
            **NO_LEASE,
        )

    def completed(self, ticket: Ticket) -> Ticket:
        """Write down that the vendor has the result ready."""
        return self._moved(ticket, TicketState.COMPLETED)

    def delivered(
        self,
        ticket: Ticket,
        delivery: File,
        billed_usd: Decimal | None,
        notes: tuple[str, ...] = (),
        flaw: str | None = None,
    ) -> Ticket:
        """Write down that the result is in the store, what it cost, and what is wrong with it."""
        return self._moved(
            ticket,
            TicketState.DELIVERED,
            flaw,
            delivery=delivery,
            billed_usd=billed_usd,
            notes=notes,
            flaw=flaw,
        )

    def refused(self, ticket: Ticket, detail: str) -> Ticket:
        """Write down that the vendor rejected the request; nothing was bought."""
        return self._moved(ticket, TicketState.REFUSED, detail, billed_usd=NOTHING_USD, **NO_LEASE)

    def failed(self, ticket: Ticket, detail: str, billed_usd: Decimal | None = None) -> Ticket:
        """Write down that the vendor could not make it; `billed_usd` is None while not known."""
        return self._moved(ticket, TicketState.FAILED, detail, billed_usd=billed_usd)

    def unknown(self, ticket: Ticket, detail: str) -> Ticket:
        """Write down that nobody here knows whether the request was taken."""
        return self._moved(ticket, TicketState.UNKNOWN, detail, **NO_LEASE)

    def not_bought(self, ticket: Ticket, why: str) -> Ticket:
        """Write down that a request whose outcome was unknown proved not to have been taken."""
        return self._moved(ticket, TicketState.FAILED, f"not bought: {why}", billed_usd=NOTHING_USD)

    def cancelled(self, ticket: Ticket, detail: str, billed_usd: Decimal | None = None) -> Ticket:
        """Write down that the vendor has let go of it; `billed_usd` is None while not known."""
        return self._moved(ticket, TicketState.CANCELLED, detail, billed_usd=billed_usd, **NO_LEASE)

    def noted(self, ticket: Ticket, detail: str) -> Ticket:
        """Add a line to the history of a ticket that stays where it is."""
        return self._written(ticket, {"state": ticket.state, "detail": detail})

    def billed(self, ticket: Ticket, billed_usd: Decimal, detail: str) -> Ticket:
        """Write down what a ticket turned out to have cost, wherever it stands.

        Raises:
            UsageError: The amount is no sum of money.
        """
        if not billed_usd.is_finite() or billed_usd < 0:
            raise UsageError(f"{billed_usd}: a bill is 0 or more US dollars")
        return self._written(
            ticket, {"state": ticket.state, "billed_usd": billed_usd, "detail": detail}
        )

    def holding(self, ticket: Ticket) -> AbstractContextManager[None]:
        """Keep the lease of a ticket alive while the block runs."""
        mine = (tickets.c.id == ticket.id) & (tickets.c.lease_holder == ticket.lease_holder)

        def renew() -> None:
            with self._writing() as connection:
                until = rows.cell(self._lease_end(clock(connection)))
                connection.execute(tickets.update().where(mine).values(lease_until=until))

        return beating(renew, self._lease_s / BEATS_PER_LEASE)

    def _moved(
        self, ticket: Ticket, to: TicketState, detail: str | None = None, **changes: Any
    ) -> Ticket:
        """Move a ticket where it may go."""
        _check_move(ticket, to)
        return self._written(ticket, changes | {"state": to, "detail": detail})

    def _written(self, ticket: Ticket, changes: dict[str, Any]) -> Ticket:
        """Change a ticket in a transaction of its own."""
        with self._writing() as connection:
            return self._changed(connection, ticket, changes, clock(connection))

    def _changed(
        self,
        connection: sa.Connection,
        ticket: Ticket,
        changes: dict[str, Any],
        now: datetime,
        budget: Budget = NO_BUDGET,
    ) -> Ticket:
        """Change a ticket that stands where the caller saw it, and add to its history.

        Raises:
            TicketMoved: It does not.
            BudgetError: It would bring a total over its limit.
        """
        stamp = {"revision": ticket.revision + 1, "updated_at": now}
        here = {"this": ticket.id, "as_seen": ticket.revision}
        row = connection.execute(MOVE, rows.written(changes | stamp) | here).mappings().first()
        if row is None:
            raise TicketMoved(f"ticket {ticket.id} was {ticket.state} and has moved; look again")
        return told(connection, ticket, rows.to_ticket(row), budget)

    def _lease_end(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._lease_s)


def _check_move(ticket: Ticket, to: TicketState) -> None:
    """Refuse a move that is not allowed from where a ticket stands."""
    if to not in ALLOWED[ticket.state]:
        raise IllegalMove(f"ticket {ticket.id} is {ticket.state}; it cannot become {to}")


def told(connection: sa.Connection, before: Ticket | None, after: Ticket, budget: Budget) -> Ticket:
    """Add a move to the totals and to the history."""
    spend(connection, before, after, limits(budget, after))
    connection.execute(NOTE, rows.written(rows.of_event(after)))
    log.info("%s %s%s", after.key[:8], after.state, f": {after.detail}" if after.detail else "")
    return after
