"""A market: emulated fal with faults on every way to it, and many pairs that are all different."""

import os
import shutil
import struct
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from pydantic import SecretStr

from bench.race import FFMPEG
from lipsync.accounts import FalSettings
from lipsync.emulator import emulating
from lipsync.emulator.emulator import Emulator
from lipsync.emulator.presets import preset
from lipsync.fit import SyncMode
from lipsync.home import Home
from lipsync.options import request_arguments
from lipsync.outcomes import CLOCK_SLACK_S
from lipsync.quote import quote
from lipsync.shelf import load_catalogue
from lipsync.store import Store
from lipsync.tickets import Order
from lipsync.values import File
from lipsync.vendors.fal.vendor import FalVendor

CATALOGUE = load_catalogue()
ROWS = [name for name, row in CATALOGUE.models.items() if row.vendor == "fal"]
RATE, FRAMES, VOICE_HZ = Fraction(25), 12, 16_000

# What may happen to each kind of request, by how often it happens to one of them. None of these
# ends a job: every job that is accepted has a result, and no second purchase is ever right.
WAYS = {
    "submit": (
        "cut_after_acceptance",
        "cut_before_acceptance",
        "nginx_502_after_acceptance",
        "nginx_504_after_acceptance",
        "nginx_502",
        "nginx_504",
        "error_500_after_acceptance",
        "error_503_after_acceptance",
        "error_500",
        "error_503",
        "too_many",
        "receipt_missing_keys",
    ),
    "upload": ("upload_500", "upload_503", "upload_cut"),
    "stream": ("stream_cut",),
    "status": ("status_500", "status_503", "status_cut", "status_missing_keys", "status_odd"),
    "job": ("requeue",),
    "result": ("result_busy", "result_cut"),
    "download": ("link_expired", "download_cut", "wrong_bytes"),
    "requests": ("listing_503",),
}


@contextmanager
def market(folder: Path, share: float, slots: int) -> Iterator[Emulator]:
    """Open it, and export the way there; of the requests of each kind this share goes wrong."""
    faults = [
        preset(name, vendor="fal", share=share / len(names), times=None)
        for names in WAYS.values()
        for name in names
    ]
    folder.mkdir(parents=True)
    with emulating(folder, faults=faults, fal_slots=slots, latency_s=0.5) as emulator:
        os.environ.update(emulator.environment)
        yield emulator


def clip(folder: Path) -> Path:
    """Make the picture of all pairs."""
    path = folder / "clip.mp4"
    source = f"testsrc2=s=160x120:r={RATE}"
    quiet = [FFMPEG, "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source]
    cut = ["-frames:v", str(FRAMES), "-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([*quiet, *cut, "-pix_fmt", "yuv420p", path], check=True)
    return path


def voice(folder: Path, number: int) -> Path:
    """Write a voice that differs from every other in one sample."""
    path = folder / f"voice-{number}.wav"
    samples = int(FRAMES / RATE * VOICE_HZ)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, VOICE_HZ, samples, "NONE", ""))
        file.writeframes(struct.pack("<h", number) + bytes(2 * (samples - 1)))
    return path


def kept(store: Store, path: Path) -> File:
    """Copy a file into a store."""
    with store.scratch(path.suffix) as trial:
        shutil.copyfile(path, trial)
        return store.keep(trial, path.suffix)


def order(store: Store, picture: File, folder: Path, number: int) -> Order:
    """Order a pair nobody else has, on one of fal's rows after the other."""
    sound = kept(store, voice(folder, number))
    model = ROWS[number % len(ROWS)]
    row = CATALOGUE.models[model]
    return Order(
        key=f"{model}-{sound.sha256}",
        vendor="fal",
        model=model,
        endpoint=row.endpoint,
        arguments=request_arguments(row, {}, SyncMode.CUT_OFF),
        video=picture,
        voice=sound,
        frames=FRAMES,
        rate=RATE,
        quoted_usd=quote(row, FRAMES / float(RATE)),
    )


def orders(folder: Path, count: int) -> tuple[Store, list[Order]]:
    """Order many dubs."""
    store = Store(Home(folder / "home"))
    picture = kept(store, clip(folder))
    return store, [order(store, picture, folder, number) for number in range(count)]


def fal(emulator: Emulator, store: Store) -> FalVendor:
    """Set fal up for an account whose list shows every request at once, as the emulator's does.

    Its clock is this machine's, so the minute that two clocks may differ by need not be waited for.
    """
    key = SecretStr(emulator.settings.fal_key)
    vendor = FalVendor(FalSettings(key=key, listed_within_s=0), CATALOGUE, store)
    vendor.grace_s = -CLOCK_SLACK_S
    return vendor
