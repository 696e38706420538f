import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from lipsync.engine.compose import layer
from lipsync.engine.drive import Move, drive
from lipsync.engine.guard import objection, unsure
from lipsync.engine.lips import LipLine, fit
from lipsync.engine.looks import MOUTH
from lipsync.engine.plan import _strength
from lipsync.engine.planes import Planes
from lipsync.engine.pose import unpack
from lipsync.engine.register import shift_of
from lipsync.engine.survey import Survey, Surveyor, survey
from lipsync.engine.warp import opened, ready
from lipsync.errors import MediaError
from tests.lipsync.engine.portraits import Picture, hush, vowel, write_voice

GOOD = LipLine(
    x0=0.5, y0=0.8, tilt=0.1, bend=1.0, half_width=0.16,
    teeth=0.0, open=0.02, gape=0.0, residual=0.004, depth=0.25, hair=0.0,
)  # fmt: skip
RATE = Fraction(25)


def frames(pictures) -> list[av.VideoFrame]:
    made = [av.VideoFrame.from_ndarray(picture, format="bgr24") for picture in pictures]
    return [frame.reformat(format="yuv420p") for frame in made]


def surveyed(pictures) -> Survey:
    return survey(frames(pictures), RATE, lambda: None)


# The drive


def test_the_mouth_is_shut_in_pauses_and_open_in_vowels(tmp_path: Path) -> None:
    voice = write_voice(tmp_path / "v.wav", hush(0.5), vowel(0.5), hush(0.5))
    opening = drive(voice, 38, RATE).opening
    assert opening[:10].max() < 0.02
    assert opening[15:23].min() > 0.6
    assert opening[31:].max() < 0.02


def test_an_open_vowel_opens_more_and_a_front_vowel_spreads_more(tmp_path: Path) -> None:
    ah, ee, oo = (730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240)  # Peterson & Barney
    parts = [part for formants in (ah, ee, oo) for part in (vowel(0.6, formants), hush(0.4))]
    made = drive(write_voice(tmp_path / "v.wav", *parts), 75, RATE)
    opening, spread = ([float(s[k : k + 8].mean()) for k in (5, 30, 55)]
                       for s in (made.opening, made.spread))  # fmt: skip
    assert opening[0] > opening[1] + 0.2
    assert opening[0] > opening[2] + 0.2
    assert spread[1] > spread[2] + 0.3


def test_a_whisper_and_a_shout_open_alike(tmp_path: Path) -> None:
    loud = [hush(0.4), vowel(0.6), hush(0.4), vowel(0.4)]
    made = [
        drive(write_voice(tmp_path / f"{gain}.wav", *(gain * part for part in loud)), 45, RATE)
        for gain in (1.0, 0.1)
    ]
    assert np.abs(made[0].opening - made[1].opening).max() < 0.05


def test_a_silent_voice_never_opens_the_mouth(tmp_path: Path) -> None:
    assert drive(write_voice(tmp_path / "v.wav", hush(1)), 25, RATE).opening.max() == 0


def test_a_voice_without_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "v.wav").write_bytes(b"not a wav")
    with pytest.raises(MediaError, match=r"v\.wav"):
        drive(tmp_path / "v.wav", 25, RATE)


# The guard


def test_a_good_lip_line_meets_no_objection() -> None:
    assert objection([GOOD, GOOD], face_px=200) is None


@pytest.mark.parametrize(
    ("fault", "face_px", "words"),
    [
        pytest.param({"hair": 0.6}, 200, "60% of the skin", id="beard"),
        pytest.param({"depth": 0.01}, 200, "contrast 1%", id="no line"),
        pytest.param({"residual": 0.03}, 200, "strays by 3.0%", id="ragged"),
        pytest.param({"tilt": 0.6}, 200, "tilted by 31 degrees", id="tilt"),
        pytest.param({"x0": 0.65}, 200, "the face is turned", id="yaw"),
        pytest.param({}, 30, "30 px wide", id="small"),
    ],
)
def test_the_guard_objects_with_the_figure(fault, face_px, words) -> None:
    assert words in str(objection([replace(GOOD, **fault)] * 3, face_px))


def test_one_bad_moment_does_not_spoil_a_track() -> None:
    bad = replace(GOOD, depth=0.0)
    assert unsure(bad) is not None
    assert objection([GOOD, bad, GOOD], face_px=200) is None


def test_a_line_found_all_over_the_face_is_refused() -> None:
    lines = [replace(GOOD, y0=y) for y in (0.7, 0.7, 0.8, 0.9, 0.9)]
    assert "different places" in str(objection(lines, face_px=200))


# Lips and tracking


def test_the_lip_line_runs_where_the_portraits_teeth_meet_the_lower_lip(portrait) -> None:
    found = surveyed(portrait[:20])
    line = found.stills[0].line
    x, y, _ = unpack(found.poses[found.stills[0].frame]) @ np.array([line.x0, line.y0, 1])
    # Read off the picture by eye: the middle of the lower lip's top edge in frame 0, give or take.
    assert (x, y) == (pytest.approx(153, abs=6), pytest.approx(152, abs=5))
    assert line.teeth > 0.7
    assert abs(line.tilt) < 0.1


