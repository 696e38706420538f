"""Locks: one holder at a time among all processes and threads, free the moment its holder dies.

The kernel holds them. On Linux a lock is one byte of a file that stays: no file is made for it and
none deleted, a dozen times a dub (16 us against 34, or 400: an ext4 without a journal passes over
all that was deleted in the last minute before it makes a file). Elsewhere a lock is a file.
"""

import errno
import fcntl
import logging
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from lipsync.disk import disk_errors

log = logging.getLogger(__name__)

# The one file of a folder whose bytes are locked; it stays empty.
BYTES = ".locks"


def _lock_byte(handle: int, at: int, *, wait: bool) -> None:
    """Lock a byte of an open file against all who opened it themselves, in this process or another.

    Source:
        fcntl(2), open file description locks; `struct flock`.
    """
    asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, at, 1, 0)
    fcntl.fcntl(handle, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, asked)


def _has_bytes() -> bool:
    """Try it in memory: some that call themselves Linux know no such lock."""
    if sys.platform != "linux":
        return False
    handle = os.memfd_create("lock")
    try:
        _lock_byte(handle, 0, wait=False)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


HAS_BYTES = _has_bytes()


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock, and wait for it.

    Args:
        lock: What it is called, in a folder that all who want it can write to.
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
    """Hold a lock as `alone` does, unless somebody has it: then say so, and do not wait."""
    handle = _held(lock, wait=False)
    if handle is None:
        yield False
        return
    with _freed(lock, handle):
        yield True


def _held(lock: Path, *, wait: bool) -> int | None:
    """Take a lock; None when somebody else holds it."""
    with disk_errors(lock):
        return _held_byte(lock, wait=wait) if HAS_BYTES else _held_file(lock, wait=wait)


@contextmanager
def _freed(lock: Path, handle: int) -> Iterator[None]:
    """Let go of a lock after the block; its file goes first: never the other way round."""
    try:
        yield
    finally:
        try:
            if not HAS_BYTES:
                lock.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _held_byte(lock: Path, *, wait: bool) -> int | None:
    """Lock the byte that stands for a name; of 2^62 bytes no two names have the same."""
    handle = os.open(lock.with_name(BYTES), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    at = int.from_bytes(blake2b(os.fsencode(lock.name), digest_size=8).digest()) >> 2
    try:
        _lock_byte(handle, at, wait=wait)
    except OSError as error:
        os.close(handle)
        if error.errno in {errno.EAGAIN, errno.EACCES} and not wait:
            return None
        raise
    except BaseException:
        os.close(handle)
        raise
    return handle


def _held_file(lock: Path, *, wait: bool) -> int | None:
    """Open and lock a file that still has its name then.

    flock(2) locks what was opened, not the name: a file that its holder has deleted meanwhile
    guards nothing any more.
    """
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
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
