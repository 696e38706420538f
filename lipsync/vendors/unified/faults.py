"""Faults: what an answer of the API says is wrong, whichever of its families wrote it.

One family answers `{"error": {"code": 400, "type", "message", "param", "fallback_suggestion"}}`,
the other `{"error": {"type", "message"}}` and at times a `code` in words; a failed task carries
`{"code": "…", "message"}` (reference: providers.md §1.5). Proxies in between answer with a page.
"""

import re
from typing import Any

from pydantic import Field

from lipsync.values import Value

# The longest part of a vendor's sentence that is worth repeating, in characters.
SAID_CHARACTERS = 300

# What follows the question mark of a link may be a signature, which is nobody else's business.
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*", re.IGNORECASE)
_TAGS = re.compile(r"<[^>]*>")


class Reply(Value):
    """One answer over HTTP, without its headers."""

    status: int
    body: Any = Field(default=None, description="The JSON; None: it is none.")
    text: str = Field(default="", description="The first of the text, where it is no JSON.")
    retry_after_s: float | None = Field(default=None, ge=0)


class Fault(Value):
    """What is wrong, in the vendor's words."""

    code: str | None = Field(default=None, description="'400', or 'content_policy_violation'.")
    kind: str | None = Field(default=None, description="Its `type`: 'rate_limit_error'.")
    message: str = ""
    param: str | None = None
    suggestion: str | None = None

    @property
    def words(self) -> frozenset[str]:
        """Return the machine-readable words: its code and its type."""
        return frozenset(word for word in (self.code, self.kind) if word)

    def __str__(self) -> str:
        """Say it in one line: the word for it, then the sentence."""
        word = next((name for name in (self.kind, self.code) if name and not name.isdigit()), None)
        where = f" ({self.param})" if self.param else ""
        sentence = said(self.message) or "without a reason"
        hint = f"; it suggests: {said(self.suggestion)}" if self.suggestion else ""
        return f"{f'{word}{where}: ' if word else ''}{sentence}{hint}"


def fault_in(body: Any) -> Fault | None:
    """Find the fault in an answer or in a task; None where the API itself names none.

    >>> str(fault_in({"error": {"code": 402, "type": "quota_error", "message": "top up"}}))
    'quota_error: top up'
    >>> fault_in("<html>502</html>") is None
    True
    """
    if not isinstance(body, dict):
        return None
    found = body.get("error", body.get("detail"))
    if isinstance(found, dict) and found:
        return _from_table(found)
    if isinstance(found, str) and found:
        return _from_table({**body, "message": found})
    if isinstance(found, list) and found:  # a validator's list: [{"loc": […], "msg": "…"}]
        return Fault(message="; ".join(_from_list(entry) for entry in found))
    if isinstance(body.get("message"), str) and "code" in body:
        return _from_table(body)
    return None


def said(text: str | None) -> str:
    """Repeat a vendor's sentence in one line: short, without markup, without signatures of links.

    >>> said("cannot read https://b.example/v.mp4?X-Amz-Signature=ab12")
    'cannot read https://b.example/v.mp4?…'
    """
    plain = _QUERY.sub(r"\1?…", _TAGS.sub(" ", text or ""))
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in plain).split())
    return line if len(line) <= SAID_CHARACTERS else f"{line[:SAID_CHARACTERS]}…"


def _from_table(found: dict[str, Any]) -> Fault:
    return Fault(
        code=_word(found.get("code")),
        kind=_word(found.get("type")),
        message=_word(found.get("message")) or "",
        param=_word(found.get("param")),
        suggestion=_word(found.get("fallback_suggestion")),
    )


def _from_list(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    place = entry.get("loc") or ()
    where = ".".join(str(part) for part in place) if isinstance(place, list) else str(place)
    return f"{where}: {entry.get('msg', 'is wrong')}" if where else str(entry.get("msg", entry))


def _word(value: Any) -> str | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    return str(value)
