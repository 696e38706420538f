"""Looking: asks a server for the front of a file, which tells what it is before all of it comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lipsync.errors import MediaError, VendorBusy
from lipsync.media.sniffing import HEAD_BYTES
from lipsync.remote.answers import Look, look_of
from lipsync.remote.guard import Guard
from lipsync.tickets import address
from lipsync.trust import trusted

if TYPE_CHECKING:  # loads for a tenth of a second, and only a link needs it
    import httpx

# As the downloads of results (lipsync.vendors.download) wait for a connection, and for each piece.
CONNECT_S, SILENCE_S = 30.0, 60.0
# RFC 9110 §15.4: a client should detect cycles; every file host here needs fewer than five steps.
REDIRECTS = 10

_FRONT = {
    "Range": f"bytes=0-{HEAD_BYTES - 1}",
    "Accept-Encoding": "identity",
    "User-Agent": "dubline",
}


def look(link: str) -> Look:
    """Ask for the front of the file behind a link; GET, for a signature is for one method.

    Raises:
        MediaError: It leads where no link may (`lipsync.remote.guard`), or in a circle.
        VendorBusy: There is no answer.
    """
    with client(link) as http, no_answer(link), http.stream("GET", link, headers=_FRONT) as answer:
        head = b""
        for piece in answer.iter_raw():
            head += piece
            if len(head) >= HEAD_BYTES:
                break
        headers, direct = dict(answer.headers), not answer.history
        path = answer.request.url.path
        return look_of(answer.status_code, headers, head[:HEAD_BYTES], path, direct=direct)


def client(link: str) -> "httpx.Client":
    """Return a client that goes nowhere but where a link may lead."""
    import httpx  # noqa: PLC0415  see above

    from lipsync.hosting.links import hide_queries  # noqa: PLC0415  loads it too

    hide_queries()
    guard = Guard(link)
    return httpx.Client(
        timeout=httpx.Timeout(SILENCE_S, connect=CONNECT_S),
        follow_redirects=True,
        max_redirects=REDIRECTS,
        verify=trusted(),
        event_hooks={"request": [guard.before], "response": [guard.after]},
    )


@contextmanager
def no_answer(link: str) -> Iterator[None]:
    """Turn what goes wrong on the way into what may be done about it.

    Raises:
        MediaError: The link leads in a circle, or is none.
        VendorBusy: There is no answer, now.
    """
    import httpx  # noqa: PLC0415  see above

    said = address(link)
    try:
        yield
    except httpx.TooManyRedirects as error:
        raise MediaError(
            f"{said}: is redirected more than {REDIRECTS} times, in a circle or to a login; give "
            "the link to the file itself"
        ) from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise MediaError(f"{said}: leads nowhere ({type(error).__name__}); check it") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise VendorBusy(
            f"{said}: does not answer ({type(error).__name__}); check the link, or run again later"
        ) from error
