"""Fetched: the files behind links, brought into the store once and known again.

Every dub asks the server for the front of the file: a file that has changed there is seen, one
that has not is not fetched again. A link that answers no more (no network, or its signature has
expired) stands for the file it led to before, as long as that is in the store.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync.disk import read_sealed
from lipsync.errors import MediaError, VendorBusy
from lipsync.links import Link
from lipsync.locks import alone
from lipsync.progress import tell
from lipsync.remote.answers import Look, fault
from lipsync.remote.looking import client, look, no_answer
from lipsync.store import Store
from lipsync.values import File
from lipsync.vendors.download import LinkDead, download, unfinished

if TYPE_CHECKING:
    from lipsync.means import Means

log = logging.getLogger(__name__)

# Ours: the rows of a batch that share a video plan within seconds; a file that is exchanged under
# them would be seen by half of them.
FRESH_S = 10.0
_MB = 1_000_000


class Fetched:
    """What was fetched by links, and through which link a file can be had."""

    def __init__(self, store: Store, means: "Means") -> None:
        self._store = store
        self._means = means
        self._files: dict[Link, tuple[File, float]] = {}
        self._origins: dict[str, tuple[Link, Look]] = {}

    def file(self, link: Link) -> File:
        """Return the file behind a link, as it was when this dub first asked for it.

        Raises:
            MediaError: The link leads to no media file, or to one that is too large.
            VendorBusy: It does not answer, or broke off; run again.
            StorageError: There is no room for it.
        """
        if link not in self._files:
            self.renew(link)
        return self._files[link][0]

    def renew(self, link: Link) -> None:
        """Ask whether the file behind a link is still the same, as every dub does at first.

        Raises:
            MediaError: Or another error, as `file`.
        """
        known = self._files.get(link)
        if known is None or time.monotonic() - known[1] > FRESH_S:
            self._files[link] = (self._asked(link), time.monotonic())

    def origin(self, file: File) -> tuple[Link, Look] | None:
        """Say which link answered with just these bytes in this process, and how."""
        return self._origins.get(file.sha256)

    def named(self, text: str) -> str:
        """Call files by the links they came through: where they are in the store says nothing."""
        for link, (file, _) in tuple(self._files.items()):
            text = text.replace(str(file.path), link.address).replace(file.path.name, link.name)
        return text

    def _asked(self, link: Link) -> File:
        """Look at a link, and fetch what is behind it unless that is here."""
        memo = self._memo(link)
        with alone(self._store.home.folder("locks") / f"fetch-{memo.stem}.lock"):
            known = read_sealed(memo) or {}
            before = self._kept(known)
            try:
                seen = _seen(link)
            except (MediaError, VendorBusy) as error:
                if before is None:
                    raise
                log.warning("%s; the file it led to before is used", error)
                return before
            if before is None or seen.mark is None or seen.mark != known["mark"]:
                before = self._brought(link, seen, memo)
        self._origins[before.sha256] = (link, seen)
        return before

    def _memo(self, link: Link) -> Path:
        name = hashlib.sha256(link.unsigned.encode()).hexdigest()
        return self._store.home.folder("fetched", name[:2]) / f"{name}.json"

    def _kept(self, known: dict[str, Any]) -> File | None:
        """Find the file that a link led to before; None when it is not there, intact."""
        if not known:
            return None
        digest = str(known["sha256"])
        place = Path(f"{digest}{known['suffix']}")
        file = File(path=place, sha256=digest, size_bytes=int(known["size_bytes"]))
        file = self._store.here(file)
        return file if self._store.intact(file) else None

    def _brought(self, link: Link, seen: Look, memo: Path) -> File:
        """Bring a file into the store; one that breaks off goes on where it broke, also later."""
        limit_mb = self._means.fetching().limit_mb
        if (seen.size_bytes or 0) > limit_mb * _MB:
            raise _too_large(link, seen.size_bytes or 0, limit_mb)
        partial = unfinished(self._store.home, f"link {memo.stem} {seen.mark}")
        if seen.mark is None:  # nothing would tell that the rest belongs to it
            partial.unlink(missing_ok=True)

        def count(here: int, total: int) -> None:
            if here > limit_mb * _MB:
                raise _too_large(link, here, limit_mb)
            tell("fetch", here, total)

        with self._store.scratch(link.suffix) as trial:
            _transfer(link, trial, partial, count)
            file = self._store.keep(trial, link.suffix)
        log.info("%s: fetched, %d bytes, %s", link, file.size_bytes, file.sha256[:8])
        self._note(memo, link, seen, file)
        return file

    def _note(self, memo: Path, link: Link, seen: Look, file: File) -> None:
        """Remember what a link led to; losing that costs a fetch."""
        note = {
            "address": link.address,
            "mark": seen.mark,
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
            "suffix": link.suffix,
        }
        self._store.write_record(memo, note, lasting=False)


def _seen(link: Link) -> Look:
    """Look at a link.

    Raises:
        MediaError: There is no media file behind it.
        VendorBusy: There is no answer, for now.
    """
    seen = look(link.whole)
    why = fault(seen)
    if why is None:
        return seen
    raise (VendorBusy if seen.is_later else MediaError)(f"{link}: {why}")


def _transfer(link: Link, trial: Path, partial: Path, count: Callable[[int, int], None]) -> None:
    try:
        with no_answer(link.whole):
            download(link.whole, trial, count, partial=partial, client=client(link.whole))
    except LinkDead as error:
        raise MediaError(f"{link}: stopped answering while it was fetched; check it") from error
    except VendorBusy as error:
        raise VendorBusy(
            f"{link}: broke off, and again; what has arrived is kept, run again later"
        ) from error
    except MediaError:
        partial.unlink(missing_ok=True)
        raise


def _too_large(link: Link, size_bytes: int, limit_mb: int) -> MediaError:
    return MediaError(
        f"{link}: has {size_bytes:,} bytes or more, over the limit of {limit_mb:,} MB; raise "
        "DUBLINE_FETCH_LIMIT_MB, or give a smaller file"
    )
