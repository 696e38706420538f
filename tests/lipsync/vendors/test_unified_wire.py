"""The wire of the unified vendor: one POST leaves, whatever becomes of its answer."""

import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from lipsync.errors import VendorBusy
from lipsync.vendors.unified.rulings import Meaning
from lipsync.vendors.unified.wire import LONGEST_ANSWER_BYTES, Wire
from tests.lipsync.hosting.servers import tunnelling

Talk = Callable[[socket.socket], None]
KEY = "planted-key-0123456789"
BODY = {"model": "lipsync-2", "video": "https://b.example.com/v.mp4"}


@pytest.fixture(autouse=True)
def _no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@contextmanager
def listening(talk: Talk, trust: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """Read each request whole, then talk; lends the port and the requests."""
    requests: list[bytes] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            link = self.request
            if trust is not None:
                try:
                    link = trust.wrap_socket(link, server_side=True)
                except (ssl.SSLError, OSError):
                    return
            request = _whole(link)
            if request:
                requests.append(request)
                talk(link)
            link.close()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address: ClassVar[bool] = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], requests
        server.shutdown()


def _whole(link: socket.socket) -> bytes:
    """Read a request to the end of its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = link.recv(65_536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if b"content-length" in line
        ),
        0,
    )
    while len(body) < length:
        body += link.recv(65_536)
    return head + body


def saying(answer: bytes) -> Talk:
    return lambda link: link.sendall(answer)


def reset(link: socket.socket) -> None:
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(link: socket.socket) -> None:
    link.recv(1)  # until the client gives up


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("talk", "meaning"),
    [
        pytest.param(
            saying(OK + b'Content-Length: 13\r\n\r\n{"id": "t-1"}'), Meaning.TAKEN, id="ok"
        ),
        pytest.param(saying(b""), Meaning.UNKNOWN, id="closed"),
        pytest.param(reset, Meaning.UNKNOWN, id="reset"),
        pytest.param(silent, Meaning.UNKNOWN, id="silent"),
        pytest.param(saying(b"SSH-2.0-x\r\n\r\n"), Meaning.UNKNOWN, id="no HTTP"),
        pytest.param(saying(OK[:9]), Meaning.UNKNOWN, id="half a status"),
        pytest.param(
            saying(OK + b'Content-Length: 99\r\n\r\n{"id": "t-1"}'),
            Meaning.UNKNOWN,
            id="half a body",
        ),
        pytest.param(
            saying(OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
            Meaning.UNKNOWN,
            id="bad gzip",
        ),
        pytest.param(
            saying(OK + b"\r\n" + b'"' + b"x" * 2 * LONGEST_ANSWER_BYTES),
            Meaning.UNKNOWN,
            id="endless",
        ),
        pytest.param(
            saying(OK + b"Content-Length: 200000\r\n\r\n" + b"[" * 200_000),
            Meaning.UNKNOWN,
            id="too deep",
        ),
        pytest.param(
            saying(b"HTTP/1.1 503 Down\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"),
            Meaning.UNKNOWN,
            id="503",
        ),
    ],
)
def test_one_post_leaves_whatever_comes_back(talk: Talk, meaning: Meaning) -> None:
    with listening(talk) as (port, requests):
        ruling = Wire(KEY, 0.5).post(f"http://127.0.0.1:{port}/v1/videos/generations", BODY)
    assert ruling.meaning is meaning
    [request] = requests
    assert request.startswith(b"POST /v1/videos/generations HTTP/1.1")
    assert f"Authorization: Bearer {KEY}".encode() in request
    assert KEY not in ruling.sentence


def test_a_closed_port_got_nothing() -> None:
    assert Wire(KEY, 5).post("http://127.0.0.1:9/", BODY).meaning is Meaning.LATER


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, path


ANSWER = saying(OK + b'Content-Length: 13\r\n\r\n{"id": "t-1"}')


def test_a_server_nobody_vouches_for_gets_no_request(
    certified: tuple[ssl.SSLContext, Path],
) -> None:
    with listening(ANSWER, certified[0]) as (port, requests):
        ruling = Wire(KEY, 5).post(f"https://127.0.0.1:{port}/", BODY)
    assert (ruling.meaning, ruling.billed, requests) == (Meaning.LATER, False, [])


def test_the_post_goes_through_the_proxy_to_the_server_that_is_vouched_for(
    certified: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certified[1]))
    with listening(ANSWER, certified[0]) as (port, requests), tunnelling() as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        wire = Wire(KEY, 5)
        assert wire.post(f"https://127.0.0.1:{port}/", BODY).meaning is Meaning.TAKEN
        assert wire.get(f"https://127.0.0.1:{port}/").body == {"id": "t-1"}
    assert asked == [f"127.0.0.1:{port}"] * 2
    assert len(requests) == 2


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"HTTP/1.1 502 No\r\n\r\n", b""]
)
def test_a_proxy_that_refuses_let_nothing_through_and_of_one_that_hangs_up_nobody_knows(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    with listening(saying(answer)) as (port, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        ruling = Wire(KEY, 5).post("https://api.example.com/", BODY)
    assert ruling.meaning is (Meaning.LATER if answer else Meaning.UNKNOWN)
    assert [request.split()[0] for request in asked] == [b"CONNECT"]
    assert not any(KEY.encode() in request for request in asked)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SSL_CERT_FILE", "/nowhere/ca.pem"), ("HTTPS_PROXY", "gopher://127.0.0.1:1")],
)
def test_a_machine_that_cannot_send_says_so_before_it_does(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(VendorBusy, match="check SSL_CERT_FILE"):
        Wire(KEY, 5).post("https://api.example.com/", BODY)


@pytest.mark.parametrize("talk", [saying(b""), reset, silent], ids=["closed", "reset", "silent"])
def test_a_question_without_an_answer_is_asked_again(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync.vendors.unified.wire.ASK_S", 0.5)
    with (
        listening(talk) as (port, _),
        pytest.raises(VendorBusy, match=r"did not answer .*; nothing is lost"),
    ):
        Wire(KEY, 5).get(f"http://127.0.0.1:{port}/v1/tasks/t-1")
