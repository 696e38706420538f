"""The true-peak limiter: it bends the level for 20 ms around a peak and touches nothing else.

There is no attack or release to set and no state to pump: the gain at a sample depends only on
the 10 ms before and after it. It is the lowest gain any peak within 5 ms needs, smoothed by a
window just as wide, so that it has come all the way down when the peak arrives.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from lipsync.media.pcm import Samples, regrouped
from lipsync.voice import VOICE_RATE_HZ

Array = npt.NDArray[np.float32]

# Peaks are looked for in chunks of 0.5 ms.
CHUNK = VOICE_RATE_HZ // 2000
# 5 ms each way: 10 ms in all, one period of a 100 Hz voice, so that the gain does not follow the
# pitch from pulse to pulse.
REACH = 10
# What must be known on each side of a sample: two reaches, and a chunk for the interpolator.
MARGIN = (2 * REACH + 2) * CHUNK
BODY = VOICE_RATE_HZ
# BS.1770-4 annex 2: true peak is read at four times the rate.
PHASES = (0.25, 0.5, 0.75)
# The interpolator's length each way; with 16 the passband is flat to 20 kHz within 0.1 dB.
HALF_TAPS = 16
# OpenBLAS starts threads, which cost more than they give here, above 2^18 multiplications.
ROWS = 2**18 // ((CHUNK + 2 * HALF_TAPS - 1) * CHUNK * len(PHASES))
# A true peak this far above the samples beside it does not occur in speech: 6 dB.
SUSPECT = 0.5


def limit(
    blocks: Iterable[Samples], gain: float, ceiling: float
) -> Iterator[tuple[Samples, float]]:
    """Apply one static gain, and bend down what would rise above the ceiling.

    Args:
        blocks: Samples at 48 kHz, shape (n, channels), blocks of any length.
        gain: Linear.
        ceiling: Highest true peak, linear, of full scale.

    Yields:
        As many samples as came in, and the lowest gain the limiter used on them (1.0: none).
    """
    held: Samples | None = None
    for block in regrouped(blocks, BODY):
        if held is None:
            held = np.zeros((MARGIN, block.shape[1]), np.float32)
        held = np.concatenate([held, block])
        while len(held) >= BODY + 2 * MARGIN:
            yield _limited(held[: BODY + 2 * MARGIN], gain, ceiling)
            held = held[BODY:]
    if held is not None:
        yield from _last(held, gain, ceiling)


def _last(held: Samples, gain: float, ceiling: float) -> Iterator[tuple[Samples, float]]:
    """Limit what is left: up to BODY + MARGIN samples after the margin."""
    left = len(held) - MARGIN
    padding = np.zeros((-left % CHUNK + MARGIN, held.shape[1]), np.float32)
    if left:
        samples, lowest = _limited(np.concatenate([held, padding]), gain, ceiling)
        yield samples[:left], lowest


def _limited(held: Samples, gain: float, ceiling: float) -> tuple[Samples, float]:
    """Limit the samples between the margins."""
    body = held[MARGIN:-MARGIN] * np.float32(gain)
    needed = needed_gain(held, gain, ceiling)
    if needed.min() >= 1:
        return body, 1.0
    envelope = _smoothed(needed)[MARGIN:-MARGIN]
    return body * envelope[:, None], float(envelope.min())


def needed_gain(samples: Samples, gain: float, ceiling: float) -> Array:
    """Say for each chunk how far its true peak must come down: 1 is not at all."""
    peaks = np.abs(samples).reshape(-1, CHUNK * samples.shape[1]).max(axis=1) * np.float32(gain)
    suspects = np.flatnonzero(peaks > ceiling * SUSPECT)
    if len(suspects):
        between = _peaks_between(samples, suspects) * np.float32(gain)
        peaks[suspects] = np.maximum(peaks[suspects], between)
    needed: Array = np.minimum(1, ceiling / np.maximum(peaks, ceiling / 2**20)).astype(np.float32)
    return needed


def _peaks_between(samples: Samples, chunks: npt.NDArray[np.intp]) -> Array:
    """Find the highest interpolated value in each of these chunks, over all channels."""
    highest = np.zeros(len(chunks), np.float32)
    for channel in samples.T:
        padded = np.pad(channel, (HALF_TAPS - 1, HALF_TAPS))
        windows = sliding_window_view(padded, CHUNK + 2 * HALF_TAPS - 1)[::CHUNK]
        for start in range(0, len(chunks), ROWS):
            rows = slice(start, start + ROWS)
            between = np.abs(windows[chunks[rows]] @ INTERPOLATOR).max(axis=1)
            highest[rows] = np.maximum(highest[rows], between)
    return highest


def _interpolator() -> Array:
    """Build the matrix that turns a chunk and its surroundings into the points between."""
    offsets = np.arange(1 - HALF_TAPS, HALF_TAPS + 1)
    matrix = np.zeros((CHUNK + 2 * HALF_TAPS - 1, CHUNK * len(PHASES)))
    for column, (at, phase) in enumerate((at, phase) for at in range(CHUNK) for phase in PHASES):
        distance = offsets - phase
        taps = np.sinc(distance) * np.cos(np.pi * distance / (2 * HALF_TAPS)) ** 2
        matrix[at : at + 2 * HALF_TAPS, column] = taps / taps.sum()
    return matrix.astype(np.float32)


def _smoothed(needed: Array) -> Array:
    """Turn what each chunk needs into a gain per sample that never exceeds it."""
    around = np.pad(needed, REACH + 1, mode="edge")
    lowest = sliding_window_view(around, 2 * REACH + 3).min(axis=1)
    smooth = np.convolve(np.pad(lowest, REACH + 1, mode="edge"), SMOOTHER, mode="valid")
    gains: Array = (sliding_window_view(smooth.astype(np.float32), 3) @ RAMP).reshape(-1)
    return gains


def _smoother() -> npt.NDArray[np.float64]:
    """Build the window that rounds the gain, one reach each way."""
    window = np.hanning(2 * REACH + 3)[1:-1]
    smoother: npt.NDArray[np.float64] = window / window.sum()
    return smoother


def _ramp() -> Array:
    """Build the matrix that draws straight lines between the centres of three chunks."""
    centres = np.array([-0.5, 0.5, 1.5])
    at = (np.arange(CHUNK) + 0.5) / CHUNK
    weights = np.maximum(0, 1 - np.abs(at[None, :] - centres[:, None]))
    ramp: Array = weights.astype(np.float32)
    return ramp


INTERPOLATOR = _interpolator()
SMOOTHER = _smoother()
RAMP = _ramp()
