"""The dialogue gate: where a voice track speaks, and how loud a programme is there.

The voice of a dub is known apart from everything else that is heard, so the gate is not guessed
from the mix: it is where the voice track itself speaks. A step of 10 ms is active when it lies
within 15.9 dB of the active level, and for 200 ms after that (ITU-T P.56); a step of 100 ms is
speech when at least half of it is active and the two seconds around it rise and fall as speech
does and music or noise under a "voice" does not. Loudness is then the mean power, ungated
(ITU-R BS.1770-1), of the 400 ms blocks that are speech for the most part.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from lipsync.media.edges import FLOOR_DB, WINDOW, Levels, levels
from lipsync.media.meter import FLOOR_LUFS, Meter
from lipsync.media.pcm import Samples, regrouped
from lipsync.media.sound import AudioReader
from lipsync.voice import Loudness

Mask = npt.NDArray[np.bool_]

# ITU-T P.56: speech is what lies within 15.9 dB of the active level ...
MARGIN_DB = 15.9
# ... and what follows it within 200 ms.
HANGOVER = 20
# Where the search for the active level begins: the range in which soft consonants still lie.
SEARCH_DB = 30.0
# One reading of the loudness meter is 100 ms, ten levels.
PER_STEP = 10
# Ours: the window a listener needs to tell speech from a tone.
AROUND = 200
# Ours: speech moves by 20 dB and more between syllable and gap; steady noise by 3, dense music by
# less than 10.
SPREAD_DB = 12.0
# BS.1770: a block is four readings long.
BLOCK_STEPS = 4
MOSTLY = 3


def levels_of(path: Path) -> Levels:
    """Read the level of every 10 ms of a sound; 4 bytes each are kept.

    Raises:
        MediaError: It cannot be read.
    """
    return levels_in(AudioReader(path).blocks())


def levels_in(blocks: Iterator[Samples]) -> Levels:
    """Read the level of every 10 ms of samples at 48 kHz."""
    found = [levels(block) for block in regrouped(blocks, 100 * WINDOW)]
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def active(heard: Levels) -> Mask:
    """Say for every 10 ms whether the voice is active, hangover included."""
    loud = heard > active_level_db(heard) - MARGIN_DB
    since = np.arange(len(loud)) - np.maximum.accumulate(
        np.where(loud, np.arange(len(loud)), -HANGOVER - 1)
    )
    following: Mask = (since <= HANGOVER) & (heard > FLOOR_DB)
    return following


def active_level_db(heard: Levels) -> float:
    """Find the level of the speech alone: the mean power of what counts as active.

    >>> round(active_level_db(np.array([-20.0, -20.0, -80.0, -80.0], np.float32)), 1)
    -20.0
    """
    if not len(heard):
        return FLOOR_DB
    level = float(np.percentile(heard, 95))
    for margin_db in (SEARCH_DB, MARGIN_DB, MARGIN_DB):
        counted = heard[heard >= level - margin_db].astype(np.float64)
        level = float(10 * np.log10(np.mean(10 ** (counted / 10))))
    return level


def speech_steps(heard: Levels) -> Mask:
    """Say for every 100 ms of a voice track whether somebody speaks."""
    whole = len(heard) - len(heard) % PER_STEP
    busy = active(heard)[:whole].reshape(-1, PER_STEP).mean(axis=1) >= 1 / 2
    moving = _spread_db(heard)[: len(busy)] >= SPREAD_DB
    speech: Mask = busy & moving
    return speech


def _spread_db(heard: Levels) -> npt.NDArray[np.float32]:
    """Say for every 100 ms how far loud and soft lie apart in the two seconds around it."""
    padded = np.pad(heard, AROUND // 2, mode="reflect" if len(heard) > AROUND // 2 else "edge")
    windows = sliding_window_view(padded, AROUND)[: len(heard) : PER_STEP]
    low, high = np.percentile(windows, (10, 90), axis=1)
    spread: npt.NDArray[np.float32] = (high - low).astype(np.float32)
    return spread


def dialogue_loudness(momentary_lufs: Sequence[float], speech: Mask) -> tuple[float | None, float]:
    """Measure a programme over its speech.

    Args:
        momentary_lufs: One reading per 100 ms, of the 400 ms that end there.
        speech: The same steps, of the voice track.

    Returns:
        LUFS, None where nobody speaks; and the share of the programme that is speech.
    """
    count = min(len(momentary_lufs), len(speech))
    if count < BLOCK_STEPS:
        return None, 0.0
    spoken = speech[:count].astype(np.int32)
    inside = sliding_window_view(spoken, BLOCK_STEPS).sum(axis=1) >= MOSTLY
    blocks = np.asarray(momentary_lufs[:count], np.float64)[BLOCK_STEPS - 1 :][inside]
    share = float(spoken.mean())
    if not len(blocks):
        return None, share
    return max(FLOOR_LUFS, float(10 * np.log10(np.mean(10 ** (blocks / 10))))), share


def read_gated(meter: Meter, speech: Mask | None) -> Loudness:
    """Read a meter, by the dialogue too where it is known where somebody speaks."""
    loudness = meter.read()
    if speech is None:
        return loudness
    lufs, share = dialogue_loudness(meter.momentary_lufs, speech)
    return loudness.model_copy(update={"dialogue_lufs": lufs, "dialogue_share": round(share, 4)})


def measure_gated(path: Path, speech: Mask | None) -> Loudness:
    """Measure the first audio stream of a file.

    Args:
        path: The file.
        speech: Where the voice in it speaks, for every 100 ms; None: by the programme alone.

    Raises:
        MediaError: It cannot be read.
    """
    meter = Meter()
    for block in AudioReader(path).blocks():
        meter.feed(block)
    return read_gated(meter, speech)
