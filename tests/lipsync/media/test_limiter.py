"""The limiter: never above the ceiling, never more than it must, nowhere else."""

import numpy as np
import pytest

from lipsync.media.limiter import CHUNK, REACH, limit
from lipsync.media.meter import Meter
from lipsync.media.pcm import Samples
from tests.clips import VOICE_RATE_HZ, speech

CEILING = 10 ** (-1 / 20)


def limited(sound: Samples, gain: float = 1.0, block: int = 30_011) -> tuple[Samples, float]:
    """Limit a whole sound; the lowest gain used."""
    blocks = (sound[start : start + block] for start in range(0, len(sound), block))
    parts = list(limit(blocks, gain, CEILING))
    return np.concatenate([samples for samples, _ in parts]), min(low for _, low in parts)


def true_peak_dbtp(sound: Samples) -> float:
    """Read libav's meter."""
    meter = Meter()
    meter.feed(sound)
    return meter.read().true_peak_dbtp


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("seed", "gain"), [(1, 2.0), (2, 6.0), (3, 6.0), (4, 20.0)])
def test_no_true_peak_passes_the_ceiling(channels: int, seed: int, gain: float) -> None:
    sound = np.stack([speech(2.3, seed=seed + 7 * at) for at in range(channels)], axis=1)
    bent, lowest = limited(sound, gain)
    assert bent.shape == sound.shape
    assert true_peak_dbtp(bent) <= -0.99
    assert lowest < 1 or gain * np.abs(sound).max() < 1


def test_peaks_between_the_samples_of_high_tones_are_held_too() -> None:
    time = np.arange(VOICE_RATE_HZ) / VOICE_RATE_HZ
    for hz in (6_000, 9_000, 12_000, 15_000):
        tone = 0.99 * np.sin(2 * np.pi * hz * time + np.pi / 4)
        tone *= np.minimum(1, np.minimum(time, time[::-1]) / 0.05)
        bent, _ = limited(tone[:, None].astype(np.float32))
        assert true_peak_dbtp(bent) <= -0.9


def test_below_the_ceiling_samples_pass_bit_for_bit() -> None:
    sound = speech(2.3, level=0.8)[:, None]
    bent, lowest = limited(sound)
    assert lowest == 1.0
    assert np.array_equal(bent, sound)


def test_only_the_neighbourhood_of_a_peak_is_bent() -> None:
    sound = 0.3 * np.sin(np.arange(3 * VOICE_RATE_HZ) / 40).astype(np.float32)[:, None]
    at = 48_000 + 137
    sound[at] = 1.0
    bent, lowest = limited(sound)
    reach = (2 * REACH + 3) * CHUNK
    assert lowest == pytest.approx(CEILING, abs=0.01)
    assert np.array_equal(bent[: at - reach], sound[: at - reach])
    assert np.array_equal(bent[at + reach :], sound[at + reach :])
    assert reach / VOICE_RATE_HZ < 0.012


def test_the_gain_bends_and_never_jumps() -> None:
    sound = np.full((VOICE_RATE_HZ, 1), 0.5, np.float32)
    sound[20_000] = 0.99
    bent, _ = limited(sound, 1.2)
    ratio = bent[:, 0] / (1.2 * sound[:, 0])
    assert np.abs(np.diff(ratio)).max() < 0.004


def test_blocks_of_any_length_give_the_same_samples() -> None:
    sound = speech(2.1, level=0.9)[:, None]
    whole, _ = limited(sound, 3.0, block=len(sound))
    for block in (1_000, 48_000, 47_999):
        assert np.array_equal(limited(sound, 3.0, block=block)[0], whole)


def test_both_channels_bend_together() -> None:
    left = speech(1.0, level=0.9)
    sound = np.stack([left, 0.1 * left], axis=1)
    bent, _ = limited(sound, 3.0)
    assert np.allclose(bent[:, 1], 0.1 * bent[:, 0], atol=1e-6)
