"""What every vendor can be asked, and what it may answer."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import Field

from lipsync.outcomes import CancelAnswer
from lipsync.tickets import Media, Order, Receipt, Ticket
from lipsync.values import Value

__all__ = [
    "CancelAnswer",
    "Fetched",
    "Fetching",
    "Followed",
    "Follower",
    "Media",
    "Progress",
    "Standing",
    "Vendor",
]

# Told while a result is fetched: so many of so many units (bytes, or frames) are here.
Fetching = Callable[[int, int], None]


class Standing(StrEnum):
    """Where the vendor says a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    SILENT = "silent"


class Progress(Value):
    """One answer to "how far is it?"."""

    state: Standing = Field(
        description="cancelled: let go of, will never finish; lost: it knows no such request; "
        "silent: it did not answer."
    )
    position: int | None = Field(default=None, ge=0, description="Requests ahead of it.")
    percent: float | None = Field(default=None, ge=0, le=100)
    lines: tuple[str, ...] = Field(default=(), description="All log lines so far.")
    detail: str | None = Field(default=None, description="Why it failed, in the vendor's words.")
    billed_usd: Decimal | None = Field(
        default=None, description="Of a failed or cancelled job; None: not known."
    )


class Fetched(Value):
    """What came with a result that was fetched."""

    notes: tuple[str, ...] = Field(default=(), description="What the vendor says about it.")
    billed_usd: Decimal | None = Field(default=None, description="None: the vendor did not say.")
    suffix: str = Field(default=".mp4", pattern=r"^\.[a-z0-9]{2,4}$")


class Vendor(Protocol):
    """A lip-sync service.

    Attributes:
        name: Its word in the catalogue.
        replayable: Whether the same order may be sent any number of times at no cost. Only then
            is an order sent again whose first sending may have arrived.
        grace_s: How long after it was sent a request may still be missing from the vendor's list
            of requests, in seconds; only after it is `look_up`'s None a proof.
    """

    name: str
    replayable: bool

    @property
    def grace_s(self) -> float:
        """As above."""
        ...

    def prepare(self, order: Order) -> Media | None:
        """Put the pair where the vendor can fetch it; buys nothing, may be repeated.

        Returns:
            Its links, whole: they are handed on to `submit`. None: this vendor needs none.

        Raises:
            VendorRefused: The vendor will not take these files.
            VendorBusy: They could not be uploaded; try again.
        """
        ...

    def submit(self, order: Order, media: Media | None) -> Receipt:
        """Send one request that buys; exactly one leaves this machine.

        Args:
            order: What is bought.
            media: What `prepare` returned for it, committed to the ledger before this call.

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

    def watch(self, ticket: Ticket) -> Iterator[Progress]:
        """Follow a job faster than by asking (an event stream); ends when the job has, or it broke.

        It yields or ends at least every 30 s, so that whoever waits can give up. A vendor that has
        no such thing yields nothing, and is asked for its `status` instead.

        Raises:
            VendorBusy: It broke; ask for the status, then follow again.
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

    def look_up(self, ticket: Ticket, taken: Callable[[str], bool]) -> Receipt | None:
        """Look whether a request whose answer was lost is there, by its `media` and `sent_at`.

        Args:
            ticket: Its media is without queries: compare addresses (`lipsync.tickets.address`).
            taken: Says of a request id that it belongs to another order, or to an earlier attempt
                of this one: files uploaded once serve many orders. Pass over those.

        Returns:
            Its receipt; None when the list was read whole from `sent_at` on and it is not there.

        Raises:
            OutcomeUnknown: It cannot tell: no such list, no key for it, more than one match.
            VendorBusy: No answer; ask again.
        """
        ...


class Follower(Protocol):
    """Connections to a vendor over which one event loop follows any number of jobs."""

    def follow(self, ticket: Ticket) -> AsyncGenerator[Progress, None]:
        """Follow a job as `Vendor.watch` does.

        It ends when the job has or when the vendor is silent, and yields nothing where the vendor
        has no such thing.

        Raises:
            VendorBusy: It broke; ask, then follow again.
        """
        ...

    async def ask(self, ticket: Ticket) -> Progress:
        """Ask where a job stands, as `Vendor.status` does.

        Raises:
            VendorBusy: No answer; ask again.
        """
        ...


@runtime_checkable
class Followed(Protocol):
    """A vendor whose jobs can be awaited by the hundred, without a thread for each."""

    def follower(self) -> AbstractAsyncContextManager[Follower]:
        """Open connections for the event loop that runs; they are closed with it."""
        ...
