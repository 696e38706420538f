"""Following: what a vendor says about a job meanwhile, in the log and to whoever watches."""

import logging
import time
from collections.abc import Callable

from lipsync.progress import LOG, say
from lipsync.tickets import Ticket
from lipsync.vendors.protocol import Progress, Standing

log = logging.getLogger(__name__)

Watch = Callable[[Progress], None]
Heard = Callable[[Ticket], Watch]

_WORDS = {
    Standing.QUEUED: "in the queue",
    Standing.RUNNING: "running",
    Standing.DONE: "done",
    Standing.FAILED: "failed",
    Standing.CANCELLED: "cancelled",
    Standing.LOST: "not known there",
    Standing.SILENT: "no answer",
}


def in_words(progress: Progress) -> str:
    """Say where a job stands.

    >>> in_words(Progress(state=Standing.QUEUED, position=2))
    'in the queue, 2 ahead'
    >>> in_words(Progress(state=Standing.RUNNING, percent=40))
    'running, 40 %'
    """
    words = _WORDS[progress.state]
    if progress.state is Standing.QUEUED and progress.position is not None:
        return f"{words}, {progress.position} ahead"
    if progress.state is Standing.RUNNING and progress.percent is not None:
        return f"{words}, {progress.percent:.0f} %"
    return words


def new_lines(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    """Return the log lines that were not there before; a shorter list brings none.

    >>> new_lines(("a",), ("a", "b")), new_lines(("a", "b"), ())
    (('b',), ())
    """
    return now[len(before) :]


def follow(ticket: Ticket) -> Watch:
    """Follow one job: each change is a line of the log, every answer is shown with its age."""
    began_s, said, lines = time.monotonic(), "", ()  # type: float, str, tuple[str, ...]

    def watch(progress: Progress) -> None:
        nonlocal said, lines
        words, elapsed_s = in_words(progress), time.monotonic() - began_s
        say("collect", f"{ticket.vendor}: {words}, {elapsed_s:.0f} s")
        for line in new_lines(lines, progress.lines):
            log.info("%s %s says: %s", ticket.key[:8], ticket.vendor, line)
            say(LOG, f"{ticket.vendor}: {line}")
        lines = max(lines, progress.lines, key=len)
        if words != said:
            log.info("%s %s at %s after %.0f s", ticket.key[:8], words, ticket.vendor, elapsed_s)
            said = words

    return watch
