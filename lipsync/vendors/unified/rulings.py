"""Rulings: what each answer to the one POST means, and whether money may have moved.

```text
answer                                         the caller    billed
2xx with a task id                             has a ticket  when it is made
2xx without one                                unknown       maybe
400 401 402 403 404 405 413 415 422            wrong         no
429, and 422 for want of a free channel        later         no
301 307 308                                    wrong         no
500 502 503 504                                unknown       maybe
every other status                             unknown       maybe
no connection                                  later         no
no answer, or half of one                      unknown       maybe
```

A 503 says "try again", and one table of the vendors means it. But whoever stands in front of the
API says the same when the service took the job and then went away, and there is no list of tasks
to look that up in: trying again may pay twice, waiting for a person never does.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from pydantic import Field

from lipsync.errors import OutcomeUnknown, VendorBusy, VendorError, VendorRefused
from lipsync.tickets import Receipt
from lipsync.values import Value
from lipsync.vendors.unified.faults import Fault, Reply, fault_in, said


class Meaning(StrEnum):
    """What whoever sent the POST may do now."""

    TAKEN = "taken"
    WRONG = "wrong"
    LATER = "later"
    UNKNOWN = "unknown"


class Ruling(Value):
    """What an answer means."""

    meaning: Meaning
    billed: bool | None = Field(description="False: surely not. None: nobody here can say.")
    sentence: str = ""
    request_id: str | None = None

    def raised(self) -> VendorError:
        """Return the error that says so."""
        kinds: dict[Meaning, type[VendorError]] = {
            Meaning.WRONG: VendorRefused,
            Meaning.LATER: VendorBusy,
            Meaning.UNKNOWN: OutcomeUnknown,
        }
        return kinds[self.meaning](self.sentence)


# The words in which the API says that it has no channel for the work now; one of FoxAPI's tables
# has it with 422 (reference: providers.md §1.5).
NOBODY_FREE = frozenset({"service_unavailable_error", "service_unavailable"})

# Answers that end a request where it arrived, and the way out of each (the same section; 405 and
# 415 are what the HTTP server answers when the path or the body is not the API's at all).
REJECTED = {
    400: "change what it says, then run again",
    401: "check UNIFIED_API_KEY, then run again",
    402: "top up the account, then run again",
    403: "ask the vendor what this key may do, then run again",
    404: "check UNIFIED_BASE_URL and the model, then run again",
    405: "check UNIFIED_BASE_URL, then run again",
    413: "send less with --trim, then run again",
    415: "check UNIFIED_BASE_URL, then run again",
    422: "change what it says, then run again",
}

# "body.video_url: Field required", "audio is required", "missing field `video`".
_MISSES_MEDIA = re.compile(
    r"\b(?:video|audio)(?:_url)?\b.*\b(?:required|missing)\b"
    r"|\b(?:required|missing)\b.*\b(?:video|audio)(?:_url)?\b",
    re.IGNORECASE | re.DOTALL,
)

_TOO_MANY = 429
_UNPROCESSABLE = 422
# "Ask there instead, with the same method": nothing was done here (RFC 9110 §15.4). After 302 and
# 303 something may have been.
_ELSEWHERE = frozenset({301, 307, 308})


def on_submit(reply: Reply) -> Ruling:
    """Rule on the answer to the POST that buys."""
    fault = fault_in(reply.body)
    if reply.status // 100 == 2:  # noqa: PLR2004  the class of success
        return _accepted(reply, fault)
    if _is_turned_away(reply.status, fault):
        wait = f" in {reply.retry_after_s:.0f} s" if reply.retry_after_s else ""
        why = f"unified takes nothing now ({_told(reply, fault)}); nothing was bought"
        return Ruling(meaning=Meaning.LATER, billed=False, sentence=f"{why}, try again{wait}")
    if reply.status in _ELSEWHERE:
        why = f"unified wants the request elsewhere (HTTP {reply.status}); nothing was bought"
        out = "set UNIFIED_BASE_URL to that address"
        return Ruling(meaning=Meaning.WRONG, billed=False, sentence=f"{why}, {out}")
    if reply.status in REJECTED:
        why = f"unified refused it ({_told(reply, fault)}); nothing was bought"
        out = _field_names(fault) or REJECTED[reply.status]
        return Ruling(meaning=Meaning.WRONG, billed=False, sentence=f"{why}, {out}")
    return _unclear(f"unified answered {_told(reply, fault)}, which does not say if it was taken")


def on_silence(why: str, *, sent: bool) -> Ruling:
    """Rule on a POST without an answer: harmless only where nothing of it can have left."""
    if sent:
        return _unclear(f"unified did not answer ({why})")
    sentence = f"unified cannot be reached ({why}); nothing was bought, check UNIFIED_BASE_URL"
    return Ruling(meaning=Meaning.LATER, billed=False, sentence=f"{sentence} or try again")


def receipt(ruling: Ruling, asked_at: Callable[[str], str]) -> Receipt:
    """Turn a ruling into a receipt.

    Args:
        ruling: On the answer to the POST.
        asked_at: Says where the task of an id is asked about.

    Raises:
        VendorRefused: Wrong.
        VendorBusy: Later.
        OutcomeUnknown: Unknown.
    """
    if ruling.request_id is None:
        raise ruling.raised()
    return Receipt(request_id=ruling.request_id, urls={"status": asked_at(ruling.request_id)})


def _accepted(reply: Reply, fault: Fault | None) -> Ruling:
    request_id = task_id(reply.body)
    if request_id is None:
        what = f" but {fault}" if fault else ""
        return _unclear(f"unified answered {reply.status}{what} without a task id")
    return Ruling(meaning=Meaning.TAKEN, billed=None, request_id=request_id)


def task_id(body: Any) -> str | None:
    """Read the id of a task; None where there is none."""
    found = body.get("id", body.get("task_id")) if isinstance(body, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return str(found).strip() or None


def _is_turned_away(status: int, fault: Fault | None) -> bool:
    """Say whether it was turned away for now."""
    if status == _TOO_MANY:
        return True
    return status == _UNPROCESSABLE and fault is not None and bool(NOBODY_FREE & fault.words)


def _field_names(fault: Fault | None) -> str | None:
    """Point to the settings where the API misses the media under the names it was sent."""
    if fault is None or not _MISSES_MEDIA.search(f"{fault.param}: {fault.message}"):
        return None
    return "set UNIFIED_VIDEO_FIELD and UNIFIED_VOICE_FIELD to what it calls the media"


def _unclear(what: str) -> Ruling:
    sentence = f"{what}; it may have been taken, so it is not sent again before someone has looked"
    return Ruling(meaning=Meaning.UNKNOWN, billed=None, sentence=sentence)


def _told(reply: Reply, fault: Fault | None) -> str:
    return f"HTTP {reply.status}: {fault or said(reply.text) or 'without a reason'}"