def test_the_lip_line_does_not_jitter_on_a_still_face(portrait) -> None:
    noise = np.random.default_rng(7)
    still = [
        np.clip(portrait[0] + noise.normal(0, 2.0, portrait[0].shape), 0, 255).astype(np.uint8)
        for _ in range(25)
    ]
    found = surveyed(still)
    places = np.array(
        [
            (unpack(pose) @ np.array([*mouth[:2], 1]))[:2]
            for pose, mouth in zip(found.poses, found.mouths, strict=True)
        ]
    )
    assert np.abs(np.diff(places, axis=0)).max() < 0.35  # pixels, frame to frame, before smoothing


def test_a_moved_face_moves_its_mouth_as_far(portrait) -> None:
    shifts = [(round(6 * np.sin(k / 4)), round(4 * np.cos(k / 5))) for k in range(25)]
    moved = [np.roll(portrait[0], shift, axis=(1, 0)) for shift in shifts]
    found = surveyed(moved)
    places = np.array(
        [
            (unpack(pose) @ np.array([*mouth[:2], 1]))[:2]
            for pose, mouth in zip(found.poses, found.mouths, strict=True)
        ]
    )
    known = np.array(shifts) - np.array(shifts).mean(axis=0)
    assert np.abs(places - places.mean(axis=0) - known).max() < 0.5


# Opening a mouth


def still_mouth(portrait):
    found = surveyed(portrait[:12])
    still = found.stills[0]
    return ready(found.patch(still), still.line, still.window)


def test_no_opening_leaves_the_still_as_it_is(portrait) -> None:
    mouth = still_mouth(portrait)
    assert (opened(mouth, Move(0.0, 0.0)) == mouth.patch).all()


def test_opening_darkens_only_what_opens(portrait) -> None:
    mouth = still_mouth(portrait)
    drawn = opened(mouth, Move(0.8, 0.0))
    darker = mouth.patch[..., 0].astype(int) - drawn[..., 0] > 60
    assert darker.sum() > 60
    assert mouth.below[darker].min() > -0.05
    assert mouth.below[darker].max() < 0.13
    assert np.abs(mouth.dx[:, darker.any(axis=0)]).max() < 1.1 * mouth.line.half_width


def test_wider_openings_are_darker_one_after_the_other(portrait) -> None:
    mouth = still_mouth(portrait)
    means = [opened(mouth, Move(step / 5, 0.0))[..., 0].mean() for step in range(6)]
    assert means == sorted(means, reverse=True)


def test_the_replaced_region_fades_out_before_its_edge(portrait: list[Picture]) -> None:
    found = surveyed(portrait[:12])
    mask = layer(still_mouth(portrait), found.stills[0].window).mask
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0
    assert mask.max() == 1
    steepest = max(np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1))
    assert steepest < 0.25  # no pixel is more than a quarter of a seam


def test_the_place_of_an_upper_lip_is_measured_to_a_fraction_of_a_pixel(
    portrait: list[Picture],
) -> None:
    found = surveyed(portrait[:12])
    planes = Planes.of(frames(portrait[:1])[0])
    to_frame = unpack(found.poses[0]) @ MOUTH.to_face
    aside = np.array([[1, 0, 3.25], [0, 1, -1.5], [0, 0, 1]])  # patch pixels
    still, moved = (planes.cut(grid, MOUTH.size_px) for grid in (to_frame, to_frame @ aside))
    measured = shift_of(still, moved, found.stills[0].line)
    assert measured is not None
    motion, likeness = measured
    line = found.stills[0].line
    x, y, _ = motion @ np.array([line.x0, line.y0, 1])
    known_px = np.array([-3.25, 1.5])
    assert (np.array([x - line.x0, y - line.y0]) * MOUTH.px_per_unit) == pytest.approx(
        known_px, abs=0.3
    )
    assert likeness > 0.9


# Switching


def test_a_short_doubt_does_not_switch_the_mouth_off() -> None:
    trust = np.full(100, 0.8, np.float32)
    trust[50:53] = 0.1
    assert _strength(trust, RATE).min() == 1


def test_a_long_doubt_fades_out_before_it_begins_and_in_after_it_ends() -> None:
    trust = np.full(100, 0.8, np.float32)
    trust[40:70] = 0.1
    strength = _strength(trust, RATE)
    assert strength[40:70].max() == 0
    assert strength[[30, 80]].min() == 1
    assert np.abs(np.diff(strength)).max() < 0.5


def test_planes_write_through_to_the_frame(portrait) -> None:
    frame = frames(portrait[:1])[0]
    frame.make_writable()
    Planes.of(frame).y[10, 20] = 201
    assert frame.to_ndarray()[10, 20] == 201


def test_fitting_flat_skin_finds_nothing_the_guard_would_pass() -> None:
    height, width = MOUTH.size_px[1], MOUTH.size_px[0]
    flat = np.dstack([np.full((height, width), value, np.uint8) for value in (160, 110, 150)])
    assert unsure(fit(cv2.GaussianBlur(flat, (0, 0), 1))) is not None


def test_the_survey_keeps_only_a_few_numbers_of_each_frame(portrait: list[Picture]) -> None:
    surveyor, held = Surveyor(RATE), []
    pictures = frames([cv2.resize(picture, (160, 120)) for picture in portrait[:10]])
    tracemalloc.start()
    for k in range(161):
        surveyor.see(pictures[k % 10])
        if k in {40, 160}:  # a window of 40 frames has just been closed
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[1] - held[0] < 120 * 1000
