"""What is bought: the order, the ticket that records it, and the delivery it leads to."""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from pydantic import Field

from lipsync.errors import LipsyncError, OutcomeUnknown, VendorBusy, VendorError, VendorRefused
from lipsync.values import File, Value


class IllegalMove(LipsyncError):
    """A ticket was asked to go where it cannot go from where it stands; nothing was written."""


class TicketMoved(LipsyncError):
    """Another worker moved the ticket first; nothing was written. Read it again, and look."""

    retryable = True


class LineFull(VendorBusy):
    """The vendor's account has as many jobs in flight as it may; nothing was sent or changed."""


class TicketState(StrEnum):
    """Where a ticket stands (docs/adr/0001)."""

    INTENDED = "intended"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    COMPLETED = "completed"
    DELIVERED = "delivered"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


# Where a ticket may go from where it stands. Nothing is ever forgotten: a ticket that is ordered
# again keeps its row and its history. The reasons are in docs/adr/0001.
ALLOWED: dict[TicketState, frozenset[TicketState]] = {
    TicketState.INTENDED: frozenset(
        {
            TicketState.SUBMITTING,
            TicketState.INTENDED,  # its media could not be brought to the vendor; later
            TicketState.REFUSED,
            TicketState.CANCELLED,
        }
    ),
    TicketState.SUBMITTING: frozenset(
        {
            TicketState.SUBMITTED,
            TicketState.REFUSED,
            TicketState.UNKNOWN,
            TicketState.INTENDED,  # it provably never left, or sending it again costs nothing
        }
    ),
    TicketState.SUBMITTED: frozenset(
        {
            TicketState.COMPLETED,
            TicketState.FAILED,
            TicketState.UNKNOWN,
            TicketState.CANCELLED,
        }
    ),
    TicketState.COMPLETED: frozenset(
        {TicketState.DELIVERED, TicketState.FAILED, TicketState.UNKNOWN}
    ),
    TicketState.DELIVERED: frozenset({TicketState.DELIVERED}),  # its file was lost, fetched again
    TicketState.UNKNOWN: frozenset(  # resolved by looking, or by a person
        {TicketState.SUBMITTED, TicketState.FAILED, TicketState.CANCELLED}
    ),
    TicketState.REFUSED: frozenset({TicketState.INTENDED}),
    TicketState.FAILED: frozenset({TicketState.INTENDED}),
    TicketState.CANCELLED: frozenset({TicketState.INTENDED}),
}

# A ticket in one of these is the vendor's or already ours: whoever wants the dub attaches to it.
BOUGHT = frozenset({TicketState.SUBMITTED, TicketState.COMPLETED, TicketState.DELIVERED})

# From here a request may have left: what became of it is looked for before anything is sent.
HALFWAY = frozenset({TicketState.SUBMITTING, TicketState.UNKNOWN})

# A ticket in one of these may lead to a delivery that is not there yet.
OPEN = HALFWAY | {TicketState.SUBMITTED, TicketState.COMPLETED}

# A ticket in one of these is over; it may be ordered again if it is known to have cost nothing.
OVER = frozenset({TicketState.REFUSED, TicketState.FAILED, TicketState.CANCELLED})


class Order(Value):
    """Everything a vendor needs to make one dub, and what it may cost."""

    key: str = Field(
        description="Hash of the bytes of video and voice, model, arguments, generation."
    )
    generation: int = Field(
        default=1, ge=1, description="Raised by the user to buy again on purpose."
    )
    vendor: str
    model: str = Field(description="The catalogue's id, e.g. 'sync-2-pro'.")
    endpoint: str
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="JSON; media fields excluded."
    )
    video: File
    voice: File
    frames: int = Field(gt=0, description="Predicted output length in frames.")
    rate: Fraction
    quoted_usd: Decimal | None = Field(description="None: nobody knows; a budget refuses that.")
    dub: str | None = Field(
        default=None,
        description="The dub among whose choices one is bought; None: this order stands alone.",
    )


class Media(Value):
    """Where the vendor fetches a pair: known before the request leaves, so it can be found by it.

    A signed link is a secret: only its address is written down and shown, see `without_queries`.
    """

    video_url: str = Field(repr=False)
    voice_url: str = Field(repr=False)

    def without_queries(self) -> "Media":
        """Leave out what follows `?` or `#`: signatures live there.

        >>> Media(video_url="https://x/v.mp4?sig=1", voice_url="https://x/a").without_queries() == (
        ...     Media(video_url="https://x/v.mp4", voice_url="https://x/a"))
        True
        """
        return Media(video_url=address(self.video_url), voice_url=address(self.voice_url))


