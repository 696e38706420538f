"""Downloads: what breaks goes on where it broke, and wrong bytes are never kept."""

import base64
import hashlib
import resource
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lipsync.errors import StorageError, VendorBusy
from lipsync.home import Home
from lipsync.vendors import download as module
from lipsync.vendors.download import FRUITLESS, LinkDead, download, unfinished
from lipsync.vendors.ranges import Answer, Whole, answered, whole

BYTES = bytes(range(256)) * 4_000


class Server:
    """Serves one file; `script` says how each next answer goes wrong."""

    def __init__(self) -> None:
        self.content = BYTES
        self.tag: str | None = '"one"'
        self.headers: dict[str, str] = {}
        self.script: list[Callable[[BaseHTTPRequestHandler], bool]] = []
        self.ranges: list[str | None] = []
        self.seen: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/files/1.mp4?signature=secret"
        serve = partial(self._server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.ranges.append(request.headers.get("Range"))
        self.seen.append(dict(request.headers))
        if self.script and self.script.pop(0)(request):
            return
        self.serve(request)

    def serve(self, request: BaseHTTPRequestHandler, *, stop_at: int | None = None) -> None:
        """Answer as RFC 9110 says, up to the byte `stop_at`."""
        first = 0
        asked = request.headers.get("Range", "")
        if asked and request.headers.get("If-Range", self.tag) == self.tag:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
        total = len(self.content)
        request.send_response(206 if first else 200)
        if first:
            request.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        request.send_header("Content-Length", str(total - first))
        tag = {"ETag": self.tag} if self.tag else {}
        for name, value in (tag | self.headers).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(self.content[first : total if stop_at is None else stop_at])

    def cut_at(self, byte: int) -> Callable[[BaseHTTPRequestHandler], bool]:
        def cut(request: BaseHTTPRequestHandler) -> bool:
            self.serve(request, stop_at=byte)
            return True

        return cut

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], bool]:
    def answer(request: BaseHTTPRequestHandler) -> bool:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.001)
    opened = Server()
    yield opened
    opened.close()


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "result.mp4"


def quietly(_done: int, _total: int) -> None:
    pass


def test_a_file_comes_whole_and_its_progress_is_told(server: Server, into: Path) -> None:
    told: list[tuple[int, int]] = []
    assert download(server.url, into, lambda *step: told.append(step)) == len(BYTES)
    assert into.read_bytes() == BYTES
    assert told[-1] == (len(BYTES), len(BYTES))
    assert [path.name for path in into.parent.iterdir()] == ["result.mp4"]


def test_no_key_is_shown_to_a_link(server: Server, into: Path) -> None:
    download(server.url, into, quietly)
    assert "Authorization" not in server.seen[0]


def test_what_breaks_goes_on_where_it_broke(server: Server, into: Path) -> None:
    server.script = [server.cut_at(300_000), server.cut_at(700_000)]
    download(server.url, into, quietly)
    assert into.read_bytes() == BYTES
    assert server.ranges == [None, "bytes=300000-", "bytes=700000-"]


def test_any_number_of_breaks_is_gone_on_from_as_long_as_something_comes(
    server: Server, into: Path
) -> None:
    server.script = [server.cut_at(at) for at in range(50_000, 1_000_000, 50_000)]
    download(server.url, into, quietly)
    assert into.read_bytes() == BYTES


def test_what_has_arrived_is_kept_for_another_process(server: Server, into: Path) -> None:
    partial = into.with_name("kept.part")
    server.script = [server.cut_at(400_000)] + [status(503)] * FRUITLESS
    with pytest.raises(VendorBusy, match="400000 bytes") as caught:
        download(server.url, into, quietly, partial=partial)
    assert "secret" not in str(caught.value)
    server.ranges.clear()
    download(server.url, into, quietly, partial=partial)
    assert (server.ranges, into.read_bytes()) == (["bytes=400000-"], BYTES)


def test_another_file_by_then_is_read_from_its_start(server: Server, into: Path) -> None:
    partial = into.with_name("kept.part")
    server.script = [server.cut_at(400_000)] + [status(503)] * FRUITLESS
    with pytest.raises(VendorBusy):
        download(server.url, into, quietly, partial=partial)
    server.content, server.tag = BYTES[::-1], '"two"'
    download(server.url, into, quietly, partial=partial)
    assert into.read_bytes() == BYTES[::-1]


def test_without_a_tag_another_length_is_another_file(server: Server, into: Path) -> None:
    partial, server.tag = into.with_name("kept.part"), None
    server.script = [server.cut_at(400_000)] + [status(503)] * FRUITLESS
    with pytest.raises(VendorBusy):
        download(server.url, into, quietly, partial=partial)
    server.content = BYTES[::-1] + b"more"
    download(server.url, into, quietly, partial=partial)
    assert into.read_bytes() == server.content


