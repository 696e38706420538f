"""The voice: how loud it should be, and what it is once normalized."""

from pydantic import Field

from lipsync.values import File, Value

# One rate for every vendor and every container here (reference: sync.so takes 44.1/48 kHz,
# resamples anything higher to 48 kHz).
VOICE_RATE_HZ = 48_000


class Loudness(Value):
    """How loud something is, by ITU-R BS.1770-4 (EBU R 128)."""

    integrated_lufs: float = Field(description="-inf is written as -70, the meter's floor.")
    true_peak_dbtp: float
    range_lu: float = Field(description="Loudness range, EBU Tech 3342.")


class LoudnessTarget(Value):
    """Where the voice should land."""

    integrated_lufs: float = Field(default=-16.0, ge=-36, le=-5)
    true_peak_dbtp: float = Field(default=-1.0, ge=-9, le=0)


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
