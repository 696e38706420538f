"""Judging: what was seen and heard, beside its limits; what was not measured is not a pass."""

from lipsync.facts import VideoFacts
from lipsync.limits import Limit, Limits
from lipsync.media.align import Offset
from lipsync.mouth import CHANGE_S, RELATION_S, Mouth
from lipsync.picture import Picture
from lipsync.verdicts import Mark, Verdict
from lipsync.voice import Loudness

# What every browser and phone plays (caniuse.com, mpeg4: 98 %); the others are a warning.
PLAYED = ("h264",)
PIXELS = ("yuv420p",)
NOT_MEASURABLE = "not measurable"
# Ours: windows of one voice lie within 1 ms of each other; a drift of 0.1 % makes 2 ms of it.
JUMP_MS = 20.0

_OTHER = "have it made again with another model"
_REPAIR = "this is no fault of the lips: finish it again, or tell us"


def judged(  # noqa: PLR0913  a verdict has so many parts
    check: str, figure: float | None, limit: Limit, *, advice: str, note: str = "", thin: str = ""
) -> Verdict:
    """Hold a figure against its limit.

    Args:
        check: Its name.
        figure: What was measured; None: nothing could be.
        limit: What it is held against.
        advice: What to try where it does not pass.
        note: What else is known.
        thin: Why nothing could be measured.
    """
    mark = Mark.UNMEASURED if figure is None else limit.mark(figure)
    return Verdict(
        check=check,
        value=NOT_MEASURABLE if figure is None else figure,
        limit=str(limit),
        verdict=mark,
        note=thin if figure is None else note,
        unit=limit.unit,
        source=limit.source,
        advice="" if mark in {Mark.PASS, Mark.UNMEASURED} else advice,
    )


def form(video: VideoFacts | None) -> Verdict:
    """Judge codec, pixels and rotation: what a player may stumble over."""
    said = "no picture"
    odd = ["no picture"]
    if video is not None:
        said = f"{video.codec}, {video.pixel_format}, {video.rotation_deg}°"
        odd = [video.codec] if video.codec not in PLAYED else []
        odd += [video.pixel_format] if video.pixel_format not in PIXELS else []
        odd += [f"turned by {video.rotation_deg}°"] if video.rotation_deg else []
    return Verdict(
        check="form",
        value=said,
        limit="h264, yuv420p, 0°",
        verdict=Mark.WARN if odd else Mark.PASS,
        note=f"not played everywhere: {', '.join(odd)}" if odd else "",
        source="Ours: what was sent, and what every browser and phone plays",
        advice="encode the picture again for delivery" if odd else "",
    )


def colour(output: tuple[int, bool], sent: tuple[int, bool]) -> Verdict:
    """Judge the colour tags.

    Args:
        output: Matrix (ITU-T H.273, table 4; 2 is unspecified) and full range of the output.
        sent: The same of what was sent.
    """
    same = output[1] == sent[1] and (output[0] == sent[0] or 2 in {output[0], sent[0]})  # noqa: PLR2004  see above
    return Verdict(
        check="colour",
        value=_tags(output),
        limit=_tags(sent),
        verdict=Mark.PASS if same else Mark.WARN,
        note="" if same else "players will show other colours than the source's",
        source="ITU-T H.273; ours: as it was sent",
        advice="" if same else _OTHER,
    )


def _tags(tags: tuple[int, bool]) -> str:
    names = {1: "BT.709", 2: "untagged", 5: "BT.470", 6: "BT.601", 9: "BT.2020"}
    return f"{names.get(tags[0], f'matrix {tags[0]}')}, {'full' if tags[1] else 'limited'}"


def timestamps(pictures: int, shown: int) -> Verdict:
    """Judge whether every picture has a time of its own.

    Args:
        pictures: Packets of the picture.
        shown: Different times among them; 0: it has no usable ones.
    """
    right = pictures == shown
    return Verdict(
        check="timestamps",
        value=f"{shown} of {pictures}",
        limit="one of its own per picture, rising",
        verdict=Mark.PASS if right else Mark.FAIL,
        source="ISO/IEC 14496-12: composition times are unique",
        advice="" if right else _REPAIR,
    )


def voice_length(voice_s: float, picture_s: float, limits: Limits) -> Verdict:
    """Judge whether picture and voice end together; positive: the voice is longer."""
    over_s = voice_s - picture_s
    limit = limits.voice_length
    return judged("voice_length", round(abs(over_s), 3), limit, advice=_REPAIR,
                  note=f"the voice is {over_s:+.3f} s beside the picture")  # fmt: skip


