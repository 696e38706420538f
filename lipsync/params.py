"""The parameters of a dub: one model, which is also the form a person fills in."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from lipsync.catalogue import Policy
from lipsync.languages import language_code
from lipsync.links import Input
from lipsync.menus import ModelId, ProfileId
from lipsync.timing import parse_trim
from lipsync.values import Value

SyncChoice = Literal["auto", "cut_off", "loop", "bounce", "silence", "remap"]
Fitter = Literal["local", "vendor"]
Parting = Literal["leave", "cancel"]
BedChoice = Literal["none", "keep", "duck"]


def _readable_trim(text: str | None) -> str | None:
    if text is not None:
        parse_trim(text)
    return text


def _code(text: str | None) -> str | None:
    return language_code(text) if text is not None else None


def _place(position: int) -> dict[str, Any]:
    """Fix where a field stands in the form."""
    return {"position": position}


class DubParams(Value):
    """Dub one pair: a video and a voice in, a lip-synced video out.

    Without a key only the local preview can be taken; with one, `budget_usd` says what may be
    spent.
    """

    video: Input = Field(
        description="The video: a file, e.g. in/talk.mp4, or an https:// link to one.",
        json_schema_extra=_place(0),
    )
    voice: Input = Field(
        description="The dubbed voice: a sound file, or a video whose sound is taken; or a link.",
        json_schema_extra=_place(1),
    )
    output: Path | None = Field(
        default=None,
        description="Where the dub goes (.mp4, .mov or .mkv). Default: beside the video; for a "
        "link, in the working folder.",
        json_schema_extra=_place(2),
    )
    model: ModelId | None = Field(
        default=None,
        description="One model of the catalogue; leave empty to let the policy choose.",
        json_schema_extra=_place(3),
    )
    policy: Policy = Field(
        default=Policy.AUTO,
        description="How the models that can make this dub are ranked.",
        json_schema_extra=_place(4),
    )
    budget_usd: float | None = Field(
        default=None,
        ge=0,
        le=10_000,
        title="Budget (USD)",
        description="Refuse to send anything that costs more. Empty: no limit.",
        json_schema_extra=_place(5),
    )
    sync_mode: SyncChoice = Field(
        default="auto",
        description="How unequal lengths are made equal; auto looks at the mismatch and says why.",
        json_schema_extra=_place(6),
    )
    fit: Fitter = Field(
        default="local",
        description="Who makes the lengths equal: Dubline before sending, or the vendor.",
        json_schema_extra=_place(7),
    )
    keep_picture: bool = Field(
        default=True,
        description="auto, video longer: keep the whole picture (silence) or cut it (cut_off).",
        json_schema_extra=_place(8),
    )
    trim: Annotated[str | None, AfterValidator(_readable_trim)] = Field(
        default=None,
        description="Stretch of the video, START:END in seconds or h:mm:ss.fff, e.g. 2.5:10.",
        json_schema_extra=_place(9),
    )
    voice_track: int = Field(
        default=0,
        ge=0,
        description="Which audio track of the voice file, from 0.",
        json_schema_extra=_place(10),
    )
    trim_silence: bool = Field(
        default=True,
        description="Take the silence off both edges of the voice, but for a short pad.",
        json_schema_extra=_place(11),
    )
    profile: ProfileId = Field(
        default="web",
        description="Delivery profile of data/profiles.toml: loudness, codec, container.",
        json_schema_extra=_place(12),
    )
    loudness_lufs: float | None = Field(
        default=None,
        ge=-36,
        le=-5,
        title="Loudness (LUFS)",
        description="Integrated loudness of the voice; empty: as the profile says.",
        json_schema_extra=_place(13),
    )
    generation: int = Field(
        default=1,
        ge=1,
        description="Raise it to buy the same dub again on purpose.",
        json_schema_extra=_place(14),
    )
    overwrite: bool = Field(
        default=False,
        description="Replace an output that is there and is something else.",
        json_schema_extra=_place(15),
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description='What else the model takes, e.g. {"guidance_scale": 1.5}; `dubline models`.',
        json_schema_extra=_place(16),
    )
    on_interrupt: Parting = Field(
        default="leave",
        description="A run that is cancelled leaves its paid job to be collected, or cancels it.",
        json_schema_extra=_place(17),
    )
    bed: BedChoice = Field(
        default="none",
        description="Music and effects under the voice: none, keep, or duck (up in its pauses).",
        json_schema_extra=_place(18),
    )
    bed_file: Path | None = Field(
        default=None,
        description="The bed; it starts with the video. Empty: the video's own sound.",
        json_schema_extra=_place(19),
    )
    bed_level_lu: float | None = Field(
        default=None,
        ge=-60,
        le=0,
        title="Bed level (LU)",
        description="How far the bed lies from the voice while it speaks; empty: as the profile.",
        json_schema_extra=_place(20),
    )
    language: Annotated[str | None, AfterValidator(_code)] = Field(
        default=None,
        description="Language of the voice, e.g. de, pt-BR or deu; the audio is tagged with it.",
        json_schema_extra=_place(21),
    )
    poster: bool = Field(
        default=False,
        description="Put a poster, <output>.poster.jpg, beside the output.",
        json_schema_extra=_place(22),
    )
    contact_sheet: bool = Field(
        default=False,
        description="Put a contact sheet, <output>.sheet.jpg, beside the output.",
        json_schema_extra=_place(23),
    )

    @field_validator("bed_file")
    @classmethod
    def _is_used(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is not None and info.data.get("bed") == "none":
            raise ValueError("a bed is only mixed in where --bed says how: keep or duck")
        return path
