"""Fetching: the media of a job, from our own CDN, a data URI, or a server on this machine."""

import base64
import binascii
import ipaddress
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lipsync.store import hash_file
from lipsync.values import File

# Finds the file under a link of the emulator's own; None when it is not there.
Find = Callable[[str], Path | None]
# As long as a runner may reasonably wait for one file of this machine.
PATIENCE_S = 20


class NotFetched(Exception):
    """The vendor's machines cannot get a file."""


class Fetcher:
    """Gets files as the vendor's machines would, without leaving this one."""

    def __init__(self, find: Find, folder: Path) -> None:
        self._find = find
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # No proxy: it is ours, and lets nothing through.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoWayOut())

    def fetch(self, url: str) -> File:
        """Get a file.

        Raises:
            NotFetched: It is not there, or not on this machine.
        """
        path = self._find(url)
        if path is None:
            path = self._inline(url) if url.startswith("data:") else self._download(url)
        return File(path=path, sha256=hash_file(path), size_bytes=path.stat().st_size)

    def _inline(self, url: str) -> Path:
        head, comma, data = url.partition(",")
        try:
            content = (
                base64.b64decode(data, validate=True)
                if head.endswith(";base64")
                else unquote(data).encode()
            )
        except binascii.Error as error:
            raise NotFetched("the data URI cannot be decoded") from error
        if not comma:
            raise NotFetched("the data URI has no data")
        return self._kept(content)

    def _download(self, url: str) -> Path:
        if not is_here(url):
            raise NotFetched(f"{urlsplit(url).hostname} is not on this machine")
        try:
            with self._opener.open(url, timeout=PATIENCE_S) as answer:
                return self._kept(answer.read())
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise NotFetched(f"the link does not answer ({error})") from error

    def _kept(self, content: bytes) -> Path:
        path = self._folder / secrets.token_hex(8)
        path.write_bytes(content)
        return path


class _NoWayOut(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to this machine."""

    def redirect_request(  # noqa: PLR0913, PLR0917  the standard library's own
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Allow or refuse one step."""
        if not is_here(newurl):
            raise urllib.error.URLError(f"redirected to {urlsplit(newurl).hostname}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_here(url: str) -> bool:
    """Say whether a link points to this machine.

    >>> is_here("http://127.0.0.1:9000/a.mp4"), is_here("https://example.com/a.mp4")
    (True, False)
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
