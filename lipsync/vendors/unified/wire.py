"""The wire: one request, one answer, nothing repeated, nothing followed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from lipsync.errors import VendorBusy
from lipsync.trust import trusted
from lipsync.vendors.unified.faults import Reply, said
from lipsync.vendors.unified.rulings import Ruling, on_silence, on_submit

# A connection that takes longer is not going to come; nothing has been sent until it is there.
CONNECT_S = 30.0
# How long the answer to a question may take; it is asked again anyway.
ASK_S = 60.0
# No answer of this API comes near it: the longest is a task, under 10 kB.
LONGEST_ANSWER_BYTES = 2**20

# Raised before a byte of the request has left: no connection, no TLS, no tunnel, no such request.
NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


class Wire:
    """The API with one key; honours HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE."""

    def __init__(self, key: str, reply_timeout_s: float) -> None:
        """Open nothing yet.

        Args:
            key: The Bearer token.
            reply_timeout_s: How long the answer to the POST is waited for.
        """
        self._key = key
        self._reply_timeout_s = reply_timeout_s

    def post(self, url: str, body: dict[str, Any]) -> Ruling:
        """Send the one POST that buys and rule on what comes back; it never leaves twice.

        It has a connection of its own: one that was kept may be closed while the request is on it.

        Raises:
            VendorBusy: This machine cannot send anything as it is set up.
        """
        with self._client(self._reply_timeout_s) as client:
            try:
                return on_submit(self._answer(client, "POST", url, json=body))
            except NEVER_LEFT as error:
                return on_silence(self._named(error), sent=False)
            except httpx.HTTPError as error:
                return on_silence(self._named(error), sent=True)

    def get(self, url: str) -> Reply:
        """Ask something that costs nothing.

        Raises:
            VendorBusy: There was no answer.
        """
        with self._client(ASK_S) as client:
            try:
                return self._answer(client, "GET", url)
            except httpx.HTTPError as error:
                raise self._unanswered(error) from error

    def many(self, connections: int) -> httpx.AsyncClient:
        """Open connections for the event loop that runs; `ask` with them, and close them.

        Raises:
            VendorBusy: This machine cannot send anything as it is set up.
        """
        with _set_up():
            return httpx.AsyncClient(
                **self._manners(ASK_S), limits=httpx.Limits(max_connections=connections)
            )

    async def ask(self, client: httpx.AsyncClient, url: str) -> Reply:
        """Do as `get`, over connections that are there.

        Raises:
            VendorBusy: There was no answer.
        """
        read = bytearray()
        try:
            async with client.stream("GET", url) as response:
                async for part in response.aiter_bytes():
                    read += part
                    if len(read) > LONGEST_ANSWER_BYTES:
                        break
        except httpx.HTTPError as error:
            raise self._unanswered(error) from error
        return self._taken_in(response, read)

    def _unanswered(self, error: httpx.HTTPError) -> VendorBusy:
        return VendorBusy(
            f"unified did not answer ({self._named(error)}); nothing is lost, ask again"
        )

    @contextmanager
    def _client(self, timeout_s: float) -> Iterator[httpx.Client]:
        with _set_up():
            client = httpx.Client(**self._manners(timeout_s))
        with client:
            yield client

    def _manners(self, timeout_s: float) -> dict[str, Any]:
        """Say how to ask; a redirect is not followed: it would take the POST, or the key, away."""
        return {
            "timeout": httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            "headers": {"Authorization": f"Bearer {self._key}", "Accept": "application/json"},
            "follow_redirects": False,
            "verify": trusted(),
        }

    def _answer(self, client: httpx.Client, method: str, url: str, **sent: Any) -> Reply:
        """Take in an answer."""
        with client.stream(method, url, **sent) as response:
            read = _read(response)
        return self._taken_in(response, read)

    def _taken_in(self, response: httpx.Response, read: bytearray) -> Reply:
        """Read what came; the key is cut out should the vendor repeat it."""
        text = read[:LONGEST_ANSWER_BYTES].decode("utf-8", errors="replace")
        text = text.replace(self._key, "***")
        return Reply(
            status=response.status_code,
            body=_json(text),
            text=said(text),
            retry_after_s=_seconds(response.headers.get("retry-after")),
        )

    def _named(self, error: httpx.HTTPError) -> str:
        """Name a failure of the connection: its kind, and what the system says."""
        words = f"{type(error).__name__}: {error}".replace(self._key, "***")
        return said(words.rstrip(": "))


@contextmanager
def _set_up() -> Iterator[None]:
    """Turn what a client says about its certificates and proxies into what to check."""
    try:
        yield
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise VendorBusy(
            f"nothing can be sent from here ({type(error).__name__}); check SSL_CERT_FILE, "
            "HTTPS_PROXY and ALL_PROXY"
        ) from error


def _read(response: httpx.Response) -> bytearray:
    """Read an answer to its end, or as far as no answer of the API goes."""
    read = bytearray()
    for part in response.iter_bytes():
        read += part
        if len(read) > LONGEST_ANSWER_BYTES:
            break
    return read


def _json(text: str) -> Any:
    """Read JSON; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _seconds(header: str | None) -> float | None:
    """Read `Retry-After` where it is given in seconds; its other form is a date."""
    return float(header) if header is not None and header.strip().isdecimal() else None
