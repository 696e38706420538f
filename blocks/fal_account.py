"""The block `FalAccount`: a key of fal.ai, and how it is used."""

from typing import ClassVar, Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.filled import filled
from lipsync.accounts import FalSettings


class FalAccount(Block):
    """A fal.ai account that lip-syncs are bought with."""

    _block_type_name: ClassVar[str | None] = "Fal Account"
    _block_type_slug: ClassVar[str | None] = "fal-account"

    key: SecretStr = Field(description="A key of fal.ai/dashboard/keys: id:secret.")
    upload_lifetime_s: int | None = Field(
        default=None, description="How long fal keeps what is uploaded; empty: a week."
    )
    result_lifetime_s: int | None = Field(
        default=None, description="How long fal keeps results; empty: as the account says."
    )
    start_timeout_s: float | None = Field(
        default=None, description="A job not started by then is given up; empty: it waits."
    )
    priority: Literal["normal", "low"] = Field(
        default="normal", description="'low' waits behind all other users of an endpoint."
    )
    in_flight: int | None = Field(
        default=None,
        description="Jobs at fal at once, as many as the account may run; empty: 2.",
    )
    inline_bytes: int = Field(
        default=0, description="Files up to this size travel inside the request."
    )

    def settings(self) -> FalSettings:
        """Return the account as the domain takes it.

        Raises:
            UsageError: A field cannot be used.
        """
        return filled(FalSettings, self)
