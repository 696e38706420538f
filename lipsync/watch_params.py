"""The parameters of a watched folder: one model, which is also the form a person fills in."""

from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from lipsync.catalogue import Policy
from lipsync.menus import ModelId, ProfileId
from lipsync.params import SyncChoice
from lipsync.values import Value

# What is looked at in the inbox is set aside there.
SET_ASIDE = "_set-aside"


def _place(position: int) -> dict[str, Any]:
    return {"position": position}


class WatchParams(Value):
    """Dub every complete pair that arrives in a folder.

    A pair is `name.mp4` with `name.de.wav`: a video, and a voice that has the video's name and a
    language. Every pair is dubbed once, whatever it is called; the defaults spend nothing.
    """

    inbox: Path = Field(
        description="The folder that is watched, e.g. /srv/inbox; folders in it are left alone.",
        json_schema_extra=_place(0),
    )
    outbox: Path = Field(
        description="The folder the dubs go to, e.g. /srv/outbox; not the inbox.",
        json_schema_extra=_place(1),
    )
    model: ModelId | None = Field(
        default="local-preview",
        description="Id of one model of the catalogue; empty lets the policy choose. "
        "The local preview is free.",
        json_schema_extra=_place(2),
    )
    policy: Policy = Field(
        default=Policy.AUTO,
        description="How the models that can make a dub are ranked, when none is named.",
        json_schema_extra=_place(3),
    )
    budget_usd: float | None = Field(
        default=None,
        ge=0,
        le=10_000,
        title="Budget of a dub (USD)",
        description="A pair that costs more waits in the inbox. Empty: no limit.",
        json_schema_extra=_place(4),
    )
    budget_per_day_usd: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        title="Budget of a day (USD)",
        description="What this folder may spend in a day (UTC); the rest waits. Empty: no limit.",
        json_schema_extra=_place(5),
    )
    sync_mode: SyncChoice = Field(
        default="auto",
        description="How unequal lengths are made equal; auto looks at the mismatch and says why.",
        json_schema_extra=_place(6),
    )
    profile: ProfileId = Field(
        default="web",
        description="Delivery profile of data/profiles.toml: sets loudness and true peak.",
        json_schema_extra=_place(7),
    )
    settle_s: float = Field(
        default=60.0,
        ge=0,
        le=86_400,
        title="Settled after (s)",
        description="A file is whole when it has not changed for so long, and not since the last "
        "look, and opens.",
        json_schema_extra=_place(8),
    )
    set_aside_after_s: float = Field(
        default=3_600.0,
        ge=0,
        le=604_800,
        title="Set aside after (s)",
        description="A file that does not open may stand still for so long before it is set "
        f"aside in {SET_ASIDE}, with its reason.",
        json_schema_extra=_place(9),
    )
    max_per_tick: int = Field(
        default=50,
        ge=1,
        le=1_000,
        title="Most at once",
        description="How many pairs are begun at one look; the others wait for the next.",
        json_schema_extra=_place(10),
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.inbox == self.outbox:
            raise ValueError("the outbox is the inbox; name another folder for the dubs")
        return self
