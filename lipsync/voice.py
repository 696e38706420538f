"""The voice: how loud it should be, and what it is once normalized."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from lipsync.values import File, Value

# One rate for every vendor and every container here (sync.so takes 44.1/48 kHz,
# resamples anything higher to 48 kHz).
VOICE_RATE_HZ = 48_000


class Loudness(Value):
    """How loud something is, by ITU-R BS.1770-4 (EBU R 128)."""

    integrated_lufs: float = Field(description="-inf is written as -70, the meter's floor.")
    true_peak_dbtp: float
    range_lu: float = Field(description="Loudness range, EBU Tech 3342.")
    dialogue_lufs: float | None = Field(
        default=None, description="Over its speech alone; None: nobody asked, or nobody speaks."
    )
    dialogue_share: float | None = Field(default=None, description="How much of it is speech.")

    def by(self, gate: "Gate") -> float:
        """Read it by a gate; where nothing was gated on dialogue, by the programme's."""
        if gate is Gate.DIALOGUE and self.dialogue_lufs is not None:
            return self.dialogue_lufs
        return self.integrated_lufs


class Gate(StrEnum):
    """Over what loudness is measured."""

    PROGRAMME = "programme"  # ITU-R BS.1770-4: everything but the quiet blocks
    DIALOGUE = "dialogue"  # where somebody speaks, ungated (lipsync/media/dialogue.py)


class LoudnessTarget(Value):
    """Where the sound should land."""

    integrated_lufs: float = Field(default=-16.0, ge=-70, le=-5)
    true_peak_dbtp: float = Field(default=-1.0, ge=-9, le=0)
    gate: Gate = Gate.PROGRAMME
    # EBU R 128 (2014): ±0.5 LU where an exact level is not practicable.
    tolerance_lu: float = Field(default=0.5, ge=0.1, le=3)
    without_dialogue_lufs: float | None = Field(
        default=None, description="Over the programme, where hardly anybody speaks; None: the same."
    )
    keep_level: bool = Field(
        default=False, description="The voice stays as loud as it came; only peaks are bent."
    )


# Netflix mix specification: below 15 % dialogue the programme's gate counts.
LEAST_DIALOGUE = 0.15


def by_dialogue(target: LoudnessTarget, share: float) -> LoudnessTarget:
    """Say what a target asks of a programme with this share of speech.

    >>> asked = LoudnessTarget(integrated_lufs=-27, gate=Gate.DIALOGUE, without_dialogue_lufs=-24)
    >>> by_dialogue(asked, 0.4) == asked
    True
    >>> by_dialogue(asked, 0.1).gate, by_dialogue(asked, 0.1).integrated_lufs
    (<Gate.PROGRAMME: 'programme'>, -24.0)
    """
    if target.gate is Gate.PROGRAMME or share >= LEAST_DIALOGUE:
        return target
    otherwise = target.without_dialogue_lufs
    lufs = target.integrated_lufs if otherwise is None else otherwise
    return target.model_copy(update={"gate": Gate.PROGRAMME, "integrated_lufs": lufs})


class SoundFormat(Value):
    """What the sound of an output is packed in: 48 kHz, one or two channels."""

    codec: Literal["aac", "pcm"] = Field(default="aac", description="AAC-LC, or PCM of 24 bits.")
    bit_rate: int = Field(default=192_000, gt=0, description="AAC only, in bit/s.")
    note: str = Field(default="", description="Why it is not what the profile asks for.")


class NormalizeRequest(Value):
    """What the normalize stage is given."""

    source: File
    track: int = Field(default=0, ge=0, description="Which audio stream of the file, from 0.")
    target: LoudnessTarget = LoudnessTarget()
    trim_silence: bool = True
    pad_s: float = Field(default=0.1, ge=0, le=5, description="Silence left at each trimmed edge.")


class Voice(Value):
    """The normalized voice: 48 kHz 16-bit PCM WAV, one or two channels."""

    file: File
    samples: int = Field(gt=0, description="Per channel, at 48 kHz.")
    channels: int = Field(ge=1, le=2)
    lead_trimmed_s: float = Field(ge=0, description="Silence taken off the front.")
    tail_trimmed_s: float = Field(ge=0)
    before: Loudness
    after: Loudness = Field(description="Measured again on the file that was written.")
    gain_db: float
    limited: bool = Field(description="Whether the true-peak limiter had to act.")
    warnings: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / VOICE_RATE_HZ


