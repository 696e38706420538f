"""Answers: what every answer of fal's lets us do, and whether it can have been charged.

Three rulings, for a paid request has three ends: it is wrong, it may be sent later, or nobody here
knows what became of it. Nothing is guessed in favour of sending again.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field

from lipsync.errors import OutcomeUnknown, VendorBusy, VendorError, VendorRefused
from lipsync.values import Value

# The longest part of fal's own words that is worth repeating, in characters.
SAID_CHARACTERS = 300

# What follows the question mark of a link may be a signature, which is nobody else's business.
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*", re.IGNORECASE)
# fal's ids are UUIDs; one becomes part of an address.
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TAGS = re.compile(r"<[^>]*>")


class May(StrEnum):
    """What a caller may do after an answer."""

    STOP = "wrong"  # the request is wrong; nothing was bought, a rerun changes nothing
    RETRY = "later"  # nothing new was bought; try again
    LOOK = "unknown"  # it may have been taken; look before anything is sent again
    FAIL = "failed"  # it was taken, and ended without a result


class Answer(Value):
    """One answer over HTTP."""

    status: int
    headers: dict[str, str] = Field(default_factory=dict, description="Names in lower case.")
    body: Any = Field(default=None, description="The JSON; None: it is none.")
    text: str = Field(default="", description="The first of the text, where it is no JSON.")

    @property
    def is_fals(self) -> bool:
        """Whether fal's service wrote it, and not a machine in front of it.

        fal's own client tells them apart by the same header (fal-protocol.md §11).
        """
        return "x-fal-request-id" in self.headers or isinstance(self.body, dict)

    @property
    def error_type(self) -> str | None:
        """Return fal's word for what went wrong, from the body or from its header."""
        named = self.body.get("error_type") if isinstance(self.body, dict) else None
        return named or self.headers.get("x-fal-error-type")

    @property
    def said(self) -> str:
        """Return what it says, in one line."""
        return detail_of(self.body) or said(self.text) or "no reason given"


class Ruling(Value):
    """What an answer means for us."""

    may: May
    sentence: str

    def error(self) -> VendorError:
        """Return the error to raise for it."""
        kind = {
            May.STOP: VendorRefused,
            May.RETRY: VendorBusy,
            May.LOOK: OutcomeUnknown,
            May.FAIL: VendorError,
        }[self.may]
        return kind(self.sentence)


# What can be said of a status whatever was asked; the reasons are in fal-protocol.md §8 and §10.
_KEY = (
    "fal does not accept the key ({status}: {said}); set FAL_KEY to a key of your account with "
    "the API scope"
)
_LOCKED = (
    "the fal account is locked ({status}: {said}); a person has to top it up at "
    "fal.ai/dashboard/billing"
)
_BUSY = "fal turns requests away for now ({status}: {said}); try again later"

# At submit: these say that the request was read and not taken. Whether 408 and 409 were is not
# documented, and a 5xx may come from in front of a service that took the job (fal-protocol.md §11).
_REFUSALS = {
    400: "fal does not take this request ({status}: {said}); change what it names",
    402: _LOCKED,
    404: "fal has no such endpoint ({status}: {said}); check the catalogue",
    405: "fal does not take requests there ({status}: {said}); check the catalogue",
    413: "fal finds the request too large ({status}: {said}); send links instead of the files",
    415: "fal does not take this request ({status}: {said}); change what it names",
    422: "fal does not take these arguments ({status}: {said}); change what it names",
}


def of_submit(answer: Answer) -> Ruling | None:
    """Rule on the answer to the one POST; None: the job was taken."""
    if 200 <= answer.status < 300:  # noqa: PLR2004  any success
        return None
    if (ruling := _of_account(answer)) is not None:
        return ruling
    if answer.status in _REFUSALS:
        return _ruling(May.STOP, _REFUSALS[answer.status], answer)
    if answer.status == 429:  # noqa: PLR2004  too many requests
        return _ruling(May.RETRY, _BUSY, answer)
    sentence = (
        "fal's answer leaves open whether the job was taken ({status}: {said}); look for it in "
        "fal's list of requests"
    )
    return _ruling(May.LOOK, sentence, answer)


def of_question(answer: Answer) -> Ruling | None:
    """Rule on the answer to a question that buys nothing; None: it was answered.

    A question may be asked again whatever came back; a key that is wrong by now says nothing about
    the job, which goes on.
    """
    if answer.status in {200, 202}:
        return None
    if (ruling := _of_account(answer)) is not None:
        sentence = f"{ruling.sentence}; the job itself goes on, collect it afterwards"
        return Ruling(may=May.RETRY, sentence=sentence)
    if answer.status in {404, 410} and answer.is_fals:
        return _ruling(May.FAIL, "fal does not know it ({status}: {said})", answer)
    return _ruling(May.RETRY, "fal did not answer ({status}: {said}); ask again later", answer)


