"""Waiting: a job is followed or asked after until it has ended, or patience has."""

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lipsync.errors import VendorBusy
from lipsync.tickets import Ticket
from lipsync.vendors.protocol import Progress, Standing, Vendor

log = logging.getLogger(__name__)

# fal_client polls every 0.1 s by default, ten GETs a second per job; its docs advise 1 to 5 s
# (reference: fal-protocol.md §4). The pause grows from the one to a little over the other, so that
# a job of a minute is asked after 14 times.
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 6.0
PAUSE_GROWTH = 1.5
# Ours: so that a batch that was submitted at once does not ask at once for ever.
JITTER = 0.2

# fal ends an attempt after 3,600 s by default (reference: fal-protocol.md §8).
PATIENCE_S = 3_600.0

WAITING = frozenset({Standing.QUEUED, Standing.RUNNING, Standing.SILENT})


@dataclass(frozen=True)
class Waiting:
    """How a job is waited for.

    Attributes:
        patience_s: How long before giving up for now; 0 asks once.
        watch: Told every answer the vendor gives meanwhile.
    """

    patience_s: float = PATIENCE_S
    watch: Callable[[Progress], None] = lambda _progress: None


PATIENTLY = Waiting()


def pauses(chance: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield how long to wait before each next question, in seconds.

    Args:
        chance: Draws from [0, 1); half of that draws the plain series.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s * (1 + JITTER * (2 * chance() - 1))
        pause_s = min(pause_s * PAUSE_GROWTH, LONGEST_PAUSE_S)


def wait(ticket: Ticket, vendor: Vendor, waiting: Waiting) -> Progress:
    """Follow or ask until the job has ended, one way or another, or patience has.

    Raises:
        VendorBusy: It has not ended.
    """
    until_s = time.monotonic() + waiting.patience_s
    waits_s, streams = pauses(), waiting.patience_s > 0
    while True:
        progress = _followed(ticket, vendor, waiting, until_s) if streams else None
        streams = progress is not None  # one that is silent, or not there, is not tried again
        if progress is None or progress.state in WAITING:
            progress = _asked(ticket, vendor, waiting)
        if progress.state not in WAITING:
            return progress
        pause_s = next(waits_s)
        if time.monotonic() + pause_s > until_s:
            raise VendorBusy(not_ended(ticket, progress))
        time.sleep(pause_s)


def not_ended(ticket: Ticket, progress: Progress) -> str:
    """Say that patience has ended before the job, and the way out."""
    return (
        f"ticket {ticket.id} is {progress.state} at {ticket.vendor}; nothing is lost, "
        f"collect it later with `dubline requests resume {ticket.id}`"
    )


def _followed(ticket: Ticket, vendor: Vendor, waiting: Waiting, until_s: float) -> Progress | None:
    """Follow the vendor's stream as far as it goes; None when it said nothing at all."""
    progress = None
    try:
        for progress in vendor.watch(ticket):
            waiting.watch(progress)
            if progress.state not in WAITING or time.monotonic() > until_s:
                break
    except VendorBusy as error:
        log.info("%s the stream of ticket %d broke: %s", ticket.key[:8], ticket.id, error)
    return progress


def _asked(ticket: Ticket, vendor: Vendor, waiting: Waiting) -> Progress:
    """Ask once; no answer says nothing about the job, which goes on."""
    try:
        progress = vendor.status(ticket)
    except VendorBusy as error:
        log.warning("%s no answer about ticket %d: %s", ticket.key[:8], ticket.id, error)
        progress = Progress(state=Standing.SILENT, detail=str(error))
    waiting.watch(progress)
    return progress
