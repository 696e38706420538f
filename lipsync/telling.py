"""Telling: how the outcomes of the stages become the report of a dub."""

from pathlib import Path

from lipsync.decision import Asked, Decision
from lipsync.links import Link, place_of
from lipsync.output import default_output
from lipsync.params import DubParams
from lipsync.profiles import profile_named
from lipsync.report import DubReport, StageRun
from lipsync.requests import Finished
from lipsync.tickets import Delivery
from lipsync.timing import seconds
from lipsync.values import File
from lipsync.verdicts import Mark, Verdict
from lipsync.voice import Voice


def output_of(params: DubParams, decision: Decision) -> Path:
    """Say where a dub goes: where the user wants it, else beside the video.

    Raises:
        UsageError: There is no such profile.
    """
    if params.output:
        return params.output
    suffix = profile_named(params.profile).suffix_for(place_of(params.video))
    preview = decision.model.preview
    return default_output(params.video, params.voice, preview=preview, suffix=suffix)


def told(  # noqa: PLR0913, PLR0917  a report is told from everything before it
    output: Path,
    params: DubParams,
    asked: Asked,
    decision: Decision,
    delivery: Delivery,
    finished: Finished,
    verdicts: tuple[Verdict, ...],
    ran: tuple[StageRun, ...],
) -> DubReport:
    """Tell a dub's whole story in one value."""
    plan = decision.plan
    figures = {row.check: row.value for row in verdicts if isinstance(row.value, float)}
    return DubReport(
        output=output.absolute(),
        output_sha256=finished.file.sha256,
        dub_key=asked.key,
        video=_given(params.video, asked.video),
        video_sha256=asked.video.sha256,
        voice=_given(params.voice, asked.voice),
        voice_sha256=asked.voice.sha256,
        vendor=decision.model.vendor,
        model=decision.model.id,
        request_id=delivery.request_id,
        ticket_id=delivery.ticket_id,
        video_s=plan.mismatch.video_s,
        voice_s=plan.mismatch.voice_s,
        mismatch_s=plan.mismatch.mismatch_s,
        sync_mode=plan.sync_mode,
        sync_reason=plan.reason,
        tempo=plan.tempo,
        predicted_s=decision.choice.predicted_s,
        output_s=seconds(int(figures["length"]), plan.rate),
        quoted_usd=decision.choice.price_usd,
        billed_usd=delivery.billed_usd,
        loudness_lufs=round(finished.loudness.integrated_lufs, 2),
        true_peak_dbtp=round(finished.loudness.true_peak_dbtp, 2),
        voice_offset_ms=figures.get("voice_offset"),
        review=any(verdict.verdict is Mark.FAIL for verdict in verdicts),
        verdicts=verdicts,
        choices=decision.selection.choices,
        notes=_notes(decision, delivery, finished),
        stages=ran,
    )


def _given(given: Path | Link, file: File) -> Path | Link:
    """Say where an input was: a record keeps no more of a link than its address."""
    return Link(whole=given.address) if isinstance(given, Link) else file.path.absolute()


def _notes(decision: Decision, delivery: Delivery, finished: Finished) -> tuple[str, ...]:
    """Gather what every stage had to say, in the order of the stages."""
    pair = decision.pair
    return (
        *pair.video.warnings,
        *pair.voice.warnings,
        *_taken_off(decision.voice),
        *decision.voice.warnings,
        *decision.plan.warnings,
        *decision.choice.warnings,
        *delivery.notes,
        *finished.notes,
    )


def _taken_off(voice: Voice) -> tuple[str, ...]:
    """Say how much silence is gone, because what is said comes that much earlier."""
    if not (voice.lead_trimmed_s or voice.tail_trimmed_s):
        return ()
    lead, tail = f"{voice.lead_trimmed_s:.2f} s", f"{voice.tail_trimmed_s:.2f} s"
    said = f"silence taken off the voice: {lead} in front, {tail} at the end"
    return (f"{said}; --no-trim-silence keeps it",)
