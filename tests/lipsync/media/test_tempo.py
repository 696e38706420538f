"""The voice gets its tempo and its exact number of samples."""

import wave
from pathlib import Path

import numpy as np
import pytest

from lipsync.errors import MediaError
from lipsync.fit import SyncMode, plan_fit
from lipsync.store import Store
from tests.clips import (
    make_clip,
    make_voice,
    read_sound,
    write_wav,
)
from tests.fitting import Bench


@pytest.fixture
def bench(tmp_path: Path, store: Store) -> Bench:
    return Bench(tmp_path, store)


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
    silent = np.flatnonzero(~loud[5:]) + 5
    assert abs(silent[0] - 100) <= 2  # 10 ms each: the gap begins in the middle
    assert np.all(loud[-3:])  # the end is still spoken


def test_a_voice_that_was_not_normalized_is_refused(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4")
    voice = make_voice(bench.folder / "low.wav", 3.0, rate_hz=16_000)
    with pytest.raises(MediaError, match="not 48 kHz 16-bit"):
        bench.carry_out(clip, plan_fit(SyncMode.LOOP, bench.lengths(clip, 3.0)), voice)
