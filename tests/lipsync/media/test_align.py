"""Alignment: a delay is put in, the same delay comes out."""

from pathlib import Path

import numpy as np
import pytest

from lipsync.media.align import RATE_HZ, Mono, mono_of, offset_between
from tests.clips import VOICE_RATE_HZ, ffmpeg, make_voice, speech, write_wav


def shifted(sound: Mono, delay_s: float) -> Mono:
    """Delay by any fraction of a sample, in the frequency domain."""
    size = 2 * len(sound)
    spectrum = np.fft.rfft(sound, size)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size) * delay_s * RATE_HZ)
    return np.fft.irfft(spectrum * turn, size)[: len(sound)].astype(np.float32)


@pytest.mark.parametrize("delay_ms", [0.0, 0.02, 7.3, 40.0, -120.0, 1500.0, -1500.0])
def test_a_delay_that_was_put_in_is_found_again(delay_ms: float) -> None:
    sound = speech(9, rate_hz=RATE_HZ, silence=(2.0, 2.0))
    found = offset_between(sound, shifted(sound, delay_ms / 1000))
    assert found.offset_ms == pytest.approx(delay_ms, abs=0.01)
    assert found.similarity > 0.95


def test_the_sign_is_positive_when_the_other_is_late() -> None:
    sound = speech(6, rate_hz=RATE_HZ)
    late = np.concatenate([np.zeros(800, np.float32), sound])
    assert offset_between(sound, late).offset_ms == pytest.approx(50, abs=0.1)
    assert offset_between(late, sound).offset_ms == pytest.approx(-50, abs=0.1)


def test_a_front_that_was_cut_off_is_expected_and_no_offset() -> None:
    sound = speech(9, rate_hz=RATE_HZ, silence=(3.0, 0.0))
    cut_s = 2.71828
    count = round(cut_s * RATE_HZ)
    found = offset_between(sound, sound[count:], expected_s=-cut_s)
    assert found.offset_ms == pytest.approx(1000 * (cut_s - count / RATE_HZ), abs=0.005)


def test_another_voice_is_not_taken_for_the_same() -> None:
    one, other = (speech(12, rate_hz=RATE_HZ, seed=seed) for seed in (1, 9))
    assert offset_between(one, other).similarity < 0.6


def test_other_real_speech_is_not_taken_for_the_same(samples: Path) -> None:
    one, other = (mono_of(samples / f"demo{number}_audio.wav") for number in (1, 2))
    assert offset_between(one, other).similarity < 0.4
    assert offset_between(one, one).similarity > 0.999


def test_a_drift_is_measured_on_real_speech(samples: Path) -> None:
    sound = np.asarray(mono_of(samples / "demo2_audio.wav"))
    slow = np.interp(np.arange(len(sound)) / 1.0005, np.arange(len(sound)), sound)
    found = offset_between(sound, slow.astype(np.float32))
    assert found.drift_ms_per_min == pytest.approx(0.0005 * 60_000, abs=1)
    assert found.offset_ms == pytest.approx(0.0005 * 9_900, abs=1)


def test_a_voice_that_was_cut_short_is_compared_where_both_are() -> None:
    sound = speech(10, rate_hz=RATE_HZ)
    found = offset_between(sound, sound[: 5 * RATE_HZ])
    assert abs(found.offset_ms) < 0.01
    assert found.similarity > 0.99


def test_silence_is_like_nothing() -> None:
    sound = speech(3, rate_hz=RATE_HZ)
    assert offset_between(sound, np.zeros_like(sound)).similarity < 0.1
    assert offset_between(sound, sound[:0]).windows == 0


def test_a_phone_line_with_noise_keeps_its_place(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    clean = write_wav(tmp_path / "clean.wav", speech(6))
    noisy = speech(6) + 0.01 * rng.standard_normal(6 * VOICE_RATE_HZ).astype(np.float32)
    write_wav(tmp_path / "noisy.wav", noisy)
    phone = tmp_path / "phone.wav"
    ffmpeg("-i", tmp_path / "noisy.wav", "-af", "highpass=300,lowpass=3400,volume=-20dB", phone)
    found = offset_between(mono_of(clean), mono_of(phone))
    assert abs(found.offset_ms) < 1
    assert found.similarity > 0.6


def test_two_formats_of_one_voice_lie_on_each_other(tmp_path: Path) -> None:
    plain, packed = make_voice(tmp_path / "v.wav", 5), make_voice(tmp_path / "v.mp3", 5)
    assert abs(offset_between(mono_of(plain), mono_of(packed)).offset_ms) < 0.1


def test_a_recording_that_does_not_fit_in_memory_is_the_same_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = make_voice(tmp_path / "long.wav", 5)
    held = mono_of(voice)
    monkeypatch.setattr("lipsync.media.align.HELD_SAMPLES", 20_000)
    aside = mono_of(voice)
    assert isinstance(aside, np.memmap)
    assert not isinstance(held, np.memmap)
    assert np.array_equal(aside, held)
