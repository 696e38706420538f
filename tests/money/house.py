"""A house that buys from both emulated vendors, as each wants it; no two pairs are alike."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from lipsync.accounts import FalSettings
from lipsync.emulator import emulating
from lipsync.emulator.account import Accepted
from lipsync.emulator.clock import Clock
from lipsync.emulator.emulator import Emulator
from lipsync.fit import SyncMode
from lipsync.home import Home
from lipsync.ledger import Ledger
from lipsync.options import request_arguments
from lipsync.outcomes import CLOCK_SLACK_S
from lipsync.quote import quote
from lipsync.store import Store
from lipsync.tickets import Order
from lipsync.values import File
from lipsync.vendors.fal.vendor import FalVendor
from lipsync.vendors.protocol import Vendor
from lipsync.vendors.unified.vendor import UnifiedVendor
from tests.clips import make_clip, speech, write_wav
from tests.lipsync.hosting.servers import showing
from tests.lipsync.orders import kept
from tests.lipsync.pairs import CATALOGUE

PAID = [name for name, row in CATALOGUE.models.items() if row.vendor in {"fal", "unified"}]
FAL = [name for name in PAID if CATALOGUE.models[name].vendor == "fal"]
RATE, FRAMES = Fraction(60), 36
SPEECH = speech(FRAMES / float(RATE))
LATENCY_S = 10.0
# A client that gives up before a slow reply comes, and how late that is, in real seconds.
HASTY_S, SLOW_S = 0.5, 2.0


@dataclass
class House:
    """One home, and the account of what it bought."""

    emulator: Emulator
    store: Store
    environ: dict[str, str]
    video: File
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _settled: set[str] = field(default_factory=set)

    def ledger(self) -> Ledger:
        """Open the ledger, as each process does."""
        return Ledger(self.store.home.ledger)

    def voice(self) -> File:
        """Write a voice nobody has heard before."""
        sound = SPEECH.copy()
        sound[0] = next(self._numbers) / 32767
        path = write_wav(self.store.home.folder("voices") / "voice.wav", sound)
        return kept(self.store, path)

    def order(self, model: str, video: File | None = None) -> Order:
        """Order a dub of a new pair; what was sold before it is settled."""
        self._settled |= {job.request_id for job in self.emulator.account().accepted}
        return order_of(video or self.video, self.voice(), model)

    def sold(self) -> list[Accepted]:
        """What was accepted since the last order."""
        accepted = self.emulator.account().accepted
        return [job for job in accepted if job.request_id not in self._settled]

    def vendor(self, name: str, *, hasty: bool = False, **settings: Any) -> Vendor:
        """Set a vendor up, as a new process does; fal's list is believed at once."""
        if name == "unified":
            impatience = {"UNIFIED_REPLY_TIMEOUT_S": str(HASTY_S)} if hasty else {}
            return UnifiedVendor.found(self.store, CATALOGUE, self.environ | impatience)
        wishes = {"listed_within_s": 0} | ({"reply_timeout_s": HASTY_S} if hasty else {}) | settings
        key = SecretStr(self.environ["FAL_KEY"])
        fal = FalVendor(FalSettings.model_validate({"key": key} | wishes), CATALOGUE, self.store)
        fal.grace_s = -CLOCK_SLACK_S  # as if that much time had passed
        return fal


def order_of(video: File, voice: File, model: str) -> Order:
    """Order a dub on a row of the catalogue, as the stages would."""
    row = CATALOGUE.models[model]
    return Order(
        key=f"{model}-{voice.sha256}",
        vendor=row.vendor,
        model=model,
        endpoint=row.endpoint,
        arguments=request_arguments(row, {}, SyncMode.CUT_OFF),
        video=video,
        voice=voice,
        frames=FRAMES,
        rate=RATE,
        quoted_usd=quote(row, FRAMES / float(RATE)),
    )


@contextmanager
def open_house(
    folder: Path, setenv: Callable[[str, str], None], **settings: Any
) -> Iterator[House]:
    """Open a house; the vendors' time stands still unless a clock is given."""
    shown = folder / "shown"
    shown.mkdir()
    usual: dict[str, Any] = {
        "latency_s": LATENCY_S,
        "fal_slots": 64,
        "unified_slots": 64,
        "slow_s": SLOW_S,
        "clock": Clock(running=False),
    }
    with showing(shown) as url, emulating(folder, **(usual | settings)) as emulator:
        for name in [name for name in os.environ if name.startswith(("FAL_", "UNIFIED_"))]:
            setenv(name, "")
        hosting = {"HOSTING_FOLDER": str(shown), "HOSTING_BASE_URL": url}
        environ = emulator.environment | hosting
        for name, value in environ.items():
            setenv(name, value)
        store = Store(Home(folder / "home"))
        clip = make_clip(folder / "clip.mp4", frames=FRAMES, rate=RATE)
        yield House(emulator, store, environ, kept(store, clip))
