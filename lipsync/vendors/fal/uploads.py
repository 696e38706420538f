"""Uploads: puts files on fal's CDN by fal's own client; the same content once while its link lives.

An upload buys nothing. What was uploaded is remembered below home, and a remembered link is looked
at before it is used again: another account, or the emulator, may have made it.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from lipsync.disk import read_sealed
from lipsync.errors import MediaError, VendorBusy
from lipsync.locks import alone
from lipsync.store import Store
from lipsync.values import File
from lipsync.vendors.fal.answers import of_upload
from lipsync.vendors.fal.line import CONNECT_S, Line, read
from lipsync.vendors.ranges import whole_size

log = logging.getLogger(__name__)

# A job may wait long before fal fetches its files: a link with less than half its life is replaced.
LEAST_LIFE = 0.5
# How long fal's CDN may take to answer for a link that is used again; then it is made anew.
LOOK_S = 15.0
# Ours: one video in many languages asks after one link again and again; so long one answer counts.
LOOKED_S = 60.0


class Uploads:
    """The files of one account on fal's CDN."""

    def __init__(self, line: Line, store: Store) -> None:
        self._line = line
        self._store = store
        self._answered_s: dict[tuple[str, int], float] = {}

    def link(self, file: File, generation: int = 1, beside: str = "") -> str:
        """Return a public link to a file's content, uploaded now unless one still lives.

        Args:
            file: Which; its bytes are checked against its hash before they leave.
            generation: Of the order it is for. Each has a link of its own, so that the links of
                a request tell it from one for the same pair that was bought earlier on purpose.
            beside: Hash of what it is sent with, where that has no link of its own; again a link
                for each.

        Raises:
            MediaError: The file is gone or altered.
            VendorRefused: fal does not take the file, or does not accept the key.
            VendorBusy: fal did not take the upload; try again.
        """
        memo = self._memo(file, generation, beside)
        with alone(self._store.home.folder("locks") / f"upload-{memo.stem}.lock"):
            return self._remembered(memo, file) or self._uploaded(self._at_hand(file), memo)

    def inline(self, file: File) -> str:
        """Write a file out as a `data:` link, for what is small enough to travel in the request."""
        from fal_client import encode_file  # noqa: PLC0415  see lipsync.vendors.fal.line

        return str(encode_file(self._at_hand(file).path))

    def _memo(self, file: File, generation: int, beside: str) -> Path:
        what = f"{file.sha256} {generation} {beside}".rstrip()
        name = hashlib.sha256(what.encode()).hexdigest()
        return self._store.home.folder("uploads", name[:2]) / f"{name}.json"

    def _at_hand(self, ordered: File) -> File:
        file = self._store.here(ordered)
        if not self._store.intact(file):
            raise MediaError(
                f"{file.path}: was to be sent and is gone or altered; run the dub again"
            )
        return file

    def _remembered(self, memo: Path, file: File) -> str | None:
        """Return the link that was made before, when it lives and leads to as many bytes."""
        known = read_sealed(memo)
        left_s = 0.0 if known is None else float(known["expires_s"]) - time.time()
        if known is None or left_s < LEAST_LIFE * self._line.settings.upload_lifetime_s:
            return None
        link = str(known["url"])
        return link if self._answers(link, file.size_bytes) else None

    def _answers(self, link: str, size_bytes: int) -> bool:
        """Say whether a link leads to so many bytes; it was asked a moment ago, or is asked now."""
        import httpx  # noqa: PLC0415  see lipsync.vendors.fal.line

        if time.monotonic() - self._answered_s.get((link, size_bytes), -LOOKED_S) < LOOKED_S:
            return True
        timeout = httpx.Timeout(LOOK_S, connect=CONNECT_S)
        one_byte = {"Range": "bytes=0-0"}
        try:
            with self._line.keyless.stream(
                "GET", link, headers=one_byte, timeout=timeout
            ) as response:
                if response.status_code == 206:  # noqa: PLR2004  the one byte; else it is all of it
                    response.read()
        except httpx.TransportError:
            return False
        if whole_size(response.status_code, dict(response.headers)) != size_bytes:
            return False
        self._answered_s[link, size_bytes] = time.monotonic()
        return True

    def _uploaded(self, file: File, memo: Path) -> str:
        """Upload a file under a name without a letter of ours, and remember where it went."""
        lifetime_s = self._line.settings.upload_lifetime_s
        expires_s = time.time() + lifetime_s
        suffix = file.path.suffix.lower()
        # X-Fal-File-Name is sent as ASCII (fal-protocol.md §14), and fal goes by the extension.
        plain = suffix if suffix.isascii() and suffix[1:].isalnum() else ".bin"
        with self._store.scratch(plain) as lent, _upload_errors(file, self._line.settings.key):
            lent.symlink_to(file.path.absolute())
            url = self._sent(lent, lifetime_s)
        note = {"sha256": file.sha256, "url": url, "expires_s": expires_s}
        self._store.write_record(memo, note, lasting=False)
        log.info("%s uploaded to fal, %d bytes", file.sha256[:8], file.size_bytes)
        return url

    def _sent(self, alias: Path, lifetime_s: int) -> str:
        from fal_client import StorageSettings  # noqa: PLC0415  see lipsync.vendors.fal.line

        return str(
            self._line.client.upload_file(
                alias,
                # The second way is dead, and its error would hide the first (fal-protocol.md §14).
                fallback_repository=[],
                lifecycle=StorageSettings(expires_in=lifetime_s),
            )
        )


@contextmanager
def _upload_errors(file: File, key: SecretStr | None) -> Iterator[None]:
    """Turn whatever fal's client raises on the way into what may be done about it."""
    import httpx  # noqa: PLC0415  see lipsync.vendors.fal.line
    from fal_client import FalClientHTTPError  # noqa: PLC0415  the same

    try:
        yield
    except (FalClientHTTPError, httpx.HTTPStatusError) as error:
        # Its own words are fal's, unstarred: they may repeat the key.
        raise of_upload(read(error.response, key)).error() from None
    except httpx.TransportError as error:
        raise VendorBusy(
            f"{file.sha256[:8]}: the upload to fal broke off ({type(error).__name__}); nothing was "
            "bought, try again later"
        ) from error
    except (KeyError, ValueError) as error:  # no ETag for a part, no link, no JSON
        raise VendorBusy(
            f"{file.sha256[:8]}: fal's answer to the upload lacks something ({error}); nothing was "
            "bought, try again later"
        ) from error
