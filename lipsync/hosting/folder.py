"""A folder behind a public address: files are copied into it, whole or not at all."""

import shutil
import uuid

from lipsync.disk import disk_errors, flush
from lipsync.errors import UsageError
from lipsync.hosting.links import check_link
from lipsync.hosting.settings import FolderSettings
from lipsync.values import File


class Folder:
    """Hosts by copying; somebody else's web server does the rest."""

    def __init__(self, settings: FolderSettings) -> None:
        """Name the folder and its address."""
        self._settings = settings

    def link(self, file: File) -> str:
        """Copy a file into the folder, unless it is there, and return its address.

        Raises:
            UsageError: There is no such folder, or the address does not show what is in it.
            VendorBusy: The address does not answer.
            StorageError: The folder cannot be written.
        """
        settings = self._settings
        if not settings.folder.is_dir():
            raise UsageError(
                f"{settings.folder}: is no folder; name the one that {settings.base_url} shows"
            )
        name = f"{file.sha256}{file.path.suffix.lower()}"
        self._put(file, name)
        link = f"{settings.base_url.rstrip('/')}/{name}"
        if settings.check_links:
            check_link(link, file)
        return link

    def _put(self, file: File, name: str) -> None:
        place = self._settings.folder / name
        trial = place.with_name(f".{uuid.uuid4().hex}.part")
        with disk_errors(place):
            if place.is_file() and place.stat().st_size == file.size_bytes:
                return
            try:
                shutil.copyfile(file.path, trial)
                trial.chmod(0o644)  # the web server is another user
                flush(trial)
                trial.replace(place)
            finally:
                trial.unlink(missing_ok=True)