def landed(target: LoudnessTarget, voice: Voice) -> LoudnessTarget:
    """Say what a dub is held to: a target that keeps the level becomes the voice's own."""
    if not target.keep_level:
        return target
    lufs = min(max(voice.after.integrated_lufs, -70.0), -5.0)
    return target.model_copy(update={"integrated_lufs": lufs})


# A voice this close to its target is left as it is; also the accuracy that is promised.
TOLERANCE_LU = 0.1
# What the rounds aim for, so that another meter's rounding still agrees within the tolerance.
AIM_LU = 0.05
# Each round costs one pass over the samples; three have been enough for every voice met.
ROUNDS = 5
# Loudness lost to the limiter grows as (gain - headroom) to this power: fitted to real voices.
LOSS_POWER = 1.5
# Ours: a voice 30 dB under its target is a fault upstream; more gain would only bring up noise.
GAIN_MAX_DB = 30.0


# Ours: beyond this a limiter squeezes the life out of speech for a few tenths of loudness.
OVER_HEADROOM_MAX_DB = 10.0
# Less loudness than this for each further decibel of gain: it is not worth it.
WORTH_IT = 0.25


def first_gain_db(before: Loudness, target_lufs: float, headroom_db: float) -> float:
    """Choose the static gain to try first; none for a voice that is already there.

    Args:
        before: The voice as it came.
        target_lufs: Where it should land.
        headroom_db: The gain up to which the limiter has nothing to do.

    >>> here = Loudness(integrated_lufs=-20, true_peak_dbtp=-5, range_lu=5)
    >>> [first_gain_db(here, target, headroom_db=3.9) for target in (-16.0, -19.95, -5.0)]
    [4.0, 0.0, 13.9]
    """
    gain_db = target_lufs - before.integrated_lufs
    return 0.0 if abs(gain_db) <= TOLERANCE_LU else min(gain_db, most_gain_db(headroom_db))


def most_gain_db(headroom_db: float) -> float:
    """Say how far the gain may go at all."""
    return min(GAIN_MAX_DB, max(0.0, headroom_db + OVER_HEADROOM_MAX_DB))


def next_gain_db(
    tried: list[tuple[float, float]], target_lufs: float, *, before: Loudness, headroom_db: float
) -> float | None:
    """Choose the gain of the next round from those that were rendered and measured.

    The limiter takes loudness away: nothing up to the headroom, then ever more of what goes beyond
    it. The second round follows the slope of that curve, later ones the last two rounds.

    Args:
        tried: (gain in dB, integrated LUFS afterwards), in order.
        target_lufs: Where the voice should land.
        before: The voice as it came.
        headroom_db: The gain up to which the limiter has nothing to do.

    Returns:
        The next gain in dB; None when it is close enough, or nothing more can be gained.

    >>> here = Loudness(integrated_lufs=-26, true_peak_dbtp=-9, range_lu=5)
    >>> next_gain_db([(10.0, -16.02)], -16.0, before=here, headroom_db=8.0) is None
    True
    >>> next_gain_db([(10.0, -16.4)], -16.0, before=here, headroom_db=8.0)
    10.571
    """
    gain_db, reached_lufs = tried[-1]
    miss_lu = target_lufs - reached_lufs
    slope = _slope(tried, before, headroom_db)
    if abs(miss_lu) <= AIM_LU or len(tried) == ROUNDS or (miss_lu > 0 and slope < WORTH_IT):
        return None
    step_db = miss_lu / min(1.0, max(WORTH_IT, slope))
    proposed_db = round(min(gain_db + step_db, most_gain_db(headroom_db)), 3)
    return None if proposed_db == gain_db else proposed_db


def _slope(tried: list[tuple[float, float]], before: Loudness, headroom_db: float) -> float:
    """Estimate how much loudness one more decibel of gain brings."""
    gain_db, reached_lufs = tried[-1]
    if len(tried) > 1:
        earlier_db, earlier_lufs = tried[-2]
        return (reached_lufs - earlier_lufs) / (gain_db - earlier_db)
    if gain_db <= headroom_db:
        return 1.0
    lost_lu = before.integrated_lufs + gain_db - reached_lufs
    return max(WORTH_IT, 1 - LOSS_POWER * lost_lu / (gain_db - headroom_db))
