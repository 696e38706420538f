"""The store: files kept under the hash of their bytes, in place whole or not at all."""

import fcntl
import hashlib
import os
import shutil
import stat
import threading
import time
import uuid
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from io import TextIOWrapper
from pathlib import Path

from lipsync.disk import disk_errors, flush, read_sealed, seal
from lipsync.errors import MediaError, StorageError
from lipsync.home import Home
from lipsync.values import File

__all__ = ["Store", "disk_errors", "hash_file", "store_at"]

# git's "racily clean" problem (Documentation/technical/racy-git.txt): a file may change again
# within one tick of its clock and look unchanged. 2 s is the coarsest clock in use (FAT).
RACY_NS = 2_000_000_000
# Where the disk's clock is finer, it is enough that the kernel's has moved on, whose coarsest tick
# is 10 ms (CONFIG_HZ=100).
TICK_NS = 20_000_000
# Ours, measured: a smaller file is hashed again sooner than a memo of it is written and read.
MEMO_BYTES = 262_144
# Ours: a batch of ten thousand dubs asks after four times as many files.
MOST_KNOWN = 50_000


def hash_file(path: Path) -> str:
    """Hash the bytes of a file: SHA-256, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Store:
    """Content-addressed files below a home, and what is remembered about files elsewhere.

    A file enters by `keep`: it is written under `scratch`, flushed to disk, hashed and renamed,
    so that a process killed at any point leaves nothing that could be taken for a result.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        # What this process has hashed, or read a memo of; some 0.5 kB each.
        self._known: dict[Path, tuple[list[int], File]] = {}
        self._rooms: dict[int, Path] = {}
        self._opening = threading.Lock()
        self._shelves = f"{home.root / 'store'}{os.sep}"

    @contextmanager
    def scratch(self, suffix: str = "") -> Iterator[Path]:
        """Lend a path to write to; what is still there at the end is removed.

        It is in a room of this process, which is locked while the process lives: what a killed one
        left is swept by the next.
        """
        with disk_errors(self.home.root):
            path = self._room() / f"{uuid.uuid4().hex}{suffix}"
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)

    def _room(self) -> Path:
        """Return the room of this process; one that was forked has its own."""
        with self._opening:
            room = self._rooms.get(os.getpid())
            if room is None or not room.is_dir():
                room = self._rooms[os.getpid()] = self._opened()
            return room

    def _opened(self) -> Path:
        """Make a room, locked before anybody could take it for one of the dead."""
        room = self.home.folder("scratch") / uuid.uuid4().hex
        with self._door(fcntl.LOCK_SH):
            room.mkdir()
            lock = (room / ".lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)
        weakref.finalize(self, _left, room, lock, os.getpid())
        return room

    def sweep(self) -> None:
        """Remove the rooms whose process is gone."""
        with disk_errors(self.home.folder("scratch")), self._door(fcntl.LOCK_EX):
            for room in self.home.folder("scratch").iterdir():
                if room.is_dir() and not _in_use(room):
                    shutil.rmtree(room, ignore_errors=True)

    @contextmanager
    def _door(self, kind: int) -> Iterator[None]:
        """Keep the sweep out of the instant between a room's making and its locking."""
        with (self.home.folder("scratch") / ".door").open("w") as door:
            fcntl.flock(door, kind)
            yield

    def keep(self, path: Path, suffix: str, *, lasting: bool = True) -> File:
        """Move a finished scratch file into the store, read-only.

        Args:
            path: The file, in `scratch`.
            suffix: Its extension with the dot, e.g. ".mp4".
            lasting: Whether it must outlive a power cut; what is quickly made again need not, and
                the cache sees by its hash that it did not.

        Returns:
            The kept file; the same bytes twice are one file.

        Raises:
            StorageError: The disk is full or cannot be written.
        """
        with disk_errors(path):
            digest = hash_file(path)
            path.chmod(0o444)
            place = self._place(digest, suffix)
            if lasting:
                flush(path)
            self.home.folder("store", digest[:2])
            path.replace(place)
            if lasting:
                flush(place.parent)
            return self._know(place, place.stat(), digest)

    def vouch(self, file: File) -> None:
        """Know a kept file that has this moment been put there, by a helper of this process.

        It was hashed by whoever put it there, and has been read-only since.
        """
        if str(file.path).startswith(self._shelves) and self.here(file) == file:
            with suppress(OSError):
                seen = file.path.stat()
                if seen.st_size == file.size_bytes:
                    self._know(file.path, seen, file.sha256)

    def placed(self, file: File, path: Path) -> None:
        """Know the copy of a kept file that has this moment been put at `path`.

        Whoever looks at it next need not read it all: the next run of its batch, or the page of
        this one.
        """
        with suppress(OSError, StorageError):  # a dub that is in its place has not failed
            seen = path.stat()
            if seen.st_size == file.size_bytes and _has_fractions(seen):
                self._remember(path.absolute(), seen, file.sha256)

    def write_record(self, place: Path, content: Mapping[str, object], *, lasting: bool) -> None:
        """Put a sealed record in its place.

        Args:
            place: Where it goes, in a folder that is made if need be.
            content: What it says, as JSON.
            lasting: Whether it must be there whole or not at all, and outlive a power cut. A memo
                need not: of one that was torn the seal tells.

        Raises:
            StorageError: The disk is full or cannot be written.
        """
        if not lasting:
            with disk_errors(place):
                _written(place, seal(content))
            return
        with self.scratch(".json") as trial:
            place.parent.mkdir(parents=True, exist_ok=True)
            trial.write_text(seal(content), encoding="utf-8")
            flush(trial)
            trial.replace(place)
            flush(place.parent)

    def is_kept(self, file: File) -> bool:
        """Say whether a file is one of a store's: it carries its hash as its name."""
        return file.path.name.startswith(file.sha256)

    def here(self, file: File) -> File:
        """Say where a file is now: a kept file is known by its name, so home may move."""
        if not self.is_kept(file):
            return file
        place = self._place(file.sha256, file.path.name.removeprefix(file.sha256))
        return file if place == file.path else file.model_copy(update={"path": place})

    def fingerprint(self, path: Path) -> File:
        """Know an input by its bytes; hashed again only when the file has changed.

        Raises:
            MediaError: There is no such file, it is empty, cannot be read, is still being
                written, or is no file at all.
        """
        path = path.expanduser().absolute()
        with _as_media_error(path):
            seen = _checked(path)
            known = self._known.get(path)
            if known is not None and known[0] == _signature(seen):
                return known[1]
            return self._remembered(path, seen) or self._hashed(path, seen)

    def intact(self, file: File) -> bool:
        """Say whether a file is where it was, byte for byte."""
        try:
            return self.fingerprint(file.path).sha256 == file.sha256
        except MediaError:
            return False

    def _place(self, digest: str, suffix: str) -> Path:
        return self.home.root / "store" / digest[:2] / f"{digest}{suffix}"

    def _memo(self, path: Path) -> Path:
        name = hashlib.sha256(os.fsencode(path)).hexdigest()
        return self.home.root / "memo" / name[:2] / f"{name}.json"

    def _remembered(self, path: Path, seen: os.stat_result) -> File | None:
        """Read the memo of a file; None when there is none, or it is of another state of it."""
        memo = read_sealed(self._memo(path)) if seen.st_size >= MEMO_BYTES else None
        if memo is None or memo["signature"] != _signature(seen):
            return None
        return self._know(path, seen, memo["sha256"])

    def _hashed(self, path: Path, seen: os.stat_result) -> File:
        """Hash a file that holds still, and remember it unless it changed a moment ago."""
        began_ns = time.time_ns()
        digest = hash_file(path)
        if _signature(path.stat()) != _signature(seen):
            raise MediaError(
                f"{path}: changed while it was read; wait until it is copied completely, run again"
            )
        still_ns = began_ns - max(seen.st_mtime_ns, seen.st_ctime_ns)
        if still_ns <= (TICK_NS if self._is_finely_timed(path, seen) else RACY_NS):
            return File(path=path, sha256=digest, size_bytes=seen.st_size)
        return self._remember(path, seen, digest)

    def _is_finely_timed(self, path: Path, seen: os.stat_result) -> bool:
        """Say whether a change after 20 ms would show; what is in the store nobody changes."""
        return _has_fractions(seen) or str(path).startswith(self._shelves)

    def _remember(self, path: Path, seen: os.stat_result, digest: str) -> File:
        """Know a file from now on; a large one in other processes, too."""
        file = self._know(path, seen, digest)
        if seen.st_size >= MEMO_BYTES:
            memo = {"path": str(path), "signature": _signature(seen), "sha256": digest}
            self.write_record(self._memo(path), memo, lasting=False)
        return file

    def _know(self, path: Path, seen: os.stat_result, digest: str) -> File:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        file = File(path=path, sha256=digest, size_bytes=seen.st_size)
        self._known[path] = _signature(seen), file
        return file


@cache
def store_at(home: Home) -> Store:
    """Return the one store of this process at a home."""
    return Store(home)


def _left(room: Path, lock: TextIOWrapper, process: int) -> None:
    """Clear the room of a process that ends, unless it is only the copy of one."""
    if os.getpid() == process:
        shutil.rmtree(room, ignore_errors=True)
    lock.close()


def _written(place: Path, text: str) -> None:
    """Write a text; its folder is there but for the first time."""
    try:
        place.write_text(text, encoding="utf-8")
    except FileNotFoundError:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def _in_use(room: Path) -> bool:
    """Say whether the process that made a room still holds its lock."""
    with suppress(FileNotFoundError), (room / ".lock").open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _signature(seen: os.stat_result) -> list[int]:
    """Everything the file system changes when it changes a file."""
    return [seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]


def _has_fractions(seen: os.stat_result) -> bool:
    """Say whether a file is on a disk that counts fractions of seconds; FAT and HFS+ do not."""
    return all(at_ns % 10**9 for at_ns in (seen.st_mtime_ns, seen.st_ctime_ns))


def _checked(path: Path) -> os.stat_result:
    """Look at a path before it is opened: a FIFO would wait for ever, a device never end."""
    seen = path.stat()
    if stat.S_ISDIR(seen.st_mode):
        raise MediaError(f"{path}: is a folder; name a file in it")
    if not stat.S_ISREG(seen.st_mode):
        raise MediaError(f"{path}: is a pipe or a device, not a file; copy its content to a file")
    if seen.st_size == 0:
        raise MediaError(f"{path}: is empty (0 bytes); copy or export it again")
    return seen


@contextmanager
def _as_media_error(path: Path) -> Iterator[None]:
    """Turn what the system says about an input into one clear sentence."""
    try:
        yield
    except (FileNotFoundError, ValueError) as error:  # ValueError: a NUL in the name
        raise MediaError(f"{path}: there is no such file; check its name") from error
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror}); check the file") from error
