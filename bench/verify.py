"""Verification: what it costs beside the decode alone, how exact it is, and what it tells apart.

Run: `python -m bench.verify [--seconds 60] [--only cost|offset|loudness|mouth]`. The mouths are
those of the bundled sample and, where they are there, of the footage in ../shared/samples.
"""

import argparse
import re
import subprocess
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from bench.engine import footage
from bench.race import FFMPEG, python, run
from lipsync.engine import render
from lipsync.measures.hearing import levels_db
from lipsync.measures.imprint import imprinted
from lipsync.measures.viewing import view
from lipsync.media.align import mono_of, offset_between
from lipsync.media.meter import measure
from lipsync.mouth import Faces, Mouth, Series, heard, on_clock, read_mouth, related

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = ROOT / "data" / "samples"
SHARED = ROOT.parent / "shared" / "samples"
SPOKEN = ("equal_fr.wav", "long_es.mp3", "short_de.ogg")
RATE = Fraction(25)
QUIET = [FFMPEG, "-nostdin", "-v", "error", "-y"]

# One decode and nothing else; the same reader.
ALONE = """
import sys; from pathlib import Path; from lipsync.measures.pictures import lumas
print(sum(1 for _ in lumas(Path(sys.argv[1]))))
"""
# What the fit stage does with what is sent: a decode that looks for damage, and the imprint.
DAMAGE = """
import sys; from pathlib import Path; from lipsync.media.damage import damaged_frames
print(damaged_frames(Path(sys.argv[1])).decoded_frames)
"""
IMPRINT = """
import sys; from fractions import Fraction; from pathlib import Path
from lipsync.measures.imprint import imprinted
print(imprinted(Path(sys.argv[1]), Fraction(25), Path(sys.argv[2])).decoded_frames)
"""
OURS = """
import sys; from fractions import Fraction; from pathlib import Path
from lipsync.measures.viewing import view
video, imprint = map(Path, sys.argv[1:])
faces, frames = view(video, Fraction(25), imprint)
print(len(faces.after))
"""


class Clip(NamedTuple):
    """A video, and the voices it is dubbed with."""

    name: str
    video: Path
    voices: dict[str, Path]


def cost(folder: Path, seconds: int) -> None:
    """Hold viewing an output against decoding it, and the imprint against the look for damage."""
    print("seconds of 1080p25 | one decode | viewed | peak MB || look for damage | with imprint")
    for length in (seconds // 4, seconds):
        video, _ = footage(folder, "1920x1080", length)
        imprint = folder / "sent.imprint"
        alone, damage = run(python(ALONE, video)), run(python(DAMAGE, video))
        kept = run(python(IMPRINT, video, imprint))
        ours = run(python(OURS, video, imprint))
        print(
            f"{length:4} s: {alone.cpu_s:6.1f} s processor, {alone.wall_s:.1f} s | "
            f"{ours.cpu_s:6.1f}, {ours.wall_s:.1f} s = {ours.cpu_s / alone.cpu_s:.2f}, "
            f"{ours.wall_s / alone.wall_s:.2f} of one decode | "
            f"{alone.peak_mb:.0f}, {ours.peak_mb:.0f} || "
            f"{damage.cpu_s:.1f}, {damage.wall_s:.1f} s | "
            f"{kept.cpu_s:.1f}, {kept.wall_s:.1f} s, {kept.peak_mb:.0f} MB, "
            f"{imprint.stat().st_size / length / 1000:.0f} kB/s"
        )


def offsets(folder: Path) -> None:
    """Plant shifts through AAC and read them back."""
    voice, worst = BUNDLED / "equal_fr.wav", 0.0
    reference = mono_of(voice)
    for shift_ms in range(-300, 301, 50):
        moved = folder / "moved.m4a"
        late, early = f"adelay={shift_ms}:all=1", f"atrim=start={-shift_ms / 1000}"
        graph = late if shift_ms > 0 else f"{early},asetpts=PTS-STARTPTS"
        run([*QUIET, "-i", voice, "-af", graph, "-ar", "48000", "-c:a", "aac", moved])
        found = offset_between(reference, mono_of(moved))
        worst = max(worst, abs(found.offset_ms - shift_ms))
    print(f"planted shifts of -300 to +300 ms: worst error {worst:.3f} ms (limit 5)")


def loudness() -> None:
    """Hold our meter against ffmpeg's own."""
    for voice in (BUNDLED / name for name in SPOKEN):
        command = [
            FFMPEG,
            "-nostdin",
            "-i",
            voice,
            "-ar",
            "48000",
            "-af",
            "ebur128",
            "-f",
            "null",
            "-",
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        theirs = float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])
        ours = measure(voice).integrated_lufs
        print(
            f"{voice.name:<14} {ours:7.2f} LUFS, ffmpeg {theirs:6.1f}, apart {ours - theirs:+.2f}"
        )


