"""Normalize: loudness, true peak, edges and clock of the voice, on real files."""

import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipsync.errors import MediaError
from lipsync.media.edges import FADE_MS
from lipsync.normalize import normalize
from lipsync.store import Store
from lipsync.voice import LoudnessTarget, NormalizeRequest, Voice
from tests.clips import (
    VOICE_RATE_HZ,
    as_file,
    ffmpeg,
    make_clip,
    make_voice,
    read_sound,
    speech,
    write_wav,
)
from tests.lipsync.orders import in_scratch
from tests.meters import ffmpeg_loudness, lag_samples

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_S = 1 / VOICE_RATE_HZ
# A transport stream has no way to say that the encoder's first frame is to be skipped.
AAC_PRIMING = 1024


def normalized(path: Path, store: Store, **wishes: object) -> Voice:
    """Normalize a file with defaults."""
    return normalize(NormalizeRequest.model_validate({"source": as_file(path), **wishes}), store)


@pytest.mark.parametrize(
    ("lufs", "level"), [(-16.0, 0.05), (-16.0, 0.99), (-23.0, 0.25), (-27.0, 0.99)]
)
def test_a_voice_lands_on_its_target_by_an_independent_meter(
    tmp_path: Path, store: Store, lufs: float, level: float
) -> None:
    target = LoudnessTarget(integrated_lufs=lufs)
    voice = normalized(make_voice(tmp_path / "v.wav", 4, level=level), store, target=target)
    integrated, true_peak = ffmpeg_loudness(voice.file.path)
    assert integrated == pytest.approx(lufs, abs=0.1)
    assert true_peak <= -1.0
    assert voice.after.integrated_lufs == pytest.approx(integrated, abs=0.06)
    assert voice.after.true_peak_dbtp == pytest.approx(true_peak, abs=0.06)


@pytest.mark.parametrize(
    ("name", "lufs"),
    [("demo1_audio.wav", -16.0), ("demo2_audio.wav", -14.0), ("demo2_video.mp4", -27.0)],
)
def test_real_speech_lands_on_its_target(
    samples: Path, store: Store, name: str, lufs: float
) -> None:
    target = LoudnessTarget(integrated_lufs=lufs)
    voice = normalized(samples / name, store, target=target)
    integrated, true_peak = ffmpeg_loudness(voice.file.path)
    assert integrated == pytest.approx(lufs, abs=0.1)
    assert true_peak <= -1.0
    assert not voice.warnings


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.wav", ()),
        ("v24.wav", ("-c:a", "pcm_s24le")),
        ("v32.wav", ("-c:a", "pcm_f32le", "-ar", "44100")),
        ("v8.wav", ("-c:a", "pcm_u8", "-ar", "22050")),
        ("v.mp3", ()),
        ("v.m4a", ()),
        ("v.flac", ()),
        ("v.ogg", ("-c:a", "libvorbis")),
        ("v.opus", ()),
        ("v.webm", ("-c:a", "libopus")),
        ("v.mkv", ("-c:a", "aac")),
    ],
)
def test_any_format_becomes_48_khz_wav_without_moving(
    tmp_path: Path, store: Store, name: str, options: tuple[str, ...]
) -> None:
    path = make_voice(tmp_path / name, 2, options=options)
    voice = normalized(path, store, trim_silence=False)
    assert voice.file.path.read_bytes()[:4] == b"RIFF"
    header = struct.unpack("<HHIIHH", voice.file.path.read_bytes()[20:36])
    assert header == (1, 1, VOICE_RATE_HZ, 2 * VOICE_RATE_HZ, 2, 16)
    assert abs(lag_samples(speech(2), read_sound(voice.file.path))) <= 1
    assert voice.samples == len(read_sound(voice.file.path))


