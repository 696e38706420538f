"""What is bought: the order, the ticket that records it, and the delivery it leads to."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from pydantic import Field

from lipsync.values import File, Value


class TicketState(StrEnum):
    """Where a ticket stands (design: paying once)."""

    INTENDED = "intended"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    COMPLETED = "completed"
    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class Order(Value):
    """Everything a vendor needs to make one dub, and what it may cost."""

    key: str = Field(description="Hash of the bytes of video and voice, model, arguments, generation.")
    generation: int = Field(default=1, ge=1, description="Raised by the user to buy again on purpose.")
    vendor: str
    model: str = Field(description="The catalogue's id, e.g. 'sync-2-pro'.")
    endpoint: str
    arguments: dict[str, Any] = Field(default_factory=dict, description="JSON; media fields excluded.")
    video: File
    voice: File
    frames: int = Field(gt=0, description="Predicted output length in frames.")
    rate: Fraction
    quoted_usd: Decimal


class Receipt(Value):
    """What the vendor answered to the one submit."""

    request_id: str
    urls: dict[str, str] = Field(default_factory=dict, description="status, response, cancel; as given.")


class Ticket(Value):
    """The durable record of one paid request: written before it is sent, kept for ever."""

    id: int
    key: str
    generation: int
    state: TicketState
    vendor: str
    model: str
    endpoint: str
    order: Order
    request_id: str | None = None
    urls: dict[str, str] = Field(default_factory=dict)
    quoted_usd: Decimal
    billed_usd: Decimal | None = None
    delivery: File | None = None
    notes: tuple[str, ...] = Field(default=(), description="What the vendor said about the result.")
    detail: str | None = Field(default=None, description="Why it was refused, failed or is unknown.")
    created_at: datetime
    updated_at: datetime


class Delivery(Value):
    """The result of a ticket: downloaded, hashed, in the store."""

    ticket_id: int
    key: str
    request_id: str
    file: File
    billed_usd: Decimal
    notes: tuple[str, ...] = ()
