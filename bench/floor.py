"""The floor: a home, short pairs that are all different, and the vendors in a process apart."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from bench.race import FFMPEG

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
FRAMES, LENGTH_S, MODEL = 12, 0.48, "sync-2"


class Vendors:
    """The emulated vendors, asked for their account."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self._url = f"{environment['UNIFIED_BASE_URL']}/emulator/account"

    def account(self) -> Any:
        """Read what they sold."""
        with build_opener(ProxyHandler({})).open(self._url) as answer:
            return json.load(answer)

    def requests(self) -> int:
        """Count the calls to them."""
        calls = self.account()["calls"].items()
        return sum(count for name, count in calls if not name.startswith("emulator"))


@contextmanager
def floor(latency_s: float, flight: int) -> Iterator[tuple[Path, Vendors]]:
    """Open a folder of its own and vendors of its own, and export the way to both."""
    command = [sys.executable, "-m", "lipsync.emulator"]
    wishes = ["--latency", str(latency_s), "--slots", str(flight)]
    with (
        tempfile.TemporaryDirectory(prefix="dubline-floor-") as name,
        subprocess.Popen([*command, *wishes], stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        vendors = Vendors(json.loads(process.stdout.readline())["environment"])
        for variable in [one for one in os.environ if one.startswith(("FAL_", "UNIFIED_"))]:
            del os.environ[variable]
        os.environ.update(vendors.environment)
        os.environ |= {"DUBLINE_HOME": f"{name}/home", "FAL_IN_FLIGHT": str(flight)}
        try:
            yield Path(name), vendors
        finally:
            process.terminate()


def picture(folder: Path) -> Path:
    """Cut half a second of the bundled talk, small, with its face."""
    path = folder / "talk.mp4"
    if not path.exists():
        quiet = [FFMPEG, "-nostdin", "-v", "error", "-y", "-i", SAMPLES / "talk.mp4"]
        small = ["-vf", "scale=320:240", "-frames:v", str(FRAMES), "-an"]
        encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
        subprocess.run([*quiet, *small, *encoder, path], check=True)
    return path


def voice(folder: Path, number: int) -> Path:
    """Cut half a second of the bundled voice; no two are alike, by one sample."""
    path = folder / f"v{number}.wav"
    if path.exists():
        return path
    with wave.open(str(SAMPLES / "equal_fr.wav")) as source:
        kind = source.getparams()
        source.setpos(kind.framerate)
        sound = bytearray(source.readframes(round(LENGTH_S * kind.framerate)))
    middle = len(sound) // 4 * 2
    sound[middle : middle + 4] = struct.pack("<2h", number % 30_000, number // 30_000)
    with wave.open(str(path), "wb") as file:
        file.setparams(kind)
        file.writeframes(bytes(sound))
    return path


def manifest(
    folder: Path, rows: int, *, pairs: int | None = None, model: str = MODEL, first: int = 0
) -> Path:
    """Write a manifest of so many dubs, of as many voices unless told otherwise."""
    folder.mkdir(exist_ok=True)
    path, video = folder / f"{model}-{rows}.csv", picture(folder)
    voices = [voice(folder, first + number) for number in range(pairs or rows)]
    lines = [f"{video},{voices[n % len(voices)]},r{n},{model},r{n}.mp4" for n in range(rows)]
    path.write_text("\n".join(["video,voice,id,model,output", *lines]), encoding="utf-8")
    return path
