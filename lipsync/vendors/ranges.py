"""Ranges: what to ask a server for when some of a file is here, and what its answer means.

RFC 9110: §13.1.5 If-Range, §14 range requests, §15.5.17 status 416; RFC 9530: Repr-Digest.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from enum import Enum, auto

from lipsync.values import Value

_CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-\d+|\*)/(?P<total>\d+|\*)")
_SHA256 = re.compile(r"sha-256=:(?P<digest>[A-Za-z0-9+/=]+):")
_GOOGLE_MD5 = re.compile(r"md5=(?P<digest>[A-Za-z0-9+/=]+)")

# A link that answers so leads to nothing any more; presigned ones answer 400 or 403 when expired.
_DEAD = frozenset({400, 401, 403, 404, 405, 410, 451})


class Whole(Value):
    """What a server said about the whole of a file."""

    size_bytes: int | None = None
    validator: str | None = None
    algorithm: str | None = None
    digest: str | None = None


class Answer(Enum):
    """What an answer to a request for the rest means."""

    REST = auto()  # what comes belongs behind what is here
    FROM_START = auto()  # what comes is the file from its first byte
    ALL_HERE = auto()  # nothing is missing
    OVER = auto()  # what is here belongs to another file: ask from the start
    DEAD = auto()
    BUSY = auto()


def asked_with(here_bytes: int, known: Whole) -> dict[str, str]:
    """Write the headers of a request for what is missing.

    >>> asked_with(10, Whole(validator='"a"'))["Range"]
    'bytes=10-'
    """
    plain = {"Accept-Encoding": "identity", "User-Agent": "dubline"}
    if not here_bytes:
        return plain
    held = {"If-Range": known.validator} if known.validator else {}
    return plain | {"Range": f"bytes={here_bytes}-"} | held


def answered(status: int, headers: Mapping[str, str], here_bytes: int, known: Whole) -> Answer:
    """Say what an answer means.

    Args:
        status: HTTP's.
        headers: Their names in lower case.
        here_bytes: How much of the file is here.
        known: What the server said when that came.
    """
    if status in _DEAD:
        return Answer.DEAD
    span = _CONTENT_RANGE.match(headers.get("content-range", ""))
    total = int(span["total"]) if span and span["total"] != "*" else None
    if status == 416:  # noqa: PLR2004  range not satisfiable
        return Answer.ALL_HERE if total == here_bytes == known.size_bytes else Answer.OVER
    if status == 206:  # noqa: PLR2004  partial content
        follows = span is not None and span["first"] == str(here_bytes)
        same = known.size_bytes is None or total is None or total == known.size_bytes
        return Answer.REST if follows and same else Answer.OVER
    return Answer.FROM_START if status == 200 else Answer.BUSY  # noqa: PLR2004  OK


def whole(status: int, headers: Mapping[str, str], known: Whole) -> Whole:
    """Learn from an answer about the whole file, of which a part may have been known."""
    size = whole_size(status, headers)
    if size is None and status == 206:  # noqa: PLR2004  partial content
        size = known.size_bytes
    algorithm, digest = _announced(status, headers)
    if algorithm is None and status == 206:  # noqa: PLR2004  the same
        algorithm, digest = known.algorithm, known.digest
    return Whole(size_bytes=size, validator=_validator(headers), algorithm=algorithm, digest=digest)


def whole_size(status: int, headers: Mapping[str, str]) -> int | None:
    """Read how long the whole file is; None: the answer does not say, or is no file."""
    span = _CONTENT_RANGE.match(headers.get("content-range", ""))
    if status == 206 and span and span["total"] != "*":  # noqa: PLR2004  partial content
        return int(span["total"])
    length = headers.get("content-length", "")
    return int(length) if status == 200 and length.isdigit() else None  # noqa: PLR2004  OK


def _validator(headers: Mapping[str, str]) -> str | None:
    """Take what tells this file from the next behind the same link; a weak ETag does not."""
    tag = headers.get("etag", "")
    return tag if tag.startswith('"') else headers.get("last-modified")


def _announced(status: int, headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Find the hash of the whole file; Content-MD5 is that of this answer only."""
    if found := _SHA256.search(headers.get("repr-digest", "")):
        return _hex("sha256", found["digest"])
    if found := _GOOGLE_MD5.search(headers.get("x-goog-hash", "")):
        return _hex("md5", found["digest"])
    if status == 200 and "content-md5" in headers:  # noqa: PLR2004  OK
        return _hex("md5", headers["content-md5"])
    return None, None


def _hex(algorithm: str, encoded: str) -> tuple[str | None, str | None]:
    try:
        return algorithm, base64.b64decode(encoded, validate=True).hex()
    except binascii.Error:
        return None, None
