"""The catalogue: which models there are, what they take, and what they charge.

Types only. `lipsync.shelf` reads the file; every figure names the source it came from, and a fact
nobody published is absent, never guessed.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from lipsync.fit import SyncMode
from lipsync.price import Price
from lipsync.sources import Cited, Source, cited
from lipsync.values import Value, content_key


class Policy(StrEnum):
    """How the models that can make a dub are ranked."""

    CHEAPEST = "cheapest"
    BALANCED = "balanced"
    BEST = "best"
    FASTEST = "fastest"
    AUTO = "auto"


class Measure(StrEnum):
    """What of a pair a limit is held against."""

    VIDEO_S = "video_s"
    VOICE_S = "voice_s"
    OUTPUT_S = "output_s"
    WIDTH_PX = "width_px"
    HEIGHT_PX = "height_px"
    LONG_SIDE_PX = "long_side_px"
    SHORT_SIDE_PX = "short_side_px"
    RATE_FPS = "rate_fps"
    VIDEO_BYTES = "video_bytes"
    VOICE_BYTES = "voice_bytes"
    FACES = "faces"
    FACE_PX = "face_px"
    FACE_SHARE = "face_share"


class Length(StrEnum):
    """How long the output is when the vendor makes the two lengths equal."""

    SHORTER = "shorter"
    LONGER = "longer"
    VOICE = "voice"
    VIDEO = "video"


class MediaFields(Value):
    """What the endpoint calls the two files of a pair."""

    video: str
    voice: str
    source: str


class Formats(Value):
    """Containers the endpoint reads, as file suffixes without the dot."""

    video: tuple[str, ...]
    voice: tuple[str, ...]
    source: str


class OwnMode(Value):
    """What a vendor does when it is left to make the lengths equal in one of our modes."""

    send: str | None = Field(default=None, description="Value of the field; None leaves it out.")
    length: Length


class OwnSync(Value):
    """A vendor's own way with unequal lengths; a mode it lacks is absent."""

    field: str = Field(description="Name of the argument: 'sync_mode', 'loop_mode'.")
    default: SyncMode = Field(description="What it does when the field is left out, in our word.")
    stretches: Literal["video", "voice", "unknown", "nothing"] = Field(
        description="Which side is retimed in remap."
    )
    modes: dict[SyncMode, OwnMode]
    source: str


class Option(Value):
    """An argument beyond the pair that a user may set."""

    field: str = Field(description="Path in the request body, dotted: 'options.temperature'.")
    kind: Literal["number", "integer", "flag", "text", "link", "point", "boxes", "table"] = Field(
        description="point: [x, y]; boxes: one [x1, y1, x2, y2] or null per frame; table: `fields`."
    )
    fields: dict[str, "Option"] = Field(
        default_factory=dict, description="What a table takes; their `field` is below its own."
    )
    needs: tuple[str, ...] = Field(default=(), description="Fields it makes no sense without.")
    excludes: tuple[str, ...] = Field(default=(), description="Fields it contradicts.")
    at_least: float | None = None
    at_most: float | None = None
    default: bool | int | float | str | None = Field(
        default=None, description="What the vendor assumes; never sent by us."
    )
    choices: tuple[str, ...] = ()
    ignored: bool = Field(default=False, description="Taken without an error and without effect.")
    note: str = ""
    source: str


class Limit(Value):
    """A bound on one measure of the pair: a refusal, or only a warning."""

    of: Measure
    at_least: float | None = None
    at_most: float | None = None
    refuse: bool
    why: str = Field(description="What happens beyond it; ends the sentence shown to the user.")
    source: str

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"limit of {self.of} has neither at_least nor at_most")
        return self


class Rank(Value):
    """A judgement from 1 to 10, higher is better, with what it rests on."""

    value: int = Field(ge=1, le=10)
    why: str
    source: str


class Features(Value):
    """What a model can do beyond one face and one voice."""

    speaker_selection: tuple[Literal["auto", "point", "boxes", "image"], ...] = Field(
        default=(), description="How one face among several is picked; empty: it cannot be."
    )
    notes: tuple[str, ...] = ()
    source: str


class VendorRow(Value):
    """What is true of everything one vendor sells."""

    title: str
    variables: tuple[tuple[str, ...], ...] = Field(
        default=(),
        description="Environment variables; one whole group must be set. Empty: none needed.",
    )
    link_lifetime_s: Cited[int] | None = Field(default=None, description="How long results last.")
    result_shapes: tuple[str, ...] = Field(description="Where the result's link may stand.")
    bills_on_failure: Cited[str]
    cancels: Cited[str]

    def missing(self, environ: Mapping[str, str]) -> str | None:
        """Say which variable is not set, or None when the vendor can be used."""
        if not self.variables or any(
            all(environ.get(name) for name in group) for group in self.variables
        ):
            return None
        first = next(name for name in self.variables[0] if not environ.get(name))
        return f"{first} is not set"


class Model(Value):
    """One row of the catalogue."""

    id: str
    title: str
    vendor: str
    endpoint: str
    preview: bool = Field(default=False, description="A rehearsal, never ranked before a model.")
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="Sent with every request: which model at the endpoint."
    )
    media: MediaFields
    formats: Formats | None = None
    sync: OwnSync
    options: dict[str, Option] = Field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    features: Features
    quality: Rank
    speed: Rank
    price: Price


class Catalogue(Value):
    """All rows; every source a row names exists, and so does every vendor."""

    sources: dict[str, Source]
    vendors: dict[str, VendorRow]
    models: dict[str, Model]

    @model_validator(mode="after")
    def _names_what_exists(self) -> Self:
        unknown = set(cited(self)) - set(self.sources)
        sellers = {model.vendor for model in self.models.values()} - set(self.vendors)
        if unknown or sellers:
            raise ValueError(
                f"unknown sources {sorted(unknown)}, unknown vendors {sorted(sellers)}"
            )
        return self

    @cached_property
    def key(self) -> str:
        """Name it by all it says: equal keys, equal catalogues."""
        return content_key("catalogue", 1, self)

    def availability(self, environ: Mapping[str, str]) -> dict[str, str | None]:
        """Say of every vendor why it cannot be used; None when it can."""
        return {name: vendor.missing(environ) for name, vendor in self.vendors.items()}
