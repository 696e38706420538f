"""Claims about the strip of a fit: it tells the same as the frames and samples that are cut."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsync.fit import FitPlan, Lengths, SyncMode, plan_fit, source_frame, vendor_plan
from lipsync.strip import Became, Piece, Strip, strip_of
from lipsync.voice import VOICE_RATE_HZ

FRAME_S = 0.04
RATE = Fraction(25)


def plan_of(
    mode: SyncMode, video_s: float, voice_s: float, *, first: int = 0, vendor: bool = False
) -> FitPlan:
    lengths = Lengths(
        first_frame=first,
        source_frames=round(video_s * RATE),
        rate=RATE,
        voice_samples=round(voice_s * VOICE_RATE_HZ),
    )
    return vendor_plan(mode, lengths) if vendor else plan_fit(mode, lengths)


def strip(plan: FitPlan, **wanted: float) -> Strip:
    return strip_of(plan, plan.first_frame + plan.source_frames, **wanted)


def told(pieces: tuple[Piece, ...]) -> list[tuple[str, float, float]]:
    return [(one.became.value, round(one.from_s, 2), round(one.to_s, 2)) for one in pieces]


@pytest.mark.parametrize(
    ("mode", "picture", "voice"),
    [
        pytest.param("cut_off", [("played", 0, 2)], [("played", 0, 2), ("cut", 2, 3)], id="cut"),
        pytest.param("loop", [("played", 0, 2), ("again", 2, 3)], [("played", 0, 3)], id="loop"),
        pytest.param(
            "bounce", [("played", 0, 1.96), ("backwards", 1.96, 3)], [("played", 0, 3)], id="bounce"
        ),
        pytest.param("silence", [("played", 0, 2), ("held", 2, 3)], [("played", 0, 3)], id="hold"),
        pytest.param("remap", [("retimed", 0, 3)], [("played", 0, 3)], id="remap"),
    ],
)
def test_a_voice_that_is_longer(mode: str, picture: list, voice: list) -> None:
    found = strip(plan_of(SyncMode(mode), 2, 3))
    assert (told(found.picture), told(found.voice)) == (picture, voice)


@pytest.mark.parametrize(
    ("mode", "picture", "voice"),
    [
        pytest.param("cut_off", [("played", 0, 2), ("cut", 2, 3)], [("played", 0, 2)], id="cut"),
        pytest.param("loop", [("played", 0, 2), ("cut", 2, 3)], [("played", 0, 2)], id="loop"),
        pytest.param(
            "silence", [("played", 0, 3)], [("played", 0, 2), ("silent", 2, 3)], id="silence"
        ),
        pytest.param("remap", [("retimed", 0, 2)], [("played", 0, 2)], id="remap"),
    ],
)
def test_a_video_that_is_longer(mode: str, picture: list, voice: list) -> None:
    found = strip(plan_of(SyncMode(mode), 3, 2))
    assert (told(found.picture), told(found.voice)) == (picture, voice)


def test_what_was_trimmed_stands_outside_the_output() -> None:
    plan = plan_of(SyncMode.CUT_OFF, 2, 2, first=10)
    found = strip_of(plan, 10 + 50 + 25, lead_s=0.3, tail_s=0.2)
    assert told(found.picture) == [("cut", -0.4, 0), ("played", 0, 2), ("cut", 2, 3)]
    assert told(found.voice) == [("cut", -0.3, 0), ("played", 0, 2), ("cut", 2, 2.2)]


def test_a_change_of_tempo_is_told_with_its_factor() -> None:
    lengths = Lengths(source_frames=50, rate=RATE, voice_samples=round(2.08 * VOICE_RATE_HZ))
    found = strip(plan_fit("auto", lengths))
    assert [(one.became, one.note) for one in found.voice] == [
        (Became.RETIMED, "at 1.040x, its pitch kept")
    ]


def test_what_the_vendor_does_is_not_claimed_to_be_known() -> None:
    found = strip(plan_of(SyncMode.LOOP, 2, 3, vendor=True))
    assert told(found.picture) == [("vendor", 0, 3)]


@given(
    mode=st.sampled_from(SyncMode),
    video=st.integers(2, 200),
    voice_ms=st.integers(100, 8_000),
    first=st.integers(0, 20),
)
def test_every_moment_of_the_output_is_told_once(
    mode: SyncMode, video: int, voice_ms: int, first: int
) -> None:
    voice_s = min(max(voice_ms / 1000, video * FRAME_S / 3.5), video * FRAME_S * 3.5)
    plan = plan_of(mode, video * FRAME_S, voice_s, first=first)
    found = strip(plan)
    for side in (found.picture, found.voice):
        assert all(a.to_s == pytest.approx(b.from_s) for a, b in pairwise(side))
        inside = [one for one in side if one.became is not Became.CUT]
        assert inside[0].from_s == 0
        assert inside[-1].to_s == pytest.approx(found.output_s)


@pytest.mark.parametrize("mode", [SyncMode.LOOP, SyncMode.BOUNCE, SyncMode.SILENCE])
def test_a_piece_says_of_each_frame_what_the_fit_does_with_it(mode: SyncMode) -> None:
    plan = plan_of(mode, 0.4, 1.3)
    for one in strip(plan).picture:
        frames = range(round(one.from_s / FRAME_S), round(one.to_s / FRAME_S) - 1)
        steps = {source_frame(plan, k + 1) - source_frame(plan, k) for k in frames}
        going = {Became.BACK: -1, Became.HELD: 0}.get(one.became, 1)
        assert steps <= {going}
