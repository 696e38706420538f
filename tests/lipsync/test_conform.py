"""A plan is carried out to the frame and the sample; read back from pixels."""

from fractions import Fraction
from pathlib import Path

import pytest

from lipsync.conform import conform, conform_picture
from lipsync.errors import MediaError
from lipsync.fit import Lengths, SyncMode, plan_fit, vendor_plan
from lipsync.measures.imprint import reading
from lipsync.probe import probe
from lipsync.requests import ConformRequest, PictureRequest
from lipsync.store import Store
from tests import odd_clips
from tests.clips import (
    as_file,
    ffmpeg,
    make_clip,
    make_voice,
    read_indices,
)
from tests.fitting import Bench, assert_conformed, planned_indices

NTSC = Fraction(30000, 1001)
B_FRAMES = {"bf": "3", "preset": "veryfast"}


@pytest.fixture
def bench(tmp_path: Path, store: Store) -> Bench:
    return Bench(tmp_path, store)


@pytest.mark.parametrize("rate", [Fraction(25), NTSC], ids=["25", "29.97"])
@pytest.mark.parametrize("voice_s", [2.9, 1.1], ids=["voice longer", "video longer"])
@pytest.mark.parametrize("mode", SyncMode)
def test_every_mode_shows_exactly_the_planned_frames(
    bench: Bench, mode: SyncMode, voice_s: float, rate: Fraction
) -> None:
    clip = make_clip(bench.folder / "clip.mp4", frames=45, rate=rate, options=B_FRAMES)
    plan = plan_fit(mode, bench.lengths(clip, voice_s, first=3, left=2))
    pair = bench.carry_out(clip, plan)
    assert read_indices(pair.video.path) == planned_indices(plan)
    assert_conformed(pair, plan)


def test_what_is_left_to_the_vendor_keeps_both_lengths(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4")
    voice = make_voice(bench.folder / "speech.wav", 3.0)
    plan = vendor_plan(SyncMode.BOUNCE, bench.lengths(clip, 3.0, first=10))
    pair = bench.carry_out(clip, plan, voice)
    assert read_indices(pair.video.path) == list(range(10, 50))
    assert pair.voice.sha256 == as_file(voice).sha256


def test_progress_ends_at_the_last_frame(bench: Bench, store: Store) -> None:
    clip = make_clip(bench.folder / "clip.mp4")
    facts = probe(as_file(clip)).video
    assert facts is not None
    voice = as_file(make_voice(bench.folder / "speech.wav", 3.0))
    plan = plan_fit(SyncMode.SILENCE, bench.lengths(clip, 3.0))
    told: list[tuple[int, int]] = []
    conform(
        ConformRequest(video=as_file(clip), video_facts=facts, plan=plan, voice=voice),
        store,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 75) for done in range(1, 76)]


def test_a_file_that_ends_early_is_refused_by_the_frame(bench: Bench) -> None:
    clip = odd_clips.cut_off(bench.folder, index_first=True)
    plan = plan_fit(SyncMode.REMAP, bench.lengths(clip, 3.0))
    longer = plan.model_copy(update={"source_frames": 75})
    with pytest.raises(MediaError, match=r"cut_index\.mp4: .*frame \d+"):
        bench.carry_out(clip, longer)


def test_a_damaged_picture_is_refused_with_its_frame_and_time(bench: Bench) -> None:
    clip = odd_clips.bit_flipped(bench.folder)
    with pytest.raises(MediaError, match=r"flipped\.mp4: .*frame \d+ \(\d+\.\d+ s\)"):
        bench.carry_out(clip, plan_fit(SyncMode.REMAP, bench.lengths(clip, 3.0)))


def test_a_picture_that_changes_its_size_is_refused(bench: Bench) -> None:
    small = make_clip(bench.folder / "small.mp4", frames=25)
    large = make_clip(bench.folder / "large.mp4", frames=25, size=(320, 240))
    joined = bench.folder / "joined.ts"
    with joined.open("wb") as whole:
        for start_s, part in enumerate((small, large)):
            stream = part.with_suffix(".ts")
            ffmpeg("-i", part, "-c", "copy", "-output_ts_offset", str(start_s), stream)
            whole.write(stream.read_bytes())
    plan = plan_fit(SyncMode.CUT_OFF, bench.lengths(joined, 2.0))
    with pytest.raises(MediaError, match="160x120 at first and 320x240 at frame 25"):
        bench.carry_out(joined, plan)


@pytest.mark.parametrize(("missing", "fine"), [(2, True), (3, False)])
def test_one_or_two_frames_missing_at_the_end_are_held(
    bench: Bench, *, missing: int, fine: bool
) -> None:
    clip = make_clip(bench.folder / "clip.mp4", frames=50, codec="mpeg4")
    plan = plan_fit(SyncMode.REMAP, bench.lengths(clip, (50 + missing) / 25))
    more = plan.model_copy(update={"source_frames": 50 + missing})
    if not fine:
        with pytest.raises(MediaError, match="frame 50 and others of its 50 are missing"):
            bench.carry_out(clip, more)
        return
    found = read_indices(bench.carry_out(clip, more).video.path)
    assert found == [min(n, 49) for n in range(52)]


# --- real footage -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", SyncMode)
def test_real_footage_has_the_predicted_length(bench: Bench, samples: Path, mode: SyncMode) -> None:
    clip = samples / "demo1_video.mp4"
    facts = probe(as_file(clip)).video
    assert facts is not None
    lengths = Lengths(first_frame=2, source_frames=10, rate=facts.rate, voice_samples=24_000)
    plan = plan_fit(mode, lengths)
    pair = bench.carry_out(clip, plan)
    assert plan.frames == (10 if mode is SyncMode.CUT_OFF else 13)
    assert_conformed(pair, plan)


def test_what_is_sent_keeps_its_imprint_where_it_is_asked_for(bench: Bench, store: Store) -> None:
    clip = make_clip(bench.folder / "clip.mp4")
    facts = probe(as_file(clip)).video
    assert facts is not None
    plan = plan_fit(SyncMode.LOOP, bench.lengths(clip, 5.0))
    request = PictureRequest(video=as_file(clip), video_facts=facts, plan=plan, imprint=True)
    told: list[tuple[int, int]] = []
    made = conform_picture(request, store, progress=lambda *done: told.append(done))
    assert told == [(done, 250) for done in range(1, 251)]  # written, and then looked at
    assert made.imprint is not None
    with reading(made.imprint.path) as imprint:
        assert sum(1 for _ in imprint) == made.frames == 125
    bare = conform_picture(request.model_copy(update={"imprint": False}), store)
    assert (bare.imprint, bare.video) == (None, made.video)


def test_damage_in_pictures_that_are_only_copied_is_found_before_they_are_sent(
    bench: Bench,
) -> None:
    clip = odd_clips.bit_flipped(bench.folder, flips=3)
    plan = plan_fit(SyncMode.CUT_OFF, bench.lengths(clip, 2.0))
    with pytest.raises(MediaError, match=r"of the 50 pictures are damaged"):
        bench.carry_out(clip, plan)
    facts = probe(as_file(clip)).video
    assert facts is not None
    request = PictureRequest(video=as_file(clip), video_facts=facts, plan=plan, imprint=True)
    with pytest.raises(MediaError, match=r"of the 50 pictures are damaged"):
        conform_picture(request, bench.store)
