"""Claims about the envelope: known levels go in, the same come out."""

import wave
from pathlib import Path

import numpy as np
import pytest

from lipsync.envelope import SILENT_DB, STEP_S, levels_db, peaks_s

RATE = 48_000


def write(path: Path, samples: np.ndarray, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(channels)
        stream.setsampwidth(2)
        stream.setframerate(RATE)
        stream.writeframes(np.repeat(samples, channels).astype(np.int16).tobytes())
    return path


def tone(seconds: float, level_db: float) -> np.ndarray:
    at = np.arange(round(seconds * RATE)) / RATE
    return np.sqrt(2) * 32_768 * 10 ** (level_db / 20) * np.sin(2 * np.pi * 500 * at)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level_db", [-6.0, -30.0, -60.0])
def test_a_tone_has_its_level_in_every_step(tmp_path: Path, level_db: float, channels: int) -> None:
    levels = levels_db(write(tmp_path / "a.wav", tone(0.4, level_db), channels))
    assert len(levels) == 10
    assert levels == pytest.approx([level_db] * 10, abs=0.2)


def test_silence_has_a_level_too(tmp_path: Path) -> None:
    assert levels_db(write(tmp_path / "a.wav", np.zeros(RATE // 10))) == (SILENT_DB,) * 3


def test_peaks_are_where_the_voice_is_loud(tmp_path: Path) -> None:
    voice = np.concatenate([tone(1, -40), tone(STEP_S, -10), tone(1, -40), tone(STEP_S, -12)])
    levels = levels_db(write(tmp_path / "a.wav", voice))
    assert peaks_s(levels, 1) == pytest.approx((1.02,))
    assert peaks_s(levels, 2) == pytest.approx((1.02, 2.06))


def test_where_nobody_speaks_one_moment_serves() -> None:
    assert peaks_s([-90.0, -80.0, -90.0], 3) == pytest.approx((0.06,))
    assert peaks_s([], 3) == ()
