"""Means that are set as blocks; what is not comes from the environment.

A block is looked for once, by name, in the process that works with it: no secret travels through
a flow's parameters, a deployment or a result.
"""

import os
from typing import Any, TypeVar, cast

from prefect.blocks.core import Block
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from blocks.content_credentials import ContentCredentials
from blocks.fal_account import FalAccount
from blocks.filled import unusable
from blocks.ledger import Ledger
from blocks.media_hosting import MediaHosting
from blocks.media_store import MediaStore
from blocks.unified_account import UnifiedAccount
from lipsync.accounts import FalSettings, UnifiedSettings
from lipsync.home import Home
from lipsync.hosting import HostingSettings
from lipsync.means import LedgerSettings, Means, note_blocks
from lipsync.signing import SigningSettings

B = TypeVar("B", bound=Block)

NAME = "dubline"


class BlockMeans(Means):
    """What the blocks of one name say, and beneath them the environment."""

    def __init__(self, name: str | None = None) -> None:
        """Look for blocks of this name; None: as `DUBLINE_BLOCKS` says, else `dubline`."""
        super().__init__()
        self._name = name or os.environ.get("DUBLINE_BLOCKS") or NAME
        self._known: dict[type[Block], Any] = {}

    def fal(self) -> FalSettings:
        """Return the fal account."""
        block = self._block(FalAccount)
        return super().fal() if block is None else block.settings()

    def unified(self) -> UnifiedSettings:
        """Return the account at the unified task API."""
        block = self._block(UnifiedAccount)
        return super().unified() if block is None else block.settings()

    def hosting(self) -> HostingSettings:
        """Return where files are put for vendors that take only links."""
        block = self._block(MediaHosting)
        return super().hosting() if block is None else block.settings()

    def signing(self) -> SigningSettings | None:
        """Return what outputs are signed with; None: they are not."""
        block = self._block(ContentCredentials)
        return super().signing() if block is None else block.settings()

    def ledger(self) -> LedgerSettings:
        """Return where the ledger is, and the limits; what a block leaves empty is as below it."""
        block, beneath = self._block(Ledger), super().ledger()
        if block is None:
            return beneath
        said = block.settings()
        return beneath.model_copy(
            update={name: getattr(said, name) for name in said.model_fields_set}
        )

    def home(self) -> Home:
        """Return where everything but the outputs is kept."""
        block = self._block(MediaStore)
        return Home.found() if block is None else block.home()

    def _block(self, kind: type[B]) -> B | None:
        if kind not in self._known:
            self._known[kind] = _loaded(kind, self._name)
            if self._known[kind] is not None:  # from now on every command looks for blocks
                note_blocks(Home.found())
        known: B | None = self._known[kind]
        return known


def _loaded(kind: type[B], name: str) -> B | None:
    """Load a block; None where there is none of this name.

    Raises:
        UsageError: It was saved with fields that cannot be used.
    """
    try:
        return cast("B", kind.load(name))
    except ValidationError as error:  # its own words show the fields, the secret ones too
        raise unusable(kind.get_block_type_slug(), error) from None
    except ValueError as error:
        if isinstance(error.__cause__, ObjectNotFound):
            return None
        raise
