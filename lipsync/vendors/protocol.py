"""What every vendor can be asked, and what it may answer."""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydantic import Field

from lipsync.tickets import Order, Receipt, Ticket
from lipsync.values import Value

# Told while a result is fetched: so many of so many units (bytes, or frames) are here.
Fetching = Callable[[int, int], None]


class Standing(StrEnum):
    """Where the vendor says a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    SILENT = "silent"


class Progress(Value):
    """One answer to "how far is it?"."""

    state: Standing = Field(
        description="lost: it knows no such request; silent: it did not answer."
    )
    position: int | None = Field(default=None, ge=0, description="Requests ahead of it.")
    lines: tuple[str, ...] = Field(default=(), description="All log lines so far.")
    detail: str | None = Field(default=None, description="Why it failed, in the vendor's words.")
    billed_usd: Decimal | None = Field(
        default=None, description="Of a failed job; None: not known."
    )


class Fetched(Value):
    """What came with a result that was fetched."""

    notes: tuple[str, ...] = Field(default=(), description="What the vendor says about it.")
    billed_usd: Decimal | None = Field(default=None, description="None: the vendor did not say.")
    suffix: str = Field(default=".mp4", pattern=r"^\.[a-z0-9]{2,4}$")


class CancelAnswer(StrEnum):
    """What a vendor says to a wish to cancel."""

    REMOVED = "removed"  # it will never run
    ASKED = "asked"  # it may still finish, and be billed
    TOO_LATE = "too late"  # it has finished
    NOT_FOUND = "not found"


class Vendor(Protocol):
    """A lip-sync service.

    Attributes:
        name: Its word in the catalogue.
        replayable: Whether the same order may be sent any number of times at no cost. Only then
            is an order sent again whose first sending may have arrived.
    """

    name: str
    replayable: bool

    def submit(self, order: Order) -> Receipt:
        """Send one request that buys; exactly one leaves this machine.

        Raises:
            VendorRefused: The vendor rejects it; nothing was bought.
            VendorBusy: It provably did not arrive or was turned away; nothing was bought.
            OutcomeUnknown: It may have been taken. Any other error is read as this one.
        """
        ...

    def status(self, ticket: Ticket) -> Progress:
        """Ask where a submitted job stands; free, and asked as often as needed.

        Raises:
            VendorBusy: No answer; ask again.
        """
        ...

    def fetch(self, ticket: Ticket, into: Path, progress: Fetching) -> Fetched:
        """Write the result of a finished job to the path `into`; buys nothing, may be repeated.

        Raises:
            VendorBusy: It broke off; fetch again.
            VendorError: There is no result, and asking again will not bring it.
        """
        ...

    def cancel(self, ticket: Ticket) -> CancelAnswer:
        """Ask the vendor to let go of a job.

        Raises:
            VendorBusy: No answer; ask again.
        """
        ...
