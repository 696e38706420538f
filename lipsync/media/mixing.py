"""Mixing: a bed under a voice, sample by sample; the memory it takes does not grow with either."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lipsync.bed import Bed, BedMix, bed_gain_db
from lipsync.media.dialogue import Mask, active, dialogue_loudness, levels_of, speech_steps
from lipsync.media.ducking import LIFT_DB, Gains, lifts_db
from lipsync.media.edges import WINDOW, Span
from lipsync.media.meter import FLOOR_LUFS, Meter
from lipsync.media.pcm import Samples, regrouped
from lipsync.media.scratch import BLOCK, ScratchPcm
from lipsync.media.sound import AudioReader
from lipsync.voice import VOICE_RATE_HZ

# Long enough to make no click where a bed is cut, too short to be heard as a fade.
SEAM = VOICE_RATE_HZ // 200
# Half the power on each of two channels: ITU-R BS.1770 adds them up to what one had.
SPREAD_DB = 10 * math.log10(2)


class Mix:
    """A voice with its bed: decoded and measured once, mixed as often as it is read."""

    def __init__(self, voice: Path, bed: Bed, scratch: Path) -> None:
        """Decode the stretch of the bed that is heard, and find its level.

        Args:
            voice: The fitted voice, 48 kHz WAV.
            bed: What goes under it.
            scratch: Where its samples are kept meanwhile: 4 bytes each.

        Raises:
            MediaError: The bed cannot be read.
        """
        self._voice, self._bed = voice, bed
        heard = levels_of(voice)
        speech, self._lifts = speech_steps(heard), _lifts(bed, active(heard))
        self._voice_lufs, self.samples, self._width = _spoken_lufs(voice, speech)
        self._pcm, self._length = _decoded(bed, scratch, self.samples)
        bed_lufs = self._bed_lufs(speech)
        self.silent = bed_lufs <= FLOOR_LUFS
        gain_db = bed_gain_db(bed_lufs, self._voice_lufs, bed.level_lu)
        self._gain_db = 0.0 if self.silent else gain_db
        self._bed_lufs_before = bed_lufs

    def measured(self, gain_db: float) -> BedMix:
        """Say what is in the mix after this gain was put on all of it."""
        return BedMix(
            mode=self._bed.mode,
            voice_lufs=round(self._voice_lufs + gain_db, 2),
            bed_lufs=round(max(FLOOR_LUFS, self._bed_lufs_before + self._gain_db + gain_db), 2),
            gain_db=self._gain_db,
            lift_db=LIFT_DB if self._bed.mode == "duck" else 0.0,
            mix_gain_db=gain_db,
            spread_db=SPREAD_DB if self._width < self._pcm.channels else 0.0,
        )

    def blocks(self) -> Iterator[Samples]:
        """Mix, a second at a time; mono stays mono where both are."""
        gain = np.float32(10 ** (self._gain_db / 20))
        at = 0
        for voice in regrouped(AudioReader(self._voice).blocks(), BLOCK):
            under = self._bed_at(at, len(voice)) * gain
            if self._lifts is not None:
                under *= _per_sample(self._lifts, at, len(voice))[:, None]
            width = max(voice.shape[1], under.shape[1])
            yield _spread(voice, width) + _spread(under, width)
            at += len(voice)

    def _bed_at(self, at: int, count: int) -> Samples:
        """Read the bed where the output is; silence where it has ended."""
        found = np.zeros((count, self._pcm.channels), np.float32)
        again = round(self._bed.round_s * VOICE_RATE_HZ) if self._bed.round_s else None
        done = 0
        while done < count:
            place = at + done if again is None else (at + done) % again
            wanted = count - done if again is None else min(count - done, again - place)
            there = _joined(self._pcm, Span(place, min(place + wanted, self._length)))
            found[done : done + len(there)] = there
            done += wanted
        return found

    def _bed_lufs(self, speech: Mask) -> float:
        """Measure the bed alone while the voice speaks; where it never does, all of it."""
        meter = Meter()
        for start in range(0, self.samples, BLOCK):
            meter.feed(self._bed_at(start, min(BLOCK, self.samples - start)))
        loudness = meter.read()
        spoken, _ = dialogue_loudness(meter.momentary_lufs, speech)
        return loudness.integrated_lufs if spoken is None else spoken


def _spread(samples: Samples, channels: int) -> Samples:
    """Put mono on both channels at -3 dB each: as loud as it was, by BS.1770 and by ear."""
    if samples.shape[1] == channels:
        return samples
    return np.repeat(samples * np.float32(10 ** (-SPREAD_DB / 20)), channels, axis=1)


def _lifts(bed: Bed, speaks: Mask) -> Gains | None:
    return lifts_db(speaks) if bed.mode == "duck" else None


def _spoken_lufs(voice: Path, speech: Mask) -> tuple[float, int, int]:
    """Measure a voice over its speech, and count its samples and its channels."""
    meter, count, channels = Meter(), 0, 1
    for block in AudioReader(voice).blocks():
        meter.feed(block)
        count, channels = count + len(block), block.shape[1]
    loudness = meter.read()
    spoken, _ = dialogue_loudness(meter.momentary_lufs, speech)
    return (loudness.integrated_lufs if spoken is None else spoken), count, channels


def _decoded(bed: Bed, scratch: Path, samples: int) -> tuple[ScratchPcm, int]:
    """Keep the stretch of a bed that is heard; returns it and its length in samples."""
    start = round(bed.starts_s * VOICE_RATE_HZ)
    count = samples if bed.length_s is None else min(samples, round(bed.length_s * VOICE_RATE_HZ))
    channels, kept = 1, 0
    pcm: ScratchPcm | None = None
    for block in _cut(AudioReader(bed.sound.path).blocks(), start, count):
        if pcm is None:
            channels = block.shape[1]
            pcm = ScratchPcm(scratch, channels)
        for part in pcm.append(iter((block,))):
            kept += len(part)
    pcm = pcm or ScratchPcm(scratch, channels)
    _soften(pcm, kept)
    return pcm, kept


def _cut(blocks: Iterator[Samples], start: int, count: int) -> Iterator[Samples]:
    """Take `count` samples from `start` on."""
    at = 0
    for block in blocks:
        wanted = block[max(0, start - at) : max(0, start + count - at)]
        at += len(block)
        if len(wanted):
            yield wanted
        if at >= start + count:
            return


def _soften(pcm: ScratchPcm, length: int) -> None:
    """Fade both ends of a stretch, so that nothing clicks where it begins, ends or comes again."""
    count = min(SEAM, length // 2)
    if not count:
        return
    ramp = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    for start, shape in ((0, ramp), (length - count, ramp[::-1])):
        pcm.replace(start, _joined(pcm, Span(start, start + count)) * shape)


def _joined(pcm: ScratchPcm, span: Span) -> Samples:
    """Read a short stretch as one array; none where it is over."""
    if span.length <= 0:
        return np.zeros((0, pcm.channels), np.float32)
    return np.concatenate(list(pcm.read(span)))


def _per_sample(lifts: Gains, at: int, count: int) -> Samples:
    """Draw straight lines, in dB, between the middles of the steps."""
    places = (np.arange(at, at + count) + 0.5) / WINDOW - 0.5
    first = max(0, at // WINDOW - 1)
    near = lifts[first : (at + count) // WINDOW + 2]
    if not len(near):
        near, first = lifts[-1:], len(lifts) - 1
    lifted = np.interp(places, np.arange(first, first + len(near)), near)
    factors: Samples = (10 ** (lifted / 20)).astype(np.float32)
    return factors