def test_a_part_nobody_wrote_a_note_about_is_not_trusted(server: Server, into: Path) -> None:
    into.with_name("result.mp4.part").write_bytes(b"somebody else's")
    download(server.url, into, quietly)
    assert (into.read_bytes(), server.ranges) == (BYTES, [None])


def test_a_part_that_is_whole_is_not_asked_for_again_from_its_start(
    server: Server, into: Path
) -> None:
    partial = into.with_name("kept.part")
    server.script = [server.cut_at(400_000)] + [status(503)] * FRUITLESS
    with pytest.raises(VendorBusy):
        download(server.url, into, quietly, partial=partial)
    partial.write_bytes(BYTES)
    server.script = [status(416, Content_Range=f"bytes */{len(BYTES)}")]
    assert download(server.url, into, quietly, partial=partial) == len(BYTES)
    assert len(server.ranges) == FRUITLESS + 2


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_a_dead_link_is_said_to_be_dead_at_once(server: Server, into: Path, code: int) -> None:
    server.script = [status(code)]
    with pytest.raises(LinkDead, match=str(code)) as caught:
        download(server.url, into, quietly)
    assert "secret" not in str(caught.value)
    assert caught.value.gone == (code == 410)
    assert len(server.ranges) == 1


def test_a_server_that_never_serves_is_left_for_later(server: Server, into: Path) -> None:
    server.script = [status(503)] * 99
    with pytest.raises(VendorBusy, match="status 503"):
        download(server.url, into, quietly)
    assert len(server.ranges) == FRUITLESS


def digest(algorithm: str, content: bytes) -> str:
    return base64.b64encode(hashlib.new(algorithm, content).digest()).decode()


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Repr-Digest", f"sha-256=:{digest('sha256', BYTES)}:"),
        ("x-goog-hash", f"crc32c=AAAA,md5={digest('md5', BYTES)}"),
        ("Content-MD5", digest("md5", BYTES)),
    ],
)
def test_bytes_of_another_hash_than_announced_are_not_kept(
    server: Server, into: Path, header: str, value: str
) -> None:
    server.headers = {header: value}
    server.content = BYTES[:-1] + b"!"
    with pytest.raises(VendorBusy, match="than announced"):
        download(server.url, into, quietly)
    assert not into.exists()
    server.content = BYTES
    download(server.url, into, quietly)
    assert into.read_bytes() == BYTES


def test_no_room_is_said_as_such(server: Server, into: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StorageError, match="make room"):
            download(server.url, into, quietly)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_name_of_what_is_unfinished_is_never_a_vendors(tmp_path: Path) -> None:
    place = unfinished(Home(tmp_path), "fal ../../etc/passwd")
    assert place.parent == tmp_path / "partial"


@pytest.mark.parametrize(
    ("code", "headers", "here", "known", "meaning"),
    [
        (206, {"content-range": "bytes 10-19/20"}, 10, Whole(size_bytes=20), Answer.REST),
        (206, {"content-range": "bytes 0-19/20"}, 10, Whole(size_bytes=20), Answer.OVER),
        (206, {"content-range": "bytes 10-29/30"}, 10, Whole(size_bytes=20), Answer.OVER),
        (206, {"content-range": "bytes 10-19/*"}, 10, Whole(), Answer.REST),
        (206, {}, 10, Whole(), Answer.OVER),
        (200, {}, 10, Whole(), Answer.FROM_START),
        (416, {"content-range": "bytes */20"}, 20, Whole(size_bytes=20), Answer.ALL_HERE),
        (416, {"content-range": "bytes */20"}, 30, Whole(size_bytes=30), Answer.OVER),
        (416, {}, 20, Whole(size_bytes=20), Answer.OVER),
        (404, {}, 0, Whole(), Answer.DEAD),
        (500, {}, 0, Whole(), Answer.BUSY),
        (429, {}, 0, Whole(), Answer.BUSY),
    ],
)
def test_an_answer_to_a_request_for_the_rest_means(
    code: int, headers: dict[str, str], here: int, known: Whole, meaning: Answer
) -> None:
    assert answered(code, headers, here, known) is meaning


def test_a_weak_tag_is_no_reason_to_go_on() -> None:
    headers = {"etag": 'W/"1"', "last-modified": "Fri, 20 Nov 2026 12:00:00 GMT"}
    assert whole(200, headers, Whole()).validator == headers["last-modified"]