def of_result(answer: Answer) -> Ruling | None:
    """Rule on the answer to the question for a result; None: here it is.

    The result call repeats what the model answered (fal-protocol.md §6): a 4xx of fal's making is
    the job's own end. A 5xx is only believed when the job's status names an error as well, for a
    machine on the way may have said it about a result that is there.
    """
    if answer.status == 200:  # noqa: PLR2004  OK
        return None
    if _of_account(answer) is not None or not answer.is_fals:
        return of_question(answer)
    if answer.status == 400 and "in progress" in answer.said:  # noqa: PLR2004  seen by callers
        return _ruling(May.RETRY, "the job is not finished ({status}: {said})", answer)
    if answer.status in {408, 409, 429} or answer.status >= 500:  # noqa: PLR2004  server errors
        return _ruling(May.RETRY, "fal has no result yet ({status}: {said}); ask later", answer)
    if answer.status in {404, 410}:
        return _ruling(May.FAIL, "fal does not have the result any more ({status}: {said})", answer)
    return _ruling(May.FAIL, "fal could not make the dub ({status}: {said})", answer)


def of_upload(answer: Answer) -> Ruling:
    """Rule on a failed upload: nothing was bought by it, whatever it says."""
    if (ruling := _of_account(answer)) is not None:
        return ruling
    if answer.status in {413, 415, 422}:
        return _ruling(May.STOP, "fal does not take this file ({status}: {said})", answer)
    return _ruling(May.RETRY, "fal did not take the upload ({status}: {said}); try later", answer)


def charges_nothing(status: int | None, error_type: str | None) -> bool:
    """Say whether a job that ended so is known to cost nothing.

    fal: 5xx, queue time and cold start are free; a 422 after GPU time may be charged, and what a
    cancelled job costs is not documented (fal-protocol.md §7, §8).
    """
    if error_type in FREE_ENDS:
        return True
    return error_type is None and status is not None and status >= 500  # noqa: PLR2004  the same


# fal's platform errors with a 5xx code, and the model errors it documents as 500 or 504
# (fal-protocol.md §10).
FREE_ENDS = frozenset(
    {
        "request_timeout",
        "startup_timeout",
        "runner_scheduling_failure",
        "runner_connection_timeout",
        "runner_disconnected",
        "runner_connection_refused",
        "runner_connection_error",
        "runner_incomplete_response",
        "runner_server_error",
        "internal_error",
        "internal_server_error",
        "generation_timeout",
        "downstream_service_unavailable",
    }
)
CANCELLED_ENDS = frozenset({"client_cancelled", "client_disconnected"})


def detail_of(body: Any) -> str:
    """Return what an answer's `detail` says, in one line; empty: it has none.

    >>> detail_of({"detail": [{"loc": ["body", "video_url"], "type": "video_duration_too_long",
    ...     "msg": "Too long", "ctx": {"max_duration": 600}, "input": "https://x/y?sig=1"}]})
    'video_url: Too long (video_duration_too_long, max_duration 600)'
    """
    if not isinstance(body, dict):
        return ""
    found = next((body[name] for name in ("detail", "error", "status") if body.get(name)), "")
    if isinstance(found, list):
        return said("; ".join(_of_list(entry) for entry in found))
    return said(found if isinstance(found, str) else "")


def said(text: str) -> str:
    r"""Repeat a vendor's words in one line: short, without markup, without signatures of links.

    >>> said("cannot read https://b.example/v.mp4?X-Amz-Signature=ab12\n")
    'cannot read https://b.example/v.mp4?…'
    """
    plain = _QUERY.sub(r"\1?…", _TAGS.sub(" ", text))
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in plain).split())
    return line if len(line) <= SAID_CHARACTERS else f"{line[:SAID_CHARACTERS]}…"


def is_request_id(value: Any) -> bool:
    """Say whether a value can be an id of fal's; an id becomes part of an address."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _of_account(answer: Answer) -> Ruling | None:
    """Rule on what a person has to settle with fal, whatever was asked."""
    if answer.status == 401:  # noqa: PLR2004  unauthorized
        return _ruling(May.STOP, _KEY, answer)
    if answer.status == 403:  # noqa: PLR2004  forbidden
        locked = "locked" in answer.said.lower() or "balance" in answer.said.lower()
        return _ruling(May.STOP, _LOCKED if locked else _KEY, answer)
    return None


def _ruling(may: May, sentence: str, answer: Answer) -> Ruling:
    return Ruling(may=may, sentence=sentence.format(status=answer.status, said=answer.said))


def _of_list(entry: Any) -> str:
    """Say one entry of a 422 list; its `input` may be a signed link and is left out."""
    if not isinstance(entry, Mapping):
        return str(entry)
    place, context = entry.get("loc"), entry.get("ctx")
    loc = place if isinstance(place, list | tuple) else ()
    where = ".".join(str(part) for part in loc if part != "body")
    ctx = context if isinstance(context, Mapping) else {}
    kinds = [str(entry["type"])] if entry.get("type") else []
    kind = ", ".join([*kinds, *(f"{name} {value}" for name, value in ctx.items())])
    text = str(entry.get("msg") or "is wrong")
    return (f"{where}: " if where else "") + text + (f" ({kind})" if kind else "")
