"""Fit: how two lengths are made equal, decided in frames and samples before anything is cut."""

from enum import StrEnum
from fractions import Fraction

from pydantic import Field

from lipsync.values import File, Value


class SyncMode(StrEnum):
    """How the two lengths are made equal (design: sync modes mean one thing here)."""

    CUT_OFF = "cut_off"
    LOOP = "loop"
    BOUNCE = "bounce"
    SILENCE = "silence"
    REMAP = "remap"


class Mismatch(Value):
    """Voice length minus video length, after trims."""

    video_s: float
    voice_s: float
    mismatch_s: float = Field(description="Voice minus video; positive when the voice is longer.")
    mismatch_frames: float = Field(description="The same in frames of the video.")
    ratio: float = Field(description="Voice over video.")
    longer: str = Field(description="'voice', 'video' or 'equal' (within one frame).")


class FitPlan(Value):
    """What will be done to both sides; executing it gives a pair of equal lengths.

    Output frame k shows source frame `source_frame(plan, k)`; the voice starts at its own first
    sample, is played `tempo` times faster with its pitch kept, and is cut or padded with silence
    to `voice_samples`.
    """

    sync_mode: SyncMode
    reason: str = Field(description="Why this mode, one sentence with the figures.")
    warnings: tuple[str, ...] = ()
    mismatch: Mismatch
    rate: Fraction = Field(description="Constant frame rate of the conformed video.")
    first_frame: int = Field(ge=0, description="First source frame used (the trim's start).")
    source_frames: int = Field(gt=0, description="Source frames used (the trimmed length).")
    frames: int = Field(gt=0, description="Frames of the conformed video: the predicted length.")
    voice_samples: int = Field(gt=0, description="Samples of the conformed voice at 48 kHz.")
    tempo: float = Field(default=1.0, gt=0, description="Voice speed; 1.04 is 4 % faster.")
    by_vendor: bool = Field(default=False, description="The vendor does the fit: send as it is.")

    @property
    def predicted_s(self) -> float:
        """Length of the output in seconds."""
        return float(self.frames / self.rate)


class FittedPair(Value):
    """The pair as it is sent: lengths equal within one frame (unless the vendor does the fit)."""

    video: File
    voice: File
    frames: int
    rate: Fraction
    copied_frames: int = Field(description="Frames whose packets were copied untouched.")
    encoded_frames: int
