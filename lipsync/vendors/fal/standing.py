"""Standing: what fal's word about a job means; a word or a key it leaves out ends nothing.

fal's own client raises on a missing key and on a word it does not know, and the job is then lost
to whoever polled for it (fal-protocol.md §4).
"""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from lipsync.vendors.fal.answers import CANCELLED_ENDS, FREE_ENDS, detail_of, said
from lipsync.vendors.protocol import Progress, Standing

# A job in one of these will not change any more.
ENDED = frozenset({Standing.DONE, Standing.FAILED, Standing.CANCELLED, Standing.LOST})


def standing(told: Any, seen: tuple[str, ...] = ()) -> Progress:
    """Read one status of fal's.

    Args:
        told: The JSON of a poll, or of an event of the stream.
        seen: Log lines that came before; an event of the stream carries only new ones.
    """
    told = told if isinstance(told, dict) else {}
    word = told.get("status")
    lines = together(seen, _lines(told.get("logs")))
    if word == "IN_QUEUE":
        return Progress(
            state=Standing.QUEUED, position=_count(told.get("queue_position")), lines=lines
        )
    if word == "IN_PROGRESS":
        return Progress(state=Standing.RUNNING, lines=lines)
    if word == "COMPLETED":
        return _ended(told, lines)
    if word == "NOT_FOUND":
        return Progress(state=Standing.LOST, lines=lines, detail="fal does not know the request")
    detail = f"fal says {said(str(word))!r}, which this version does not know"
    return Progress(state=Standing.SILENT, lines=lines, detail=detail)


def together(before: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Join log lines: those of a poll are all so far, those of an event only the new ones.

    >>> together(("a", "b"), ("a", "b", "c")), together(("a", "b"), ("c",))
    (('a', 'b', 'c'), ('a', 'b', 'c'))
    """
    return more if more[: len(before)] == before else before + more


def events(lines: Iterable[str]) -> Iterator[Any | None]:
    r"""Read a stream of server-sent events (WHATWG HTML §9.2.6).

    Yields:
        The JSON of each event; None for each line that is none, so that one can look at the clock.

    >>> list(events([": ping", "data: {\"status\":", "data: \"IN_QUEUE\"}", ""]))
    [None, None, None, {'status': 'IN_QUEUE'}]
    """
    reader = EventReader()
    for line in lines:
        yield reader.read(line)


class EventReader:
    """Reads a stream of events as its lines come."""

    def __init__(self) -> None:
        self._data: list[str] = []

    def read(self, line: str) -> Any | None:
        """Take in a line, and return the JSON of the event that it ends; None: it ends none."""
        if line.startswith("data:"):
            self._data.append(line.removeprefix("data:").removeprefix(" "))
        if line or not self._data:
            return None
        data, self._data = self._data, []
        return _json("\n".join(data))


def _ended(told: dict[str, Any], lines: tuple[str, ...]) -> Progress:
    """Read a COMPLETED: with an error it failed or was let go of (fal-protocol.md §4)."""
    kind = told.get("error_type")
    if not told.get("error") and not kind:
        return Progress(state=Standing.DONE, lines=lines)
    why = detail_of({"detail": told.get("error")}) or "fal names no reason"
    state = Standing.CANCELLED if kind in CANCELLED_ENDS else Standing.FAILED
    detail = why if not kind or kind in why else f"{why} ({said(str(kind))})"
    return Progress(state=state, lines=lines, detail=detail, billed_usd=_unstarted(told))


def _unstarted(told: dict[str, Any]) -> Decimal | None:
    """Say that a job cost nothing when it never ran: queue time is free (fal-protocol.md §8)."""
    metrics = told.get("metrics")
    ran_s = metrics.get("inference_time") if isinstance(metrics, dict) else None
    return Decimal(0) if ran_s == 0 or told.get("error_type") in FREE_ENDS else None


def _lines(logs: Any) -> tuple[str, ...]:
    if not isinstance(logs, list):
        return ()
    messages = (entry.get("message") if isinstance(entry, dict) else entry for entry in logs)
    return tuple(said(message) for message in messages if isinstance(message, str))


def _count(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if fits else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}
