"""Links: an input that is not a file here, but a public address of one.

What follows the question mark may be a signature. It is kept in memory, for whoever fetches the
file; everything that is written or shown has the address without it.
"""

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from lipsync.tickets import address
from lipsync.values import Value

_WEB = re.compile(r"\s*https?://", re.IGNORECASE)
_SCHEME = re.compile(r"\s*(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]+)://")
# File names of up to 255 bytes are taken everywhere; an output's name is made of two of these.
_NAME_CHARACTERS = 60
_NOT_IN_NAMES = re.compile(r"[^\w.\- ()]+")

# Parameters that sign a link and say nothing about which file it leads to: Signature Version 4 at
# AWS and Google, CloudFront and Google's older form, Azure's shared access signatures.
_SIGNING = ("x-amz-", "x-goog-")
_SIGNED_BY = (
    {"signature", "expires"},
    {"sig", "sv"},
)
_SIGNING_TOO = {
    "policy", "key-pair-id", "awsaccesskeyid", "googleaccessid",
    "se", "st", "sp", "sr", "spr", "sip", "skoid", "sktid", "skt", "ske", "sks", "skv",
}  # fmt: skip


class Link(Value):
    """An http or https link to a file."""

    whole: str = Field(repr=False, description="As it was given, without a fragment; a secret.")

    def __str__(self) -> str:
        """Say where it leads, without its query."""
        return self.address

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Show the address where a value that holds it is shown."""
        return [("address", self.address)]

    @property
    def address(self) -> str:
        """The part of it that is no secret: no query, no name and password."""
        parts = urlsplit(self.whole)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))

    @property
    def name(self) -> str:
        """What the file is called: the last part of the path, cleaned; else the host.

        >>> Link(whole="https://cdn.example.com/in/My%20talk%3F.mp4?sig=1").name
        'My talk_.mp4'
        """
        parts = urlsplit(self.whole)
        last = PurePosixPath(unquote(parts.path)).name
        clean = _NOT_IN_NAMES.sub("_", last).strip(" .")
        path = Path(clean or parts.hostname or "link")
        return f"{path.stem[:_NAME_CHARACTERS]}{path.suffix[:8]}"

    @property
    def suffix(self) -> str:
        """The extension it ends with, in lower case; empty where it has none.

        >>> Link(whole="https://x/a/Talk.MP4?sig=1").suffix, Link(whole="https://x/v?id=a.mp4").suffix
        ('.mp4', '')
        """
        found = PurePosixPath(unquote(urlsplit(self.whole).path)).suffix.lower()
        return found if re.fullmatch(r"\.[a-z0-9]{1,5}", found) else ""

    @property
    def unsigned(self) -> str:
        """The link without what signs it: links to one file that were signed anew are equal.

        >>> Link(whole="https://x/v.mp4?versionId=3&X-Amz-Signature=ab").unsigned
        'https://x/v.mp4?versionId=3'
        """
        parts = urlsplit(self.whole)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        signing = _signing({name.lower() for name, _ in pairs})
        kept = [pair for pair in pairs if pair[0].lower() not in signing]
        return urlunsplit(parts._replace(query=urlencode(kept)))

    def lives_until(self) -> datetime | None:
        """Say when its signature expires: never for a link without a query; None: not known.

        >>> signed = "https://x/v.mp4?X-Amz-Date=20261120T120000Z&X-Amz-Expires=3600"
        >>> str(Link(whole=signed).lives_until())
        '2026-11-20 13:00:00+00:00'
        """
        query = {name.lower(): value for name, value in parse_qsl(urlsplit(self.whole).query)}
        if not urlsplit(self.whole).query:
            return datetime.max.replace(tzinfo=UTC)
        try:
            return _end_of(query)
        except (ValueError, OverflowError):
            return None


def _signing(names: set[str]) -> set[str]:
    """Say which of the parameters of a query sign it."""
    found = {name for name in names if name.startswith(_SIGNING)}
    for marks in _SIGNED_BY:
        if marks <= names:
            found |= marks | _SIGNING_TOO
    return found


def _end_of(query: dict[str, str]) -> datetime | None:
    for prefix in _SIGNING:
        if f"{prefix}date" in query and f"{prefix}expires" in query:
            begin = datetime.strptime(query[f"{prefix}date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return begin + timedelta(seconds=int(query[f"{prefix}expires"]))
    if "signature" in query and "expires" in query:
        return datetime.fromtimestamp(int(query["expires"]), UTC)
    if "sig" in query and "se" in query:
        end = datetime.fromisoformat(query["se"])
        return end if end.tzinfo else end.replace(tzinfo=UTC)
    return None


def _read(given: Any) -> Any:
    """Tell a link from a path; a path that is written as one loses a slash, a link must not.

    Raises:
        ValueError: It is a link that nobody here can follow.
    """
    if not isinstance(given, str):
        return given
    if _WEB.match(given):
        return _linked(given.strip().partition("#")[0])
    if other := _SCHEME.match(given):
        raise ValueError(
            f"{address(given)}: only http:// and https:// links are fetched, not "
            f"{other['scheme']}://; copy the file here, or give a presigned link"
        )
    return given


def _linked(text: str) -> Link:
    try:
        host = urlsplit(text).hostname
    except ValueError:  # a bracket that is not closed
        host = None
    if not host:
        raise ValueError(f"{address(text)}: is no whole link; copy it again")
    return Link(whole=text)


def _written(given: Path | Link) -> str:
    return str(given)


# A file, here or behind a link. Written down, a link has no query.
Input = Annotated[
    Path | Link,
    BeforeValidator(_read),
    PlainSerializer(_written, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string"}),
]


def place_of(given: Path | Link) -> Path:
    """Say beside what an output goes: a file, or one of a link's name in the working folder.

    >>> place_of(Link(whole="https://cdn.example.com/in/talk.mp4?sig=1")).as_posix()
    'talk.mp4'
    """
    return given if isinstance(given, Path) else Path(given.name)


def is_private(link: str) -> bool:
    """Say whether a link leads to where only this machine, or its own network, can go.

    >>> [is_private(f"http://{host}/v.mp4") for host in ("localhost", "10.0.0.7", "example.com")]
    [True, True, False]
    """
    host = (urlsplit(link).hostname or "").rstrip(".")
    if host.endswith((".localhost", ".local", ".internal", ".lan")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host
