"""The proxy: a CONNECT to a name of fal is answered here, every other one is refused."""

import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

from lipsync.emulator.serving import IDLE_S, Door, Exchange, Respond, cut
from lipsync.emulator.tls import FAL_HOSTS

log = logging.getLogger(__name__)

# Says whether a connection to a host is to be refused now.
Refuses = Callable[[str], bool]


class Proxy(BaseHTTPRequestHandler):
    """Takes CONNECT, says 200, and then speaks TLS itself as the host that was asked for."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_S

    def __init__(  # noqa: PLR0913  the standard library's three, and ours
        self,
        request: Any,
        client: Any,
        server: Any,
        *,
        context: ssl.SSLContext,
        respond: Respond,
        refuses: Refuses,
        turned_away: Callable[[str], None],
    ) -> None:
        self._context = context
        self._respond = respond
        self._refuses = refuses
        self._turned_away = turned_away
        super().__init__(request, client, server)

    def do_CONNECT(self) -> None:
        """Open a tunnel that ends here."""
        host = self.path.rsplit(":", 1)[0].lower()
        self.close_connection = True
        if host not in FAL_HOSTS:
            self._forbid(host)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.wfile.flush()
        if self._refuses(host):
            cut(self.connection)
            return
        speak_tls(self.connection, self.client_address, self.server, self._context, self._respond)

    def do_GET(self) -> None:
        """Refuse a plain request for another machine."""
        self.close_connection = True
        self._forbid(self.path.split("?", maxsplit=1)[0])

    do_POST = do_PUT = do_HEAD = do_DELETE = do_OPTIONS = do_PATCH = do_GET  # noqa: N815  the same

    def _forbid(self, what: str) -> None:
        log.warning("refused a connection to %s: the emulator lets nothing out", what)
        self._turned_away(what)
        body = f"the emulator lets nothing out to {what}\n".encode()
        self.send_response(403)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the same
        """Say nothing on stderr."""


def speak_tls(
    connection: socket.socket, client: Any, server: Any, context: ssl.SSLContext, respond: Respond
) -> None:
    """Shake hands on a connection and serve it until it ends."""
    connection.settimeout(IDLE_S)
    with context.wrap_socket(connection, server_side=True) as secure:
        server.adopt(secure)
        try:
            Exchange(secure, client, server, respond=respond, scheme="https")
        finally:
            server.release(secure)


def proxy_door(
    context: ssl.SSLContext, respond: Respond, refuses: Refuses, turned_away: Callable[[str], None]
) -> Door:
    """Open the proxy's port."""
    return Door(
        partial(Proxy, context=context, respond=respond, refuses=refuses, turned_away=turned_away)
    )


def tls_door(context: ssl.SSLContext, respond: Respond) -> Door:
    """Open the port that speaks TLS at once, for those who resolve fal's names to this machine."""

    def handle(request: socket.socket, client: Any, server: Any) -> None:
        speak_tls(request, client, server, context, respond)

    return Door(handle)


def plain_door(respond: Respond) -> Door:
    """Open the port of the unified API, its files, and the emulator's own controls."""
    return Door(partial(Exchange, respond=respond, scheme="http"))
