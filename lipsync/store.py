"""The store: files kept under the hash of their bytes, in place whole or not at all."""

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lipsync.errors import StorageError
from lipsync.home import Home
from lipsync.values import File


def hash_file(path: Path) -> str:
    """Hash the bytes of a file: SHA-256, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Store:
    """Content-addressed files below a home.

    A file enters by `keep`: it is written under `scratch`, flushed to disk, hashed and renamed,
    so that a process killed at any point leaves nothing that could be taken for a result.
    """

    def __init__(self, home: Home) -> None:
        self.home = home

    @contextmanager
    def scratch(self, suffix: str = "") -> Iterator[Path]:
        """Lend a path to write to; whatever is still there at the end is removed.

        The folder is locked while it is in use: what a killed process left is swept by the next.
        """
        room = self.home.folder("scratch", uuid.uuid4().hex)
        with (room / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                with disk_errors(room):
                    yield room / f"work{suffix}"
            finally:
                shutil.rmtree(room, ignore_errors=True)

    def keep(self, path: Path, suffix: str) -> File:
        """Move a finished scratch file into the store.

        Args:
            path: The file, in `scratch`.
            suffix: Its extension with the dot, e.g. ".mp4".

        Returns:
            The kept file; the same bytes twice are one file.

        Raises:
            StorageError: The disk is full or cannot be written.
        """
        with disk_errors(path):
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                os.fsync(stream.fileno())
            size = path.stat().st_size
            place = self.home.folder("store", digest[:2]) / f"{digest}{suffix}"
            path.replace(place)
        return File(path=place, sha256=digest, size_bytes=size)

    def sweep(self) -> None:
        """Remove the scratch folders whose process is gone."""
        for room in self.home.folder("scratch").iterdir():
            with suppress(OSError), (room / ".lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(room, ignore_errors=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into one clear sentence.

    Raises:
        StorageError: In place of ENOSPC, EROFS, EACCES, EPERM or EDQUOT.
    """
    try:
        yield
    except OSError as error:
        import errno  # noqa: PLC0415

        known = {errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT}
        if error.errno not in known:
            raise
        free = shutil.disk_usage(path if path.exists() else path.parent).free // 2**20
        raise StorageError(
            f"{path}: {error.strerror} ({free} MB free); make room or point DUBLINE_HOME elsewhere"
        ) from error
