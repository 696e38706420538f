"""Parts for the tests of the unified vendor: a ticket, an order, and the vendor itself."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lipsync.tickets import Order, Ticket, TicketState
from tests.lipsync.orders import make_order

SENT_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def unified_order(key: str = "k1", **changes: Any) -> Order:
    """Return an order for one dub on lipsync-2."""
    order = make_order(
        key,
        vendor="unified",
        model="unified-lipsync-2",
        endpoint="/v1/videos/generations",
        arguments={"model": "lipsync-2", "sync_mode": "cut_off"},
        quoted_usd=None,
    )
    return order.model_copy(update=changes)


def unified_ticket(**changes: Any) -> Ticket:
    """Return a ticket that was submitted."""
    order = unified_order()
    ticket = Ticket(
        id=1,
        key=order.key,
        generation=1,
        state=TicketState.SUBMITTED,
        vendor=order.vendor,
        model=order.model,
        endpoint=order.endpoint,
        order=order,
        day="2026-11-20",
        sent_at=SENT_AT,
        quoted_usd=Decimal(0),
        created_at=SENT_AT,
        updated_at=SENT_AT,
    )
    return ticket.model_copy(update=changes)
