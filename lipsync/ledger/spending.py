"""Spending: the totals a budget is checked against, changed with the tickets they are made of."""

from collections.abc import Mapping
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from lipsync.budget import Amount, changes, check_total
from lipsync.ledger.schema import totals
from lipsync.tickets import Ticket


def spend(
    connection: sa.Connection,
    before: Ticket | None,
    after: Ticket,
    limits: Mapping[str, Decimal],
) -> None:
    """Bring the totals up to a ticket's move, in the transaction that makes it.

    The rows stay locked until the transaction ends, so a total that was checked holds.

    Raises:
        BudgetError: A total would be over its limit; the transaction must not be committed.
    """
    moved = changes(before, after)
    for scope in sorted({*moved, *limits}):
        _add(connection, scope, moved.get(scope, Amount()))
        if scope in limits:
            check_total(scope, limits[scope], total(connection, scope), after.order)


def total(connection: sa.Connection, scope: str) -> Amount:
    """Read what the tickets of a run or a day come to."""
    row = connection.execute(_TOTAL, {"of": scope}).one_or_none()
    return Amount() if row is None else Amount(*row)


def _add(connection: sa.Connection, scope: str, change: Amount) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    added = {"scope": scope, **change._asdict()}
    connection.execute(_ADDED_SQLITE if is_sqlite else _ADDED_POSTGRESQL, added)


def _added(new: sqlite.Insert | postgresql.Insert) -> sa.Insert:
    both = {name: totals.c[name] + new.excluded[name] for name in Amount._fields}
    return new.on_conflict_do_update(index_elements=["scope"], set_=both)


# Built once: each of them is run several times for every dub.
_TOTAL = sa.select(totals.c.nano_usd, totals.c.unpriced).where(totals.c.scope == sa.bindparam("of"))
_ADDED_SQLITE = _added(sqlite.insert(totals))
_ADDED_POSTGRESQL = _added(postgresql.insert(totals))