def address(url: str) -> str:
    """Say where a link leads, without its query: the part of it that is no secret.

    >>> address("https://bucket/v.mp4?X-Amz-Signature=abc")
    'https://bucket/v.mp4'
    """
    return url.partition("?")[0].partition("#")[0]


_QUERY = re.compile(r"(https?://[^\s?#\"'<>]+)[?#][^\s\"'<>)\]}]*")


def without_signatures(text: str) -> str:
    """Take the queries out of all links in a text: an error may repeat what was sent.

    >>> without_signatures("cannot read 'https://b/v.mp4?X-Amz-Signature=abc' (403)")
    "cannot read 'https://b/v.mp4' (403)"
    """
    return _QUERY.sub(r"\1", text)


class Receipt(Value):
    """What the vendor answered to the one submit."""

    request_id: str
    urls: dict[str, str] = Field(
        default_factory=dict, description="status, response, cancel; as given."
    )


class Ticket(Value):
    """The durable record of one paid request: written before it is sent, kept for ever."""

    id: int
    key: str
    generation: int
    attempt: int = Field(default=1, ge=1, description="Times this dub was ordered; see history.")
    revision: int = Field(default=1, ge=1, description="Moves so far; guards against two writers.")
    state: TicketState
    vendor: str
    model: str
    endpoint: str
    order: Order
    request_id: str | None = None
    urls: dict[str, str] = Field(default_factory=dict)
    media: Media | None = Field(default=None, description="As sent, without queries.")
    run: str | None = Field(default=None, description="The run whose budget it is paid from.")
    day: str | None = Field(default=None, description="UTC date whose budget it is on: 2026-11-20")
    sent_at: datetime | None = Field(default=None, description="When its request left, at most.")
    lease_holder: str | None = Field(default=None, description="The worker that is sending it.")
    lease_until: datetime | None = None
    quoted_usd: Decimal | None
    billed_usd: Decimal | None = Field(default=None, description="None: not known (yet).")
    delivery: File | None = None
    notes: tuple[str, ...] = Field(default=(), description="What the vendor said about the result.")
    flaw: str | None = Field(default=None, description="Why the delivery is not what was bought.")
    detail: str | None = Field(
        default=None, description="Why it was refused, failed or is unknown."
    )
    created_at: datetime
    updated_at: datetime

    @property
    def is_free_to_repeat(self) -> bool:
        """Whether it is over and known to have cost nothing, so that it may be ordered again."""
        return self.state in OVER and self.billed_usd == 0


class Event(Value):
    """One line of a ticket's history; the history is only ever added to."""

    ticket_id: int
    attempt: int
    state: TicketState = Field(description="The state it moved to.")
    request_id: str | None
    billed_usd: Decimal | None
    detail: str | None
    at: datetime


class Delivery(Value):
    """The result of a ticket: downloaded, hashed, in the store."""

    ticket_id: int
    key: str
    request_id: str
    file: File
    billed_usd: Decimal | None = Field(description="None: neither quoted nor told.")
    notes: tuple[str, ...] = ()


def why_not(ticket: Ticket) -> VendorError:
    """Say why a ticket leads to no delivery from where it stands, and the way out."""
    said = f"ticket {ticket.id} is {ticket.state}{f' ({ticket.detail})' if ticket.detail else ''}"
    if ticket.state is TicketState.UNKNOWN:
        return OutcomeUnknown(
            f"{said}: {ticket.vendor} may have taken it, so it is not sent again; look there, then "
            f"`dubline requests resolve {ticket.id}`"
        )
    if ticket.state is TicketState.REFUSED:
        return VendorRefused(f"{said}; nothing was bought, change what it says and run again")
    if ticket.is_free_to_repeat:
        return VendorError(f"{said}; it cost nothing, run the dub again to order it once more")
    if ticket.state in OVER:
        cost = (
            "may have been charged" if ticket.billed_usd is None else f"cost ${ticket.billed_usd}"
        )
        return VendorError(
            f"{said} and {cost}; to buy it once more on purpose, raise its generation above "
            f"{ticket.generation}"
        )
    return VendorBusy(f"{said}; its result is not there yet, run the dub again")
