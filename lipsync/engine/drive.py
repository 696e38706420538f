"""The drive: how far the mouth opens and how wide it is, frame by frame, from the voice."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from lipsync.errors import MediaError

Series = NDArray[np.float32]

# Speech up to its fricatives; a quarter of the work of 48 kHz.
RATE_HZ = 16_000
HOP = 160  # 10 ms: finer than any frame rate, so any rate can be read off
WINDOW = 512  # 32 ms: one or two periods of a low voice
# Bands in Hz. Open vowels have their first formant high (Peterson & Barney 1952: /a/ 730,
# /i/ 270 Hz); spread ones have the second high (/i/ 2290, /u/ 870 Hz); fricatives sit above 4 kHz.
SPEECH = (150, 4000)
LOW, OPEN_VOWEL = (150, 450), (500, 1100)
ROUND_VOWEL, SPREAD_VOWEL = (600, 1300), (1800, 2800)
HISS = (4000, 7600)
# The voice's own floor and ceiling: these percentiles of its loudness.
FLOOR_PERCENTILE, CEILING_PERCENTILE = 5, 95
# A voice with no pause has no floor to find; speech moves over at least this much.
LEAST_RANGE_DB = 24.0
# Below this a voice is silence, whatever its own range (dBFS in the speech band).
SILENCE_DB = -60.0
# Lips open before the sound they make; viewers forgive an early picture more than a late one
# (ITU-R BT.1359-1: 45 ms early voice is noticed, 125 ms late is).
LEAD_S = 0.03
# How fast a jaw can open and close (time constants); closing is what reads as speech.
OPENING_S, CLOSING_S = 0.025, 0.045


class Move(NamedTuple):
    """What the mouth does in one frame."""

    opening: float  # 0 closed, 1 as far as it goes
    spread: float  # -1 rounded, 0 neutral, 1 wide


@dataclass(frozen=True)
class Drive:
    """What the mouth does: one value per frame each, as in Move."""

    opening: Series
    spread: Series

    def at(self, frame: int) -> Move:
        """Read off one frame."""
        return Move(float(self.opening[frame]), float(self.spread[frame]))


def drive(voice: Path, frames: int, rate: Fraction) -> Drive:
    """Listen to a voice and say how the mouth moves.

    Args:
        voice: An audio file; decoded piece by piece.
        frames: How many frames the picture has.
        rate: The picture's frames per second.

    Raises:
        MediaError: The file has no sound that can be decoded.
    """
    bands = np.array(list(_bands(voice)), np.float32).reshape(-1, 6)
    if not len(bands):
        raise MediaError(f"{voice}: no sound in it; give the dubbed voice as a WAV")
    opening, spread = motion(bands)
    times = np.arange(frames) / float(rate) + LEAD_S + 0.5 / float(rate)
    hops = np.arange(len(bands)) * HOP / RATE_HZ
    return Drive(
        np.interp(times, hops, opening, right=0.0).astype(np.float32),
        np.interp(times, hops, spread, right=0.0).astype(np.float32),
    )


def motion(bands: Series) -> tuple[Series, Series]:
    """Turn band powers into opening and spread, one per 10 ms.

    Args:
        bands: Power in SPEECH, LOW, OPEN_VOWEL, ROUND_VOWEL, SPREAD_VOWEL, HISS, shape (n, 6).
    """
    speech, low, open_vowel, round_vowel, spread_vowel, hiss = bands.T + 1e-12
    loudness_db = 10 * np.log10(speech)
    ceiling = max(float(np.percentile(loudness_db, CEILING_PERCENTILE)), SILENCE_DB)
    floor = float(np.percentile(loudness_db, FLOOR_PERCENTILE))
    floor = max(min(floor + 6, ceiling - LEAST_RANGE_DB), ceiling - 40)
    loud = np.clip((loudness_db - floor) / (ceiling - floor), 0, 1)
    loud *= loudness_db > SILENCE_DB
    vowel = np.clip(open_vowel / (open_vowel + low) * 1.6, 0.35, 1.0)
    voiced = 1 - 0.8 * hiss / (hiss + speech)
    wide = spread_vowel / (spread_vowel + round_vowel)
    opening = _chase(loud**1.5 * vowel * voiced)
    spread = _chase(np.clip((wide - 0.25) * 3, -1, 1) * loud)
    return opening, spread


def _chase(wanted: Series) -> Series:
    """Follow a curve as fast as a jaw can."""
    step_s = HOP / RATE_HZ
    rise, fall = 1 - np.exp(-step_s / OPENING_S), 1 - np.exp(-step_s / CLOSING_S)
    out, now = np.empty(len(wanted), np.float32), 0.0
    for k, value in enumerate(wanted.tolist()):
        now += (value - now) * (rise if value > now else fall)
        out[k] = now
    return out


def _bands(voice: Path) -> Iterator[tuple[float, ...]]:
    """Decode a voice and yield its band powers every 10 ms, one minute of samples at most held."""
    window = np.hanning(WINDOW).astype(np.float32)
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)
    masks = np.array(
        [(hz >= low) & (hz < high)
         for low, high in (SPEECH, LOW, OPEN_VOWEL, ROUND_VOWEL, SPREAD_VOWEL, HISS)],
        np.float32,
    )  # fmt: skip
    held = np.zeros(WINDOW // 2, np.float32)  # centres the first window on the first sample
    for piece in _samples(voice):
        held = np.concatenate([held, piece])
        count = max(0, (len(held) - WINDOW) // HOP + 1)
        for k in range(count):
            cut = held[k * HOP : k * HOP + WINDOW] * window
            power = np.abs(np.fft.rfft(cut)) ** 2 / (WINDOW * WINDOW / 16)
            yield tuple((masks @ power).tolist())
        held = held[count * HOP :]


def _samples(voice: Path) -> Iterator[Series]:
    """Decode the first audio stream as 16 kHz mono floats, frame by frame."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    try:
        with av.open(str(voice), options={"protocol_whitelist": "file"}) as container:
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    yield part.to_ndarray().ravel().astype(np.float32)
            for part in resampler.resample(None):
                yield part.to_ndarray().ravel().astype(np.float32)
    except (av.FFmpegError, IndexError, OSError) as error:
        raise MediaError(
            f"{voice}: its sound cannot be decoded ({error}); give the dubbed voice as a WAV"
        ) from error
