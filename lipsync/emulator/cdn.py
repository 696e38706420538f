"""The CDN: files under links that die; whole, in stretches, or by their heads."""

import json
import mimetypes
import re
import secrets
import shutil
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from lipsync.emulator.clock import Clock
from lipsync.emulator.wire import Answer, Call, Point, Request, Slice, json_answer

# One range is enough: no client here asks for several.
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")
PREFIX = "/files/"


@dataclass(frozen=True)
class Hosted:
    """A file under a link.

    Attributes:
        path: Where its bytes are; None once it is gone.
        content_type: As it was uploaded.
        expires_s: When the link dies; None is never.
    """

    path: Path
    content_type: str
    expires_s: float | None


class Cdn:
    """Keeps files in a folder and gives each a link nobody can guess."""

    def __init__(self, vendor: str, base_url: str, folder: Path, clock: Clock) -> None:
        self.vendor = vendor
        self.base_url = base_url
        self._folder = folder
        self._clock = clock
        self._files: dict[str, Hosted] = {}
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, data: bytes, name: str, content_type: str, life_s: float | None) -> str:
        """Keep bytes.

        Returns:
            The link.
        """
        path = self._folder / secrets.token_hex(8)
        path.write_bytes(data)
        return self.host(path, name, content_type, life_s)

    def host(self, path: Path, name: str, content_type: str, life_s: float | None) -> str:
        """Give a file that is there a link."""
        place = self.place(name)
        self.bind(place, path, content_type, life_s)
        return self.base_url + place

    def place(self, name: str) -> str:
        """Invent the path of a link, as fal's are: /files/b/<hex>/<id>_<name>."""
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", name) or "file"
        return f"{PREFIX}b/{secrets.token_hex(4)}/{secrets.token_urlsafe(16)}_{safe}"

    def bind(self, place: str, path: Path, content_type: str, life_s: float | None) -> None:
        """Put a file under the path of a link."""
        expires_s = None if life_s is None else self._clock.now_s() + life_s
        with self._lock:
            self._files[place] = Hosted(path, content_type, expires_s)

    def room(self) -> Path:
        """Name a new file in the folder."""
        return self._folder / secrets.token_hex(8)

    def at(self, url: str) -> Path | None:
        """Find what is under a link that lives."""
        hosted = self._hosted(url.removeprefix(self.base_url).split("?")[0])
        return None if hosted is None else hosted.path

    def find(self, request: Request) -> Call | None:
        """Serve a file."""
        if request.method not in {"GET", "HEAD"} or not request.path.startswith(PREFIX):
            return None
        return Call(Point(self.vendor, "download"), lambda: self._serve(request))

    def clear(self) -> None:
        """Delete everything."""
        with self._lock:
            self._files.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _hosted(self, place: str) -> Hosted | None:
        with self._lock:
            hosted = self._files.get(place)
        if hosted is None:
            return None
        dead = hosted.expires_s is not None and self._clock.now_s() >= hosted.expires_s
        return None if dead else hosted

    def _serve(self, request: Request) -> Answer:
        hosted = self._hosted(request.path)
        if hosted is None:
            return json_answer({"detail": "File not found"}, 404)
        size = hosted.path.stat().st_size
        headers = {
            "Content-Type": hosted.content_type,
            "Accept-Ranges": "bytes",
            "ETag": f'"{hosted.path.name}"',
        }
        whole = Answer(headers=headers, slice=Slice(hosted.path, 0, size))
        asked = request.headers.get("range")
        if asked is None or request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
            return whole
        return _stretch(whole, asked, size)


def _stretch(whole: Answer, asked: str, size: int) -> Answer:
    """Cut an answer down to the range that was asked for; one that makes no sense is ignored."""
    found = _RANGE.match(asked)
    if found is None or not any(found.groups()) or whole.slice is None:
        return whole
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        return Answer(status=416, headers={"Content-Range": f"bytes */{size}"})
    return replace(
        whole,
        status=206,
        headers={**whole.headers, "Content-Range": f"bytes {start}-{end}/{size}"},
        slice=replace(whole.slice, start=start, length=end - start + 1),
    )


def life_from(header: str | None, otherwise_s: float | None) -> float | None:
    """Read how long a file shall live from fal's lifecycle header; null is for ever."""
    try:
        wish = json.loads(header) if header else {}
    except ValueError:
        return otherwise_s
    if not isinstance(wish, dict) or "expiration_duration_seconds" not in wish:
        return otherwise_s
    seconds = wish["expiration_duration_seconds"]
    return None if seconds is None else float(seconds)


def guessed_type(name: str) -> str:
    """Name the content type of a file by its suffix."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
