"""fal's CDN as a host: anybody can fetch from it, not only fal."""

from collections.abc import Mapping
from typing import Self

from lipsync.accounts import FalSettings
from lipsync.store import Store
from lipsync.values import File
from lipsync.vendors.fal.line import Line
from lipsync.vendors.fal.uploads import Uploads


class FalCdn:
    """Hosts by uploading under a fal account; uploads cost nothing."""

    def __init__(self, uploads: Uploads) -> None:
        """Take the account's uploads."""
        self._uploads = uploads

    @classmethod
    def found(cls, store: Store, environ: Mapping[str, str] | None = None) -> Self:
        """Use the fal account that is set.

        Raises:
            UsageError: One of its settings cannot be read.
        """
        return cls(Uploads(Line(FalSettings.found(environ)), store))

    def link(self, file: File) -> str:
        """Upload a file, unless a link to it still lives.

        Raises:
            MediaError: The file is gone or altered.
            VendorRefused: fal does not take the file, or does not accept the key.
            VendorBusy: fal did not take the upload; try again.
        """
        return self._uploads.link(file)
