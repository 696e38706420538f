"""Alignment: how late one recording is against another of the same voice, to a hundredth of a ms.

Both are brought to 16 kHz mono; windows of two seconds with the most sound in them, spread
over the whole length, are slid against the other side. The median says how late, the line through
them whether the delay drifts, and the height of the peaks whether it is the same voice at all.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from lipsync.media.meter import Meter
from lipsync.media.pcm import Samples, audio_frame
from lipsync.media.resampling import Resampler
from lipsync.media.sound import AudioReader
from lipsync.values import Value
from lipsync.voice import VOICE_RATE_HZ

Mono = npt.NDArray[np.float32]

# Speech has what matters below 8 kHz.
RATE_HZ = 16_000
# Long enough to be unmistakable, short enough that a drift does not smear the peak away
# (measured: 2 s reads 0.1 % right, 10 s does not).
WINDOW_S = 2.0
# One per two minutes of an hour; each costs 10 ms.
WINDOWS_MAX = 30
# How far either way is looked.
REACH_S = 2.0
# Ours: 4 MB, a minute; a file for each of three short recordings a dub costs more than they do.
HELD_SAMPLES = 1_000_000
# The same speech through any encoder reads 0.9 and more, other real speech 0.1.
SAME = 0.5
# 20 dB below the others there is nothing to recognise a voice by.
QUIET_SHARE = 0.01
# A line needs this many points to mean something.
DRIFT_WINDOWS = 3


class Offset(Value):
    """How one recording lies against another."""

    offset_ms: float
    similarity: float
    drift_ms_per_min: float
    windows: int
    missing_s: float = 0.0  # how much of the reference is not heard where its neighbours are
    jump_ms: float = 0.0  # by how much the delay changes at once: positive, something was put in


@dataclass(frozen=True)
class Match:
    """What one window found."""

    at_s: float
    late_s: float
    similarity: float
    energy: float = 0.0


class MonoTrack:
    """One recording as 16 kHz mono; hours of it cost no memory, for they are put on disk."""

    def __init__(self) -> None:
        """Start empty."""
        self._held: list[Mono] = []
        self._held_samples = 0
        self._file: BinaryIO | None = None
        self._resampler = Resampler("flt", "mono", RATE_HZ)
        self._fed = 0

    def feed(self, samples: Samples) -> None:
        """Take more samples at 48 kHz, shape (n, channels)."""
        self._take(self._resampler.resample(audio_frame(samples, VOICE_RATE_HZ, self._fed)))
        self._fed += len(samples)

    def samples(self) -> Mono:
        """Return all of it; nothing can be fed afterwards."""
        self._take(self._resampler.rest())
        if self._file is None:
            return np.concatenate([np.zeros(0, np.float32), *self._held])
        self._put_aside(self._file)
        self._file.flush()
        return np.memmap(self._file, np.float32, "r")

    def _take(self, frames: Iterator[AudioFrame]) -> None:
        for frame in frames:
            self._held.append(frame.to_ndarray()[0].astype(np.float32, copy=False))
            self._held_samples += frame.samples
        if self._held_samples > HELD_SAMPLES:
            self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115  as long as this
            self._put_aside(self._file)

    def _put_aside(self, file: BinaryIO) -> None:
        file.writelines(samples.data for samples in self._held)
        self._held, self._held_samples = [], 0


def mono_of(path: Path, track: int = 0, meter: Meter | None = None) -> Mono:
    """Decode one audio stream once, for alignment and, if asked, for the meter.

    Raises:
        MediaError: The file cannot be read, or has no such audio stream.
    """
    mono = MonoTrack()
    for block in AudioReader(path, track).blocks():
        mono.feed(block)
        if meter is not None:
            meter.feed(block)
    return mono.samples()


def offset_between(reference: Mono, other: Mono, *, expected_s: float = 0.0) -> Offset:
    """Measure how late `other` is.

    Args:
        reference: The voice as it should be, 16 kHz.
        other: The voice as it is, 16 kHz.
        expected_s: Where the reference's first sample should be in the other: negative when its
            front was cut off. The offset is what remains, at most 2 s either way.

    Returns:
        Positive when the other is late. All zero when one of them is silent.

    Source:
        Normalised cross-correlation by FFT, the peak refined by a parabola.
    """
    shift = round(expected_s * RATE_HZ)
    matches = [
        _match(reference, other, window, shift) for window in _windows(reference, other, shift)
    ]
    if not matches:
        return Offset(offset_ms=0, similarity=0, drift_ms_per_min=0, windows=0)
    similarity = float(np.median([match.similarity for match in matches]))
    sure = [match for match in matches if match.similarity >= SAME]
    best = sure or [max(matches, key=lambda match: match.similarity)]
    remainder_s = expected_s - shift / RATE_HZ
    late_s = float(np.median([match.late_s for match in best])) - remainder_s
    return Offset(
        offset_ms=round(late_s * 1000, 3),
        similarity=round(similarity, 4),
        drift_ms_per_min=round(_drift_ms_per_min(best), 3),
        windows=len(matches),
        missing_s=round(_missing_s(matches, sure), 2),
        jump_ms=round(_jump_ms(sure), 1),
    )


def _missing_s(matches: list[Match], sure: list[Match]) -> float:
    """Add up the windows that are not heard, of a voice that is."""
    if len(sure) < len(matches) / 2:
        return 0.0  # another voice altogether, which is its own verdict
    audible = QUIET_SHARE * float(np.median([match.energy for match in matches]))
    lost = [one for one in matches if one.similarity < SAME and one.energy >= audible]
    return WINDOW_S * len(lost)


def _jump_ms(sure: list[Match]) -> float:
    """Find the largest change of the delay from one window to the next, in ms, signed."""
    steps = [1000 * (after.late_s - before.late_s) for before, after in pairwise(sure)]
    return max(steps, key=abs, default=0.0)


def _windows(reference: Mono, other: Mono, shift: int) -> Iterator[slice]:
    """Choose the stretches of the reference to look for: the loudest of each equal section."""
    first = max(0, -shift)
    last = min(len(reference), len(other) - shift)
    length = min(round(WINDOW_S * RATE_HZ), last - first)
    if length <= 0:
        return
    sections = min(WINDOWS_MAX, (last - first) // length)
    for edge in np.linspace(first, last, sections + 1)[:-1]:
        start, end = int(edge), int(edge + (last - first) / sections)
        candidates = range(start, max(start + 1, end - length + 1), length)
        loudest = max(candidates, key=lambda at: _energy(reference[at : at + length]))
        yield slice(loudest, min(loudest + length, last))


def _energy(samples: Mono) -> float:
    """Sum the squares."""
    return float(np.dot(samples, samples))


def _match(reference: Mono, other: Mono, window: slice, shift: int) -> Match:
    """Slide one window of the reference over its neighbourhood in the other."""
    wanted = np.asarray(reference[window], np.float64)
    reach = round(REACH_S * RATE_HZ)
    around = _stretch(other, window.start + shift - reach, len(wanted) + 2 * reach)
    size = _fast(len(around))  # what is asked for lies within: nothing of it wraps around
    spectrum = np.fft.rfft(around, size) * np.conj(np.fft.rfft(wanted, size))
    found = np.fft.irfft(spectrum, size)[: 2 * reach + 1]
    power = np.concatenate([[0.0], np.cumsum(np.square(around))])
    energies = power[len(wanted) :] - power[: -len(wanted)]
    floor = 1e-9 * max(1e-9, float(energies.max()))
    scale = np.sqrt(np.maximum(energies * np.square(wanted).sum(), floor**2))
    likeness = found / scale
    peak = int(np.argmax(likeness))
    return Match(
        at_s=window.start / RATE_HZ,
        late_s=(peak + _between(likeness, peak) - reach) / RATE_HZ,
        similarity=float(min(1.0, max(0.0, likeness[peak]))),
        energy=float(np.square(wanted).sum()),
    )


def _fast(length: int) -> int:
    """Find a size that is quickly transformed: 2, 3 or 5 times a power of two.

    >>> _fast(72_000), _fast(96_000), _fast(131_072)
    (81920, 98304, 131072)
    """
    power = 1 << (length - 1).bit_length()  # the next one, of which five eighths may be enough
    return min(size for size in (power * 5 // 8, power * 3 // 4, power) if size >= length)


def _stretch(samples: Mono, start: int, length: int) -> npt.NDArray[np.float64]:
    """Cut a stretch out; silence where it reaches beyond the ends."""
    stretch = np.zeros(length)
    low, high = max(0, start), min(len(samples), start + length)
    if high > low:
        stretch[low - start : high - start] = samples[low:high]
    return stretch


def _between(curve: npt.NDArray[np.float64], peak: int) -> float:
    """Refine the place of a peak by the parabola through it and its neighbours."""
    if not 0 < peak < len(curve) - 1:
        return 0.0
    left, top, right = curve[peak - 1 : peak + 2]
    bend = left - 2 * top + right
    return float(0.5 * (left - right) / bend) if bend else 0.0


def _drift_ms_per_min(matches: list[Match]) -> float:
    """Fit a line through the offsets."""
    if len(matches) < DRIFT_WINDOWS:
        return 0.0
    at_min = [match.at_s / 60 for match in matches]
    slope, _ = np.polyfit(at_min, [match.late_s * 1000 for match in matches], 1)
    return float(slope)
