"""Trim beside plain ffmpeg: the same frames out of a longer clip, in one run.

Run: `python -m bench.trim`. Plain ffmpeg must encode: its `-c copy` starts at a keyframe and hides
the rest behind an edit list, which is another result (measured).
"""

import argparse
import os
import tempfile
from pathlib import Path

from bench.race import FFMPEG, footage, python, race, row, run

ROUNDS = 3
FIRST, COUNT, RATE = 371, 900, 30

# One trim in a process of its own, start-up included: video, home, first frame, frames.
OURS = """
import sys, wave
from fractions import Fraction
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
video, home, first, count = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])
home.mkdir(parents=True, exist_ok=True)
voice = home / "voice.wav"
facts = probe(file(video)).video
with wave.open(str(voice), "wb") as sound:
    sound.setparams((1, 2, 48000, 0, "NONE", ""))
    sound.writeframes(bytes(2 * round(count * 48000 / facts.rate)))
lengths = Lengths(
    first_frame=first, source_frames=count, rate=facts.rate,
    voice_samples=round(count * 48000 / facts.rate),
)
pair = conform(
    ConformRequest(
        video=file(video), video_facts=facts, plan=plan_fit("auto", lengths), voice=file(voice)
    ),
    Store(Home(home)),
)
assert pair.frames == count
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path, default=Path(tempfile.gettempdir()) / "dubline-bench")
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("ours, plain ffmpeg, their ratios, their peaks")
    clip = footage(asked.media, 60)
    with tempfile.TemporaryDirectory() as room:
        ours = python(OURS, clip, Path(room) / "home", str(FIRST), str(COUNT))
        seek = ["-ss", f"{FIRST / RATE - 0.5 / RATE:.6f}", "-i", str(clip), "-frames:v", str(COUNT)]
        x264 = ["-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18"]
        theirs = [FFMPEG, "-nostdin", "-v", "error", "-y", *seek, *x264, f"{room}/plain.mp4"]
        print(
            row("trim 30 s of 60 s 1080p30", *race(ROUNDS, lambda: run(ours), lambda: run(theirs)))
        )


if __name__ == "__main__":
    main()
