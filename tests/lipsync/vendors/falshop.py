"""A pair, an order of it on any row of fal's, and the emulator that sells to it over TLS."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from lipsync.accounts import FalSettings
from lipsync.emulator import emulating
from lipsync.emulator.emulator import Emulator
from lipsync.fit import SyncMode
from lipsync.home import Home
from lipsync.options import request_arguments
from lipsync.quote import quote
from lipsync.store import Store
from lipsync.tickets import Media, Order, Receipt, Ticket, TicketState
from lipsync.values import File
from lipsync.vendors.fal.vendor import FalVendor
from lipsync.vendors.protocol import Progress, Standing
from tests.clips import make_clip, make_voice
from tests.lipsync.orders import kept
from tests.lipsync.pairs import CATALOGUE

RATE = Fraction(25)
FRAMES = 25
ROWS = [name for name, row in CATALOGUE.models.items() if row.vendor == "fal"]
WAITING = {Standing.QUEUED, Standing.RUNNING, Standing.SILENT}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_order(
    video: File, voice: File, model: str = "sync-2", generation: int = 1, **options: Any
) -> Order:
    """Order a dub on a row of the catalogue, as the stages would."""
    row = CATALOGUE.models[model]
    return Order(
        key=f"{model}-{generation}-{len(options)}-{video.sha256[:8]}",
        generation=generation,
        vendor="fal",
        model=model,
        endpoint=row.endpoint,
        arguments=request_arguments(row, options, SyncMode.CUT_OFF),
        video=video,
        voice=voice,
        frames=FRAMES,
        rate=RATE,
        quoted_usd=quote(row, FRAMES / float(RATE)),
    )


def make_ticket(order: Order, receipt: Receipt | None, **changes: Any) -> Ticket:
    """Write the ticket of an order, as the ledger would."""
    now = datetime.now(UTC)
    ticket = Ticket(
        id=7,
        key=order.key,
        generation=order.generation,
        state=TicketState.SUBMITTED if receipt else TicketState.SUBMITTING,
        vendor="fal",
        model=order.model,
        endpoint=order.endpoint,
        order=order,
        request_id=receipt.request_id if receipt else None,
        urls=receipt.urls if receipt else {},
        sent_at=now,
        quoted_usd=order.quoted_usd,
        created_at=now,
        updated_at=now,
    )
    return ticket.model_copy(update=changes)


@dataclass
class Shop:
    """One home with a pair in its store, and fal as its account sees it."""

    emulator: Emulator
    store: Store
    vendor: FalVendor
    video: File
    voice: File
    told: list[tuple[int, int]] = field(default_factory=list)

    def order(self, model: str = "sync-2", **options: Any) -> Order:
        return make_order(self.video, self.voice, model, **options)

    def bought(self, order: Order | None = None) -> Ticket:
        """Buy, and write the ticket."""
        order = order or self.order()
        media = self.vendor.prepare(order)
        receipt = self.vendor.submit(order, media)
        return make_ticket(order, receipt, media=media.without_queries())

    def lost(self, order: Order | None = None, *, media: Media | None = None) -> Ticket:
        """Write the ticket of an order whose answer was lost."""
        order = order or self.order()
        media = media or self.vendor.prepare(order)
        return make_ticket(order, None, media=media.without_queries(), state=TicketState.UNKNOWN)

    def ended(self, ticket: Ticket) -> Progress:
        """Follow a job to its end."""
        return self.until(ticket, lambda progress: progress.state not in WAITING)

    def until(self, ticket: Ticket, holds: Callable[[Progress], bool]) -> Progress:
        """Ask for the status, as often as it takes."""
        while not holds(progress := self.vendor.status(ticket)):
            pass
        return progress

    def fetched(self, ticket: Ticket) -> Path:
        """Fetch the result of a job that has ended."""
        into = self.store.home.folder("out") / "result.mp4"
        self.vendor.fetch(ticket, into, lambda done, total: self.told.append((done, total)))
        return into

    def calls(self, route: str) -> int:
        """Count the requests fal was sent."""
        return self.emulator.account().calls.get(f"fal {route}", 0)

    def again(self, **settings: Any) -> FalVendor:
        """Return the vendor of another process with the same home."""
        key = SecretStr(self.emulator.settings.fal_key)
        return FalVendor(FalSettings(**({"key": key} | settings)), CATALOGUE, self.store)


@contextmanager
def open_shop(folder: Path, setenv: Callable[[str, str], None], **settings: Any) -> Iterator[Shop]:
    """Open a shop with an emulator of its own; nothing of it reaches another machine."""
    with emulating(folder, **({"latency_s": 0.05} | settings)) as emulator:
        for name in [name for name in os.environ if name.startswith("FAL_")]:
            setenv(name, "")
        for name, value in emulator.environment.items():
            setenv(name, value)
        store = Store(Home(folder / "home"))
        clip = make_clip(folder / "clip.mp4", frames=FRAMES, rate=RATE)
        video, voice = kept(store, clip), kept(store, make_voice(folder / "voice.wav", 1.0))
        vendor = FalVendor(FalSettings.found(emulator.environment), CATALOGUE, store)
        yield Shop(emulator, store, vendor, video, voice)
