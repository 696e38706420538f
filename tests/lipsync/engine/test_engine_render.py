import hashlib
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from lipsync.engine import Rendering, render
from lipsync.engine.drive import drive
from lipsync.engine.paint import Painter
from lipsync.engine.plan import plan
from lipsync.engine.planes import Planes
from lipsync.engine.reel import frames_of, picture_of
from lipsync.engine.survey import survey
from lipsync.errors import MediaError
from lipsync.tracking.pose import unpack
from tests.lipsync.engine.portraits import Picture, hush, read, vowel, write_clip, write_voice

Clip = Callable[..., Path]


def timing(path: Path) -> tuple[object, ...]:
    """Size, rate and the time of every frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
        return stream.width, stream.height, stream.average_rate, times


def packets(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.dts is not None]
        return [hashlib.sha256(bytes(packet)).hexdigest() for packet in packets]


def darkness(path: Path) -> np.ndarray:
    """How many dark pixels the mouth's surroundings hold in each frame of the 320x240 portrait."""
    greys = [cv2.cvtColor(p, cv2.COLOR_BGR2GRAY)[120:175, 115:190] for p in read(path)]
    return np.array([(grey < 60).sum() for grey in greys], float)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(((320, 240), Fraction(25), "yuv420p"), id="25 fps"),
        pytest.param(((321, 241), Fraction(30000, 1001), "yuv444p"), id="odd size, 29.97 fps"),
    ],
)
def test_a_preview_has_the_frames_size_rate_and_times_of_its_input(
    portrait: list[Picture], clip: Clip, speech: Path, tmp_path: Path, shape: Any
) -> None:
    size_px, rate, fmt = shape
    source = clip([cv2.resize(p, size_px) for p in portrait[:30]], rate=rate, fmt=fmt)
    made = render(source, speech, tmp_path / "out.mp4")
    assert made == Rendering(frames=30, animated_frames=30, altered=True)
    assert timing(tmp_path / "out.mp4") == timing(source)


