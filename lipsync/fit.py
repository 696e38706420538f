"""Fit: how two lengths are made equal, decided in frames and samples before anything is cut."""

from enum import StrEnum
from fractions import Fraction
from typing import Literal

from pydantic import Field

from lipsync.errors import MediaError
from lipsync.timing import frames_to_hold, samples
from lipsync.values import File, Value
from lipsync.voice import VOICE_RATE_HZ

# Limits of the automatic fit, as shares of the video's length: between those of open dubbing tools
# (VideoLingo 1.2 to 1.4, open-dubbing 1.3, Dubbing-Pipeline warns at 1.10 and fails at 1.25).
FREE_TEMPO = Fraction(5, 100)
GENTLE_REMAP = Fraction(8, 100)
WARNED_TEMPO = Fraction(15, 100)
REFUSED = Fraction(25, 100)
# Beyond this factor a retimed picture is a slide show or a blur, not footage.
ABSURD_REMAP = 4
# Share of the output without speech from which the bill is worth a warning.
BILLED_SILENCE = Fraction(25, 100)


class SyncMode(StrEnum):
    """How the two lengths are made equal (one meaning on every model: docs/adr/0004)."""

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
    imprint: File | None = Field(
        default=None, description="Of the video: what its output is held against."
    )


class FittedPicture(Value):
    """The video as it is sent."""

    video: File
    frames: int
    copied_frames: int
    encoded_frames: int
    imprint: File | None = None


class Lengths(Value):
    """The two lengths a fit is decided from, after trims."""

    first_frame: int = Field(default=0, ge=0, description="First source frame used.")
    source_frames: int = Field(gt=0, description="Frames of the video, on its constant rate.")
    rate: Fraction = Field(gt=0)
    voice_samples: int = Field(gt=0, description="Samples of the voice at 48 kHz.")

    @property
    def ratio(self) -> Fraction:
        """Voice over video, exact."""
        return Fraction(self.voice_samples, VOICE_RATE_HZ) * self.rate / self.source_frames

    @property
    def mismatch(self) -> Mismatch:
        """Voice minus video."""
        return mismatch(self.source_frames, self.rate, self.voice_samples)


def mismatch(video_frames: int, rate: Fraction, voice_samples: int) -> Mismatch:
    """Hold the two lengths against each other.

    >>> mismatch(250, Fraction(25), 9 * 48_000).longer
    'video'
    """
    video_s = video_frames / rate
    voice_s = Fraction(voice_samples, VOICE_RATE_HZ)
    difference = (voice_s - video_s) * rate
    longer = "equal" if abs(difference) <= 1 else "voice" if difference > 0 else "video"
    return Mismatch(
        video_s=float(video_s),
        voice_s=float(voice_s),
        mismatch_s=float(voice_s - video_s),
        mismatch_frames=float(difference),
        ratio=float(voice_s / video_s),
        longer=longer,
    )


def predicted_frames(mode: SyncMode, lengths: Lengths) -> int:
    """Say how many frames a mode makes of two lengths; a voice is given whole frames to end in.

    >>> of = Lengths(source_frames=100, rate=Fraction(25), voice_samples=round(8.64 * 48_000))
    >>> [predicted_frames(mode, of) for mode in SyncMode]
    [100, 216, 216, 216, 216]
    """
    video, voice = lengths.source_frames, frames_to_hold(lengths.voice_samples, lengths.rate)
    if mode is SyncMode.CUT_OFF:
        return min(video, voice)
    if mode is SyncMode.SILENCE:
        return max(video, voice)
    return voice


def picture_plan(plan: FitPlan) -> FitPlan:
    """Reduce a plan to what it does to the picture: equal ones make one picture of one video.

    Whatever voice it was made for, a picture that is neither held, repeated nor retimed is cut.
    """
    cut = plan.sync_mode is SyncMode.SILENCE and plan.frames <= plan.source_frames
    voice_samples = samples(plan.frames, plan.rate)
    return plan.model_copy(
        update={
            "sync_mode": SyncMode.CUT_OFF if cut or plan.by_vendor else plan.sync_mode,
            "frames": plan.source_frames if plan.by_vendor else plan.frames,
            "reason": "",
            "warnings": (),
            "mismatch": mismatch(plan.frames, plan.rate, voice_samples),
            "voice_samples": voice_samples,
            "tempo": 1.0,
            "by_vendor": False,
        }
    )


def source_frame(plan: FitPlan, k: int) -> int:
    """Say which source frame output frame `k` shows.

    loop starts again at the first frame. bounce turns without showing the turning frame twice
    (0 1 2 1 0 1 …), so that no turn stands still. silence holds the last frame. remap takes the
    nearest frame and keeps the first and the last.
    """
    last = plan.source_frames - 1
    if plan.by_vendor or plan.sync_mode is SyncMode.CUT_OFF:
        return plan.first_frame + k
    if plan.sync_mode is SyncMode.LOOP:
        return plan.first_frame + k % plan.source_frames
    if plan.sync_mode is SyncMode.BOUNCE:
        return plan.first_frame + (last - abs(last - k % (2 * last)) if last else 0)
    if plan.sync_mode is SyncMode.SILENCE:
        return plan.first_frame + min(k, last)
    steps = max(1, plan.frames - 1)
    return plan.first_frame + (2 * k * last + steps) // (2 * steps)


def shown_as_sent(plan: FitPlan) -> bool:
    """Say whether output frame `k` shows what frame `k` of the video that is sent shows.

    A vendor that fits the pair itself plays it from its start; only its remap moves every frame.
    """
    return not (plan.by_vendor and plan.sync_mode is SyncMode.REMAP)


