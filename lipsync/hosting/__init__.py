"""Hosting: puts a file where a vendor that takes only links can fetch it.

Three kinds: a bucket with presigned links, a folder behind a public address, and fal's CDN. What
is hosted is named by its content, so the same file is uploaded once while its link lives.
"""

from collections.abc import Mapping
from typing import Protocol

from lipsync.hosting.settings import (
    BucketSettings,
    FalCdnSettings,
    FolderSettings,
    HostingSettings,
    hosting_settings,
    why_none,
)
from lipsync.store import Store
from lipsync.values import File

__all__ = [
    "BucketSettings",
    "FalCdnSettings",
    "FolderSettings",
    "Hosting",
    "HostingSettings",
    "hosting_of",
    "hosting_settings",
    "why_none",
]


class Hosting(Protocol):
    """A place vendors can fetch from."""

    def link(self, file: File) -> str:
        """Put a file there, unless it is there already, and return a link that is fresh.

        A signed link is a secret: it is handed to the vendor and shown to nobody.

        Raises:
            UsageError: The place refuses us, or is not set up as it says.
            VendorRefused: fal does not take it.
            VendorBusy: The place did not answer; nothing was bought, try again.
            StorageError: The folder cannot be written.
        """
        ...


def hosting_of(
    settings: HostingSettings, store: Store, environ: Mapping[str, str] | None = None
) -> Hosting:
    """Open the place that is set.

    Args:
        settings: One of the three kinds.
        store: Where fal's uploader finds the files, and remembers what it has uploaded.
        environ: Used instead of this process's variables and `.env` for fal's own settings.

    Raises:
        UsageError: fal's settings cannot be read.
    """
    if isinstance(settings, BucketSettings):
        from lipsync.hosting.bucket import Bucket  # noqa: PLC0415  loads httpx

        return Bucket(settings)
    if isinstance(settings, FolderSettings):
        from lipsync.hosting.folder import Folder  # noqa: PLC0415  the same

        return Folder(settings)
    from lipsync.hosting.falcdn import FalCdn  # noqa: PLC0415  loads fal_client

    return FalCdn.found(store, environ)
