"""Real servers on loopback: one that shows a folder, an S3 of its own, and a proxy that tunnels."""

import http.server
import os
import select
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

# How long a server may take to come up on a busy machine.
PATIENCE_S = 60.0


@contextmanager
def serving(handler: Any) -> Iterator[str]:
    """Serve plain HTTP with a handler; lends its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name upstream
        pass


@contextmanager
def showing(folder: Path) -> Iterator[str]:
    """Show a folder, as any static web server does."""
    with serving(partial(_Quiet, directory=str(folder))) as url:
        yield url


def answering(status: int, body: bytes = b"", **headers: str) -> Any:
    """Return a handler that gives one answer to every GET."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the same
            pass

    return Handler


@contextmanager
def tunnelling() -> Iterator[tuple[str, list[str]]]:
    """Run a CONNECT proxy; lends its address and the list of where it was asked to go."""
    asked: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            place = self.rfile.readline().split()[1].decode()
            while self.rfile.readline().strip():
                pass
            asked.append(place)
            host, _, port = place.rpartition(":")
            with socket.create_connection((host, int(port))) as there:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _carry(self.connection, there)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address: ClassVar[bool] = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def _carry(here: socket.socket, there: socket.socket) -> None:
    other = {here: there, there: here}
    while True:
        for side in select.select(list(other), [], [])[0]:
            data = side.recv(65_536)
            if not data:
                return
            other[side].sendall(data)


class S3:
    """An S3 of this test run, over TLS."""

    def __init__(self, url: str, authority: Path) -> None:
        self.url = url
        self.authority = authority

    def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        import httpx

        trusted = ssl.create_default_context(cafile=str(self.authority))
        with httpx.Client(verify=trusted, trust_env=False) as client:
            answer = client.request(method, f"{self.url}{path}", content=body)
            answer.raise_for_status()
            return answer.content


@contextmanager
def own_s3(folder: Path) -> Iterator[S3]:
    """Start moto's server with a certificate of our own; skips where there is no moto."""
    trustme = pytest.importorskip("trustme")
    python = _python_with_moto()
    authority, leaf = trustme.CA(), folder / "leaf.pem"
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(leaf))
    port = _free_port()
    command = [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        [*command, "-s", "-c", str(leaf), "-k", str(leaf)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(server, port)
        yield S3(f"https://127.0.0.1:{port}", folder / "authority.pem")
    finally:
        server.terminate()
        server.wait()


def _python_with_moto() -> str:
    """Find an interpreter that has moto: ours, else the machine's."""
    for python in (sys.executable, *filter(None, [shutil.which("python3", path=os.defpath)]),
                   *filter(None, [shutil.which("python3")])):  # fmt: skip
        probe = [python, "-c", "import moto.server, werkzeug"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no S3 server here: moto is not installed")


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def _await(server: "subprocess.Popen[bytes]", port: int) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        if server.poll() is not None:
            pytest.skip(f"moto's server does not start here (exit {server.returncode})")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"moto's server is not there after {PATIENCE_S:.0f} s")