def test_six_channels_become_two(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "surround.wav"
    ffmpeg("-i", make_voice(tmp_path / "v.wav", 2), "-ac", "6", path)
    voice = normalized(path, store)
    assert voice.channels == 2
    assert ffmpeg_loudness(voice.file.path)[0] == pytest.approx(-16, abs=0.1)


def test_a_voice_that_starts_late_in_its_file_keeps_its_place(tmp_path: Path, store: Store) -> None:
    clip = make_clip(tmp_path / "c.mp4", frames=50, sound=True)
    late = tmp_path / "late.mp4"
    both = ("-i", clip, "-itsoffset", "0.479", "-i", clip)
    ffmpeg(*both, "-map", "0:v", "-map", "1:a", "-c", "copy", late)
    voice = normalized(late, store, trim_silence=False)
    assert lag_samples(speech(2), read_sound(voice.file.path)) * SAMPLE_S == pytest.approx(
        0.479, abs=0.001
    )


def test_a_transport_stream_that_starts_at_1_4_s_is_not_taken_for_silence(
    tmp_path: Path, store: Store
) -> None:
    path = make_clip(tmp_path / "c.ts", frames=50, sound=True)
    voice = normalized(path, store, trim_silence=False)
    assert 0 <= lag_samples(speech(2), read_sound(voice.file.path)) <= AAC_PRIMING
    assert voice.duration_s == pytest.approx(2, abs=0.1)


def test_a_hole_in_the_timestamps_is_filled_with_silence(tmp_path: Path, store: Store) -> None:
    whole = make_voice(tmp_path / "v.wav", 4)
    path = tmp_path / "hole.mkv"
    ffmpeg("-i", whole, "-af", "aselect='not(between(t,1,2.5))'", "-c:a", "pcm_s16le", path)
    voice = normalized(path, store, trim_silence=False)
    written, original = read_sound(voice.file.path), speech(4)
    after = slice(3 * VOICE_RATE_HZ, None)
    assert abs(lag_samples(original[after], written[after])) <= 1
    assert not written[round(1.2 * VOICE_RATE_HZ) : round(2.3 * VOICE_RATE_HZ)].any()


def test_the_track_that_was_asked_for_is_taken(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "two.mkv"
    one = make_voice(tmp_path / "one.wav", 1)
    other = make_voice(tmp_path / "other.wav", 2, seed=5)
    ffmpeg("-i", one, "-i", other, "-map", "0", "-map", "1", "-c", "copy", path)
    assert normalized(path, store, track=1, trim_silence=False).duration_s == pytest.approx(2)
    assert normalized(path, store, track=0, trim_silence=False).duration_s == pytest.approx(1)


@pytest.mark.parametrize(("lead_s", "tail_s"), [(0.8, 0.5), (0.0, 1.2), (1.5, 0.0)])
def test_silent_edges_are_cut_to_the_pad(
    tmp_path: Path, store: Store, lead_s: float, tail_s: float
) -> None:
    path = make_voice(tmp_path / "v.wav", 4, silence=(lead_s, tail_s))
    voice = normalized(path, store, pad_s=0.1)
    assert voice.lead_trimmed_s == pytest.approx(max(0, lead_s - 0.1), abs=0.05)
    assert voice.tail_trimmed_s == pytest.approx(max(0, tail_s - 0.1), abs=0.25)
    kept_s = 4 - voice.lead_trimmed_s - voice.tail_trimmed_s
    assert voice.duration_s == pytest.approx(kept_s, abs=SAMPLE_S / 2)
    lag = lag_samples(read_sound(voice.file.path), read_sound(path))
    assert lag * SAMPLE_S == pytest.approx(voice.lead_trimmed_s, abs=SAMPLE_S)


def test_the_same_voice_recorded_softer_is_cut_at_the_same_place(
    tmp_path: Path, store: Store
) -> None:
    edges = (0.7, 0.4)
    loud = normalized(make_voice(tmp_path / "a.wav", 3, silence=edges, level=0.5), store)
    soft = normalized(make_voice(tmp_path / "b.wav", 3, silence=edges, level=0.02), store)
    assert soft.lead_trimmed_s == pytest.approx(loud.lead_trimmed_s, abs=0.011)
    assert soft.tail_trimmed_s == pytest.approx(loud.tail_trimmed_s, abs=0.011)


def test_a_cut_through_room_tone_is_faded_and_the_speech_is_not(
    tmp_path: Path, store: Store
) -> None:
    rng = np.random.default_rng(3)
    sound = speech(4, silence=(1.0, 1.0), level=0.1)
    sound += np.float32(3e-5) * rng.standard_normal(len(sound), np.float32)
    path = write_wav(tmp_path / "v.wav", sound)
    voice = normalized(path, store, pad_s=0.2, target=LoudnessTarget(integrated_lufs=-30))
    written = read_sound(voice.file.path)
    start, gain = round(voice.lead_trimmed_s * VOICE_RATE_HZ), 10 ** (voice.gain_db / 20)
    original = gain * read_sound(path)[start : start + len(written)]
    fade = FADE_MS * VOICE_RATE_HZ // 1000
    assert np.abs(written[:5]).max() < 0.05 * np.abs(original[:fade]).max()
    assert np.abs(written[-5:]).max() < 0.05 * np.abs(original[-fade:]).max()
    assert not voice.limited
    assert np.abs(written - original)[fade:-fade].max() < 2 / 32768


def test_a_voice_that_already_conforms_keeps_its_bits(tmp_path: Path, store: Store) -> None:
    once = normalized(make_voice(tmp_path / "v.wav", 3, silence=(0.6, 0.6), level=0.9), store)
    again = normalized(once.file.path, store)
    assert again.file.sha256 == once.file.sha256
    assert (again.gain_db, again.limited, again.lead_trimmed_s) == (0.0, False, 0.0)


def test_without_trimming_nothing_is_cut(tmp_path: Path, store: Store) -> None:
    path = make_voice(tmp_path / "v.wav", 3, silence=(1.0, 1.0))
    voice = normalized(path, store, trim_silence=False)
    assert voice.samples == 3 * VOICE_RATE_HZ


def test_digital_silence_between_words_stays_digital_silence(tmp_path: Path, store: Store) -> None:
    sound = np.concatenate(
        [speech(1), np.zeros(VOICE_RATE_HZ, np.float32), speech(1, seed=2)], dtype=np.float32
    )
    voice = normalized(
        write_wav(tmp_path / "v.wav", np.float32(0.1) * sound), store, trim_silence=False
    )
    pause = read_sound(voice.file.path)[round(1.05 * VOICE_RATE_HZ) : round(1.95 * VOICE_RATE_HZ)]
    assert voice.gain_db > 10
    assert not pause.any()


def test_the_limiter_leaves_quiet_speech_at_one_static_gain(tmp_path: Path, store: Store) -> None:
    sound = np.concatenate([speech(2, level=0.05), speech(2, level=0.95, seed=2)])
    path = write_wav(tmp_path / "v.wav", sound)
    voice = normalized(path, store, trim_silence=False)
    ratio = 10 ** (voice.gain_db / 20)
    quiet = slice(0, round(1.9 * VOICE_RATE_HZ))
    assert voice.limited
    difference = read_sound(voice.file.path)[quiet] - ratio * read_sound(path)[quiet]
    assert np.abs(difference).max() < 2 / 32768


def test_a_silent_voice_is_refused_with_its_figure(tmp_path: Path, store: Store) -> None:
    path = write_wav(tmp_path / "mute.wav", np.zeros(2 * VOICE_RATE_HZ, np.float32))
    with pytest.raises(MediaError, match=r"mute\.wav: the voice is silent \(-70 LUFS"):
        normalized(path, store)


def test_a_voice_too_short_to_measure_keeps_its_level(tmp_path: Path, store: Store) -> None:
    path = write_wav(tmp_path / "oh.wav", speech(0.3, level=0.1))
    voice = normalized(path, store)
    assert (voice.gain_db, voice.samples) == (0.0, round(0.3 * VOICE_RATE_HZ))
    assert "shorter than 0.4 s" in voice.warnings[0]


def test_noise_from_a_forgotten_microphone_is_not_raised_without_end(
    tmp_path: Path, store: Store
) -> None:
    rng = np.random.default_rng(1)
    noise = (3e-4 * rng.standard_normal(2 * VOICE_RATE_HZ)).astype(np.float32)
    voice = normalized(write_wav(tmp_path / "hiss.wav", noise), store)
    assert voice.gain_db == 30
    assert "very quiet" in voice.warnings[0]


def test_a_video_without_sound_is_refused(tmp_path: Path, store: Store) -> None:
    path = make_clip(tmp_path / "c.mp4", frames=5)
    with pytest.raises(MediaError, match=r"c\.mp4: has no audio stream"):
        normalized(path, store)


def test_a_track_that_is_not_there_is_answered_with_how_many_there_are(
    tmp_path: Path, store: Store
) -> None:
    path = make_clip(tmp_path / "c.mp4", frames=10, rate=Fraction(25), sound=True, tracks=2)
    with pytest.raises(MediaError, match=r"track 2 was asked for, but there are 2 \(0 to 1\)"):
        normalized(path, store, track=2)


def test_a_damaged_stretch_is_silence_and_reported(tmp_path: Path, store: Store) -> None:
    path = make_voice(tmp_path / "v.m4a", 4)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 6000] = b"\xff" * 6000
    path.write_bytes(content)
    voice = normalized(path, store, trim_silence=False)
    assert voice.duration_s == pytest.approx(4, abs=0.1)
    assert "damaged packets" in voice.warnings[0]


def test_a_voice_whose_peaks_leave_no_room_is_not_crushed(tmp_path: Path, store: Store) -> None:
    path = make_voice(tmp_path / "v.wav", 3, level=0.9)
    voice = normalized(path, store, target=LoudnessTarget(integrated_lufs=-8))
    assert voice.gain_db <= 10.1
    assert "no more room under -1.0 dBTP" in voice.warnings[0]


def test_a_file_that_is_no_media_is_refused(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("these are notes, not a voice")
    with pytest.raises(MediaError, match=r"notes\.wav"):
        normalized(path, store)


def test_nothing_is_left_in_scratch(tmp_path: Path, store: Store) -> None:
    normalized(make_voice(tmp_path / "v.wav", 1), store)
    assert not in_scratch(store)


def test_a_cut_needs_no_program_on_the_path_and_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Pydub asks for ffprobe when it reads files and warns of a missing ffmpeg when imported."""
    path = make_voice(tmp_path / "v.mp3", 3, silence=(0.8, 0.8))
    script = (
        "import sys; from pathlib import Path; from lipsync.home import Home;"
        "from lipsync.normalize import normalize; from lipsync.store import Store;"
        "from lipsync.voice import NormalizeRequest; from tests.clips import as_file;"
        "request = NormalizeRequest(source=as_file(Path(sys.argv[1])));"
        "voice = normalize(request, Store(Home(Path(sys.argv[2]))));"
        "assert voice.lead_trimmed_s > 0.5 and 'pydub' in sys.modules"
    )
    command = [sys.executable, "-c", script, str(path), str(tmp_path / "home")]
    subprocess.run(command, check=True, cwd=ROOT, env={"PATH": ""}, timeout=60)
    assert capfd.readouterr() == ("", "")
