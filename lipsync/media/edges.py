"""The edges of a voice: where it begins and ends, and how a cut is softened."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lipsync.media.pcm import Samples
from lipsync.voice import VOICE_RATE_HZ

Levels = npt.NDArray[np.float32]
"""RMS of each 10 ms, in dB of full scale."""

WINDOW = VOICE_RATE_HZ // 100
# ITU-T P.56 counts as speech what is within 15.9 dB of the active level; soft consonants lie
# below that, so as much again is kept. Relative: the same voice recorded softer is cut alike.
SPEECH_RANGE_DB = 30.0
# Two windows: less than this is not worth a cut, and a trimmed voice is not trimmed again.
SMALLEST_CUT = 2 * WINDOW
# Long enough to make no click, short enough to stay inside the pad.
FADE_MS = 10
FLOOR_DB = -120.0


@dataclass(frozen=True)
class Span:
    """A stretch of samples; the end is exclusive."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many samples."""
        return self.end - self.start


def levels(samples: Samples) -> Levels:
    """Read the RMS of each 10 ms; a last window that is not full is read as it is."""
    power = np.square(samples).mean(axis=1, dtype=np.float32)
    whole = len(power) - len(power) % WINDOW
    means = power[:whole].reshape(-1, WINDOW).mean(axis=1)
    if whole < len(power):
        means = np.append(means, power[whole:].mean())
    floor = 10 ** (FLOOR_DB / 10)
    decibels: Levels = (10 * np.log10(np.maximum(means, floor))).astype(np.float32)
    return decibels


def speech_span(heard: Levels, samples: int, loudness_lufs: float, pad_s: float) -> Span:
    """Find what to keep: from the first to the last sound, and a pad on each side.

    Args:
        heard: RMS of each 10 ms of the whole voice.
        samples: Its length.
        loudness_lufs: Its integrated loudness; silence is what lies 30 dB below.
        pad_s: Silence to leave on each side, as far as there is any.
    """
    loud = np.flatnonzero(heard > loudness_lufs - SPEECH_RANGE_DB)
    if not len(loud):
        return Span(0, samples)
    pad = round(pad_s * VOICE_RATE_HZ)
    start = max(0, int(loud[0]) * WINDOW - pad)
    end = min(samples, (int(loud[-1]) + 1) * WINDOW + pad)
    return Span(
        start if start >= SMALLEST_CUT else 0,
        end if samples - end >= SMALLEST_CUT else samples,
    )


def fade(samples: Samples, *, into: bool) -> Samples:
    """Fade a stretch beside a cut, by pydub on 32-bit samples.

    Args:
        samples: A few milliseconds, faded from one end to the other.
        into: Up from silence; else down to it.
    """
    if not len(samples):
        return samples
    segment_class = _pydub()
    segment = segment_class(
        data=np.rint(np.clip(samples, -1, 1) * np.float64(2**31 - 1)).astype("<i4").tobytes(),
        sample_width=4,
        frame_rate=VOICE_RATE_HZ,
        channels=samples.shape[1],
    )
    faded = segment.fade_in(len(segment)) if into else segment.fade_out(len(segment))
    whole = np.asarray(faded.get_array_of_samples(), np.float64) / (2**31 - 1)
    return whole.astype(np.float32).reshape(samples.shape)


def _pydub() -> Any:
    """Import pydub without its warning that there is no ffmpeg: none is needed on samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydub import AudioSegment  # noqa: PLC0415  only where something is cut

    return AudioSegment
