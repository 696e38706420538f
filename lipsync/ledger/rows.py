"""Rows and tickets: how one becomes the other."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import sqlalchemy as sa

from lipsync.tickets import Event, Order, Ticket, TicketState, without_signatures
from lipsync.values import Value


def cell(value: Any) -> Any:
    r"""Write a value as plain SQL: text for money, moments, words and whatever has parts.

    >>> cell(Decimal("1E+2")), cell(("a", "b")), cell(TicketState.INTENDED), cell(3), cell(None)
    ('100', '["a", "b"]', 'intended', 3, None)

    A vendor may say anything; what a database cannot hold must not keep us from writing it down.

    >>> cell("no\0face")
    'no\\x00face'
    """
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, Value):
        return value.model_dump_json()
    if isinstance(value, dict | tuple):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, str):
        text = value.value if isinstance(value, Enum) else value
        return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()
    return value


def of_order(order: Order) -> dict[str, Any]:
    """Say what an order writes into its row."""
    return {
        "key": order.key,
        "generation": order.generation,
        "vendor": order.vendor,
        "model": order.model,
        "endpoint": order.endpoint,
        "dub": order.dub,
        "order": order,
        "quoted_usd": order.quoted_usd,
        "request_id": None,
        "urls": {},
        "media": None,
        "sent_at": None,
        "billed_usd": None,
        "delivery": None,
        "notes": (),
        "flaw": None,
    }


def of_new(order: Order, now: datetime) -> dict[str, Any]:
    """Say what a new ticket's row holds."""
    start = {"state": TicketState.INTENDED, "attempt": 1, "revision": 1}
    return of_order(order) | start | {"detail": None, "created_at": now, "updated_at": now}


def of_event(ticket: Ticket) -> dict[str, Any]:
    """Say what a ticket that has just moved adds to its history."""
    return {
        "ticket_id": ticket.id,
        "attempt": ticket.attempt,
        "state": ticket.state,
        "request_id": ticket.request_id,
        "billed_usd": ticket.billed_usd,
        "detail": ticket.detail,
        "at": ticket.updated_at,
    }


def written(fields: dict[str, Any]) -> dict[str, Any]:
    """Write a row's fields as plain SQL; what a vendor said, without signed links."""
    row = {name: cell(value) for name, value in fields.items()}
    said = {name: without_signatures(row[name]) for name in ("detail", "notes") if row.get(name)}
    return row | said


def to_ticket(row: sa.RowMapping) -> Ticket:
    """Read a ticket from its row."""
    parts = {
        name: json.loads(row[name])
        for name in ("order", "urls", "media", "notes", "delivery")
        if row[name] is not None
    }
    fields = {name: row[name] for name in Ticket.model_fields}
    return Ticket.model_validate(fields | parts)


def to_event(row: sa.RowMapping) -> Event:
    """Read one line of a ticket's history."""
    return Event.model_validate({name: row[name] for name in Event.model_fields})
