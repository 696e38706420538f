"""The block `MediaStore`: the folder everything but the outputs is kept in."""

from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from lipsync.home import Home


class MediaStore(Block):
    """A folder for intermediates, deliveries and the cache; best one that all workers share."""

    _block_type_name: ClassVar[str | None] = "Media Store"
    _block_type_slug: ClassVar[str | None] = "media-store"

    folder: str = Field(min_length=1, description="An absolute path; in place of DUBLINE_HOME.")

    def home(self) -> Home:
        """Return the folder as the domain takes it."""
        return Home(Path(self.folder).expanduser().absolute())
