"""Disk: how bytes are written so that a crash, a full disk or a second process does no harm."""

import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lipsync.errors import StorageError

log = logging.getLogger(__name__)

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


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock file: one holder at a time among all processes and threads.

    The kernel holds it (flock), so it is free the moment its holder dies, however it dies. The
    file goes when the holder does: whoever waits notices that its file has no name and starts over.
    """
    handle = _held(lock, wait=False)
    if handle is None:
        log.debug("%s is held by somebody else; waiting for it", lock.name)
        handle = _held(lock, wait=True)
    assert handle is not None
    with _freed(lock, handle):
        yield


@contextmanager
def alone_or_not(lock: Path) -> Iterator[bool]:
    """Hold a lock file as `alone` does, unless somebody has it: then say so, and do not wait."""
    handle = _held(lock, wait=False)
    if handle is None:
        yield False
        return
    with _freed(lock, handle):
        yield True


def _held(lock: Path, *, wait: bool) -> int | None:
    """Open and lock a file that still has its name then; None when somebody else holds it.

    flock(2) locks what was opened, not the name: a file that its holder has deleted meanwhile
    guards nothing any more. filelock does the same at three times the cost, a dozen times a dub.
    """
    with disk_errors(lock):
        while True:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                if _is_named(lock, handle):
                    return handle
            except BlockingIOError:
                os.close(handle)
                return None
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)


def _is_named(lock: Path, handle: int) -> bool:
    try:
        return os.path.samestat(lock.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


@contextmanager
def _freed(lock: Path, handle: int) -> Iterator[None]:
    """Delete a lock file after the block, then let go of it: never the other way round."""
    try:
        yield
    finally:
        try:
            lock.unlink(missing_ok=True)
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
