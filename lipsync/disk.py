"""Disk: how bytes are written so that a crash or a full disk does no harm."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lipsync.errors import StorageError

# What a disk answers when it is full, over its quota, read-only or not ours.
_REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into one clear sentence.

    Raises:
        StorageError: In place of ENOSPC, EDQUOT, EFBIG, EROFS, EACCES or EPERM.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise StorageError(
            f"{error.filename or path}: {error.strerror} ({_free_mb(path)} MB free); "
            "make room or point DUBLINE_HOME elsewhere"
        ) from error


def _free_mb(path: Path) -> int:
    """Say how much room is left where `path` is, or would be."""
    standing = next(place for place in (path, *path.absolute().parents) if place.exists())
    return shutil.disk_usage(standing).free // 2**20


def flush(path: Path) -> None:
    """Have the kernel put a file, or a folder's list of names, on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def seal(content: Mapping[str, object]) -> str:
    """Write a record as JSON that carries the hash of its own content.

    >>> unseal(seal({"a": 1}))
    {'a': 1}
    """
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}\n"


def unseal(record: str) -> dict[str, Any] | None:
    """Read a sealed record; None when it is torn, altered or something else altogether.

    >>> unseal(seal({"a": 1})[:-3]) is None
    True
    """
    digest, _, text = record.partition("\n")
    text = text.removesuffix("\n")
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        return None
    content: dict[str, Any] = json.loads(text)
    return content


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Read a sealed record from a file; None when there is none, or it cannot be trusted."""
    try:
        return unseal(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
