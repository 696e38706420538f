"""The parameters of a batch: one model, which is also the form a person fills in."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import Field

from lipsync.catalogue import Policy
from lipsync.menus import ModelId
from lipsync.params import Parting
from lipsync.values import Value


def _place(position: int) -> dict[str, Any]:
    """Fix where a field stands in the form."""
    return {"position": position}


class BatchParams(Value):
    """Dub every row of a manifest; each dub is bought once, whatever happens in between.

    Without a key only the local preview can be taken; with one, `budget_usd` says what the whole
    batch may spend.
    """

    manifest: Path = Field(
        description="A CSV, TSV, JSONL, Parquet or Excel file, or a folder of pairs.",
        json_schema_extra=_place(0),
    )
    output_folder: Path | None = Field(
        default=None,
        description="Where dubs go that name no output. Default: beside each video.",
        json_schema_extra=_place(1),
    )
    model: ModelId | None = Field(
        default=None,
        description="Id of a model of the catalogue, for rows that name none.",
        json_schema_extra=_place(2),
    )
    policy: Policy = Field(
        default=Policy.AUTO,
        description="How models are ranked, for rows that do not say.",
        json_schema_extra=_place(3),
    )
    budget_usd: float | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        title="Budget (USD)",
        description="Refuse the whole batch when its plan costs more. Empty: no limit.",
        json_schema_extra=_place(4),
    )
    require_approval_over_usd: float | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        title="Require approval over (USD)",
        description="A plan that costs more waits for a person. Empty: never.",
        json_schema_extra=_place(5),
    )
    keep_going: bool = Field(
        default=False,
        description="Dub the good rows although others are bad. Otherwise one bad row stops all.",
        json_schema_extra=_place(6),
    )
    encoders: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="Rows this machine measures or encodes at a time. Empty: one per core.",
        json_schema_extra=_place(7),
    )
    in_flight: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Jobs of this batch at a vendor at a time. Empty: as the account allows.",
        json_schema_extra=_place(8),
    )
    patience_s: float = Field(
        # fal ends an attempt after 3,600 s by default (reference: fal-protocol.md §8).
        default=3_600,
        ge=0,
        title="Patience (s)",
        description="How long one job is waited for before it is left to the next run.",
        json_schema_extra=_place(9),
    )
    on_interrupt: Parting = Field(
        default="leave",
        description="A cancelled run leaves its paid jobs to be collected, or cancels them.",
        json_schema_extra=_place(10),
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=100,
        description="Into how many parts the batch is split, for as many workers.",
        json_schema_extra=_place(11),
    )
    only_lines: tuple[int, ...] = Field(
        default=(),
        description="Dub these lines of the manifest only: how a part is handed to a worker.",
        json_schema_extra=_place(12),
    )
    run: str | None = Field(
        default=None,
        description="The run whose budget pays; a part is paid by the batch it belongs to.",
        json_schema_extra=_place(13),
    )

    @property
    def title(self) -> str:
        """Name the batch, or which part of it this is."""
        if not self.only_lines:
            return self.manifest.name
        return f"{self.manifest.name}, {len(self.only_lines)} lines from {self.only_lines[0]}"

    @property
    def limit_usd(self) -> Decimal | None:
        """What the whole batch may spend, exact."""
        return None if self.budget_usd is None else Decimal(str(self.budget_usd))

    @property
    def approval_usd(self) -> Decimal | None:
        """What it may cost without a person's word, exact; None: anything."""
        limit = self.require_approval_over_usd
        return None if limit is None else Decimal(str(limit))

    @property
    def defaults(self) -> dict[str, Any]:
        """What rows that do not say it themselves get from the batch."""
        return {"model": self.model, "policy": self.policy}