def test_a_preview_says_what_it_is_and_carries_the_voice(
    portrait, clip: Clip, speech: Path, tmp_path: Path
) -> None:
    render(clip(portrait[:12]), speech, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert "preview made by Dubline" in container.metadata["comment"]
        assert "not by a trained" in container.metadata["comment"]
        sound, picture = container.streams.audio[0], container.streams.video[0]
        assert (sound.codec_context.name, sound.rate) == ("aac", 48_000)
        assert float(sound.duration * sound.time_base) == pytest.approx(2.0, abs=0.03)
        assert picture.codec_context.pix_fmt == "yuv420p"
    boxes = (tmp_path / "out.mp4").read_bytes()
    assert boxes.index(b"moov") < boxes.index(b"mdat")


def test_the_mouth_opens_with_the_voice_and_stays_shut_without(
    portrait, clip: Clip, speech: Path, tmp_path: Path
) -> None:
    source = clip(portrait)
    render(source, speech, tmp_path / "out.mp4")
    opened = darkness(tmp_path / "out.mp4") - darkness(source)
    wanted = drive(speech, 50, Fraction(25)).opening
    assert np.corrcoef(opened, wanted)[0, 1] > 0.9
    assert opened[wanted > 0.5].min() > 60
    assert np.abs(opened[wanted < 0.02]).max() < 15


def test_with_silence_the_picture_hardly_changes(portrait, clip: Clip, tmp_path: Path) -> None:
    source = clip(portrait[:25])
    render(source, write_voice(tmp_path / "hush.wav", hush(1.0)), tmp_path / "out.mp4")
    pairs = zip(read(source), read(tmp_path / "out.mp4"), strict=True)
    assert max(cv2.absdiff(one, other).mean() for one, other in pairs) < 2.5


def test_pixels_outside_the_mouth_are_those_of_the_input(
    portrait, clip: Clip, speech: Path
) -> None:
    source = clip(portrait[:30])
    picture = picture_of(source)
    found = survey(frames_of(source, picture), picture.rate, lambda: None)
    moves = drive(speech, 30, picture.rate)
    painter = Painter(found, plan(found, picture.rate, moves.opening), moves)
    before = [Planes.of(f).y.copy() for f in frames_of(source, picture)]
    colours = [Planes.of(f).v.copy() for f in frames_of(source, picture)]
    touched = 0
    for k, frame in enumerate(frames_of(source, picture)):
        painter.paint(frame, k)
        after = Planes.of(frame)
        rows, columns = np.nonzero(after.y != before[k])
        to_face = np.linalg.inv(unpack(found.poses[k]))
        x, y, _ = to_face @ np.stack([columns, rows, np.ones_like(rows)]).astype(float)
        touched += len(x)
        # The lower face in face units: below the nose, above the collar, between the cheeks.
        assert x.min() > 0.1
        assert x.max() < 0.9
        assert y.min() > 0.6
        assert y.max() < 1.2
        colour_rows, colour_columns = np.nonzero(after.v != colours[k])
        reach = 2  # colour pixels are two wide, and lie half of one off
        assert columns.min() - reach <= 2 * colour_columns.min()
        assert 2 * colour_columns.max() <= columns.max() + reach
        assert rows.min() - reach <= 2 * colour_rows.min()
        assert 2 * colour_rows.max() <= rows.max() + reach
    assert touched > 30 * 500


def test_without_a_face_the_packets_are_copied(clip: Clip, speech: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    wall = cv2.GaussianBlur(noise.integers(0, 255, (180, 240, 3), np.uint8), (0, 0), 9)
    source = clip([np.roll(wall, k, axis=1) for k in range(25)])
    made = render(source, speech, tmp_path / "out.mp4")
    assert not made.altered
    assert made.frames == 25
    assert made.animated_frames == 0
    assert made.notes == ("picture left as filmed: no face was found in any frame",)
    assert packets(tmp_path / "out.mp4") == packets(source)
    assert timing(tmp_path / "out.mp4") == timing(source)


def bearded(picture: np.ndarray) -> np.ndarray:
    """Grow a dark beard on the portrait: everything around the mouth, not the lips."""
    out = picture.copy()
    beard = np.zeros(picture.shape[:2], np.uint8)
    cv2.ellipse(beard, (152, 152), (34, 34), 0, 0, 360, 255, -1)
    cv2.ellipse(beard, (152, 149), (19, 8), 0, 0, 360, 0, -1)
    share = cv2.GaussianBlur(beard, (0, 0), 1.0)[..., None] / 255.0
    return (out * (1 - 0.75 * share) + share * np.array([20, 24, 28])).clip(0, 255).astype(np.uint8)


def test_a_beard_keeps_the_guard_from_touching_the_picture(
    portrait, clip: Clip, speech: Path, tmp_path: Path
) -> None:
    source = clip([bearded(picture) for picture in portrait[:25]])
    made = render(source, speech, tmp_path / "out.mp4")
    assert not made.altered
    assert made.notes[0].startswith("0.00 s to 1.00 s left as filmed: a beard or moustache hides")
    assert packets(tmp_path / "out.mp4") == packets(source)


def drawn_face(shift: int) -> np.ndarray:
    """Draw a cartoon the cascade takes for a face."""
    picture = np.full((240, 320, 3), (235, 225, 215), np.uint8)
    x = 160 + shift
    cv2.ellipse(picture, (x, 120), (62, 82), 0, 0, 360, (170, 200, 240), -1)
    cv2.ellipse(picture, (x, 62), (66, 40), 0, 180, 360, (40, 50, 70), -1)
    for side in (-26, 26):
        cv2.ellipse(picture, (x + side, 105), (13, 8), 0, 0, 360, (255, 255, 255), -1)
        cv2.circle(picture, (x + side, 105), 7, (60, 40, 30), -1)
        cv2.ellipse(picture, (x + side, 92), (16, 5), 0, 180, 360, (40, 50, 70), 3)
    cv2.line(picture, (x, 112), (x - 6, 140), (140, 170, 210), 3)
    cv2.ellipse(picture, (x, 160), (22, 7), 0, 0, 180, (50, 50, 60), 2)
    return cv2.GaussianBlur(picture, (0, 0), 1.2)


def test_a_drawn_face_is_left_alone(clip: Clip, speech: Path, tmp_path: Path) -> None:
    source = clip([drawn_face(round(4 * np.sin(k / 5))) for k in range(25)])
    made = render(source, speech, tmp_path / "out.mp4")
    assert not made.altered
    assert "left as filmed: " in made.notes[0]
    assert "no face" not in made.notes[0]


@pytest.mark.parametrize(("name", "altered"), [("demo1", True), ("demo2", False)])
def test_the_real_face_is_animated_and_the_real_moustache_left_alone(
    samples: Path, tmp_path: Path, name: str, altered: bool
) -> None:
    source = write_clip(tmp_path / "in.mp4", read(samples / f"{name}_video.mp4", 30, (540, 960)))
    made = render(source, samples / f"{name}_audio.wav", tmp_path / "out.mp4")
    assert made.altered is altered, made.notes


def test_a_face_that_vanishes_for_a_while_survives(
    portrait, clip: Clip, speech: Path, tmp_path: Path
) -> None:
    blank = np.full_like(portrait[0], 90)
    source = clip([*portrait[:18], *([blank] * 9), *portrait[27:50]])
    made = render(source, speech, tmp_path / "out.mp4")
    assert made.frames == 50
    assert 30 <= made.animated_frames <= 41
    pairs = zip(read(source)[18:27], read(tmp_path / "out.mp4")[18:27], strict=True)
    assert max(cv2.absdiff(one, other).max() for one, other in pairs) <= 4


def test_progress_ends_at_its_total(portrait, clip: Clip, speech: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    render(clip(portrait[:12]), speech, tmp_path / "out.mp4",
           progress=lambda done, total: steps.append((done, total)))  # fmt: skip
    assert steps[-1] == (24, 24)
    assert [done for done, _ in steps] == list(range(1, 25))


def test_a_file_that_is_no_picture_is_named(speech: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"voice\.wav: no picture"):
        render(speech, speech, tmp_path / "out.mp4")


def peak_mib(source: Path, voice: Path, out: Path) -> float:
    """Render in a process of its own and ask the system for its peak."""
    code = (
        "import sys, resource; from pathlib import Path; from lipsync.engine import render;"
        "render(*map(Path, sys.argv[1:]));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(source), str(voice), str(out)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(ran.stdout)


def test_memory_does_not_grow_with_the_film(portrait, tmp_path: Path) -> None:
    small = [cv2.resize(picture, (160, 120)) for picture in portrait[:25]]
    there_and_back = small + small[::-1]
    peaks = []
    for repeats in (1, 5):
        source = write_clip(tmp_path / f"{repeats}.mp4", there_and_back * repeats)
        voice = write_voice(tmp_path / f"{repeats}.wav", *([vowel(1), hush(1)] * repeats))
        peaks.append(peak_mib(source, voice, tmp_path / "out.mp4"))
    assert peaks[1] < peaks[0] + 12
