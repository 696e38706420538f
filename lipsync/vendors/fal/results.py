"""Results: what fal's answer about a result says, and what its list says when that is gone."""

from decimal import Decimal
from typing import Any

from pydantic import Field

from lipsync.errors import VendorBusy, VendorError
from lipsync.values import Value
from lipsync.vendors.fal.answers import (
    CANCELLED_ENDS,
    Answer,
    May,
    charges_nothing,
    detail_of,
    of_result,
)
from lipsync.vendors.fal.prices import units_of
from lipsync.vendors.protocol import Progress, Standing

# Containers fal's models write; whatever else a link ends in is taken for the first.
SUFFIXES = (".mp4", ".mov", ".webm", ".mkv")


class Result(Value):
    """Where the file is, and what was billed for it."""

    url: str
    units: Decimal | None = None

    @property
    def suffix(self) -> str:
        """Return the file's extension as its link has it, if that is one we know."""
        path = self.url.partition("?")[0].partition("#")[0].lower()
        return next((known for known in SUFFIXES if path.endswith(known)), SUFFIXES[0])


def result_of(answer: Answer, shapes: tuple[str, ...]) -> Result:
    """Read a result that came.

    Args:
        answer: With status 200.
        shapes: Where the link may stand, as dotted paths (the vendor's row in the catalogue).

    Raises:
        VendorBusy: It is no answer of fal's, whatever its status says.
        VendorError: There is no link in it.
    """
    url = link_in(answer.body, shapes)
    if url is None and not isinstance(answer.body, dict):
        raise VendorBusy(f"fal's result cannot be read ({answer.said}); ask again later")
    if url is None:
        raise VendorError(f"fal's result has no link where it should be ({' or '.join(shapes)})")
    return Result(url=url, units=units_of(answer.headers))


def link_in(body: Any, shapes: tuple[str, ...]) -> str | None:
    """Find the link of a result.

    >>> link_in({"video": {"url": "https://v3b.fal.media/files/b/1.mp4"}}, ("video.url",))
    'https://v3b.fal.media/files/b/1.mp4'
    """
    for shape in shapes:
        found = body
        for name in shape.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, str) and found.startswith(("https://", "http://")):
            return found
    return None


class Failure(Value):
    """How a job ended that has no result."""

    sentence: str
    state: Standing = Standing.FAILED
    free: bool = Field(default=False, description="Known to have cost nothing.")
    units: Decimal | None = None


def failure_of(answer: Answer, told: Progress) -> Failure | None:
    """Read a failure from a job's status and the answer about its result.

    Args:
        answer: To the question for the result.
        told: What the status said; an error in it makes a 5xx of the result the job's own.

    Returns:
        None where there may be a result.
    """
    ruling = of_result(answer)
    ended = told.state in {Standing.FAILED, Standing.CANCELLED}
    if ruling is None or (ruling.may != May.FAIL and not ended):
        return None
    if answer.status in {404, 410} and not ended:
        return None
    cancelled = told.state is Standing.CANCELLED or answer.error_type in CANCELLED_ENDS
    reads = answer.is_fals and answer.status not in {401, 403, 404, 410}
    sentence = f"fal could not make the dub ({answer.status}: {answer.said})" if reads else None
    return Failure(
        sentence=sentence or told.detail or ruling.sentence,
        state=Standing.CANCELLED if cancelled else Standing.FAILED,
        free=told.billed_usd == 0 or (reads and charges_nothing(answer.status, answer.error_type)),
        units=units_of(answer.headers) if reads else None,
    )


def failure_in(item: dict[str, Any]) -> Failure | None:
    """Read a failure from the list of requests: the code the job ended with."""
    status = item.get("status_code")
    if not isinstance(status, int) or status < 400:  # noqa: PLR2004  client errors and worse
        return None
    said = detail_of(item.get("json_output")) or "no reason given"
    free = charges_nothing(status, None)
    return Failure(sentence=f"fal could not make the dub ({status}: {said})", free=free)
