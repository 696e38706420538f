"""Links: whether one answers with the file it stands for, and how it is kept out of the log."""

import logging

import httpx

from lipsync.errors import UsageError, VendorBusy
from lipsync.tickets import address
from lipsync.trust import trusted
from lipsync.values import File
from lipsync.vendors.ranges import whole_size

# A server that has not begun to answer by then would keep the vendor waiting too.
CHECK_S = 30.0

_ONE_BYTE = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
_FOUND, _PART = 200, 206
_SERVER_ERRORS = 500
_TOO_MANY = 429


class NoQueries(logging.Filter):
    """Cuts what follows the `?` from every link in a record: a signature is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, without queries."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                address(str(part)) if isinstance(part, httpx.URL) else part for part in record.args
            )
        return True


def hide_queries() -> None:
    """Have httpx log links without their signatures; it logs every request it makes.

    What lies beneath it writes whole headers, where a redirect leads included: only to itself.
    """
    logging.getLogger("httpcore").setLevel(logging.INFO)
    log = logging.getLogger("httpx")
    if not any(isinstance(one, NoQueries) for one in log.filters):
        log.addFilter(NoQueries())


def check_link(link: str, file: File) -> None:
    """Fetch one byte through a link, as the vendor will, before anything is bought.

    Raises:
        UsageError: It does not lead to this file.
        VendorBusy: It does not answer.
    """
    hide_queries()
    place = address(link)
    try:
        with httpx.Client(timeout=CHECK_S, follow_redirects=True, verify=trusted()) as client:
            request = client.build_request("GET", link, headers=_ONE_BYTE)
            answer = client.send(request, stream=True)
            answer.close()
    except httpx.HTTPError as error:
        why = type(error).__name__
        raise VendorBusy(
            f"{place}: does not answer ({why}), so no vendor can fetch it; nothing was bought, "
            "check the hosting or try again"
        ) from error
    _judge(answer.status_code, _size_bytes(answer), place, file)


def _judge(status: int, size_bytes: int | None, place: str, file: File) -> None:
    """Refuse an answer that is not this file."""
    if status == _TOO_MANY or status >= _SERVER_ERRORS:
        raise VendorBusy(f"{place}: answers {status} for now; nothing was bought, try again")
    if status not in {_FOUND, _PART}:
        raise UsageError(
            f"{place}: answers {status} instead of the file, so no vendor can fetch it; nothing "
            "was bought, check the hosting's settings"
        )
    if size_bytes is not None and size_bytes != file.size_bytes:
        raise UsageError(
            f"{place}: leads to {size_bytes} bytes, the file has {file.size_bytes}; nothing was "
            "bought, check that the address shows what the hosting wrote"
        )


def _size_bytes(answer: httpx.Response) -> int | None:
    """Read how long the whole file is; None where the server does not say, or packs it."""
    if "content-encoding" in answer.headers:
        return None
    return whole_size(answer.status_code, dict(answer.headers))
