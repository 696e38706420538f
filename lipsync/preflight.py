"""Pre-flight: what is wrong with a pair for a model, found before anything is sent."""

from typing import Any

from pydantic import Field

from lipsync.catalogue import Limit, Measure, Model
from lipsync.facts import FaceFacts, MediaFacts
from lipsync.values import Value
from lipsync.voice import Voice

# ITU-R BS.1770-4: the absolute gate of the meter; at or below it there is nothing to hear.
SILENT_LUFS = -70.0
# ITU-R BS.1770-4: one gating block; the loudness of anything shorter is not defined.
GATING_BLOCK_S = 0.4

_NAMES = {
    Measure.VIDEO_S: ("the video sent is", " s long"),
    Measure.VOICE_S: ("the voice sent is", " s long"),
    Measure.OUTPUT_S: ("the output would be", " s long"),
    Measure.WIDTH_PX: ("the picture is", " px wide"),
    Measure.HEIGHT_PX: ("the picture is", " px high"),
    Measure.LONG_SIDE_PX: ("the longer side of the picture is", " px"),
    Measure.SHORT_SIDE_PX: ("the shorter side of the picture is", " px"),
    Measure.RATE_FPS: ("the video runs at", " fps"),
    Measure.VIDEO_BYTES: ("the video file has", " bytes"),
    Measure.VOICE_BYTES: ("the voice file has", " bytes"),
    Measure.FACES: ("faces in the sampled frames:", ""),
    Measure.FACE_PX: ("the face is", " px high"),
    Measure.FACE_SHARE: ("the share of sampled frames with a face is", ""),
}


class Lengths(Value):
    """How long the two sides are as they are sent, and the output they give."""

    video_s: float = Field(ge=0)
    voice_s: float = Field(ge=0)
    output_s: float = Field(ge=0)


class Finding(Value):
    """One thing the pre-flight found."""

    check: str = Field(description="'picture', 'voice', 'silence', 'speakers', or the measure.")
    figure: float | str
    limit: float | str
    refusal: bool = Field(description="True: the model is out; False: a warning.")
    sentence: str


def preflight(
    model: Model,
    video: MediaFacts,
    voice: MediaFacts | Voice,
    faces: FaceFacts | None,
    lengths: Lengths,
) -> tuple[Finding, ...]:
    """Hold a pair against a row of the catalogue.

    Args:
        model: The row; its limits decide what is refused and what is only warned of.
        video: Facts of the video.
        voice: The normalized voice, or the facts of its file where it is not normalized yet.
        faces: What was seen in sampled frames; None when nobody looked, and then nothing is said.
        lengths: The pair as it is sent.

    Returns:
        Refusals first, in the order of the row.
    """
    measured = measure(video, voice, faces, lengths)
    found = [*_missing(video, voice), *_speakers(model, faces)]
    found += [
        _beyond(limit, measured[limit.of]) for limit in model.limits if _broken(limit, measured)
    ]
    return tuple(sorted(found, key=lambda finding: not finding.refusal))


def measure(
    video: MediaFacts, voice: MediaFacts | Voice, faces: FaceFacts | None, lengths: Lengths
) -> dict[Measure, float]:
    """Take every measure a limit may be held against; what is not known is absent."""
    taken: dict[Measure, float] = {
        Measure.VIDEO_S: lengths.video_s,
        Measure.VOICE_S: lengths.voice_s,
        Measure.OUTPUT_S: lengths.output_s,
        Measure.VIDEO_BYTES: video.file.size_bytes,
        Measure.VOICE_BYTES: voice.file.size_bytes,
    }
    if video.video is not None:
        sides = (video.video.display_width_px, video.video.display_height_px)
        taken[Measure.WIDTH_PX], taken[Measure.HEIGHT_PX] = sides
        taken[Measure.LONG_SIDE_PX], taken[Measure.SHORT_SIDE_PX] = max(sides), min(sides)
        taken[Measure.RATE_FPS] = float(video.video.rate)
    if faces is not None:
        taken[Measure.FACES] = faces.most_faces
        if faces.most_faces:
            taken[Measure.FACE_PX] = faces.face_height_px
            taken[Measure.FACE_SHARE] = faces.frames_with_face / faces.sampled_frames
    return taken


def _missing(video: MediaFacts, voice: MediaFacts | Voice) -> list[Finding]:
    """Find what no model can do without: a picture, a voice, and something said."""
    found = []
    if video.video is None:
        text = f"{video.file.path.name} has no picture: give a video"
        found.append(_refusal("picture", 0, 1, text))
    if isinstance(voice, MediaFacts) and not voice.audio:
        text = f"{voice.file.path.name} has no sound: give a voice track"
        found.append(_refusal("voice", 0, 1, text))
    if isinstance(voice, Voice) and _is_silent(voice):
        loudness = voice.before.integrated_lufs
        text = f"the voice is silent ({loudness:.1f} LUFS): give a track somebody speaks on"
        found.append(_refusal("silence", loudness, SILENT_LUFS, text))
    return found


def _is_silent(voice: Voice) -> bool:
    """Tell silence from a voice too short to be measured, which reads as silent too."""
    measured = voice.duration_s >= GATING_BLOCK_S
    return measured and voice.before.integrated_lufs <= SILENT_LUFS


def _refusal(check: str, figure: float, limit: float, sentence: str) -> Finding:
    return Finding(check=check, figure=figure, limit=limit, refusal=True, sentence=sentence)


def _speakers(model: Model, faces: FaceFacts | None) -> list[Finding]:
    """Warn of several faces where the model cannot be told which one speaks."""
    if faces is None or faces.most_faces <= 1 or model.features.speaker_selection:
        return []
    text = f"{faces.most_faces} faces in one frame, and {model.id} cannot be told who speaks"
    return [
        Finding(check="speakers", figure=faces.most_faces, limit=1, refusal=False, sentence=text)
    ]


def _broken(limit: Limit, measured: dict[Measure, float]) -> bool:
    figure = measured.get(limit.of)
    if figure is None:
        return False
    low = limit.at_least is not None and figure < limit.at_least
    return low or (limit.at_most is not None and figure > limit.at_most)


def _beyond(limit: Limit, figure: float) -> Finding:
    """Say which limit is broken, by how much, and what follows."""
    low = limit.at_least is not None and figure < limit.at_least
    bound: Any = limit.at_least if low else limit.at_most
    before, after = _NAMES[limit.of]
    side = f", at least {_number(bound)} is needed" if low else f", over {_number(bound)}"
    return Finding(
        check=limit.of,
        figure=figure,
        limit=bound,
        refusal=limit.refuse,
        sentence=f"{before} {_number(figure)}{after}{side}: {limit.why}",
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.2f}"
