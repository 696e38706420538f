"""Normalize beside the best plain ffmpeg commands for the same result, and ffmpeg-normalize.

Run: python -m bench.normalize [minutes]    (CPU seconds of whole processes, start-up included)

"The same result" is -16 ±0.05 LUFS, at most -1 dBTP, 48 kHz 16-bit, measured again. Plain ffmpeg
is ebur128 with true peak, then volume and alimiter at the native rate with 0.35 dB to spare (at
192 kHz it costs twice as much), then ebur128 of what was written; again with the gain corrected by
the miss until it is met. ffmpeg-normalize is two passes of loudnorm, its defaults but for target
and rate.
"""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT.parent / "shared" / "samples" / "demo2_audio.wav"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
TARGET_LUFS, CEILING_DBTP, SPARE_DB, AIM_LU, ROUNDS = -16.0, -1.0, 0.35, 0.05, 5

OURS = """
import sys
from pathlib import Path
from lipsync.home import Home
from lipsync.normalize import normalize
from lipsync.store import Store, hash_file
from lipsync.values import File
from lipsync.voice import NormalizeRequest
path = Path(sys.argv[1])
source = File(path=path, sha256=hash_file(path), size_bytes=path.stat().st_size)
print(normalize(NormalizeRequest(source=source), Store(Home(Path(sys.argv[2])))).file.path)
"""


@dataclass
class Cost:
    """What processes used."""

    cpu_s: float = 0.0
    peak_mib: float = 0.0
    said: str = ""

    def run(self, *command: str | Path) -> str:
        """Run one more process to its end; what it printed."""
        with tempfile.TemporaryFile("w+") as said:
            words = [str(word) for word in command]
            environment = {**os.environ, "FFMPEG_PATH": FFMPEG, "PYTHONPATH": str(ROOT)}
            process = subprocess.Popen(words, stdout=said, stderr=said, env=environment)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            self.said = said.read()
        if process.returncode:
            raise SystemExit(f"{words[0]} failed:\n{self.said}")
        self.cpu_s += used.ru_utime + used.ru_stime
        self.peak_mib = max(self.peak_mib, used.ru_maxrss / 1024)
        return self.said


def measured(path: Path, cost: Cost) -> tuple[float, float]:
    """Measure LUFS and dBTP with the ffmpeg binary."""
    meter = "ebur128=peak=true:framelog=quiet"
    said = cost.run(FFMPEG, "-nostdin", "-nostats", "-i", path, "-af", meter, "-f", "null", "-")
    summary = said[said.rindex("Summary:") :]
    integrated = re.search(r"I:\s+(\S+) LUFS", summary)
    peak = re.search(r"Peak:\s+(\S+) dBFS", summary)
    assert integrated
    assert peak
    return float(integrated[1]), float(peak[1])


def ours(path: Path, folder: Path) -> tuple[Cost, Path]:
    """Run our stage in a process of its own."""
    cost = Cost()
    return cost, Path(cost.run(sys.executable, "-c", OURS, path, folder / "home").split()[-1])


def plain_ffmpeg(path: Path, folder: Path) -> tuple[Cost, Path]:
    """Do by hand what the stage does."""
    cost, output = Cost(), folder / "plain.wav"
    gain_db = TARGET_LUFS - measured(path, cost)[0]
    ceiling = 10 ** ((CEILING_DBTP - SPARE_DB) / 20)
    for _ in range(ROUNDS):
        chain = f"volume={gain_db}dB,alimiter=limit={ceiling}:level=0"
        command = (FFMPEG, "-v", "error", "-nostdin", "-y", "-i", path, "-af", chain)
        cost.run(*command, "-ar", "48000", "-c:a", "pcm_s16le", output)
        miss_lu = TARGET_LUFS - measured(output, cost)[0]
        if abs(miss_lu) <= AIM_LU:
            break
        gain_db += miss_lu
    return cost, output


def ffmpeg_normalize(path: Path, folder: Path) -> tuple[Cost, Path]:
    """Run the peer."""
    cost, output = Cost(), folder / "peer.wav"
    peer = Path(sys.executable).with_name("ffmpeg-normalize")
    target = ["-t", str(TARGET_LUFS), "-tp", str(CEILING_DBTP), "-ar", "48000"]
    cost.run(peer, path, "-o", output, "-f", *target)
    return cost, output


def voice_of(minutes: int, folder: Path) -> Path:
    """Repeat real speech for so long."""
    path = folder / f"voice_{minutes}.wav"
    loop = (FFMPEG, "-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-i", SAMPLE)
    Cost().run(*loop, "-t", str(60 * minutes), "-ar", "48000", path)
    return path


def main(minutes: int) -> None:
    """Print the table, and our memory for one minute and for many."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = voice_of(minutes, folder)
        table = {way.__name__: way(path, folder) for way in (ours, plain_ffmpeg, ffmpeg_normalize)}
        base = table["ours"][0].cpu_s
        print(f"{minutes} min of speech          CPU s  x ours    MiB    LUFS    dBTP")
        for way, (cost, output) in table.items():
            lufs, dbtp = measured(output, Cost())
            figures = f"{cost.cpu_s:6.2f}  {cost.cpu_s / base:6.2f}  {cost.peak_mib:5.0f}"
            print(f"{way:22} {figures}  {lufs:6.1f}  {dbtp:6.1f}")
        short, _ = ours(voice_of(1, folder), folder)
        print(f"ours, peak memory: {short.peak_mib:.0f} MiB for 1 min, ", end="")
        print(f"{table['ours'][0].peak_mib:.0f} MiB for {minutes} min")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
