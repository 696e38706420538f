"""The block `UnifiedAccount`: a key of a vendor of the unified task API, and its address."""

from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.filled import filled
from lipsync.accounts import UnifiedSettings


class UnifiedAccount(Block):
    """An account at a vendor of the unified task API (AiHubMax, FoxAPI, …)."""

    _block_type_name: ClassVar[str | None] = "Unified Account"
    _block_type_slug: ClassVar[str | None] = "unified-account"

    key: SecretStr = Field(description="The API key; it is sent as a Bearer token.")
    base_url: str = Field(description="Address of the API the key is for: https://…")
    video_field: str | None = Field(
        default=None, description="What the API calls the video; empty: as the catalogue says."
    )
    voice_field: str | None = Field(
        default=None, description="What it calls the voice; empty: as the catalogue says."
    )
    poll_path: str | None = Field(
        default=None, description="Where a task is asked after; empty: /v1/tasks/{id}."
    )
    in_flight: int | None = Field(
        default=None, description="Jobs there at once; those beyond wait here. Empty: 10."
    )

    def settings(self) -> UnifiedSettings:
        """Return the account as the domain takes it.

        Raises:
            UsageError: A field cannot be used.
        """
        return filled(UnifiedSettings, self)
