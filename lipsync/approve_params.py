"""The parameters of an answer to a batch that waits: one model, which is also the form."""

from typing import Any

from pydantic import Field

from lipsync.approval import Word
from lipsync.values import Value


def _place(position: int) -> dict[str, Any]:
    return {"position": position}


class ApproveParams(Value):
    """Approve or refuse a batch that waits because it costs more than it may by itself."""

    approval: int = Field(
        ge=1,
        description="Number of the approval, as the waiting run says it.",
        json_schema_extra=_place(0),
    )
    decision: Word = Field(
        description="Approve starts the batch again; refuse means that nothing is ever sent.",
        json_schema_extra=_place(1),
    )
    by: str | None = Field(
        default=None,
        max_length=256,
        description="Who decides.",
        json_schema_extra=_place(2),
    )
    note: str | None = Field(
        default=None,
        max_length=2_000,
        description="Why; kept with the decision.",
        json_schema_extra=_place(3),
    )
