"""The parameters of a word about a dub that needs review: one model, which is also the form."""

from typing import Any

from pydantic import Field

from lipsync.params import SyncChoice
from lipsync.review import Word
from lipsync.values import Value


def _place(position: int) -> dict[str, Any]:
    return {"position": position}


class ReviewParams(Value):
    """Approve, reject or redo a dub that was delivered and is not right."""

    review: int = Field(
        ge=1,
        description="Number of the review; `dubline review` and the run's page name it.",
        json_schema_extra=_place(0),
    )
    decision: Word = Field(
        description="Approve or reject what was delivered; redo buys it once more.",
        json_schema_extra=_place(1),
    )
    model: str | None = Field(
        default=None,
        description="Redo: on this model of the catalogue. Empty: on the same.",
        json_schema_extra=_place(2),
    )
    sync_mode: SyncChoice | None = Field(
        default=None,
        description="Redo: with this sync mode. Empty: with the same.",
        json_schema_extra=_place(3),
    )
    budget_usd: float | None = Field(
        default=None,
        ge=0,
        le=10_000,
        title="Budget (USD)",
        description="Redo: what it may cost. Without it only what is free is made again.",
        json_schema_extra=_place(4),
    )
    by: str | None = Field(
        default=None, max_length=256, description="Who decides.", json_schema_extra=_place(5)
    )
    note: str | None = Field(
        default=None,
        max_length=2_000,
        description="Why; kept with the decision.",
        json_schema_extra=_place(6),
    )
