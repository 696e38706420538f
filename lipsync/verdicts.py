"""Verdicts: what was measured on the finished video, beside its limit."""

from enum import StrEnum
from fractions import Fraction

from pydantic import Field

from lipsync.facts import MediaFacts, VideoFacts
from lipsync.timing import seconds
from lipsync.values import Value
from lipsync.voice import Gate, Loudness, LoudnessTarget

# Ours: lengths are exact to the frame; what a container's rounding can do is one.
WARN_FRAMES = 1
# EBU R 128 v4 (2020-08): ±1 LU in production.
LOUDNESS_WARN_LU = 1.0
# How far encoding may move the loudness; beyond it, the fault is in the output and not upstream.
LOUDNESS_ENCODING_LU = 0.5
# EBU Tech 3342: the short-term window; below it a programme has no loudness to hold to.
LOUDNESS_SHORT_S = 3.0
# EBU Tech 3341: a true-peak meter may read 0.2 dB high.
TRUE_PEAK_METER_DB = 0.2
# Full scale: above it a decoder clips.
TRUE_PEAK_FAIL_DBTP = 0.0
# Ours: a tenth of what a viewer can notice.
OFFSET_PASS_MS = 5.0
# ITU-R BT.1359-1: viewers begin to notice the voice 45 ms early or 125 ms late.
OFFSET_EARLY_MS = -45.0
OFFSET_LATE_MS = 125.0
# Measured on windows of 2 s: same speech 0.99, other real speech 0.1 (0.02 over whole clips),
# two synthetic voices of one pitch 0.45.
SAME_PASS = 0.8
SAME_WARN = 0.6


