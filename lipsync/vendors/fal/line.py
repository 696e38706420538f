"""The line to fal: its own client for keys, proxies, certificates and addresses; no retry of ours.

What fal's client does by itself when a call fails is not wanted here: it repeats it up to ten
times, a submit included (fal-protocol.md §11). So its HTTP client is used, and not its calls.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from lipsync.accounts import FalSettings
from lipsync.errors import VendorBusy, VendorRefused
from lipsync.trust import trusted
from lipsync.vendors.fal.answers import Answer

if TYPE_CHECKING:  # a third of a second that only a paid dub needs
    import httpx
    from fal_client import SyncClient, SyncRequestHandle

# As long as fal's own client waits for an answer to a poll, and to be connected
# (fal-protocol.md §11).
ANSWER_S, CONNECT_S = 120.0, 30.0

# The longest body that is read of an answer that is no result, in characters.
TEXT_CHARACTERS = 2_000


class Line:
    """Connections to fal under one account; the polls of a process share one."""

    def __init__(self, settings: FalSettings) -> None:
        self.settings = settings

    @cached_property
    def client(self) -> "SyncClient":
        """Its client, for everything that may be asked again."""
        return self.fresh()

    @property
    def http(self) -> "httpx.Client":
        """Its connections; they carry the key."""
        return self.handle("fal-ai/any", "-").client

    @cached_property
    def unused(self) -> "httpx.Client":
        """Connections that carry the key, each for one request that has it to itself."""
        import httpx  # noqa: PLC0415  see above

        none_kept = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        return httpx.Client(headers=self.http.headers, verify=trusted(), limits=none_kept)

    @cached_property
    def keyless(self) -> "httpx.Client":
        """Connections that do not carry the key."""
        import httpx  # noqa: PLC0415  see above

        return httpx.Client(verify=trusted())

    def fresh(self) -> "SyncClient":
        """Return a client of its own, without a connection that may have died meanwhile."""
        key = self.settings.key
        return _keeping()(
            key=key.get_secret_value() if key else None,
            default_timeout=self.settings.reply_timeout_s,
        )

    def handle(
        self, endpoint: str, request_id: str, client: "SyncClient | None" = None
    ) -> "SyncRequestHandle":
        """Return fal's handle of a request: where to ask about it.

        Raises:
            VendorRefused: There is no key.
        """
        with with_a_key():
            return (client or self.client).get_handle(endpoint, request_id)

    def ask(self, method: str, url: str, **params: Any) -> Answer:
        """Ask something that buys nothing, once.

        Raises:
            VendorBusy: No answer; ask again.
        """
        import httpx  # noqa: PLC0415  see above

        timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
        try:
            return read(self.http.request(method, url, params=params or None, timeout=timeout))
        except httpx.TransportError as error:
            raise no_answer(url, error) from error


@cache
def _keeping() -> "type[SyncClient]":
    """Return fal's own client, but that it uploads everything over connections that it keeps.

    It makes new ones for each file, and reads the certificates for them: 20 to 30 ms of CPU, more
    than a short voice takes on its way.
    """
    import httpx  # noqa: PLC0415  see above
    from fal_client.client import USER_AGENT, SyncClient  # noqa: PLC0415  see above

    class Keeping(SyncClient):
        @cached_property
        def _cdn(self) -> httpx.Client:
            agent = {"User-Agent": USER_AGENT}
            return httpx.Client(headers=agent, timeout=self.default_timeout, verify=trusted())

        def _get_cdn_client(self) -> httpx.Client:
            token = self._token_manager.get_token()
            self._cdn.headers["Authorization"] = f"{token.token_type} {token.token}"
            return self._cdn

    return Keeping


@contextmanager
def with_a_key() -> Iterator[None]:
    """Turn what fal's client says when it finds no key into what to do about it.

    Raises:
        VendorRefused: There is no key.
    """
    from fal_client.auth import MissingCredentialsError  # noqa: PLC0415  see above

    try:
        yield
    except MissingCredentialsError as error:
        raise VendorRefused(
            "there is no key for fal; set FAL_KEY, write it into .env, or run `fal auth login`"
        ) from error


def no_answer(url: str, error: Exception) -> VendorBusy:
    """Return the error to raise for a question that was not answered."""
    return VendorBusy(
        f"no answer from {urlsplit(url).hostname} ({type(error).__name__}); ask again later"
    )


def read(response: "httpx.Response", key: SecretStr | None = None) -> Answer:
    """Take from a response what can be ruled on; a key that it repeats is starred.

    Args:
        response: An answer, read whole.
        key: Starred as well as what the request was sent with.
    """
    keys = (sent_with(response), key.get_secret_value() if key else "")
    try:
        body, text = without(keys, response.json()), ""
    except ValueError:
        body, text = None, without(keys, response.text)[:TEXT_CHARACTERS]
    headers = {name.lower(): without(keys, value) for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=body, text=text)


def sent_with(response: "httpx.Response") -> str:
    """Return the key, or token, that the request of a response was sent with."""
    return str(response.request.headers.get("authorization", "").partition(" ")[2])


def without(keys: Collection[str], said: Any) -> Any:
    """Star keys wherever an answer repeats them; of one in two halves the second is the secret.

    >>> without(["id:1f0c2a"], {"detail": ["no such key: id:1f0c2a", "1f0c2a", 401]})
    {'detail': ['no such key: ***', '***', 401]}
    """
    if isinstance(said, dict):
        return {without(keys, name): without(keys, value) for name, value in said.items()}
    if isinstance(said, list):
        return [without(keys, value) for value in said]
    if isinstance(said, str):
        for key in filter(None, keys):
            said = said.replace(key, "***").replace(key.rpartition(":")[2] or key, "***")
    return said