def plan_fit(
    mode: SyncMode | Literal["auto"], lengths: Lengths, *, keep_picture: bool = True
) -> FitPlan:
    """Plan how the two lengths are made equal here, before anything is sent.

    Args:
        mode: What the user chose and gets; "auto" decides by the mismatch.
        lengths: Both lengths, after trims.
        keep_picture: For `auto`: a video that is longer keeps all its frames.

    Raises:
        MediaError: `auto` finds the voice too long, or a remap has an absurd factor.
    """
    if mode == "auto":
        return _automatic(lengths, keep_picture=keep_picture)
    ratio = _filled(mode, lengths)
    if mode is SyncMode.REMAP and not 1 / Fraction(ABSURD_REMAP) <= ratio <= ABSURD_REMAP:
        raise MediaError(
            f"remap would play the video {_factor(ratio)}, beyond {ABSURD_REMAP}x; "
            "choose loop, bounce or silence, or trim the longer side"
        )
    return _planned(mode, lengths, "chosen; " + _figures(lengths))


def vendor_plan(mode: SyncMode, lengths: Lengths) -> FitPlan:
    """Plan to send the pair as it is and let the vendor fit it in its own `mode`.

    `frames` is the length the vendor's mode is predicted to give; the video that is sent has
    `source_frames`.
    """
    return FitPlan(
        sync_mode=mode,
        reason=f"the vendor's own {mode}; {_figures(lengths)}",
        warnings=_warnings(mode, lengths),
        mismatch=lengths.mismatch,
        rate=lengths.rate,
        first_frame=lengths.first_frame,
        source_frames=lengths.source_frames,
        frames=predicted_frames(mode, lengths),
        voice_samples=lengths.voice_samples,
        by_vendor=True,
    )


def _automatic(lengths: Lengths, *, keep_picture: bool) -> FitPlan:
    over = lengths.ratio - 1
    if lengths.mismatch.longer == "equal":
        return _planned(SyncMode.CUT_OFF, lengths, "equal within one frame")
    if abs(over) <= FREE_TEMPO:
        return _retimed(lengths)
    if over < 0:
        mode = SyncMode.SILENCE if keep_picture else SyncMode.CUT_OFF
        wish = "the picture is kept" if keep_picture else "the picture may be cut"
        return _planned(mode, lengths, f"{_figures(lengths)}; {wish}")
    if over <= GENTLE_REMAP:
        return _planned(SyncMode.REMAP, lengths, f"{_figures(lengths)}; the speech is untouched")
    if over <= WARNED_TEMPO:
        return _retimed(lengths, f"the voice is played {float(over):.1%} faster; listen to it")
    if over <= REFUSED:
        return _planned(SyncMode.SILENCE, lengths, f"{_figures(lengths)}; no speech is lost")
    raise MediaError(
        f"{_figures(lengths)}: {float(over):.0%} too long for an automatic fit (limit "
        f"{float(REFUSED):.0%}); choose --sync-mode yourself, trim less, or shorten the voice"
    )


def _planned(mode: SyncMode, lengths: Lengths, reason: str) -> FitPlan:
    frames = predicted_frames(mode, lengths)
    return FitPlan(
        sync_mode=mode,
        reason=reason,
        warnings=_warnings(mode, lengths),
        mismatch=lengths.mismatch,
        rate=lengths.rate,
        first_frame=lengths.first_frame,
        source_frames=lengths.source_frames,
        frames=frames,
        voice_samples=samples(frames, lengths.rate),
    )


def _retimed(lengths: Lengths, warning: str | None = None) -> FitPlan:
    """Play the voice at the tempo that makes it as long as the video."""
    wanted = samples(lengths.source_frames, lengths.rate)
    return FitPlan(
        sync_mode=SyncMode.CUT_OFF,
        reason=f"{_figures(lengths)}; the voice's tempo makes up for it, its pitch kept",
        warnings=(warning,) if warning else (),
        mismatch=lengths.mismatch,
        rate=lengths.rate,
        first_frame=lengths.first_frame,
        source_frames=lengths.source_frames,
        frames=lengths.source_frames,
        voice_samples=wanted,
        tempo=lengths.voice_samples / wanted,
    )


def _warnings(mode: SyncMode, lengths: Lengths) -> tuple[str, ...]:
    """Say what a mode costs: speech, stillness, speed, or money for silence."""
    found = lengths.mismatch
    if found.longer == "equal":
        return ()
    voice_longer = found.longer == "voice"
    if mode is SyncMode.CUT_OFF and voice_longer:
        return (f"the last {found.mismatch_s:.2f} s of the voice are cut",)
    if mode is SyncMode.SILENCE and voice_longer:
        return (f"the picture stands still for the last {found.mismatch_s:.2f} s",)
    if mode is SyncMode.SILENCE and 1 - lengths.ratio > BILLED_SILENCE:
        silent_s = -found.mismatch_s
        return (f"{silent_s:.2f} s of the output carry no speech and are priced all the same",)
    ratio = _filled(mode, lengths)
    if mode is SyncMode.REMAP and abs(ratio - 1) > GENTLE_REMAP:
        return (f"the video is played {_factor(ratio)}; motion will look wrong",)
    return ()


def _filled(mode: SyncMode, lengths: Lengths) -> Fraction:
    """Output over video: how far a mode stretches what is there."""
    return Fraction(predicted_frames(mode, lengths), lengths.source_frames)


def _factor(ratio: Fraction) -> str:
    return f"{float(ratio):.2f}x slower" if ratio > 1 else f"{float(1 / ratio):.2f}x faster"


def _figures(lengths: Lengths) -> str:
    found = lengths.mismatch
    return (
        f"voice {found.voice_s:.2f} s, video {found.video_s:.2f} s "
        f"({found.mismatch_s:+.2f} s, {found.mismatch_frames:+.1f} frames)"
    )
