"""Intent: the one transaction that decides whether a worker may send an order, and pays for it."""

import logging
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from lipsync.budget import NO_BUDGET, Budget, check_order
from lipsync.errors import BudgetError
from lipsync.ledger import rows
from lipsync.ledger.approvals import Approvals
from lipsync.ledger.book import NO_LEASE, Book, told
from lipsync.ledger.database import clock, take_turns
from lipsync.ledger.leases import is_held_elsewhere, new_holder
from lipsync.ledger.pages import BY_KEY, any_ticket
from lipsync.ledger.reviews import Reviews
from lipsync.ledger.schema import tickets
from lipsync.tickets import Order, Ticket, TicketMoved, TicketState

log = logging.getLogger(__name__)

# Built once: every order asks.
OTHERS = (
    sa.select(tickets)
    .where((tickets.c.dub == sa.bindparam("dub")) & (tickets.c.key != sa.bindparam("key")))
    .order_by(tickets.c.id)
)
NEW = tickets.insert().returning(*tickets.c)


class Intended(NamedTuple):
    """A ticket, and whether this worker now holds it and may send it.

    The ticket may be that of another choice for the same dub, when that one is in the way.
    """

    ticket: Ticket
    ours: bool


class Ledger(Book, Approvals, Reviews):
    """The durable record of paid requests, one row per key, shared by every worker."""

    def intend(self, order: Order, budget: Budget = NO_BUDGET, run: str | None = None) -> Intended:
        """Write down that something will be ordered, and take its price from the budget.

        The caller is `alone` with the order's key and with its dub. One transaction: whoever gets
        the ticket has the money for it, and nobody else at any place may send it.

        Raises:
            BudgetError: There is not enough left; nothing is written.
        """
        standing = self.by_key(order.key)
        if standing is not None and not _is_open(standing):
            return Intended(standing, ours=False)
        try:
            return self._intended(order, budget, run)
        except BudgetError:
            if not self._released():
                raise
            return self._intended(order, budget, run)

    def _intended(self, order: Order, budget: Budget, run: str | None) -> Intended:
        try:
            with self._writing() as connection:
                other = self._in_the_way(connection, order)
                if other is not None:
                    return Intended(other, ours=False)
                ticket = any_ticket(connection, BY_KEY, order.key)
                if ticket is not None and not self._may_take(ticket, clock(connection)):
                    return Intended(ticket, ours=False)
                return Intended(self._taken(connection, ticket, order, budget, run), ours=True)
        except (sa.exc.IntegrityError, TicketMoved):  # a worker at another place was faster
            ticket = self.by_key(order.key)
            if ticket is None:
                raise
            return Intended(ticket, ours=False)

    def _taken(
        self,
        connection: sa.Connection,
        ticket: Ticket | None,
        order: Order,
        budget: Budget,
        run: str | None,
    ) -> Ticket:
        """Hold a ticket, new or open, with its price reserved on this run and this day."""
        check_order(budget, order)
        now = clock(connection)
        lease = {"lease_holder": new_holder(self._place), "lease_until": self._lease_end(now)}
        held = lease | {"run": run, "day": now.date().isoformat()}
        if ticket is None:
            fields = rows.written(rows.of_new(order, now) | held)
            new = connection.execute(NEW, fields).mappings().one()
            return told(connection, None, rows.to_ticket(new), budget)
        changes: dict[str, Any] = rows.of_order(order) | held | {"state": TicketState.INTENDED}
        if ticket.state is TicketState.INTENDED:
            changes |= {"media": ticket.media, "detail": "taken up"}
        else:
            changes |= {"attempt": ticket.attempt + 1, "detail": "ordered again"}
        return self._changed(connection, ticket, changes, now, budget)

    def _may_take(self, ticket: Ticket, now: datetime) -> bool:
        return _is_open(ticket) and not is_held_elsewhere(ticket, self._place, now)

    def _in_the_way(self, connection: sa.Connection, order: Order) -> Ticket | None:
        """Find another choice for this dub that was bought, or may yet be."""
        if order.dub is None:
            return None
        take_turns(connection, order.dub)
        now, this = clock(connection), {"dub": order.dub, "key": order.key}
        for row in connection.execute(OTHERS, this).mappings():
            ticket = rows.to_ticket(row)
            if not self._may_take(ticket, now):
                return ticket
        return None

    def _released(self) -> int:
        """Give back what is reserved by workers that have shown no sign of life; say how many."""
        count, now = 0, self.now()
        for ticket in self.tickets({TicketState.INTENDED}):
            if ticket.lease_until is None or ticket.lease_until > now:
                continue
            try:
                gone = {"state": ticket.state, "detail": "its worker is gone"} | NO_LEASE
                self._written(ticket, gone)
                count += 1
            except TicketMoved:
                log.info("ticket %d has moved; its worker is not gone", ticket.id)
        return count


def _is_open(ticket: Ticket) -> bool:
    """Say whether a ticket could be sent: it never was, or what was cost nothing and is over."""
    return ticket.state is TicketState.INTENDED or ticket.is_free_to_repeat
