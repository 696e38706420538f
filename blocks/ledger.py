"""The block `Ledger`: where it is written what was bought, and what may be spent."""

from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.filled import filled
from lipsync.means import LedgerSettings


class Ledger(Block):
    """The record of what was bought, shared by all workers that name it, and its limits."""

    _block_type_name: ClassVar[str | None] = "Dubline Ledger"
    _block_type_slug: ClassVar[str | None] = "dubline-ledger"

    url: SecretStr | None = Field(
        default=None,
        description="postgresql+psycopg://user:password@host/name; empty: as DUBLINE_LEDGER says, "
        "else a file in the store.",
    )
    per_dub_usd: float | None = Field(
        default=None, ge=0, title="Per dub (USD)", description="Most a dub may cost."
    )
    per_run_usd: float | None = Field(
        default=None, ge=0, title="Per run (USD)", description="Most a run may spend."
    )
    per_day_usd: float | None = Field(
        default=None,
        ge=0,
        title="Per day (USD)",
        description="Most that may be spent in a day (UTC); 0: nothing is bought.",
    )

    def settings(self) -> LedgerSettings:
        """Return the ledger as the domain takes it.

        Raises:
            UsageError: A field cannot be used.
        """
        return filled(LedgerSettings, self)