def voice_whole(offset: Offset, limits: Limits) -> Verdict:
    """Judge whether all of the voice is there, and nothing in between."""
    jumped = abs(offset.jump_ms) > JUMP_MS
    note = ""
    if jumped:
        word = "taken out" if offset.jump_ms < 0 else "put in"
        note = f"{abs(offset.jump_ms) / 1000:.2f} s were {word} on the way"
    missing_s = max(offset.missing_s, abs(offset.jump_ms) / 1000 if jumped else 0.0)
    return judged(
        "voice_whole", round(missing_s, 2), limits.voice_missing, advice=_REPAIR, note=note
    )


def clipping(heard: Loudness, fitted: Loudness, limits: Limits) -> Verdict:
    """Judge whether the peaks of the voice were cut off between the fit and the output."""
    crest = [one.true_peak_dbtp - one.integrated_lufs for one in (fitted, heard)]
    lost_db = max(0.0, round(crest[0] - crest[1], 2))
    return judged("clipping", lost_db, limits.crest_lost, advice=_REPAIR)


def mouth(found: Mouth, limits: Limits) -> tuple[Verdict, ...]:
    """Judge whether the lips were made for this voice."""
    return _changed(found, limits), _sync(found, limits)


def _changed(found: Mouth, limits: Limits) -> Verdict:
    figure = found.changed_percent
    nearly = figure is not None and figure <= limits.mouth_changed.warns
    return judged(
        "mouth_changed",
        figure,
        limits.mouth_changed,
        advice=_OTHER,
        note="the picture is the source's: nobody touched its lips"
        if nearly
        else "share of the speech in which the mouth is not the source's",
        thin="too few looks at both mouths while somebody speaks"
        if found.voiced_s >= CHANGE_S
        else _thin(found, CHANGE_S),
    )


def _sync(found: Mouth, limits: Limits) -> Verdict:
    """Judge lag and relation; a relation is only worth what it has beyond the source's."""
    if found.relation is None or found.lag_ms is None or found.peak is None:
        return judged("mouth_sync", None, limits.mouth_relation, advice="",
                      thin=_thin(found, RELATION_S))  # fmt: skip
    chance = found.source_relation
    beside = "" if chance is None else f"; the source's own mouth {chance:g}"
    late = f"best at {found.lag_ms:+.0f} ms ({found.peak:g}){beside}{_motion(found)}"
    if found.strays:
        lag = judged("mouth_sync", abs(found.lag_ms), limits.mouth_lag, advice=_OTHER)
        when = "late" if found.lag_ms > 0 else "early"
        return lag.model_copy(
            update={"note": f"the lips are {abs(found.lag_ms):.0f} ms {when}; {late}"}
        )
    return judged(
        "mouth_sync",
        found.relation,
        limits.mouth_relation,
        note=late,
        advice="look at it: the lips show no clear relation to this voice; " + _OTHER,
    )


def _motion(found: Mouth) -> str:
    """Say how much lips and speech part ways: figures without a limit, as good dubs differ."""
    said = (
        (found.still_percent, "of the speech without motion"),
        (found.restless_percent, "of the pauses with motion"),
    )
    return "".join(f"; {figure:.0f} % {what}" for figure, what in said if figure is not None)


def _thin(found: Mouth, least_s: float) -> str:
    return f"{found.voiced_s:.1f} s of speech with a face in sight; {least_s:g} s are needed"


def picture(found: Picture, limits: Limits) -> tuple[Verdict, ...]:
    """Judge what else the model did to the picture."""
    thin = "what was sent for the same time is not known, or there is nothing beside the head"
    worst = f"worst {found.worst_psnr_db:g} dB" if found.worst_psnr_db is not None else ""
    rows = (
        ("picture_kept", found.psnr_db, limits.picture_kept, worst),
        ("sharpness", found.detail, limits.sharpness, ""),
        ("picture_time", found.slip_frames, limits.slip, ""),
        ("black", found.black_s, limits.black, ""),
        ("frozen", found.frozen_s, limits.frozen, ""),
        ("flicker", found.flicker_levels, limits.flicker, ""),
    )
    return tuple(
        judged(check, figure, limit, note=note, advice=_OTHER, thin=thin)
        for check, figure, limit, note in rows
    )
