"""Two ways to the same result, run in turns: wall time, processor time and peak memory of each."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
# Fifteen seconds of moving test picture; longer clips repeat it packet by packet.
SEED_S = 15


@dataclass(frozen=True)
class Run:
    """What one process took, its children included."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def run(command: Sequence[str | Path]) -> Run:
    """Run a command to its end and measure it; its complaints are shown when it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {process.returncode}")
    cpu_s = used.ru_utime + used.ru_stime
    return Run(time.perf_counter() - start, cpu_s, used.ru_maxrss / 1024)


def race(rounds: int, ours: Callable[[], Run], theirs: Callable[[], Run]) -> tuple[Run, Run]:
    """Run both in turns and return the median of each."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    return median([pair[0] for pair in pairs]), median([pair[1] for pair in pairs])


def median(runs: Sequence[Run]) -> Run:
    """Take the median of every figure on its own."""
    columns = zip(*((each.wall_s, each.cpu_s, each.peak_mb) for each in runs), strict=True)
    return Run(*(statistics.median(column) for column in columns))


def row(name: str, ours: Run, theirs: Run) -> str:
    """Write one line of the table."""
    return (
        f"{name:<34} {ours.wall_s:6.2f} s {theirs.wall_s:6.2f} s  "
        f"wall {ours.wall_s / theirs.wall_s:5.2f}  cpu {ours.cpu_s / theirs.cpu_s:5.2f}  "
        f"{ours.peak_mb:4.0f} MB {theirs.peak_mb:4.0f} MB"
    )


def footage(folder: Path, seconds: int, size: str = "1920x1080") -> Path:
    """Make (once) a clip of H.264 with B-frames and closed groups of 60, 30 frames a second."""
    folder.mkdir(parents=True, exist_ok=True)
    seed, path = folder / f"seed_{size}.mp4", folder / f"{seconds}s_{size}.mp4"
    quiet = [FFMPEG, "-nostdin", "-v", "error", "-y"]
    if not seed.exists():
        source = f"testsrc2=s={size}:r=30:d={SEED_S}"
        x264 = ["-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-pix_fmt", "yuv420p"]
        run([*quiet, "-f", "lavfi", "-i", source, *x264, seed])
    if not path.exists():
        loops = ["-stream_loop", str(seconds // SEED_S - 1), "-i", str(seed)]
        run([*quiet, *loops, "-c", "copy", "-frames:v", str(seconds * 30), path])
    return path


def python(script: str, *arguments: str | Path) -> list[str | Path]:
    """Name the interpreter this runs on, the script, and what it is given."""
    return [sys.executable, "-c", script, *arguments]
