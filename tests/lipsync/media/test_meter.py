"""The loudness meter against known signals and against ffmpeg's own."""

from pathlib import Path

import numpy as np
import pytest

from lipsync.errors import MediaError
from lipsync.media.meter import Meter, measure
from tests.clips import VOICE_RATE_HZ, make_clip, make_voice, speech, write_wav
from tests.meters import ffmpeg_loudness

SECONDS = 5
TIME = np.arange(SECONDS * VOICE_RATE_HZ) / VOICE_RATE_HZ


def tone(level_dbfs: float, hz: float = 997.0, phase: float = 0.0) -> np.ndarray:
    """A sine of this peak level, faded in and out."""
    wave = 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * hz * TIME + phase)
    wave *= np.minimum(1, np.minimum(TIME, TIME[::-1]) / 0.05)
    return wave.astype(np.float32)


def test_a_tone_of_minus_23_dbfs_on_both_channels_reads_minus_23_lufs() -> None:
    """EBU Tech 3341, case 1: 1 kHz, -23 dBFS peak per channel, tolerance 0.1 LU."""
    meter = Meter()
    meter.feed(np.repeat(tone(-23.0, 1000)[:, None], 2, axis=1))
    assert meter.read().integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_a_peak_between_two_samples_is_seen() -> None:
    """EBU Tech 3341, case 16: a quarter of the rate at 45 degrees reads 3 dB over its samples."""
    meter = Meter()
    samples = tone(-6.0, VOICE_RATE_HZ / 4, np.pi / 4)
    meter.feed(samples[:, None])
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(-9.0, abs=0.1)
    assert meter.read().true_peak_dbtp == pytest.approx(-6.0, abs=0.2)


def test_the_size_of_the_blocks_does_not_matter() -> None:
    sound = speech(3)[:, None]
    readings = set()
    for size in (4_801, 20_000, 144_000):
        meter = Meter()
        for start in range(0, len(sound), size):
            meter.feed(sound[start : start + size])
        readings.add(meter.read())
    assert len(readings) == 1


def test_a_peak_in_the_last_part_of_a_step_counts() -> None:
    sound = np.zeros((VOICE_RATE_HZ + 2_000, 1), np.float32)
    sound[-200:-190] = 0.5
    meter = Meter()
    meter.feed(sound)
    assert meter.read().true_peak_dbtp > -6.5


@pytest.mark.parametrize("name", ["v.wav", "v.mp3", "v.m4a", "v.webm"])
def test_any_file_reads_as_ffmpeg_reads_it(tmp_path: Path, name: str) -> None:
    path = make_voice(tmp_path / name, 3)
    integrated, true_peak = ffmpeg_loudness(path)
    reading = measure(path)
    assert reading.integrated_lufs == pytest.approx(integrated, abs=0.1)
    assert reading.true_peak_dbtp == pytest.approx(true_peak, abs=0.1)


def test_silence_and_less_than_a_gating_block_read_the_floor(tmp_path: Path) -> None:
    mute = write_wav(tmp_path / "mute.wav", np.zeros(VOICE_RATE_HZ, np.float32))
    short = write_wav(tmp_path / "short.wav", speech(0.3))
    assert measure(mute).integrated_lufs == -70
    assert measure(mute).true_peak_dbtp == -70
    assert measure(short).integrated_lufs == -70
    assert Meter().read().integrated_lufs == -70


def test_a_picture_without_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no audio stream"):
        measure(make_clip(tmp_path / "c.mp4", frames=3))
