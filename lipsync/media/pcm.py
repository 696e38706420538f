"""Sound as samples: blocks of them, regrouped, rounded, written and wrapped for libav."""

import wave
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from lipsync.voice import VOICE_RATE_HZ

Samples = npt.NDArray[np.float32]
"""Shape (samples, channels), full scale at ±1."""

Pcm16 = npt.NDArray[np.int16]
"""Shape (samples, channels)."""

# One second per block: large enough that Python's share of the time does not matter.
BLOCK_S = 1
FULL_SCALE_16 = 32_768


def silence(samples: int, channels: int) -> Iterator[Samples]:
    """Make silence in blocks."""
    block = VOICE_RATE_HZ * BLOCK_S
    for start in range(0, samples, block):
        yield np.zeros((min(block, samples - start), channels), np.float32)


def looked_at(blocks: Iterable[Samples]) -> tuple[int, Iterator[Samples]]:
    """Say how many channels blocks have; none of them is lost."""
    rest = iter(blocks)
    first = next(rest)
    return first.shape[1], chain((first,), rest)


def regrouped(blocks: Iterable[Samples], size: int) -> Iterator[Samples]:
    """Cut blocks of any length into blocks of `size` samples; the last may be shorter."""
    held: list[Samples] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count < size:
            continue
        joined = held[0] if len(held) == 1 else np.concatenate(held)
        whole = count - count % size
        yield from (joined[start : start + size] for start in range(0, whole, size))
        held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)


def to_pcm16(samples: Samples) -> Pcm16:
    """Round to 16 bits, clipped, undithered: 16-bit samples come back bit for bit."""
    scaled = np.rint(samples * np.float32(FULL_SCALE_16))
    rounded: Pcm16 = np.clip(scaled, -FULL_SCALE_16, FULL_SCALE_16 - 1).astype(np.int16)
    return rounded


@contextmanager
def wav_writer(path: Path, channels: int) -> Iterator[wave.Wave_write]:
    """Open a 48 kHz 16-bit WAV file for writing."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(VOICE_RATE_HZ)
        yield file


def audio_frame(samples: Samples | Pcm16, rate_hz: int, position: int) -> AudioFrame:
    """Wrap samples of shape (n, 1 or 2) for libav.

    Args:
        samples: float32 within ±1, or int16.
        rate_hz: Their rate.
        position: Samples before these; becomes the timestamp.
    """
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    kind = "s16" if samples.dtype == np.int16 else "flt"
    packed: npt.NDArray[Any] = np.ascontiguousarray(samples).reshape(1, -1)
    frame = AudioFrame.from_ndarray(packed, format=kind, layout=layout)
    frame.sample_rate = rate_hz
    frame.pts = position
    frame.time_base = Fraction(1, rate_hz)
    return frame
