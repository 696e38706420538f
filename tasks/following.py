"""Following a job on the run's page, and knowing which jobs a run is waiting for."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

from lipsync.following import Watch, follow, in_words
from lipsync.tickets import Ticket, TicketState
from lipsync.vendors.protocol import Progress, Standing
from lipsync.waiting import WAITING

if TYPE_CHECKING:  # loads SQLAlchemy
    from lipsync.ledger import Ledger

log = logging.getLogger(__name__)

# Ours: a page that somebody watches, and a server that many runs share.
REFRESH_S = 5.0

_aboard: ContextVar["Aboard | None"] = ContextVar("aboard", default=None)


@dataclass
class Aboard:
    """Which jobs are out for what runs below a block.

    Attributes:
        runs: Ids of the runs that may have bought.
        tickets: What they wait for, whoever bought it; an interrupted wait stays here.
    """

    runs: set[str] = field(default_factory=set)
    tickets: list[Ticket] = field(default_factory=list)

    def submitted(self, ledger: "Ledger") -> tuple[Ticket, ...]:
        """Read which of them are at their vendor now, be they bought a moment ago."""
        waited_for = {ticket.id for ticket in self.tickets}
        found = ledger.tickets({TicketState.SUBMITTED})
        return tuple(one for one in found if one.id in waited_for or one.run in self.runs)


@contextmanager
def aboard() -> Iterator[Aboard]:
    """Keep in mind what is bought and waited for below this block."""
    jobs = Aboard()
    token = _aboard.set(jobs)
    try:
        yield jobs
    finally:
        _aboard.reset(token)


def buying_for(run: str) -> None:
    """Say that a run is about to buy."""
    if (jobs := _aboard.get()) is not None:
        jobs.runs.add(run)


@contextmanager
def waiting_for(ticket: Ticket) -> Iterator[None]:
    """Say that a ticket is waited for, until the block ends well."""
    jobs = _aboard.get()
    if jobs is not None:
        jobs.tickets.append(ticket)
    yield
    if jobs is not None:
        jobs.tickets.remove(ticket)


def shown(ticket: Ticket) -> Watch:
    """Follow a job in the log, and with an artifact as soon as there is something to wait for."""
    watch, page = follow(ticket), _Page(ticket)

    def both(progress: Progress) -> None:
        watch(progress)
        page.show(progress)

    return both


class _Page:
    """The progress artifact of one job; a server that does not take it stops no wait."""

    def __init__(self, ticket: Ticket, clock: Callable[[], float] = time.monotonic) -> None:
        self._ticket = ticket
        self._clock = clock
        self._began_s = self._shown_s = clock()
        self._words = ""
        self._id: UUID | None = None

    def show(self, progress: Progress) -> None:
        """Write what changed, or the time that has passed."""
        now_s, words = self._clock(), in_words(progress)
        if self._id is None and progress.state not in WAITING:
            return
        if words == self._words and now_s - self._shown_s < REFRESH_S:
            return
        self._words, self._shown_s = words, now_s
        elapsed_s = now_s - self._began_s
        ticket = self._ticket
        text = f"Ticket {ticket.id}, {ticket.model} at {ticket.vendor}: {words}, {elapsed_s:.0f} s"
        try:
            self._write(100.0 if progress.state is Standing.DONE else progress.percent or 0.0, text)
        except (httpx.HTTPError, PrefectException) as error:
            log.info("the run's page was not told about ticket %d: %s", ticket.id, error)

    def _write(self, percent: float, text: str) -> None:
        if self._id is None:
            made = create_progress_artifact(percent, f"ticket-{self._ticket.id}", text)
            self._id = cast("UUID", made)
        else:
            update_progress_artifact(self._id, percent, text)
