"""Fit beside plain ffmpeg: every mode, both sources, in one run; and memory at 1 and 10 minutes.

Run: `python -m bench.fit [--long]`; `--long` adds the ten-minute clips (about five minutes).
"""

import argparse
import math
import os
import tempfile
from fractions import Fraction
from pathlib import Path

from bench.race import FFMPEG, Run, footage, python, race, row, run
from lipsync.fit import Lengths, SyncMode, predicted_frames

ROUNDS = 3
SAMPLE = Path(__file__).resolve().parents[2] / "shared" / "samples" / "demo1_video.mp4"

# One conform in a process of its own, start-up included: video, home, mode, voice seconds.
OURS = """
import sys, wave
from pathlib import Path
from lipsync.conform import conform
from lipsync.requests import ConformRequest
from lipsync.fit import Lengths, SyncMode, plan_fit
from lipsync.home import Home
from lipsync.probe import probe
from lipsync.store import Store, hash_file
from lipsync.values import File
def file(path):
    return File(path=path, sha256=hash_file(path), size_bytes=path.stat().st_size)
video, home, mode, voice_s = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
home.mkdir(parents=True, exist_ok=True)
voice = home / "voice.wav"
with wave.open(str(voice), "wb") as sound:
    sound.setparams((1, 2, 48000, 0, "NONE", ""))
    sound.writeframes(bytes(2 * round(voice_s * 48000)))
facts = probe(file(video)).video
lengths = Lengths(
    source_frames=facts.frames, rate=facts.rate, voice_samples=round(voice_s * 48000)
)
plan = plan_fit(SyncMode(mode), lengths)
pair = conform(
    ConformRequest(video=file(video), video_facts=facts, plan=plan, voice=file(voice)),
    Store(Home(home)),
)
assert pair.frames == plan.frames
"""

ENCODE = ["-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"]
TAIL = ["-fps_mode", "cfr", "-movflags", "+faststart"]


def plain(mode: SyncMode, video: Path, lengths: Lengths, output: Path) -> list[str | Path]:
    """The best plain ffmpeg command that gives the same frames."""
    frames, rate = predicted_frames(mode, lengths), lengths.rate
    loops, filters = [], "null"
    if mode is SyncMode.LOOP:
        loops = ["-stream_loop", "-1"]
    if mode is SyncMode.SILENCE:
        held = max(0, frames - lengths.source_frames)
        filters = f"tpad=stop={held}:stop_mode=clone"
    if mode is SyncMode.REMAP:
        factor = Fraction(frames, lengths.source_frames)
        filters = f"setpts=PTS*{factor.numerator}/{factor.denominator},fps={rate}"
    if mode is SyncMode.BOUNCE:
        filters = "split[a][b];[b]reverse[r];[a][r]concat"
    graph = ["-filter_complex", filters] if "[" in filters else ["-vf", filters]
    quiet = [FFMPEG, "-nostdin", "-v", "error", "-y"]
    return [*quiet, *loops, "-i", video, *graph, *ENCODE, "-frames:v", str(frames), *TAIL, output]


def compare(name: str, video: Path, rate: int, video_s: float, mode: SyncMode) -> str:
    """Race one mode; a voice 1.5 times as long, or for cut_off 0.6 times."""
    voice_s = video_s * (0.6 if mode is SyncMode.CUT_OFF else 1.5)
    lengths = Lengths(
        source_frames=math.floor(video_s * rate),
        rate=Fraction(rate),
        voice_samples=round(voice_s * 48000),
    )
    with tempfile.TemporaryDirectory() as room:
        ours = python(OURS, video, Path(room) / "home", mode, str(voice_s))
        theirs = plain(mode, video, lengths, Path(room) / "plain.mp4")
        return row(f"{name} {mode}", *race(ROUNDS, lambda: run(ours), lambda: run(theirs)))


def memory(video: Path, video_s: int, mode: SyncMode, factor: float) -> Run:
    """Carry one mode out once."""
    with tempfile.TemporaryDirectory() as room:
        return run(python(OURS, video, Path(room) / "home", mode, str(video_s * factor)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="also measure ten minutes")
    parser.add_argument("--media", type=Path, default=Path(tempfile.gettempdir()) / "dubline-bench")
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("ours, plain ffmpeg, their ratios, their peaks")
    short = footage(asked.media, 15)
    for mode in SyncMode:
        print(compare("h264 1080p30 15 s", short, 30, 15, mode), flush=True)
    if SAMPLE.exists():
        for mode in SyncMode:
            print(compare("hevc 1080x1920 10 s", SAMPLE, 25, 10, mode), flush=True)
    for minutes in (1, 10) if asked.long else (1,):
        clip = footage(asked.media, 60 * minutes)
        for mode, factor in (
            (SyncMode.SILENCE, 1.05),
            (SyncMode.BOUNCE, 1.05),
            (SyncMode.REMAP, 0.26),
        ):
            used = memory(clip, 60 * minutes, mode, factor)
            print(
                f"{minutes:2} min 1080p30 {mode:8} {used.wall_s:6.1f} s  peak {used.peak_mb:.0f} MB"
            )


if __name__ == "__main__":
    main()