def clips(folder: Path) -> Iterator[Clip]:
    """Gather the footage, small, and its voices as WAV."""
    sources = {"talk": BUNDLED / "talk.mp4"}
    voices = {name[:-4]: BUNDLED / name for name in SPOKEN}
    for number in (1, 2):
        if (SHARED / f"demo{number}_video.mp4").exists():
            sources[f"demo{number}"] = SHARED / f"demo{number}_video.mp4"
            voices[f"demo{number}"] = SHARED / f"demo{number}_audio.wav"
    wavs = {}
    for name, path in voices.items():
        wavs[name] = folder / f"{name}.wav"
        run([*QUIET, "-i", path, "-ac", "1", "-ar", "48000", "-c:a", "pcm_s16le", wavs[name]])
    for name, path in sources.items():
        video = folder / f"{name}.mp4"
        small = [
            "-an",
            "-vf",
            "scale=-2:640",
            "-c:v",
            "libx264",
            "-crf",
            "18",
            "-preset",
            "veryfast",
        ]
        run([*QUIET, "-i", path, *small, video])
        yield Clip(name, video, {each: wav for each, wav in wavs.items() if each != name})


def shifted(faces: Faces, voice: Series, by_ms: int) -> Mouth:
    """Relate a mouth to its voice at another time."""
    import numpy as np  # noqa: PLC0415  heavy

    return read_mouth(faces, np.roll(voice, by_ms // 10))


def mouths(folder: Path) -> None:
    """Print how far good and bad lie apart."""
    print("clip, voice: in sync | ±300 ms: relation, lag read | other voices | untouched | changed")
    relations: dict[str, list[float]] = {"in sync": [], "shifted": [], "other": [], "untouched": []}
    for clip in clips(folder):
        loud = {name: heard(levels_db(mono_of(wav))) for name, wav in clip.voices.items()}
        imprint = folder / "sent.imprint"
        imprinted(clip.video, RATE, imprint)
        for name, wav in clip.voices.items():
            dub = folder / "dub.mp4"
            if not render(clip.video, wav, dub).altered:
                print(f"{clip.name}, {name}: left as filmed by the engine")
                continue
            _mouth(clip, name, view(dub, RATE, imprint)[0], loud, relations)
    for kind, found in relations.items():
        if found:
            print(f"{kind:<10} {len(found):3}: {min(found):.2f} to {max(found):.2f}")


def _mouth(
    clip: Clip,
    voice: str,
    faces: Faces,
    loud: dict[str, Series],
    relations: dict[str, list[float]],
) -> None:
    """Print one line, and keep its figures."""
    own = read_mouth(faces, loud[voice])
    if own.relation is None:
        print(f"{clip.name}, {voice}: {own.voiced_s:.1f} s of speech, not measurable")
        return
    moved = [shifted(faces, loud[voice], by_ms) for by_ms in (-300, 300)]
    others = [read_mouth(faces, each).relation for name, each in loud.items() if name != voice]
    known = [figure for figure in others if figure is not None]
    relations["in sync"].append(own.relation)
    relations["shifted"] += [each.relation or 0.0 for each in moved]
    relations["other"] += known
    relations["untouched"].append(own.source_relation or 0.0)
    shifts = ", ".join(f"{each.relation:.2f} at {each.lag_ms:+.0f} ms" for each in moved)
    print(
        f"{clip.name}, {voice}: {own.relation:.2f} at {own.lag_ms:+.0f} ms | {shifts} | "
        f"{', '.join(f'{each:.2f}' for each in known)} | {own.source_relation} | "
        f"{own.changed_percent} % | still {own.still_percent} restless {own.restless_percent}",
        flush=True,
    )


def filmed(folder: Path) -> None:
    """Print how real mouths relate to the sound they were filmed with: what no dub can beat."""
    for path in sorted(SHARED.glob("*_video.mp4")):
        wav = folder / "own.wav"
        run([*QUIET, "-i", path, "-vn", "-ac", "1", "-ar", "48000", "-c:a", "pcm_s16le", wav])
        faces = view(path, RATE, None)[0]
        voice = heard(levels_db(mono_of(wav)))

        mouth = on_clock(faces.after, faces.frame_s)
        length = min(len(mouth), len(voice))
        print(f"{path.name} with its own sound: {related(mouth[:length], voice[:length])}")


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", choices=("cost", "offset", "loudness", "mouth"))
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        parts = {
            "cost": lambda: cost(folder, wanted.seconds),
            "offset": lambda: offsets(folder),
            "loudness": loudness,
            "mouth": lambda: (mouths(folder), filmed(folder)),
        }
        for name, part in parts.items():
            if wanted.only in {None, name}:
                print(f"-- {name}", flush=True)
                part()


if __name__ == "__main__":
    main()
