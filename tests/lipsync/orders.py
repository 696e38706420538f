"""Orders that are valid by default, and a paid vendor that keeps its books on disk."""

import os
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from lipsync.errors import OutcomeUnknown
from lipsync.store import Store
from lipsync.tickets import Media, Order, Receipt, Ticket
from lipsync.values import File
from lipsync.vendors.protocol import CancelAnswer, Fetched, Fetching, Progress, Standing

NO_FILE = File(path=Path("/nowhere.mp4"), sha256="0" * 64, size_bytes=1)


def make_order(key: str = "k1", **changes: object) -> Order:
    """Return an order for one dub."""
    order = Order(
        key=key,
        vendor="paid",
        model="sync-2",
        endpoint="fal-ai/sync-lipsync/v2",
        arguments={"sync_mode": "cut_off"},
        video=NO_FILE,
        voice=NO_FILE,
        frames=25,
        rate=Fraction(25),
        quoted_usd=Decimal("0.05"),
    )
    return order.model_copy(update=changes)


class PaidVendor:
    """Takes every request it is sent, as the real ones do, and writes each on its bill.

    The books are files, so that they outlive the worker and are shared by all workers.
    `answers` go wrong one after the other before the next request is taken, `uploads` before the
    next upload. Its list of requests shows what it took, unless it is `discreet`.
    """

    name = "paid"
    replayable = False
    grace_s = 0.0
    discreet = True
    cancelling = CancelAnswer.ASKED

    def __init__(self, books: Path, result: Path | None = None) -> None:
        self._books = books
        self.result = result
        self.answers: list[Callable[[], None]] = []
        self.uploads: list[Callable[[], None]] = []
        self.standings: list[Progress] = []
        books.mkdir(parents=True, exist_ok=True)

    @property
    def sold(self) -> int:
        """How many jobs were taken, and will be billed."""
        return len(self._lines("sold"))

    def sold_for(self, key: str) -> int:
        """How many jobs were taken for one order."""
        return self._lines("sold").count(key)

    @property
    def fetches(self) -> int:
        """How often a result was fetched."""
        return len(self._lines("fetched"))

    @property
    def uploaded(self) -> int:
        """How often a pair was uploaded."""
        return len(self._lines("uploaded"))

    def prepare(self, order: Order) -> Media:
        if self.uploads:
            self.uploads.pop(0)()
        self._write("uploaded", order.key)
        return media_of(order)

    def submit(self, order: Order, media: Media | None) -> Receipt:
        assert media == media_of(order)
        if self.answers:
            self.answers.pop(0)()
        return self.take(order.key)

    def take(self, key: str) -> Receipt:
        """Take a job, and answer."""
        self._write("sold", key)
        return Receipt(request_id=f"job-{self.sold}", urls={"status": "https://x/status"})

    def watch(self, ticket: Ticket) -> Iterator[Progress]:  # noqa: ARG002  the protocol
        return iter(())

    def look_up(self, ticket: Ticket, taken: Callable[[str], bool]) -> Receipt | None:
        if self.discreet:
            raise OutcomeUnknown("paid has no list of requests")
        jobs = enumerate(self._lines("sold"), 1)
        found = [f"job-{number}" for number, key in jobs if key == ticket.key]
        ours = [job for job in found if not taken(job)]
        return Receipt(request_id=ours[0]) if ours else None

    def status(self, ticket: Ticket) -> Progress:  # noqa: ARG002  the protocol
        return self.standings.pop(0) if self.standings else Progress(state=Standing.DONE)

    def fetch(self, ticket: Ticket, into: Path, progress: Fetching) -> Fetched:
        progress(0, 1)
        if self.answers:
            self.answers.pop(0)()
        self._write("fetched", ticket.key)
        assert self.result is not None
        shutil.copyfile(self.result, into)
        return Fetched(billed_usd=Decimal("0.04"), notes=("made by job",))

    def cancel(self, ticket: Ticket) -> CancelAnswer:  # noqa: ARG002  the protocol
        return self.cancelling

    def _lines(self, book: str) -> list[str]:
        place = self._books / book
        return place.read_text().splitlines() if place.exists() else []

    def _write(self, book: str, line: str) -> None:
        handle = os.open(self._books / book, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(handle, f"{line}\n".encode())
        os.close(handle)


def media_of(order: Order) -> Media:
    """Say where a pair is after its upload; the links are signed."""
    return Media(
        video_url=f"https://cdn/{order.key}/video.mp4?signature=planted-secret",
        voice_url=f"https://cdn/{order.key}/voice.wav?signature=planted-secret",
    )


def raising(error: Exception) -> Callable[[], None]:
    """Return an answer that is an error."""

    def answer() -> None:
        raise error

    return answer


def in_scratch(store: Store) -> set[Path]:
    """Find what is unfinished, or was left behind; the room it is in and its lock are neither."""
    found = (store.home.root / "scratch").rglob("*")
    return {path for path in found if path.name not in {".door", ".lock"} and not path.is_dir()}


def kept(store: Store, path: Path) -> File:
    """Copy a file into a store."""
    with store.scratch(path.suffix) as trial:
        shutil.copyfile(path, trial)
        return store.keep(trial, path.suffix)
