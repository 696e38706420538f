"""Intake: a watched folder on the disk: what lies there, what is remembered, what is set aside.

What is done is written down in home, a sealed record per pair and outbox, named by the content of
both files. Not in the ledger: that is the record of money, many workers write to it, and most of
these dubs cost nothing. A worker with another home finds the dub in the outbox instead, and what
was bought is bought once whoever asks, for the ledger says so.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from lipsync.disk import read_sealed
from lipsync.errors import StorageError, UsageError
from lipsync.inbox import Form, Memory
from lipsync.locks import alone_or_not
from lipsync.output import write_whole
from lipsync.pairing import Match
from lipsync.store import Store
from lipsync.values import File, Value, content_key
from lipsync.watch_params import SET_ASIDE

# Raised when what makes two pairs the same changes: everything in every inbox is dubbed again.
PAIR = 1

# A folder that may not be changed, or where `SET_ASIDE` is something else: what is set aside is
# marked in home instead.
_NOT_OURS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR}


class Contents(Value):
    """A pair and where its dub goes, by content: the same bytes are one dub per outbox."""

    video: File
    voice: File
    outbox: Path

    @property
    def key(self) -> str:
        """64 hex digits, the same whatever the files are called and whatever the model is."""
        return content_key("watch", PAIR, self)


class Done(Value):
    """The record of a pair that needs nothing more."""

    video: str
    voice: str
    output: Path
    said: str = Field(default="", description="What is odd about it, as checks that failed.")
    at_s: float = Field(description="Seconds since the epoch.")


class Intake:
    """One inbox and its outbox, as one home knows them."""

    def __init__(self, store: Store, inbox: Path, outbox: Path) -> None:
        """Name the folders.

        Raises:
            UsageError: A folder is missing, or one is the other.
        """
        self.inbox, self.outbox = _folder(inbox, "watched"), _folder(outbox, "written to")
        if self.inbox.samefile(self.outbox):
            raise UsageError(f"{outbox}: is the inbox as well; name another folder for the dubs")
        self._store = store
        named = sha256(os.fsencode(self.inbox) + b"\0" + os.fsencode(self.outbox)).hexdigest()
        self._memory = store.home.folder("watch") / f"{named}.json"

    @contextmanager
    def to_myself(self) -> Iterator[bool]:
        """Be the only one of this home who looks after this inbox; False when someone else is."""
        with alone_or_not(self._memory.with_suffix(".lock")) as mine:
            yield mine

    def seen(self) -> dict[str, Form]:
        """List the files that lie in the inbox: plain ones, whose names can be written down.

        Raises:
            StorageError: The folder cannot be read.
        """
        try:
            names = [path.name for path in self.inbox.iterdir() if _is_text(path.name)]
        except OSError as error:
            raise StorageError(
                f"{self.inbox}: cannot be read ({error.strerror}); check the folder"
            ) from error
        found = {name: self.form(name) for name in sorted(names)}
        return {name: form for name, form in found.items() if form is not None}

    def form(self, name: str) -> Form | None:
        """Look at a file; None when it is no plain file, or has gone."""
        try:
            found = (self.inbox / name).stat()
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return Form(size_bytes=found.st_size, mtime_ns=found.st_mtime_ns)

    def memory(self) -> Memory:
        """Recall the last look; what cannot be read is as if there had been none."""
        try:
            return Memory.model_validate(read_sealed(self._memory) or {})
        except ValidationError:
            return Memory()

    def remember(self, memory: Memory) -> None:
        """Keep a memory for the next look.

        Raises:
            StorageError: Home is full or cannot be written.
        """
        self._store.write_record(self._memory, memory.model_dump(mode="json"), lasting=True)

    def contents(self, match: Match) -> Contents:
        """Know a pair by its bytes.

        Raises:
            MediaError: A file is gone, empty, or is being changed.
        """
        video, voice = (
            self._store.fingerprint(self.inbox / name) for name in (match.video, match.voice)
        )
        return Contents(video=video, voice=voice, outbox=self.outbox)

    def done(self, pair: Contents) -> Done | None:
        """Read the record of a pair that was dubbed before; None when it was not."""
        try:
            return Done.model_validate(read_sealed(self._place(pair)))
        except ValidationError:
            return None

    def write_done(self, pair: Contents, done: Done) -> None:
        """Write down for good that a pair is dubbed.

        Raises:
            StorageError: Home is full or cannot be written.
        """
        content: dict[str, Any] = done.model_dump(mode="json")
        self._store.write_record(self._place(pair), content, lasting=True)

    def set_aside(self, name: str, why: str) -> bool:
        """Move a file out of the way, with its reason beside it.

        Returns:
            False when the inbox may not be changed; nothing was moved then.

        Raises:
            StorageError: The disk is full.
        """
        try:
            with suppress(FileNotFoundError):  # its owner was faster
                self._move_aside(name, why)
        except (StorageError, OSError) as error:
            cause = error.__cause__ if isinstance(error, StorageError) else error
            if isinstance(cause, OSError) and cause.errno in _NOT_OURS:
                return False
            raise
        return True

    def _move_aside(self, name: str, why: str) -> None:
        """Write the reason, then move: no file is ever set aside without a reason."""
        aside = self.inbox / SET_ASIDE
        aside.mkdir(exist_ok=True)
        place = _free(aside / name)
        reason = place.with_name(f"{place.name}.reason.txt")
        write_whole(reason, lambda trial: trial.write_text(f"{why}\n", encoding="utf-8"))
        try:
            (self.inbox / name).rename(place)
        except OSError:
            reason.unlink(missing_ok=True)
            raise

    def _place(self, pair: Contents) -> Path:
        key = pair.key
        return self._store.home.folder("watch", "done", key[:2]) / f"{key}.json"


def _folder(path: Path, use: str) -> Path:
    found = path.expanduser().absolute()
    if not found.is_dir():
        raise UsageError(f"{found}: there is no such folder to be {use}; create it first")
    return found


def _is_text(name: str) -> bool:
    """Say whether a name can be written down; one in another encoding than UTF-8 cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _free(place: Path) -> Path:
    """Find a name nobody has: `talk.mp4`, `talk.2.mp4` and so on."""
    number, free = 1, place
    while free.exists():
        number += 1
        free = place.with_name(f"{place.stem}.{number}{place.suffix}")
    return free
