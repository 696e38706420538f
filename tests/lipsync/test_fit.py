"""The fit is decided before anything is cut: lengths, frames, reasons and warnings."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lipsync.errors import MediaError
from lipsync.fit import (
    FitPlan,
    Lengths,
    SyncMode,
    mismatch,
    plan_fit,
    predicted_frames,
    shown_as_sent,
    source_frame,
    vendor_plan,
)
from lipsync.media.cut import runs
from lipsync.timing import samples
from lipsync.voice import VOICE_RATE_HZ

PAL, NTSC = Fraction(25), Fraction(30000, 1001)
MODES = st.sampled_from(SyncMode)
LENGTHS = st.builds(
    Lengths,
    first_frame=st.integers(0, 50),
    source_frames=st.integers(1, 400),
    rate=st.sampled_from([PAL, NTSC, Fraction(24000, 1001), Fraction(60)]),
    voice_samples=st.integers(1, 48_000 * 20),
)


@st.composite
def retimable(draw: st.DrawFn) -> Lengths:
    """Draw two lengths that a remap takes; no draw is thrown away."""
    lengths, ratio = draw(LENGTHS), draw(st.floats(0.261, 3.899))
    voice = max(1, round(lengths.source_frames / lengths.rate * VOICE_RATE_HZ * Fraction(ratio)))
    return lengths.model_copy(update={"voice_samples": voice})


def of(video_s: float, voice_s: float, rate: Fraction = PAL) -> Lengths:
    frames = round(Fraction(str(video_s)) * rate)
    return Lengths(source_frames=frames, rate=rate, voice_samples=round(voice_s * 48_000))


def planned(mode: SyncMode, lengths: Lengths) -> FitPlan:
    assume(mode is not SyncMode.REMAP or 0.26 < lengths.ratio < 3.9)
    return plan_fit(mode, lengths)


def test_the_mismatch_is_in_seconds_frames_and_ratio() -> None:
    found = mismatch(250, PAL, round(10.4 * 48_000))
    assert (found.video_s, found.voice_s, found.mismatch_s) == (10.0, 10.4, 0.4)
    assert (found.mismatch_frames, found.ratio, found.longer) == (10.0, 1.04, "voice")


@pytest.mark.parametrize(("extra", "longer"), [(1920, "equal"), (1921, "voice"), (-1921, "video")])
def test_one_frame_is_no_mismatch_and_a_sample_more_is(extra: int, longer: str) -> None:
    assert mismatch(100, PAL, 4 * 48_000 + extra).longer == longer


# sync.so's own check values, its sync-mode guide: V=4.00 A=8.64, V=10.00 A=1.74.
@pytest.mark.parametrize(
    ("mode", "voice_longer_s", "video_longer_s"),
    [
        (SyncMode.BOUNCE, 8.64, 1.76),
        (SyncMode.LOOP, 8.64, 1.76),
        (SyncMode.CUT_OFF, 4.00, 1.76),
        (SyncMode.SILENCE, 8.64, 10.00),
        (SyncMode.REMAP, 8.64, 1.76),
    ],
)
def test_every_mode_has_the_length_the_owner_publishes_up_to_a_whole_frame(
    mode: SyncMode, voice_longer_s: float, video_longer_s: float
) -> None:
    assert predicted_frames(mode, of(4.00, 8.64)) / PAL == Fraction(str(voice_longer_s))
    assert predicted_frames(mode, of(10.00, 1.74)) / PAL == Fraction(str(video_longer_s))


@given(mode=MODES, lengths=LENGTHS)
def test_both_sides_of_every_plan_are_equally_long(mode: SyncMode, lengths: Lengths) -> None:
    plan = planned(mode, lengths)
    assert plan.frames == predicted_frames(mode, lengths)
    assert plan.voice_samples == samples(plan.frames, plan.rate)


@given(mode=MODES, lengths=LENGTHS)
def test_only_cut_off_ever_loses_speech(mode: SyncMode, lengths: Lengths) -> None:
    plan = planned(mode, lengths)
    if mode is not SyncMode.CUT_OFF:
        assert plan.voice_samples >= lengths.voice_samples
    elif plan.mismatch.longer == "voice":
        assert any("voice are cut" in warning for warning in plan.warnings)


@given(mode=MODES, lengths=LENGTHS)
def test_every_shown_frame_lies_within_the_trim(mode: SyncMode, lengths: Lengths) -> None:
    plan = planned(mode, lengths)
    shown = [source_frame(plan, k) for k in range(plan.frames)]
    assert min(shown) == plan.first_frame
    assert max(shown) < plan.first_frame + plan.source_frames


@given(mode=MODES, lengths=LENGTHS)
def test_what_is_executed_is_what_was_planned(mode: SyncMode, lengths: Lengths) -> None:
    plan = planned(mode, lengths)
    assert [picture for run in runs(plan) for picture in run] == [
        source_frame(plan, k) for k in range(plan.frames)
    ]


@given(lengths=retimable())
def test_remap_keeps_the_order_the_first_and_the_last_frame(lengths: Lengths) -> None:
    plan = planned(SyncMode.REMAP, lengths)
    shown = [source_frame(plan, k) for k in range(plan.frames)]
    assert shown == sorted(shown)
    assert shown[0] == plan.first_frame
    assert plan.frames == 1 or shown[-1] == plan.first_frame + plan.source_frames - 1
    step = Fraction(plan.source_frames - 1, max(1, plan.frames - 1))
    half = Fraction(1, 2)
    assert all(abs(n - plan.first_frame - k * step) <= half for k, n in enumerate(shown))


@given(lengths=LENGTHS)
def test_bounce_moves_by_exactly_one_frame_and_never_stands_still(lengths: Lengths) -> None:
    assume(lengths.source_frames > 1)
    plan = planned(SyncMode.BOUNCE, lengths)
    shown = [source_frame(plan, k) for k in range(plan.frames)]
    assert all(abs(after - before) == 1 for before, after in pairwise(shown))


def test_loop_starts_again_and_silence_holds_the_last_frame() -> None:
    lengths = Lengths(first_frame=5, source_frames=3, rate=PAL, voice_samples=7 * 1920)
    loop, silence = plan_fit(SyncMode.LOOP, lengths), plan_fit(SyncMode.SILENCE, lengths)
    assert [source_frame(loop, k) for k in range(7)] == [5, 6, 7, 5, 6, 7, 5]
    assert [source_frame(silence, k) for k in range(7)] == [5, 6, 7, 7, 7, 7, 7]


@pytest.mark.parametrize(
    ("voice_s", "keep_picture", "mode", "tempo", "warning"),
    [
        pytest.param(10.04, True, "cut_off", False, None, id="within a frame: nothing"),
        pytest.param(9.96, True, "cut_off", False, None, id="a frame short: nothing"),
        pytest.param(10.5, True, "cut_off", True, None, id="5 % long: free tempo"),
        pytest.param(9.5, False, "cut_off", True, None, id="5 % short: free tempo"),
        pytest.param(10.501, True, "remap", False, None, id="over 5 %: remap"),
        pytest.param(10.8, True, "remap", False, None, id="8 %: remap"),
        pytest.param(10.801, True, "cut_off", True, "faster", id="over 8 %: warned tempo"),
        pytest.param(11.5, True, "cut_off", True, "faster", id="15 %: warned tempo"),
        pytest.param(11.501, True, "silence", False, "stands still", id="over 15 %: hold"),
        pytest.param(12.5, True, "silence", False, "stands still", id="25 %: hold"),
        pytest.param(9.499, True, "silence", False, None, id="short, picture kept"),
        pytest.param(9.499, False, "cut_off", False, None, id="short, picture may go"),
        pytest.param(7.4, True, "silence", False, "priced", id="mostly silent: warned"),
        pytest.param(2.0, False, "cut_off", False, None, id="far too short, picture may go"),
    ],
)
def test_auto_takes_the_gentlest_fit(
    *, voice_s: float, keep_picture: bool, mode: str, tempo: bool, warning: str | None
) -> None:
    plan = plan_fit("auto", of(10, voice_s), keep_picture=keep_picture)
    assert plan.sync_mode == mode
    assert (plan.tempo != 1) is tempo
    assert bool(plan.warnings) is bool(warning)
    assert not warning or warning in plan.warnings[0]
    assert plan.reason


def test_auto_refuses_a_voice_far_too_long_and_says_what_to_change() -> None:
    with pytest.raises(MediaError, match=r"voice 12\.60 s, video 10\.00 s.*26%.*--sync-mode"):
        plan_fit("auto", of(10, 12.6))


@given(lengths=LENGTHS, keep_picture=st.booleans())
def test_auto_never_drops_speech_silently(*, lengths: Lengths, keep_picture: bool) -> None:
    try:
        plan = plan_fit("auto", lengths, keep_picture=keep_picture)
    except MediaError:
        assert lengths.ratio > Fraction(125, 100)
        return
    spoken = lengths.voice_samples / plan.tempo
    frame = samples(1, lengths.rate) + 1
    assert spoken <= plan.voice_samples + (frame if plan.mismatch.longer == "equal" else 0.01)


def test_a_tempo_makes_the_voice_as_long_as_the_video() -> None:
    plan = plan_fit("auto", of(10, 10.3))
    assert plan.frames == 250
    assert plan.voice_samples == 480_000
    assert plan.tempo == pytest.approx(1.03)


@pytest.mark.parametrize("mode", SyncMode)
def test_a_chosen_mode_is_obeyed(mode: SyncMode) -> None:
    for lengths in (of(10, 13.5), of(10, 7), of(10, 10)):
        assert plan_fit(mode, lengths).sync_mode is mode


def test_a_hard_remap_is_warned_of_and_an_absurd_one_refused() -> None:
    assert "1.50x slower" in plan_fit(SyncMode.REMAP, of(10, 15)).warnings[0]
    assert "2.00x faster" in plan_fit(SyncMode.REMAP, of(10, 5)).warnings[0]
    assert plan_fit(SyncMode.REMAP, of(10, 10.7)).warnings == ()
    for voice_s in (40.1, 2.4):
        with pytest.raises(MediaError, match="beyond 4x"):
            plan_fit(SyncMode.REMAP, of(10, voice_s))


@given(mode=MODES, lengths=LENGTHS)
def test_a_plan_for_the_vendor_keeps_both_sides_and_predicts_the_same_length(
    mode: SyncMode, lengths: Lengths
) -> None:
    plan = vendor_plan(mode, lengths)
    assert plan.by_vendor
    assert plan.voice_samples == lengths.voice_samples
    assert plan.frames == predicted_frames(mode, lengths)
    assert [list(run) for run in runs(plan)] == [
        list(range(plan.first_frame, plan.first_frame + plan.source_frames))
    ]


@pytest.mark.parametrize("mode", list(SyncMode))
def test_only_a_remap_by_the_vendor_shows_frames_at_times_nobody_here_knows(mode: SyncMode) -> None:
    lengths = Lengths(source_frames=100, rate=Fraction(25), voice_samples=6 * 48_000)
    assert shown_as_sent(plan_fit(mode, lengths))
    assert shown_as_sent(vendor_plan(mode, lengths)) is (mode is not SyncMode.REMAP)
