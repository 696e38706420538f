"""Serving: HTTP/1.1 on a socket, plain or TLS, one thread per connection."""

import logging
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from lipsync.emulator.wire import Answer, Request

log = logging.getLogger(__name__)

BLOCK_BYTES = 256 * 1024
# No client here sends more in one request: fal_client's parts are 10 MiB, its single uploads end at
# 100 MiB (reference: fal-protocol.md §14).
BODY_BYTES_MAX = 128 * 1024 * 1024
# An idle connection is let go; clients open another.
IDLE_S = 60
# How soon a door notices that it is to be shut.
POLL_S = 0.02

Respond = Callable[[Request], Answer]


class Door(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A listening port of this machine; every connection it took is cut when it is shut."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, handler: Callable[..., Any], port: int = 0) -> None:
        """Listen on a port of the loopback interface; 0 is any that is free."""
        self._live: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), handler)
        self.port = int(self.server_address[1])

    def start(self) -> None:
        """Take connections from now on."""
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True
        ).start()

    def stop(self) -> None:
        """Take none, and cut those that are there."""
        self.shutdown()
        self.server_close()
        with self._lock:
            live = list(self._live)
        for connection in live:
            cut(connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection and serve it in a thread."""
        with self._lock:
            self._live.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._live.discard(request)
        super().shutdown_request(request)

    def adopt(self, connection: socket.socket) -> None:
        """Remember a connection in its new form; TLS takes the old one over."""
        with self._lock:
            self._live.add(connection)

    def release(self, connection: socket.socket) -> None:
        """Forget it."""
        with self._lock:
            self._live.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  the same
        """Note a connection that broke; clients that hang up or distrust us are no news."""
        log.debug("a connection broke", exc_info=sys.exception())


def cut(connection: socket.socket) -> None:
    """End a connection for everybody who holds it, a forked process too."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("the connection had ended")


class Exchange(BaseHTTPRequestHandler):
    """Reads requests off one connection and sends back what `respond` answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = BLOCK_BYTES
    timeout = IDLE_S
    server_version = "dubline-emulator"
    sys_version = ""

    def __init__(
        self, request: Any, client: Any, server: Any, *, respond: Respond, scheme: str
    ) -> None:
        self._respond = respond
        self._scheme = scheme
        super().__init__(request, client, server)

    def do_GET(self) -> None:
        """Serve one request of any method."""
        body = self._body()
        if body is None:
            self.close_connection = True
            return
        host = self.headers.get("Host", "")
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            host=host.rsplit(":", 1)[0].lower(),
            base_url=f"{self._scheme}://{host}",
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        answer = self._respond(request)
        log.debug("%s %s%s %s", request.method, host, parts.path, answer.status)
        self._send(answer)

    do_POST = do_PUT = do_HEAD = do_DELETE = do_OPTIONS = do_PATCH = do_GET  # noqa: N815  the same

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the same
        """Say nothing on stderr."""

    def _body(self) -> bytes | None:
        """Read the whole body; None when it broke off or is too long."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            return None
        body = self.rfile.read(length)
        return body if len(body) == length else None

    def _chunks(self) -> bytes | None:
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
            if len(body) > BODY_BYTES_MAX:
                return None
        self.rfile.readline()
        return bytes(body)

    def _send(self, answer: Answer) -> None:
        if answer.lost:
            self._cut()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.stream is not None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(answer.length))
        self.end_headers()
        if self.command == "HEAD":
            self.wfile.flush()
            return
        self._send_body(answer)

    def _send_body(self, answer: Answer) -> None:
        if answer.stream is not None:
            self._send_stream(answer)
        elif answer.slice is not None:
            self._send_file(answer)
        else:
            self.wfile.write(answer.body[: answer.cut_bytes])
        self.wfile.flush()
        if answer.cut_bytes is not None:
            self._cut()

    def _send_stream(self, answer: Answer) -> None:
        """Send chunks as they come; one that breaks off lacks the last, empty one."""
        for chunk in answer.stream or ():
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.flush()
            if answer.cut_bytes is not None:
                return
        self.wfile.write(b"0\r\n\r\n")

    def _send_file(self, answer: Answer) -> None:
        part = answer.slice
        assert part is not None
        left = part.length if answer.cut_bytes is None else min(part.length, answer.cut_bytes)
        with part.path.open("rb") as file:
            file.seek(part.start)
            while left and (block := file.read(min(left, BLOCK_BYTES))):
                self.wfile.write(block)
                left -= len(block)

    def _cut(self) -> None:
        self.close_connection = True
        cut(self.connection)
