"""A plan is carried out to the frame and the sample, whatever comes in; read back from pixels."""

import subprocess
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from lipsync.conform import ConformRequest, conform
from lipsync.errors import MediaError
from lipsync.fit import FitPlan, FittedPair, Lengths, SyncMode, plan_fit, source_frame, vendor_plan
from lipsync.media.opening import top_boxes
from lipsync.probe import probe
from lipsync.store import Store
from lipsync.timing import grid_frames
from tests import odd_clips
from tests.clips import (
    as_file,
    ffmpeg,
    make_clip,
    make_voice,
    read_frames,
    read_index,
    read_indices,
    read_sound,
    read_times,
    write_wav,
)

NTSC = Fraction(30000, 1001)
B_FRAMES = {"bf": "3", "preset": "veryfast"}


class Bench:
    """Plans and conforms a clip against a voice of a given length."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store

    def lengths(self, clip: Path, voice_s: float, first: int = 0, left: int = 0) -> Lengths:
        """Trim `first` frames off the front and `left` off the end."""
        facts = probe(as_file(clip)).video
        assert facts is not None
        return Lengths(
            first_frame=first,
            source_frames=grid_frames(facts) - first - left,
            rate=facts.rate,
            voice_samples=round(voice_s * 48_000),
        )

    def carry_out(self, clip: Path, plan: FitPlan, voice: Path | None = None) -> FittedPair:
        facts = probe(as_file(clip)).video
        assert facts is not None
        if voice is None:
            samples = round(plan.mismatch.voice_s * 48_000)
            voice = write_wav(self.folder / "voice.wav", np.full(samples, 0.25, np.float32))
        request = ConformRequest(
            video=as_file(clip), video_facts=facts, plan=plan, voice=as_file(voice)
        )
        return conform(request, self.store)


@pytest.fixture
def bench(tmp_path: Path, store: Store) -> Bench:
    return Bench(tmp_path, store)


def planned_indices(plan: FitPlan) -> list[int]:
    return [source_frame(plan, k) for k in range(plan.frames)]


def assert_conformed(pair: FittedPair, plan: FitPlan) -> None:
    """The picture has the one look, and both sides have the planned lengths."""
    path = pair.video.path
    facts = probe(pair.video)
    video = facts.video
    assert video is not None
    assert facts.audio == ()
    assert (video.codec, video.pixel_format, video.rotation_deg) == ("h264", "yuv420p", 0)
    assert (video.sample_aspect, video.interlaced, video.hdr) == (Fraction(1), False, False)
    assert (video.constant_rate, video.rate, video.start_s) == (True, plan.rate, 0)
    assert (video.frames, pair.frames) == (plan.frames, plan.frames)
    assert read_times(path) == [k / plan.rate for k in range(plan.frames)]
    boxes, _ = top_boxes(path)
    assert boxes.index("moov") < boxes.index("mdat")
    assert b"elst" not in path.read_bytes()
    with wave.open(str(pair.voice.path)) as voice:
        assert voice.getnframes() == plan.voice_samples


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


def opencv_indices(path: Path) -> list[int]:
    import cv2

    capture, found = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        found.append(
            read_index(av.VideoFrame.from_ndarray(np.asarray(read[1], np.uint8), format="bgr24"))
        )
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == len(found)
    return found


def ffmpeg_indices(path: Path, width: int = 160, height: int = 120) -> list[int]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-xerror", "-i", str(path)]
    raw = ("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    done = subprocess.run([*command, *raw], capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    pictures = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width)
    return [read_index(av.VideoFrame.from_ndarray(each, format="gray")) for each in pictures]


READERS: list[Callable[[Path], list[int]]] = [read_indices, opencv_indices, ffmpeg_indices]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_smart_cut_is_exact_in_every_reader(
    bench: Bench, suffix: str, reader: Callable[[Path], list[int]]
) -> None:
    clip = make_clip(bench.folder / f"clip{suffix}", frames=60, options=B_FRAMES)
    plan = plan_fit(SyncMode.LOOP, bench.lengths(clip, 3.0, first=5, left=4))
    pair = bench.carry_out(clip, plan)
    assert pair.copied_frames == 36 + 12
    assert reader(pair.video.path) == planned_indices(plan)


def luma(frame: av.VideoFrame) -> bytes:
    return frame.to_ndarray(format="gray").tobytes()


def test_what_is_copied_keeps_its_very_pixels(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4", frames=48, options=B_FRAMES)
    plan = plan_fit(SyncMode.CUT_OFF, bench.lengths(clip, 9.0, first=5, left=3))
    pair = bench.carry_out(clip, plan)
    assert (pair.copied_frames, pair.encoded_frames) == (24, 16)
    before = [luma(frame) for frame in read_frames(clip)]
    after = [luma(frame) for frame in read_frames(pair.video.path)]
    assert after[7:31] == before[12:36]


def test_a_video_that_fits_is_not_encoded_at_all(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4", sound=True, options=B_FRAMES)
    pair = bench.carry_out(clip, plan_fit("auto", bench.lengths(clip, 2.0)))
    assert (pair.copied_frames, pair.encoded_frames) == (50, 0)
    assert [luma(f) for f in read_frames(pair.video.path)] == [luma(f) for f in read_frames(clip)]


@pytest.mark.parametrize("private", ["open-gop=1:keyint=12", "intra-refresh=1:keyint=12"])
def test_groups_that_are_not_closed_are_never_copied(bench: Bench, private: str) -> None:
    options = {"preset": "veryfast", "bf": "3", "x264-params": private}
    clip = make_clip(bench.folder / "clip.mp4", frames=60, options=options)
    plan = plan_fit(SyncMode.BOUNCE, bench.lengths(clip, 3.0, first=14, left=6))
    pair = bench.carry_out(clip, plan)
    assert pair.copied_frames == 0
    assert read_indices(pair.video.path) == planned_indices(plan)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_what_comes_again_is_encoded_once(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4", frames=12, codec="mpeg4")
    plan = plan_fit(SyncMode.LOOP, bench.lengths(clip, 1.2))
    found = packets(bench.carry_out(clip, plan).video.path)
    assert found[:12] == found[12:24]
    assert found[:6] == found[24:]


def odd_size(folder: Path) -> Path:
    return make_clip(folder / "odd.mp4", size=(161, 121), pix_fmt="yuv444p")


def full_range(folder: Path) -> Path:
    return make_clip(folder / "full.mp4", pix_fmt="yuvj420p")


def ten_bit(folder: Path) -> Path:
    return make_clip(folder / "ten.mp4", codec="libx265", pix_fmt="yuv420p10le")


def avi_with_b_frames(folder: Path) -> Path:
    return make_clip(folder / "b.avi", options={"bf": "2"})


def webm(folder: Path) -> Path:
    return make_clip(folder / "plain.webm", codec="libvpx-vp9")


ODD: dict[Callable[[Path], Path], tuple[int, int]] = {
    odd_clips.anamorphic: (204, 116),
    odd_clips.interlaced: (160, 120),
    odd_clips.transport_stream: (160, 120),
    odd_clips.hdr10: (160, 120),
    odd_clips.hlg: (160, 120),
    odd_clips.old_avi: (160, 120),
    odd_size: (160, 120),
    full_range: (160, 120),
    ten_bit: (160, 120),
    avi_with_b_frames: (160, 120),
    webm: (160, 120),
}


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_an_odd_video_comes_out_conformed_forwards_and_backwards(
    bench: Bench, make: Callable[[Path], Path]
) -> None:
    clip = make(bench.folder)
    plan = plan_fit(SyncMode.BOUNCE, bench.lengths(clip, 1.0, first=1, left=1))
    pair = bench.carry_out(clip, plan)
    assert read_indices(pair.video.path) == planned_indices(plan)
    assert_conformed(pair, plan)
    first = next(read_frames(pair.video.path))
    assert (first.width, first.height) == ODD[make]


def test_a_variable_rate_is_laid_on_the_grid_by_its_timestamps(bench: Bench) -> None:
    clip = odd_clips.variable_rate(bench.folder)
    plan = plan_fit(SyncMode.SILENCE, bench.lengths(clip, 3.2, first=4))
    pair = bench.carry_out(clip, plan)
    grid = [max(n for n in odd_clips.DROPPED if n <= k) for k in range(70)]
    assert read_indices(pair.video.path) == [grid[at] for at in planned_indices(plan)]
    assert_conformed(pair, plan)


def test_frames_hidden_by_an_edit_list_stay_hidden(bench: Bench) -> None:
    clip = odd_clips.edit_list(bench.folder)
    plan = plan_fit(SyncMode.LOOP, bench.lengths(clip, 2.0))
    pair = bench.carry_out(clip, plan)
    assert read_indices(pair.video.path) == [40 + at for at in planned_indices(plan)]
    assert_conformed(pair, plan)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_comes_out_as_a_player_shows_it(bench: Bench, degrees: int) -> None:
    clip = odd_clips.rotated(bench.folder, degrees)
    pair = bench.carry_out(clip, plan_fit(SyncMode.CUT_OFF, bench.lengths(clip, 0.4)))
    shown = bench.folder / "shown.mp4"
    ffmpeg("-i", clip, "-frames:v", "10", "-crf", "10", shown)  # turns it by itself
    ours, theirs = (next(read_frames(path)) for path in (pair.video.path, shown))
    assert (ours.width, ours.height) == (theirs.width, theirs.height)
    difference = ours.to_ndarray(format="gray").astype(int) - theirs.to_ndarray(format="gray")
    # Ours is BT.709 now, theirs still the untagged BT.601: a few steps of luma.
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("make", [full_range, ten_bit, odd_size], ids=lambda make: make.__name__)
def test_colours_survive_the_conversion(bench: Bench, make: Callable[[Path], Path]) -> None:
    clip = make(bench.folder)
    pair = bench.carry_out(clip, plan_fit(SyncMode.REMAP, bench.lengths(clip, 1.0)))
    frame = next(read_frames(pair.video.path))
    assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)
    seen = frame.to_ndarray(format="rgb24", src_colorspace="ITU709")[70:80, 6:14].mean((0, 1))
    # The moving block of `draw`, made from RGB by the BT.601 matrix that libav takes unless told.
    assert np.abs(seen - (220, 120, 60)).max() < 12


def test_backwards_in_small_stretches_is_still_exact(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync.media.frames.BACKWARD_BYTES", 7 * 160 * 120 * 3 // 2)
    clip = make_clip(bench.folder / "clip.mp4", frames=60, gop=60, options=B_FRAMES)
    plan = plan_fit(SyncMode.BOUNCE, bench.lengths(clip, 4.0, first=5))
    assert read_indices(bench.carry_out(clip, plan).video.path) == planned_indices(plan)


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


# --- the voice ----------------------------------------------------------------------------------


def test_a_cut_voice_fades_within_five_milliseconds(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4")
    pair = bench.carry_out(clip, plan_fit(SyncMode.CUT_OFF, bench.lengths(clip, 2.5)))
    sound = read_sound(pair.voice.path)
    assert len(sound) == 96_000
    assert np.allclose(sound[:-240], 0.25, atol=1e-3)
    assert abs(sound[-1]) < 0.002


def test_a_short_voice_is_followed_by_digital_silence(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4")
    voice = make_voice(bench.folder / "speech.wav", 1.0, channels=2)
    plan = plan_fit(SyncMode.SILENCE, bench.lengths(clip, 1.0))
    pair = bench.carry_out(clip, plan, voice)
    with wave.open(str(voice)) as before, wave.open(str(pair.voice.path)) as after:
        assert (after.getnchannels(), after.getnframes()) == (2, 96_000)
        assert after.readframes(48_000) == before.readframes(48_000)
        assert not any(after.readframes(48_000))


@pytest.mark.parametrize("voice_s", [2.06, 1.92])
def test_a_tempo_keeps_the_pitch_and_every_moment_in_its_place(
    bench: Bench, voice_s: float
) -> None:
    clip = make_clip(bench.folder / "clip.mp4")
    at = np.arange(round(voice_s * 48_000)) / 48_000
    tone = (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
    tone[(at > voice_s / 2) & (at < voice_s / 2 + 0.2)] = 0
    voice = write_wav(bench.folder / "tone.wav", tone)
    plan = plan_fit("auto", bench.lengths(clip, voice_s))
    assert plan.tempo != 1
    sound = read_sound(bench.carry_out(clip, plan, voice).voice.path)
    assert len(sound) == plan.voice_samples == 96_000
    spectrum = np.abs(np.fft.rfft(sound[10_000:40_000] * np.hanning(30_000)))
    assert abs(spectrum.argmax() * 48_000 / 30_000 - 440) < 2
    loud = np.abs(sound).reshape(-1, 480).max(1) > 0.15
    silent = np.flatnonzero(~loud)
    assert abs(silent[0] - 100) <= 2  # 10 ms each: the gap begins in the middle
    assert np.all(loud[-3:])  # the end is still spoken


def test_a_voice_that_was_not_normalized_is_refused(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4")
    voice = make_voice(bench.folder / "low.wav", 3.0, rate_hz=16_000)
    with pytest.raises(MediaError, match="not 48 kHz 16-bit"):
        bench.carry_out(clip, plan_fit(SyncMode.LOOP, bench.lengths(clip, 3.0)), voice)


# --- bad days -----------------------------------------------------------------------------------


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
