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
from lipsync.engine.guard import bearded, look_of, misplaced, scattered, too_small, unsure
from lipsync.engine.lips import LipLine, fit
from lipsync.engine.looks import MOUTH, looks
from lipsync.engine.lowerlip import teeth_below
from lipsync.engine.persons import Portrait, persons
from lipsync.engine.planes import Planes
from lipsync.engine.register import shift_of
from lipsync.engine.stills import Candidate, Still, chosen, much_worse, still_cost
from lipsync.engine.survey import Survey, Surveyor, survey
from lipsync.engine.switch import mostly, strength
from lipsync.engine.warp import opened, ready
from lipsync.errors import MediaError
from lipsync.tracking.pose import unpack
from lipsync.tracking.track import Tracker
from tests.lipsync.engine.portraits import Picture, hush, vowel, write_voice

GOOD = LipLine(
    x0=0.5, y0=0.8, tilt=0.1, bend=1.0, half_width=0.16,
    teeth=0.0, open=0.02, gape=0.0, teeth_below=0.02, residual=0.004, depth=0.25, hair=0.0,
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
    assert unsure(GOOD) is None
    assert scattered(GOOD, [GOOD, GOOD]) is None
    assert too_small(200) is None
    assert bearded(np.stack([look_of(GOOD)] * 20)) is None


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param({"depth": 0.01}, "contrast 1%", id="no line"),
        pytest.param({"residual": 0.03}, "strays by 3.0%", id="ragged"),
        pytest.param({"teeth_below": 0.2}, "20% of it below the line (limit 8%)", id="teeth"),
        pytest.param({"tilt": 0.6}, "tilted by 31 degrees", id="tilt"),
        pytest.param({"x0": 0.65}, "the face is turned", id="yaw"),
    ],
)
def test_the_guard_objects_with_the_figure(fault, words) -> None:
    assert words in str(unsure(replace(GOOD, **fault)))


def test_a_small_face_is_left_alone_with_its_size() -> None:
    assert "30 px wide" in str(too_small(30))


def test_a_beard_seen_in_a_third_of_the_moments_counts_in_all() -> None:
    moments = [look_of(replace(GOOD, hair=hair)) for hair in (0.0, 0.0, 0.5)]
    assert "33% of the moments" in str(bearded(np.stack(moments)))


def test_the_dark_of_a_wide_open_mouth_is_no_beard() -> None:
    moments = [look_of(replace(GOOD, hair=0.5, open=0.95))] * 5 + [look_of(GOOD)] * 5
    assert bearded(np.stack(moments)) is None


def test_a_line_found_elsewhere_than_the_others_is_refused() -> None:
    lines = [replace(GOOD, y0=y) for y in (0.78, 0.8, 0.8, 0.82, 0.92)]
    assert [scattered(line, lines) is None for line in lines] == [True] * 4 + [False]
    assert "12.0% of the face apart" in str(scattered(lines[-1], lines))


@pytest.mark.parametrize(
    ("seen", "off"),
    [
        pytest.param({}, False, id="where it was carried to"),
        pytest.param({"y0": 0.9}, False, id="an open mouth hangs lower"),
        pytest.param({"y0": 0.7}, True, id="above the upper lip"),
        pytest.param({"y0": 0.98}, True, id="on the chin"),
        pytest.param({"x0": 0.4}, True, id="aside"),
        pytest.param({"tilt": -0.5}, True, id="across"),
    ],
)
def test_a_frame_whose_own_mouth_is_elsewhere_is_doubted(seen, off) -> None:
    look = look_of(replace(GOOD, **seen))[None, :]
    assert misplaced(look, np.array([[0.5, 0.8, 0.0]], np.float32), GOOD.tilt)[0] == off


def face(seed: int, u: float = 115.0, share: float = 1.0) -> Portrait:
    """A face that shares so much of its looks with face 0."""
    drawn = [np.random.default_rng(k).normal(size=400) for k in (0, seed)]
    looks = share * drawn[0] + (1 - share**2) ** 0.5 * drawn[1]
    unit = (looks / np.linalg.norm(looks)).astype(np.float32)
    return Portrait(unit, np.array([115, u, 150], np.float32))


def test_tracks_that_look_alike_are_one_person_and_others_are_not() -> None:
    tracks = [face(1), face(2, share=0.1), face(3, share=0.7), face(4, u=124)]
    assert persons(tracks) == [0, 1, 0, 3]


def test_two_looks_of_one_person_are_joined_by_a_third() -> None:
    one, other = face(1, share=0.5), face(2, share=0.5)
    assert persons([one, other]) == [0, 1]
    assert persons([one, other, face(3, share=1.0)]) == [0, 0, 0]


# Stills


