"""A web server on loopback whose files come, change, expire and lead astray as told."""

import hashlib
import http.server
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.lipsync.hosting.servers import serving

Handler = http.server.BaseHTTPRequestHandler
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Web:
    """What is served: pages by their path; `asked` is every request line, queries included."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, Callable[[Handler], None]] = field(default_factory=dict)
    marks: bool = True
    ranges: bool = True
    lengths: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def reset(self) -> None:
        """Be as new."""
        self.files.clear()
        self.pages.clear()
        self.asked.clear()
        self.marks = self.ranges = self.lengths = True

    def put(self, path: str, content: Path | bytes) -> str:
        """Serve a file; returns its link."""
        self.files[path] = content if isinstance(content, bytes) else content.read_bytes()
        return f"{self.url}{path}"

    def page(self, path: str, status: int, body: bytes = b"", **headers: str) -> str:
        """Serve an answer that is no file; returns its link."""

        def answer(handler: Handler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.pages[path] = answer
        return f"{self.url}{path}"

    def fetches(self, path: str) -> int:
        """Count how often more than the front of a file was asked for."""
        return sum(
            urlsplit(line).path == path and asked != "bytes=0-4095" for line, asked in self.asked
        )

    def answer(self, handler: Handler) -> None:
        """Answer one GET."""
        path, asked = urlsplit(handler.path).path, handler.headers.get("Range")
        self.asked.append((handler.path, asked))
        if path in self.pages:
            self.pages[path](handler)
        elif path in self.files:
            self._serve(handler, self.files[path], asked)
        else:
            handler.send_error(404)

    def _serve(self, handler: Handler, content: bytes, asked: str | None) -> None:
        found = _RANGE.match(asked or "") if self.ranges else None
        first = int(found[1]) if found else 0
        last = min(int(found[2] or len(content)), len(content) - 1) if found else len(content) - 1
        if found and first >= len(content):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(content)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(206 if found else 200)
        if found:
            handler.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        if self.marks:
            handler.send_header("ETag", f'"{hashlib.md5(content).hexdigest()}"')  # noqa: S324  a mark
        if self.lengths:
            handler.send_header("Content-Length", str(last + 1 - first))
        handler.end_headers()
        handler.wfile.write(content[first : last + 1])


@contextmanager
def web() -> Iterator[Web]:
    """Run a server."""
    shown = Web()

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name upstream
            pass

    with serving(Answering) as url:
        shown.url = url
        yield shown
