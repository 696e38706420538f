"""The cache: what a stage has made is not made again, for as long as it is still there, intact.

A result is found by content (`content_key`): the bytes that went in, the parameters, and the
version of the stage's behaviour. No path, clock or flow run takes part. docs/adr/0002 says why.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from lipsync.disk import read_sealed
from lipsync.errors import MediaError
from lipsync.locks import alone
from lipsync.store import Store
from lipsync.values import PLAIN, File, Value, content_key

log = logging.getLogger(__name__)

T = TypeVar("T")

# Ours: each row of a batch asks after three results twice, some 20 KB each in memory.
MOST_KNOWN = 1_000


class _Record(NamedTuple):
    """What a record says, and what tells it from the one that takes its place."""

    stamp: tuple[int, ...]
    value: Any
    files: tuple[File, ...]
    seconds: float


@dataclass(frozen=True)
class Made(Generic[T]):
    """What a stage made.

    Attributes:
        value: The result.
        cached: Whether it was there already.
        seconds: How long the making took, now or then; when cached, the time that was saved.
    """

    value: T
    cached: bool
    seconds: float


class Cache:
    """Results of stages below a home, shared by every process and thread that uses that home."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[Path, _Record] = {}

    def made(
        self, stage: str, version: int, request: Value, returns: type[T], make: Callable[[], T]
    ) -> Made[T]:
        """Return what `stage` makes of `request`; make it only when it is not there, intact.

        Of all who ask for one thing at a time one makes it; the others wait for it and find it.
        An error is never kept: whoever asks next tries again.

        Args:
            stage: The stage's word; two stages never share a result.
            version: The version of the stage's behaviour.
            request: Everything the stage is given.
            returns: The type of the result: a `Value`, or whatever pydantic can write and read.
            make: Makes it; files in its result are in the store or in the request.

        Raises:
            MediaError: An input changed while it was worked on.
            StorageError: The result could not be recorded.
        """
        place = self._place(stage, version, request)
        found = self._found(place, request, returns)
        if found is not None:
            return found
        with alone(self.store.home.folder("locks") / f"{place.stem}.lock"):
            return self._found(place, request, returns) or self._make(place, request, returns, make)

    def memory(self) -> "Memory":
        """Return what finds the same and makes nothing."""
        return Memory(self.store, self._known)

    def _place(self, stage: str, version: int, request: Value) -> Path:
        key = content_key(stage, version, request)
        return self.store.home.root / "cache" / stage / key[:2] / f"{key}.json"

    def _found(self, place: Path, request: Value, returns: type[T]) -> Made[T] | None:
        """Find a result; None when it is missing, torn, of another shape, or its files are not."""
        record = self._read(place, returns)
        if record is None:
            return None
        moved = self._moved(record.files, request)
        if not all(self.store.intact(moved.get(file, file)) for file in record.files):
            log.warning("%s: a file of this result is gone or altered; made again", place)
            return None
        value = record.value
        if moved:
            value = with_files(value, lambda file: moved.get(file, file))
        return Made(value, cached=True, seconds=record.seconds)

    def _moved(self, files: tuple[File, ...], request: Value) -> dict[File, File]:
        """Find the files of a record that are at another place now: the store's, or the user's."""
        given: dict[str, File] | None = None
        moved = {}
        for file in files:
            if self.store.is_kept(file):
                now = self.store.here(file)
            else:
                given = given or {one.sha256: one for one in files_in(request)}
                now = given.get(file.sha256, file)
            if now.path != file.path:
                moved[file] = now
        return moved

    def _read(self, place: Path, returns: type[T]) -> "_Record | None":
        """Read a record, unless this process has read the very same before."""
        try:
            written = place.stat()
        except OSError:
            return None
        stamp = (written.st_ino, written.st_size, written.st_mtime_ns, written.st_ctime_ns)
        known = self._known.get(place)
        if known is not None and known.stamp == stamp:
            return known
        said = read_sealed(place)
        if said is None:
            return None
        try:
            value = TypeAdapter(returns).validate_python(said["value"], strict=False)
        except ValidationError:
            log.warning("%s: is a result of another shape; made again", place)
            return None
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        record = _Record(stamp, value, tuple(files_in(value)), said["seconds"])
        self._known[place] = record
        return record

    def _make(
        self, place: Path, request: Value, returns: type[T], make: Callable[[], T]
    ) -> Made[T]:
        """Make and record; what was made of an input that changed meanwhile is not recorded."""
        began_s = time.monotonic()
        value = make()
        took_s = time.monotonic() - began_s
        for file in files_in(request):
            if not self.store.intact(file):
                raise MediaError(f"{file.path}: changed while it was worked on; run again")
        for file in files_in(value):
            self.store.vouch(file)
        written = TypeAdapter(returns).dump_python(value, mode="json")
        # A power cut may take it: its seal tells, and the stage is done again.
        self.store.write_record(place, {"seconds": took_s, "value": written}, lasting=False)
        return Made(value, cached=False, seconds=took_s)


class NotMade(LookupError):
    """What was asked for has not been made yet."""


class Memory(Cache):
    """The same results, for whoever asks what is there and makes nothing."""

    def __init__(self, store: Store, known: dict[Path, _Record]) -> None:
        super().__init__(store)
        self._known = known

    def made(
        self,
        stage: str,
        version: int,
        request: Value,
        returns: type[T],
        make: Callable[[], T],  # noqa: ARG002  the same call, whoever answers it
    ) -> Made[T]:
        """Return what `stage` has made of `request`.

        Raises:
            NotMade: It is not there, intact.
        """
        found = self._found(self._place(stage, version, request), request, returns)
        if found is None:
            raise NotMade(stage)
        return found


def files_in(value: Any) -> Iterator[File]:
    """Find every file a value names, at any depth."""
    if type(value) in PLAIN:
        return
    if isinstance(value, File):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from files_in(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from files_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from files_in(item)


def with_files(value: Any, replaced: Callable[[File], File]) -> Any:
    """Copy a value with every file in it replaced, at any depth; what names none is not copied."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, File):
        return replaced(value)
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        changed = _changed(fields, replaced)
        return value.model_copy(update=changed) if changed else value
    if isinstance(value, dict):
        changed = _changed(value, replaced)
        return value | changed if changed else value
    if isinstance(value, list | tuple):
        changed = _changed(dict(enumerate(value)), replaced)
        new = [changed.get(place, item) for place, item in enumerate(value)]
        return type(value)(new) if changed else value
    return value


def _changed(items: dict[Any, Any], replaced: Callable[[File], File]) -> dict[Any, Any]:
    """Return those items that name a file that is another one now."""
    seen = ((name, item, with_files(item, replaced)) for name, item in items.items())
    return {name: now for name, item, now in seen if now is not item}