def test_the_still_is_the_closed_mouth_whose_line_is_like_its_neighbours() -> None:
    usual = [replace(GOOD, y0=0.86, open=0.5)] * 10 + [GOOD] * 4
    lines = [replace(GOOD, tilt=0.35), replace(GOOD, x0=0.56), replace(GOOD, y0=0.88), GOOD]
    patch = np.zeros((2, 2, 3), np.uint8)
    candidates = [
        Candidate(k, still_cost(line, 1.0) - 0.05 * (3 - k), line, MOUTH, patch)
        for k, line in enumerate(lines)
    ]
    assert chosen(candidates, usual + lines)[0].frame == 3


def still_of(line: LipLine, cost: float) -> Still:
    return Still(0, 20, 0, 39, line, MOUTH, 0, cost, None)


@pytest.mark.parametrize(
    ("cost", "half_width", "worse"),
    [
        pytest.param(0.5, 0.16, False, id="as good"),
        pytest.param(0.8, 0.16, True, id="more open"),
        pytest.param(0.6, 0.13, True, id="narrower"),
        pytest.param(0.6, 0.15, False, id="a little narrower"),
        pytest.param(0.6, 0.2, False, id="wider"),
    ],
)
def test_a_still_goes_on_before_a_much_worse_or_narrower_one(cost, half_width, worse) -> None:
    line = replace(GOOD, half_width=half_width)
    own = Candidate(60, cost, line, MOUTH, np.zeros((2, 2, 3), np.uint8))
    assert much_worse(own, cost, still_of(GOOD, 0.4)) == worse


# Lips and tracking


def lower_face(teeth: tuple[int, int] | None) -> Picture:
    """Draw closed lips from row 46 to 66 around a dark line in row 54, in the MOUTH window.

    Args:
        teeth: From which row to which there are teeth, dark gaps between them; or None.
    """
    width, height = MOUTH.size_px
    face = np.empty((height, width, 3), np.uint8)
    face[:] = 160, 112, 148
    face[46:67, 35:87] = 120, 114, 162
    face[54, 35:87, 0] = 60
    if teeth is not None:
        face[slice(*teeth), 46:76] = 150, 122, 150
        face[slice(*teeth), 48:76:6] = 50, 122, 150
    return face


@pytest.mark.parametrize(
    ("teeth", "least", "most"),
    [
        pytest.param(None, 0.0, 0.02, id="bare"),
        pytest.param((48, 53), 0.0, 0.02, id="above the line"),
        pytest.param((56, 61), 0.2, 1.0, id="below the line"),
        pytest.param((66, 71), 0.0, 0.04, id="under the lip"),
    ],
)
def test_teeth_count_where_they_lie_on_the_lower_lip(teeth, least, most) -> None:
    columns = np.arange(43, 80)
    seen = teeth_below(looks(lower_face(teeth)), columns, np.full(len(columns), 54.0))
    assert least <= seen <= most


def test_the_portraits_teeth_lie_above_its_line(portrait: list[Picture]) -> None:
    line = surveyed(portrait[:20]).stills[0].line
    assert line.teeth > 0.7
    assert line.teeth_below < 0.065


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


def test_a_pose_that_has_strayed_comes_back_to_the_face(portrait) -> None:
    tracker = Tracker(RATE)
    luma = cv2.cvtColor(portrait[0], cv2.COLOR_BGR2GRAY)
    right = tracker.see(luma).pose
    off = right @ np.array([[1.12, 0, -0.05], [0, 1.12, 0.02], [0, 0, 1]])
    tracker._pose, tracker._reference = off, np.zeros((0, 0), np.uint8)
    tracker._refer(luma, off)
    for _ in range(75):
        now = tracker.see(luma).pose
    corners = np.array([[0, 1], [0, 1], [1, 1]])
    side_px = right[0, 0]
    assert np.abs((off - right) @ corners).max() > 0.06 * side_px
    assert np.abs((now - right) @ corners).max() < 0.03 * side_px


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


def test_one_odd_look_is_noise_and_several_are_not() -> None:
    odd = np.full(60, np.nan, np.float32)
    odd[::2] = 0
    odd[20] = 1
    assert mostly(odd, 4).max() < 0.5
    odd[20:30:2] = 1
    assert mostly(odd, 4)[22:27].min() >= 0.5
    assert mostly(odd, 4)[[10, 40]].max() == 0


def test_a_mouth_is_never_shown_in_a_frame_that_is_not_sure() -> None:
    sure = np.ones(100, bool)
    sure[40:70] = False
    shown = strength(sure, np.zeros(100, np.float32), RATE)
    assert shown[~sure].max() == 0
    assert shown[[0, 30, 80, 99]].min() == 1


def test_mouths_come_and_go_where_both_are_most_closed() -> None:
    sure = np.ones(100, bool)
    sure[50:] = False
    ajar = np.ones(100, np.float32)
    ajar[45] = 0.1
    shown = strength(sure, ajar, RATE)
    assert shown[44] == 1
    assert 0 < shown[45] < 1
    assert shown[46:].max() == 0


def test_a_mouth_is_not_shown_for_a_moment_only() -> None:
    sure = np.zeros(100, bool)
    sure[30:42] = True
    assert strength(sure, np.zeros(100, np.float32), RATE).max() == 0


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
