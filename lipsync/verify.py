"""Verify: what the finished video is, beside what was promised."""

import logging
from functools import lru_cache

from lipsync import judging, verdicts
from lipsync.bed import BedMix
from lipsync.facts import MediaFacts
from lipsync.measures.hearing import levels_db
from lipsync.measures.pictures import tags_in, tags_of
from lipsync.measures.scorer import asked
from lipsync.measures.tracing import traces_of
from lipsync.measures.viewing import view
from lipsync.media.align import Mono, Offset, mono_of, offset_between
from lipsync.media.dialogue import levels_of, read_gated, speech_steps
from lipsync.media.meter import Meter
from lipsync.media.opening import top_boxes
from lipsync.mouth import heard, read_mouth
from lipsync.picture import read_picture
from lipsync.probe import Probed, probed
from lipsync.requests import Verdicts, VerifyRequest
from lipsync.values import File
from lipsync.verdicts import Verdict
from lipsync.voice import Gate, Loudness, LoudnessTarget, by_dialogue

log = logging.getLogger(__name__)


def verify(request: VerifyRequest) -> Verdicts:
    """Check a finished video: its packets, its picture and its voice are each read once.

    Returns:
        Every check in a fixed order: what the headers say, what is heard, what is seen. The value
        of voice_offset is in ms, positive when the voice is late.

    Raises:
        MediaError: The output or the voice cannot be read at all.
    """
    output = probed(request.output)
    facts = output.facts
    fitted_meter = Meter()
    fitted = mono_of(request.fitted.path, meter=fitted_meter)
    form = _form_verdicts(request, output)
    voice = _voice_verdicts(request, facts, fitted, fitted_meter.read())
    seen = _seen(request, facts, fitted)
    found = Verdicts(found=(*form, *voice, *seen.found), traces=seen.traces)
    log.info(
        "%s verified: %s",
        request.output.sha256[:8],
        ", ".join(f"{verdict.check} {verdict.verdict}" for verdict in found.found),
    )
    return found


def _form_verdicts(request: VerifyRequest, output: Probed) -> tuple[Verdict, ...]:
    """Check what the packets and headers say."""
    facts = output.facts
    found = (
        verdicts.streams(facts),
        verdicts.length(facts.video, request.frames, request.rate),
        verdicts.size(facts.video, request.display_width_px, request.display_height_px),
        verdicts.rate(facts.video, request.rate),
        verdicts.faststart(_boxes(request.output, facts)),
        judging.form(facts.video),
    )
    if facts.video is None:
        return found
    times = judging.timestamps(facts.video.frames, output.times)
    if request.sent is None or output.colour is None:
        return (*found, times)
    return (*found, times, judging.colour(tags_of(output.colour), _tags_of_sent(request.sent)))


# Ours: one picture is sent for many dubs, one after the other.
@lru_cache(maxsize=16)
def _tags_of_sent(sent: File) -> tuple[int, bool]:
    return tags_in(sent.path)


def _boxes(output: File, facts: MediaFacts) -> list[str] | None:
    """List the boxes of an MP4 or MOV file; None for another container."""
    return top_boxes(output.path)[0] if "mp4" in facts.container else None


def _voice_verdicts(
    request: VerifyRequest, facts: MediaFacts, fitted: Mono, fitted_loudness: Loudness
) -> tuple[Verdict, ...]:
    """Check what is heard."""
    if not facts.audio:
        return verdicts.no_voice()
    meter = Meter()
    sound = mono_of(request.output.path, meter=meter)
    loudness, target = _gated(request, meter)
    offset, against = _offset(request, sound, fitted)
    fitted_lufs = None
    if verdicts.off_target(loudness, target):
        fitted_lufs = fitted_loudness.integrated_lufs
    voice_s = facts.audio[0].duration_s
    return (
        verdicts.loudness(loudness, target, voice_s, fitted_lufs),
        verdicts.true_peak(loudness, request.target),
        judging.clipping(
            _voice_in(loudness, fitted_loudness, request.bed), fitted_loudness, request.limits
        ),
        verdicts.voice_offset(
            offset.offset_ms, offset.similarity, offset.drift_ms_per_min, against
        ),
        verdicts.voice_same(offset.similarity, against),
        judging.voice_whole(offset, request.limits),
        judging.voice_length(voice_s, _picture_s(facts), request.limits),
    )


def _voice_in(loudness: Loudness, fitted: Loudness, bed: BedMix | None) -> Loudness:
    """Say how loud the voice alone is in an output; a bed is louder than its peaks show."""
    if bed is None:
        return loudness
    alone_lufs = fitted.integrated_lufs + bed.mix_gain_db - bed.spread_db
    return loudness.model_copy(update={"integrated_lufs": alone_lufs})


def _gated(request: VerifyRequest, meter: Meter) -> tuple[Loudness, LoudnessTarget]:
    """Read the meter by the gate the target asks for, and say what it asks for by that gate."""
    if request.target.gate is Gate.PROGRAMME:
        return meter.read(), request.target
    loudness = read_gated(meter, speech_steps(levels_of(request.fitted.path)))
    return loudness, by_dialogue(request.target, loudness.dialogue_share or 0.0)


def _picture_s(facts: MediaFacts) -> float:
    return facts.video.duration_s if facts.video else 0.0


def _offset(request: VerifyRequest, sound: Mono, fitted: Mono) -> tuple[Offset, str]:
    """Hold the voice against the one supplied, or, when its speed was changed, the fitted one."""
    if request.tempo == 1:
        reference = mono_of(request.supplied.path, request.supplied_track)
        offset = offset_between(reference, sound, expected_s=-request.lead_trimmed_s)
        return offset, "the voice as supplied"
    against = f"the fitted voice, because its speed was changed by {request.tempo:.3f}"
    return offset_between(fitted, sound), against


def _seen(request: VerifyRequest, facts: MediaFacts, fitted: Mono) -> Verdicts:
    """Check what is seen of the output, beside the imprint of what was sent, in one pass."""
    if facts.video is None:
        return Verdicts(found=())
    imprint = request.imprint.path if request.imprint else None
    faces, frames = view(request.output.path, facts.video.rate, imprint)
    mouth = read_mouth(faces, heard(levels_db(fitted)))
    found = (
        *judging.mouth(mouth, request.limits),
        *judging.picture(read_picture(frames), request.limits),
    )
    if request.scorer is not None:
        sent = request.sent.path if request.sent else None
        found = (*found, asked(request.scorer, request.output.path, sent, request.fitted.path))
    return Verdicts(found=found, traces=traces_of(faces))
