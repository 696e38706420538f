"""The local engine beside the x264 encode alone: 720p25 from the bundled portrait, in one run.

Run: `python -m bench.engine [--seconds 20] [--minutes 1 10]`; `--minutes` renders 1080p25 of each
length once and compares their peak memory.
"""

import argparse
import tempfile
from pathlib import Path

from bench.race import FFMPEG, Run, python, race, row, run

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "samples" / "talk.mp4"
ROUNDS = 3
FPS = 25

OURS = """
import sys; from pathlib import Path; from lipsync.engine import render
made = render(*map(Path, sys.argv[1:]))
assert made.altered, made.notes
"""
# The same decode and the same encode with nothing in between, through the same library.
ALONE = """
import sys; from pathlib import Path; from lipsync.engine.reel import Writer, frames_of, picture_of
video, voice, out = map(Path, sys.argv[1:])
picture = picture_of(video)
with Writer(video, voice, out) as writer:
    writer.encode(frames_of(video, picture), picture)
"""


def footage(folder: Path, size: str, seconds: int) -> tuple[Path, Path]:
    """Repeat the portrait to a length, cut to 16:9, and make it a voice of syllables."""
    width, height = size.split("x")
    video, voice = folder / f"{size}_{seconds}.mp4", folder / f"{seconds}.wav"
    quiet = [FFMPEG, "-nostdin", "-v", "error", "-y"]
    shape = f"crop=640:360:0:40,scale={width}:{height}"
    x264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
    seed = folder / f"{size}_seed.mp4"
    run([*quiet, "-i", SAMPLE, "-an", "-vf", shape, *x264, seed])
    frames = ["-frames:v", str(seconds * FPS)]
    run([*quiet, "-stream_loop", str(seconds // 6), "-i", seed, "-c", "copy", *frames, video])
    sound = (
        f"aevalsrc='0.4*sin(754*t)*sin(1508*t)*gt(sin(9*t),0)*gt(sin(t),-0.7)':s=48000:d={seconds}"
    )
    run([*quiet, "-f", "lavfi", "-i", sound, "-ac", "1", voice])
    return video, voice


def speed(folder: Path, seconds: int) -> None:
    """Race the engine against the encode alone."""
    video, voice = footage(folder, "1280x720", seconds)
    ours, alone = race(
        ROUNDS,
        lambda: run(python(OURS, video, voice, folder / "ours.mp4")),
        lambda: run(python(ALONE, video, voice, folder / "alone.mp4")),
    )
    frames = seconds * FPS
    print(row(f"engine | x264 alone, {seconds} s 720p25", ours, alone))
    for name, each in (("engine", ours), ("x264 alone", alone)):
        print(
            f"{name:<12} {frames / each.wall_s:6.1f} fps  {seconds / each.wall_s:5.2f} x real time"
            f"  {1000 * each.cpu_s / frames:5.1f} ms processor a frame"
        )


def memory(folder: Path, minutes: list[float]) -> None:
    """Render 1080p of several lengths; the peak must not grow."""
    for length in minutes:
        video, voice = footage(folder, "1920x1080", round(60 * length))
        used: Run = run(python(OURS, video, voice, folder / "ours.mp4"))
        print(
            f"{length:4g} min 1080p25: peak {used.peak_mb:4.0f} MB, "
            f"{60 * length / used.wall_s:.2f} x real time"
        )


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--minutes", type=float, nargs="*", default=[])
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        if wanted.seconds:
            speed(Path(room), wanted.seconds)
        memory(Path(room), wanted.minutes)


if __name__ == "__main__":
    main()