class Mark(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105  a mark, not a password
    WARN = "warn"
    FAIL = "fail"
    UNMEASURED = "unmeasured"  # nothing can be said; not a pass


class Verdict(Value):
    """One check on the finished video: its figure, its limit, its mark."""

    check: str
    value: float | str
    limit: str
    verdict: Mark
    note: str = ""
    unit: str = ""
    source: str = Field(default="", description="Who sets the limit, or why it is ours.")
    advice: str = Field(default="", description="What to try where it did not pass.")


def graded(figure: float, pass_at_most: float, warn_at_most: float) -> Mark:
    """Grade a figure that is better the smaller it is.

    >>> graded(0, 0, 1), graded(1, 0, 1), graded(2, 0, 1)
    (<Mark.PASS: 'pass'>, <Mark.WARN: 'warn'>, <Mark.FAIL: 'fail'>)
    """
    if figure <= pass_at_most:
        return Mark.PASS
    return Mark.WARN if figure <= warn_at_most else Mark.FAIL


def streams(facts: MediaFacts) -> Verdict:
    """One picture and one voice, and nothing else."""
    pictures, voices = int(facts.video is not None), len(facts.audio)
    right = (pictures, voices) == (1, 1)
    return Verdict(
        check="streams",
        value=f"{pictures} picture, {voices} voice",
        limit="1 picture, 1 voice",
        source="Ours: a player shows one and plays one",
        verdict=Mark.PASS if right else Mark.FAIL,
    )


def length(video: VideoFacts | None, frames: int, rate: Fraction) -> Verdict:
    """As many frames as predicted."""
    shown = video.frames if video else 0
    return Verdict(
        check="length",
        value=float(shown),
        limit=f"{frames} frames",
        unit="frames",
        source="Ours: the predicted length, to the frame",
        verdict=graded(abs(shown - frames), 0, WARN_FRAMES),
        note="" if shown == frames else f"{seconds(shown - frames, rate):+.3f} s",
    )


def size(video: VideoFacts | None, width_px: int, height_px: int) -> Verdict:
    """The source's size: smaller is a warning, another shape a failure."""
    wide, high = (video.display_width_px, video.display_height_px) if video else (0, 0)
    # One pixel of rounding each way, as chroma subsampling asks for even sizes.
    same_shape = video is not None and abs(wide * height_px - high * width_px) <= max(
        width_px, height_px
    )
    mark = Mark.WARN if same_shape else Mark.FAIL
    return Verdict(
        check="size",
        value=f"{wide}x{high}",
        limit=f"{width_px}x{height_px}",
        unit="px",
        source="Ours: the source's size",
        verdict=Mark.PASS if (wide, high) == (width_px, height_px) else mark,
        note="scaled by the model" if same_shape and wide != width_px else "",
    )


def rate(video: VideoFacts | None, wanted: Fraction) -> Verdict:
    """The predicted rate, exact and constant."""
    found = video.rate if video else Fraction(0)
    constant = video is not None and video.constant_rate
    return Verdict(
        check="rate",
        value=str(found) if constant else f"{found} on average",
        limit=f"{wanted}, constant",
        unit="frames per second",
        source="Ours: the source's rate, exact",
        verdict=Mark.PASS if constant and found == wanted else Mark.FAIL,
    )


def faststart(boxes: list[str] | None) -> Verdict:
    """The index is in front of the media, so that playing starts at once.

    Args:
        boxes: Top-level boxes in order; None for a container without.
    """
    if boxes is None:
        return Verdict(check="faststart", value="no MP4", limit="index first", verdict=Mark.PASS)
    first = "moov" in boxes and boxes.index("moov") < (
        boxes.index("mdat") if "mdat" in boxes else len(boxes)
    )
    return Verdict(
        check="faststart",
        value="index first" if first else "index last",
        limit="index first",
        source="ISO/IEC 14496-12: moov before mdat plays before all of it is there",
        verdict=Mark.PASS if first else Mark.WARN,
    )


_GATES = {
    Gate.PROGRAMME: "EBU R 128: ±1 LU in production, less in a file; programme-gated (BS.1770-4)",
    Gate.DIALOGUE: "Netflix: ±2 LU; gated on where the voice track speaks (BS.1770-1)",
}


def _other_gate(measured: Loudness, target: LoudnessTarget) -> str:
    """Name the figure by the gate that does not count, where there is one."""
    if measured.dialogue_share is None:
        return ""
    if target.gate is Gate.DIALOGUE:
        return f"over its speech; {measured.integrated_lufs:.2f} LUFS over the programme"
    return f"over the programme: only {measured.dialogue_share:.0%} of it is speech"


def off_target(measured: Loudness, target: LoudnessTarget) -> bool:
    """Say whether the loudness needs an explanation."""
    return abs(measured.by(target.gate) - target.integrated_lufs) > target.tolerance_lu


def loudness(
    measured: Loudness, target: LoudnessTarget, duration_s: float, fitted_lufs: float | None
) -> Verdict:
    """Judge the loudness after encoding.

    Args:
        measured: The output's.
        target: What was asked for.
        duration_s: Length of the voice; below 3 s a miss is never worse than a warning.
        fitted_lufs: The voice before encoding, known where the target was missed: a miss it
            already had was reported by normalize, and is a warning here.
    """
    lufs, within = measured.by(target.gate), target.tolerance_lu
    # Netflix flags in QC what is 3 LU off where it asks for 2.
    mark = graded(abs(lufs - target.integrated_lufs), within, max(LOUDNESS_WARN_LU, 1.5 * within))
    note = _other_gate(measured, target)
    if mark is not Mark.PASS and duration_s < LOUDNESS_SHORT_S:
        mark, note = Mark.WARN, f"only {duration_s:.2f} s long, too short to hold to a loudness"
    elif mark is not Mark.PASS and fitted_lufs is not None:
        inherited = abs(measured.integrated_lufs - fitted_lufs) <= LOUDNESS_ENCODING_LU
        mark = Mark.WARN if inherited else mark
        note = f"the voice had {fitted_lufs:.1f} LUFS before encoding"
    return Verdict(
        check="loudness",
        value=round(lufs, 2),
        limit=f"{target.integrated_lufs:g} ±{within:g} LUFS",
        unit="LUFS",
        source=_GATES[target.gate],
        verdict=mark,
        note=note,
    )


def true_peak(measured: Loudness, target: LoudnessTarget) -> Verdict:
    """Judge the true peak after encoding."""
    return Verdict(
        check="true_peak",
        value=round(measured.true_peak_dbtp, 2),
        limit=f"≤ {target.true_peak_dbtp:g} dBTP",
        unit="dBTP",
        source="EBU R 128 v4; a meter may read 0.2 dB high (Tech 3341), 0 dBTP clips",
        verdict=graded(
            measured.true_peak_dbtp,
            target.true_peak_dbtp + TRUE_PEAK_METER_DB,
            TRUE_PEAK_FAIL_DBTP,
        ),
    )


def voice_offset(
    offset_ms: float, similarity: float, drift_ms_per_min: float, against: str
) -> Verdict:
    """Judge where the voice lies in time.

    Args:
        offset_ms: Positive when the output's voice is late.
        similarity: Of the two voices; where they are not the same, the offset means nothing.
        drift_ms_per_min: How the offset grows.
        against: What it was measured against, for the note.
    """
    noticed = not OFFSET_EARLY_MS <= offset_ms <= OFFSET_LATE_MS
    mark = graded(abs(offset_ms), OFFSET_PASS_MS, max(-OFFSET_EARLY_MS, OFFSET_LATE_MS))
    lost = similarity < SAME_WARN
    return Verdict(
        check="voice_offset",
        value=round(offset_ms, 2) + 0.0,  # never "-0"
        limit=f"±{OFFSET_PASS_MS:g} ms",
        unit="ms",
        source="Ours for a pass; ITU-R BT.1359-1: noticed 45 ms early or 125 ms late",
        verdict=Mark.FAIL if noticed or lost else mark,
        note=f"against {against}; "
        + ("not found there" if lost else f"drift {drift_ms_per_min:+.2f} ms per minute"),
    )


def voice_same(similarity: float, against: str) -> Verdict:
    """Judge whether it is the voice that was supplied."""
    return Verdict(
        check="voice_same",
        value=round(similarity, 3),
        limit=f"≥ {SAME_PASS:g}",
        unit="correlation",
        source="Ours: the same speech reads 0.99, other speech 0.1 (0.45 synthetic)",
        verdict=graded(-similarity, -SAME_PASS, -SAME_WARN),
        note=f"against {against}",
    )


def no_voice() -> tuple[Verdict, ...]:
    """Fail every check that needs a voice."""
    checks = ("loudness", "true_peak", "voice_offset", "voice_same")
    return tuple(
        Verdict(check=check, value="no voice", limit="a voice", verdict=Mark.FAIL)
        for check in checks
    )
