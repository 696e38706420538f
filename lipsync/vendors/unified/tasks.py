"""Tasks: how a job stands and where its result lies, in every shape the API has had."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from lipsync.vendors.protocol import Progress, Standing
from lipsync.vendors.unified.faults import fault_in, said

# The states as documented (reference: providers.md §1.3): all captures agree on four, one adds
# `cancelled`.
STATES = {
    "pending": Standing.QUEUED,
    "processing": Standing.RUNNING,
    "completed": Standing.DONE,
    "failed": Standing.FAILED,
    "cancelled": Standing.CANCELLED,
    "canceled": Standing.CANCELLED,
}

# Failed tasks are not charged and the reserve returns (data/models.toml, "unified-billing"); of
# cancelled ones, and of those that end in a way nobody documents, that is not said.
UNCHARGED = "failed"

_NOTHING_USD = Decimal(0)
_ALL = 100


def progress_of(task: dict[str, Any]) -> Progress:
    """Read how a task stands.

    A state nobody documents is taken for what else the task shows: done when it has a result,
    failed when it has an error, else still on its way. A paid job is never given up for a word.
    """
    word = str(task.get("status")).strip().lower()
    error = fault_in({"error": task.get("error")})
    has_result = next(links_in(task), None) is not None
    state = STATES.get(word) or _guessed(has_result, failed=error is not None)
    if state is Standing.DONE and error is not None and not has_result:
        state = Standing.FAILED
    if state in {Standing.FAILED, Standing.CANCELLED}:
        return Progress(
            state=state,
            percent=percent_of(task),
            detail=str(error) if error else f"unified says {said(word)!r} and no reason",
            billed_usd=_NOTHING_USD if word == UNCHARGED else None,
        )
    strange = None if word in STATES else f"unified calls it {said(word)!r}"
    return Progress(state=state, percent=percent_of(task), detail=strange)


def links_in(task: Any) -> Iterator[str]:
    """Find the result's links, best first, in every shape.

    `results` of tables or of links, `result_data[].video_url`, `output.url` and `output.urls`.

    >>> list(links_in({"results": ["https://a/1.mp4"], "output": {"url": "https://a/2.mp4"}}))
    ['https://a/1.mp4', 'https://a/2.mp4']
    """
    if not isinstance(task, dict):
        return
    seen: set[str] = set()
    for entry in (*_list(task.get("results")), *_list(task.get("result_data")), task.get("output")):
        for link in _links(entry):
            if link not in seen:
                seen.add(link)
                yield link


def percent_of(task: dict[str, Any]) -> float | None:
    """Read how much of a task is done, in percent; None where it does not say."""
    found = task.get("progress")
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= _ALL:
        return None
    return float(found)


def notes_of(task: dict[str, Any]) -> tuple[str, ...]:
    """Say what a task tells of its price: the credits held for it, which is not the final price."""
    usage = task.get("usage")
    held = usage.get("credits_reserved") if isinstance(usage, dict) else None
    if isinstance(held, bool) or not isinstance(held, int | float):
        return ()
    return (f"unified held {held:g} credits for it",)


def _guessed(has_result: bool, *, failed: bool) -> Standing:
    """Read a state nobody documents from what else the task shows."""
    if has_result:
        return Standing.DONE
    return Standing.FAILED if failed else Standing.RUNNING


def _links(entry: Any) -> Iterator[str]:
    """Find the links of one entry: the entry itself, or what it has under a known name."""
    if isinstance(entry, str) and entry.lower().startswith(("http://", "https://")):
        yield entry
    elif isinstance(entry, dict):
        for name in ("url", "video_url", "video"):
            yield from _links(entry.get(name))
        for link in _list(entry.get("urls")):
            yield from _links(link)


def _list(found: Any) -> list[Any]:
    if isinstance(found, list):
        return found
    return [] if found is None else [found]
