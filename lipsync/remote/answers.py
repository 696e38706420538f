"""Answers: what a server's answer to a link says about the file behind it, and what is wrong."""

from collections.abc import Mapping

from pydantic import Field

from lipsync.media.sniffing import is_playlist, not_media
from lipsync.values import Value
from lipsync.vendors.ranges import whole_size

_FOUND = frozenset({200, 206})
# An empty file has no first byte to answer with (RFC 9110 §15.5.17).
_NO_RANGE = 416
_LOCKED = frozenset({401, 403, 407})
_GONE = frozenset({404, 410})
# Not now: too early, too many, and every trouble of the server itself.
_LATER = frozenset({408, 425, 429})
_SERVER_ERRORS = 500
# What the three clouds write into the answer to a link that was signed too long ago.
_EXPIRED = (b"expired", b"signature not valid in the specified time frame")
_LOGIN = (b'type="password"', b"type='password'", b"type=password", b"sign in", b"log in")
_LOGIN_PATHS = ("login", "signin", "sign-in", "sso", "oauth", "auth")
_PLAYLIST_KINDS = ("mpegurl", "dash+xml", "ms-sstr+xml")


class Look(Value):
    """What came of asking for the front of a file."""

    status: int
    size_bytes: int | None = Field(default=None, description="Of the whole file.")
    kind: str = Field(default="", description="Its content type, without parameters.")
    mark: str | None = Field(default=None, description="What tells it from the next behind there.")
    head: bytes = Field(default=b"", repr=False)
    path: str = Field(default="", description="Of where it ended; no query.")
    direct: bool = Field(default=True, description="It was not redirected.")

    @property
    def is_later(self) -> bool:
        """Whether the same question may be answered another time."""
        return self.status in _LATER or self.status >= _SERVER_ERRORS


def look_of(
    status: int, headers: Mapping[str, str], head: bytes, path: str, *, direct: bool
) -> Look:
    """Read an answer.

    Args:
        status: HTTP's.
        headers: Their names in lower case.
        head: The first bytes of the body.
        path: Of the address that answered.
        direct: Whether that is the one that was asked.
    """
    size = None if "content-encoding" in headers else whole_size(status, headers)
    named = [headers[name] for name in ("etag", "last-modified") if headers.get(name)]
    return Look(
        status=status,
        size_bytes=size,
        kind=headers.get("content-type", "").partition(";")[0].strip().lower(),
        mark=f"{' '.join(named)} {size}" if named else None,
        head=head,
        path=path,
        direct=direct,
    )


def fault(look: Look) -> str | None:
    """Say why an answer is not a media file, and the way out; None: it may be one."""
    if look.status == _NO_RANGE:
        return "is empty (0 bytes); upload the file again"
    if look.status not in _FOUND:
        return _refusal(look)
    if look.size_bytes == 0 or not look.head:
        return "is empty (0 bytes); upload the file again"
    if is_playlist(look.head) or any(word in look.kind for word in _PLAYLIST_KINDS):
        return (
            "is a playlist (a list of the pieces of a stream), not a file; give the link to one "
            "whole video or sound file"
        )
    found = not_media(look.head)
    if found is None:
        return None
    return _page(look) if "HTML" in found else f"is {found}; give the link to a media file"


def _page(look: Look) -> str:
    """Tell a page where somebody shall log in from all others."""
    front, path = look.head.lower(), look.path.lower().split("/")
    if any(word in front for word in _LOGIN) or any(part in _LOGIN_PATHS for part in path):
        return (
            "leads to a login page, not to a file; give a link that opens without a login, e.g. a "
            "presigned one, or download it and give the file"
        )
    return (
        "is a web page (HTML), not a file; give the link to the file itself, as its download "
        "button has it"
    )


def _refusal(look: Look) -> str:
    """Say what an answer that is no file means."""
    status = look.status
    if any(word in look.head.lower() for word in _EXPIRED):
        return f"answers {status}: the link has expired; make a fresh one"
    if status in _LOCKED:
        return (
            f"answers {status}: the link is not public, or has expired; give one that opens "
            "without a login, e.g. a presigned one"
        )
    if status in _GONE:
        return f"answers {status}: there is no such file; check the link"
    if look.is_later:
        return f"answers {status}, so the file cannot be had now; run again later"
    return f"answers {status} instead of a file; check the link"
