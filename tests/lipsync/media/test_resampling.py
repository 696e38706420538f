"""Claims about resampling: sample for sample what PyAV's own resampler makes, without threads."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.resampler import AudioResampler

from lipsync.media.resampling import Resampler

CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6}


def noise(rate_hz: int, layout: str) -> Iterator[av.AudioFrame]:
    source, position = np.random.default_rng(1), 0
    for samples in [1024] * 30 + [333]:
        packed = source.standard_normal((1, samples * CHANNELS[layout])).astype(np.float32) / 10
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, position, Fraction(1, rate_hz)
        position += samples
        yield frame


def told(frame: av.AudioFrame) -> tuple[Any, ...]:
    look = (frame.format.name, frame.layout.name, frame.sample_rate, frame.samples)
    return frame.pts, frame.time_base, look, frame.to_ndarray().tobytes()


@pytest.mark.parametrize("layout", CHANNELS)
@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize(
    ("format_", "to", "at_hz", "size"),
    [
        ("flt", "mono", 16_000, 0),
        ("flt", "stereo", 48_000, 48_000),
        ("fltp", "mono", 48_000, 1024),
        ("s32", "stereo", 48_000, 1200),
    ],
)
def test_it_is_what_pyav_makes(  # noqa: PLR0913, PLR0917  from what to what
    rate_hz: int, layout: str, format_: str, to: str, at_hz: int, size: int
) -> None:
    theirs = AudioResampler(format_, to, at_hz, size or None)
    expected = [told(out) for one in noise(rate_hz, layout) for out in theirs.resample(one)]
    expected += [told(out) for out in theirs.resample(None)]
    ours = Resampler(format_, to, at_hz, size)
    found = [told(out) for one in noise(rate_hz, layout) for out in ours.resample(one)]
    assert found + [told(out) for out in ours.rest()] == expected


def test_nothing_in_is_nothing_out() -> None:
    assert list(Resampler("flt", "mono", 48_000).rest()) == []


def test_no_thread_is_begun() -> None:
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("threads are counted in /proc")
    before = set(tasks.iterdir())
    ours = Resampler("flt", "mono", 48_000)
    list(ours.resample(next(noise(44_100, "stereo"))))
    assert set(tasks.iterdir()) == before
