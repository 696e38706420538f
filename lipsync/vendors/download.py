"""Download: bring a vendor's file here, whole; a transfer that breaks goes on where it broke.

What has arrived waits in a file of its own, beside a note of what the server said about the whole.
The next attempt, in this process or a later one, asks for the rest only (RFC 9110 §14, ranges) and
starts over when the server's file is another one by then. Nothing here is given a vendor's key.
"""

import hashlib
import logging
import os
import random
import time
from contextlib import nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync.disk import disk_errors, read_sealed, seal
from lipsync.errors import VendorBusy, VendorError
from lipsync.home import Home
from lipsync.trust import trusted
from lipsync.vendors.protocol import Fetching
from lipsync.vendors.ranges import Answer, Whole, answered, asked_with, whole

if TYPE_CHECKING:  # loads for a tenth of a second, and only a paid vendor needs it
    import ssl

    import httpx

log = logging.getLogger(__name__)

# Transfers in a row that may bring nothing new before it is left for later.
FRUITLESS = 4
# fal_client's own pauses between attempts: 0.1 s, doubled each time, half to one and a half times
# as long (reference: fal-protocol.md §11).
FIRST_PAUSE_S = 0.1
# httpx reads a socket in pieces of at most 64 KiB; a few of them are one write.
WRITE_BYTES = 1 << 18
# By which httpx finds its way (urllib.request.getproxies).
_PROXIES = tuple(
    case(f"{name}_proxy")
    for name in ("http", "https", "all", "no")
    for case in (str.lower, str.upper)
)
# As long as fal_client lets a poll connect and wait (reference: fal-protocol.md §11), halved for
# the wait: a CDN that says nothing for a minute is asked again from where it stopped.
CONNECT_S, SILENCE_S = 30.0, 60.0


class LinkDead(VendorError):
    """The link does not lead to the file any more; ask the vendor for a fresh one.

    Attributes:
        gone: Whether the server said that the file is gone for good.
    """

    def __init__(self, sentence: str, *, gone: bool = False) -> None:
        super().__init__(sentence)
        self.gone = gone


def unfinished(home: Home, name: str) -> Path:
    """Say where the bytes of an unfinished download wait, by a name that no vendor chooses."""
    return home.folder("partial") / f"{hashlib.sha256(name.encode()).hexdigest()}.part"


def download(
    url: str,
    into: Path,
    progress: Fetching,
    *,
    partial: Path | None = None,
    client: "httpx.Client | None" = None,
) -> int:
    """Bring the file behind a link to `into`, whole and with the hash the server announced.

    Args:
        url: http or https; what follows its question mark is never logged.
        into: Where it goes; on the same disk as `partial`.
        progress: Told bytes here, and bytes in all (0: the server does not say).
        partial: Where unfinished bytes wait for the next call; None: beside `into`.
        client: Fetches it, and is closed; None: one that follows every redirect.

    Returns:
        Its length in bytes.

    Raises:
        LinkDead: The link has expired, or never led anywhere.
        VendorBusy: It broke off, and again; what has arrived is kept for the next call.
        StorageError: There is no room for it.
    """
    from lipsync.hosting.links import hide_queries  # noqa: PLC0415  loads httpx

    hide_queries()
    part = partial or into.with_name(f"{into.name}.part")
    connections = client or nullcontext(_following(trusted(), tuple(map(os.environ.get, _PROXIES))))
    with disk_errors(part), connections as http:
        _until_whole(http, url, part, progress)
        part.replace(into)
        _note(part).unlink(missing_ok=True)
        return into.stat().st_size


@lru_cache(maxsize=1)
def _following(trust: "ssl.SSLContext", _proxies: tuple[str | None, ...]) -> "httpx.Client":
    """Return the connections of this process that follow every redirect.

    httpx finds the proxies by itself, once: where others are named by then, it looks again.
    """
    import httpx  # noqa: PLC0415  see above

    timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
    return httpx.Client(timeout=timeout, follow_redirects=True, verify=trust)


