"""Verify: what the finished video is, beside what was promised."""

import logging

from lipsync import verdicts
from lipsync.facts import MediaFacts
from lipsync.media.align import Mono, mono_of, offset_between
from lipsync.media.meter import Meter, measure
from lipsync.media.opening import top_boxes
from lipsync.probe import probe
from lipsync.requests import VerifyRequest
from lipsync.values import File
from lipsync.verdicts import Verdict

log = logging.getLogger(__name__)


def verify(request: VerifyRequest) -> tuple[Verdict, ...]:
    """Check a finished video: one scan of its packets, one decode of its voice.

    Returns:
        streams, length, size, rate, faststart, loudness, true_peak, voice_offset and voice_same,
        in this order. The value of voice_offset is in ms, positive when the voice is late.

    Raises:
        MediaError: The output or the voice cannot be read at all.
    """
    facts = probe(request.output)
    found = (*_picture_verdicts(request, facts), *_voice_verdicts(request, facts))
    log.info(
        "%s verified: %s",
        request.output.sha256[:8],
        ", ".join(f"{verdict.check} {verdict.verdict}" for verdict in found),
    )
    return found


def _picture_verdicts(request: VerifyRequest, facts: MediaFacts) -> tuple[Verdict, ...]:
    """Check what the packets and headers say."""
    return (
        verdicts.streams(facts),
        verdicts.length(facts.video, request.frames, request.rate),
        verdicts.size(facts.video, request.display_width_px, request.display_height_px),
        verdicts.rate(facts.video, request.rate),
        verdicts.faststart(_boxes(request.output, facts)),
    )


def _boxes(output: File, facts: MediaFacts) -> list[str] | None:
    """List the boxes of an MP4 or MOV file; None for another container."""
    return top_boxes(output.path)[0] if "mp4" in facts.container else None


def _voice_verdicts(request: VerifyRequest, facts: MediaFacts) -> tuple[Verdict, ...]:
    """Check what is heard."""
    if not facts.audio:
        return verdicts.no_voice()
    meter = Meter()
    heard = mono_of(request.output.path, meter=meter)
    loudness = meter.read()
    fitted_lufs = None
    if verdicts.off_target(loudness, request.target):
        fitted_lufs = measure(request.fitted.path).integrated_lufs
    return (
        verdicts.loudness(loudness, request.target, facts.audio[0].duration_s, fitted_lufs),
        verdicts.true_peak(loudness, request.target),
        *_offset_verdicts(request, heard),
    )


def _offset_verdicts(request: VerifyRequest, heard: Mono) -> tuple[Verdict, Verdict]:
    """Hold the voice against the one supplied, or, when its speed was changed, the fitted one."""
    if request.tempo == 1:
        against = "the voice as supplied"
        reference = mono_of(request.supplied.path, request.supplied_track)
        offset = offset_between(reference, heard, expected_s=-request.lead_trimmed_s)
    else:
        against = f"the fitted voice, because its speed was changed by {request.tempo:.3f}"
        offset = offset_between(mono_of(request.fitted.path), heard)
    return (
        verdicts.voice_offset(
            offset.offset_ms, offset.similarity, offset.drift_ms_per_min, against
        ),
        verdicts.voice_same(offset.similarity, against),
    )