def _until_whole(client: "httpx.Client", url: str, part: Path, progress: Fetching) -> None:
    """Go on from where the last transfer broke, as long as each brings something new."""
    fruitless, pause_s = 0, FIRST_PAUSE_S
    while True:
        had = _size(part)
        broke = _transferred(client, url, part, progress)
        if broke is None:
            return
        here = _size(part)
        fruitless = 0 if here > had else fruitless + 1
        if fruitless == FRUITLESS:
            raise VendorBusy(
                f"{_host(url)} broke off {FRUITLESS} times at {here} bytes ({broke}); what has "
                "arrived is kept, collect it again later"
            )
        log.info("%s broke off at %d bytes (%s); going on from there", _host(url), here, broke)
        time.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  a pause, no secret
        pause_s = FIRST_PAUSE_S if here > had else pause_s * 2


def _transferred(client: "httpx.Client", url: str, part: Path, progress: Fetching) -> str | None:
    """Transfer once what is missing; None when the file is whole, else why it is not."""
    import httpx  # noqa: PLC0415  see above

    known = _known(part)
    request = asked_with(_size(part), known)
    try:
        with client.stream("GET", url, headers=request) as response:
            headers = dict(response.headers)
            found = answered(response.status_code, headers, _size(part), known)
            if found is Answer.DEAD:
                raise _dead(url, response.status_code)
            if found is Answer.BUSY:
                return f"status {response.status_code}"
            if found is Answer.OVER:
                _forget(part)
                return "the file there is another one by now"
            if found is not Answer.ALL_HERE:
                known = whole(response.status_code, headers, known)
                _append(response, part, known, found, progress)
    except (httpx.TransportError, httpx.DecodingError) as error:
        return f"{type(error).__name__}"
    except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
        raise LinkDead(f"the vendor's link leads nowhere ({type(error).__name__})") from error
    return _fault(part, known)


def _dead(url: str, status: int) -> LinkDead:
    sentence = f"{_host(url)} answers {status} for the result; the link has expired"
    return LinkDead(sentence, gone=status == 410)  # noqa: PLR2004  gone


def _append(
    response: "httpx.Response", part: Path, known: Whole, found: Answer, progress: Fetching
) -> None:
    """Write what comes behind what is here, or over it when the server starts at the beginning."""
    _note(part).write_text(seal(known.model_dump()), encoding="utf-8")
    with part.open("ab" if found is Answer.REST else "wb", buffering=WRITE_BYTES) as stream:
        for piece in response.iter_raw():  # as it comes: pieces of a size are lost with a cut
            stream.write(piece)
            progress(stream.tell(), known.size_bytes or 0)


def _fault(part: Path, known: Whole) -> str | None:
    """Hold what arrived against what was announced; what is wrong is forgotten."""
    here = _size(part)
    if known.size_bytes is not None and here < known.size_bytes:
        return f"{here} of {known.size_bytes} bytes"
    if known.size_bytes is not None and here > known.size_bytes:
        _forget(part)
        return f"{here} bytes where {known.size_bytes} were announced"
    if known.algorithm and _digest(part, known.algorithm) != known.digest:
        _forget(part)
        return f"the bytes have another {known.algorithm} than announced"
    return None


def _digest(part: Path, algorithm: str) -> str:
    with part.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _known(part: Path) -> Whole:
    """Read what the server said about the file that `part` is a piece of."""
    note = read_sealed(_note(part)) if _size(part) else None
    if note is None:
        _forget(part)
        return Whole()
    return Whole.model_validate(note)


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(part: Path) -> int:
    with suppress(FileNotFoundError):
        return part.stat().st_size
    return 0


def _host(url: str) -> str:
    """Name a link without what may be a signature in it."""
    from urllib.parse import urlsplit  # noqa: PLC0415  with httpx

    return urlsplit(url).hostname or "the vendor"
