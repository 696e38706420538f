"""The output: where it goes, whether it may go there, and how it gets there whole."""

import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from lipsync.errors import StorageError, UsageError
from lipsync.links import Link, place_of
from lipsync.provenance import provenance_path, recorded_provenance
from lipsync.report import DubReport
from lipsync.store import Store
from lipsync.values import File

# What finish can write: the containers every player and every vendor here takes.
CONTAINERS = (".mp4", ".mov", ".mkv")
# Begins the names of files that are being written beside an output.
TRIAL = ".dubline-"


def record_path(output: Path) -> Path:
    """Say where the JSON record of an output is: beside it.

    >>> record_path(Path("out/talk.mp4")).name
    'talk.mp4.json'
    """
    return output.with_name(f"{output.name}.json")


def page_path(output: Path) -> Path:
    """Say where the page of an output is: beside it.

    >>> page_path(Path("out/talk.mp4")).name
    'talk.mp4.html'
    """
    return output.with_name(f"{output.name}.html")


def default_output(
    video: Path | Link, voice: Path | Link, *, preview: bool, suffix: str = ".mp4"
) -> Path:
    """Name the output after its pair, beside the video; a preview says so in its name.

    Beside a link is the working folder.

    >>> default_output(Path("a/talk.mov"), Path("de.wav"), preview=True).as_posix()
    'a/talk.de.preview.mp4'
    """
    kind = "preview" if preview else "dub"
    place = place_of(video)
    return place.with_name(f"{place.stem}.{place_of(voice).stem}.{kind}{suffix}")


def recorded(output: Path) -> DubReport | None:
    """Read the record beside an output; None when there is none that can be read."""
    try:
        return DubReport.model_validate_json(record_path(output).read_bytes())
    except (OSError, ValidationError):
        return None


def is_the_dub(store: Store, output: Path, dub_key: str) -> bool:
    """Say whether what is there was made for this very request and is as it was made."""
    record = recorded(output)
    if record is None or record.dub_key != dub_key or not output.is_file():
        return False
    return store.fingerprint(output).sha256 == record.output_sha256


def refuse_to_overwrite(store: Store, output: Path, dub_key: str) -> None:
    """Keep what is there, unless it is an earlier result of this very request.

    Raises:
        UsageError: Something else is there.
    """
    if output.exists() and not is_the_dub(store, output, dub_key):
        raise UsageError(
            f"{output}: exists and is something else; choose another output, or --overwrite it"
        )
    record = record_path(output)
    if record.exists() and recorded(output) is None:
        raise UsageError(
            f"{record}: exists and is no record of a dub, which would be written there; "
            "choose another output, or --overwrite it"
        )
    account = provenance_path(output)
    if account.exists() and recorded_provenance(output) is None:
        raise UsageError(
            f"{account}: exists and is no record of where a dub comes from, which would be written "
            "there; choose another output, or --overwrite it"
        )


def check_output(output: Path, inputs: tuple[Path | Link, ...]) -> None:
    """Refuse an output that could not be written, before anything is made or paid.

    Raises:
        UsageError: It is an input, a folder, of an unknown container, or its folder is missing.
        StorageError: Its folder cannot be written.
    """
    check_place(output, inputs)
    try_writing(output.parent)


def check_place(output: Path, inputs: tuple[Path | Link, ...]) -> None:
    """Refuse an output by its name and by what is there; its folder is not tried.

    Raises:
        UsageError: As `check_output`.
    """
    if output.suffix.lower() not in CONTAINERS:
        raise UsageError(
            f"{output}: an output ends in {', '.join(CONTAINERS)}, not in '{output.suffix}'"
        )
    if output.is_dir():
        raise UsageError(f"{output}: is a folder; name a file in it, e.g. {output / 'dub.mp4'}")
    if not output.parent.is_dir():
        raise UsageError(f"{output}: the folder {output.parent} does not exist; create it first")
    for source in (one for one in inputs if isinstance(one, Path)):
        if source.exists() and output.exists() and source.samefile(output):
            raise UsageError(f"{output}: is an input of this dub; choose another output")


def try_writing(folder: Path) -> None:
    """Write and remove an empty file: the only question a folder answers truthfully.

    Raises:
        StorageError: It cannot be written.
    """
    with _output_errors(folder):
        sweep(folder)
        with _trial_beside(folder / "trial"):
            pass


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder of outputs.

    Every trial is locked by its writer for as long as that lives.
    """
    for trial in folder.glob(f"{TRIAL}*"):
        with suppress(OSError), trial.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            trial.unlink()


@contextmanager
def _trial_beside(path: Path) -> Iterator[tuple[Path, int]]:
    """Lend a file beside `path` to write to, and a handle of it.

    It is gone afterwards, or has become `path`.
    """
    trial = path.with_name(f"{TRIAL}{uuid.uuid4().hex}{path.suffix}")
    try:
        with trial.open("xb") as stream:
            with suppress(OSError):  # a network disk without locks has no sweep either
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield trial, stream.fileno()
    finally:
        trial.unlink(missing_ok=True)


@contextmanager
def _output_errors(path: Path) -> Iterator[None]:
    """Turn what the system says about an output into one clear sentence."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written ({error.strerror}); "
            "make room there, or choose another output with -o"
        ) from error


def is_in_place(store: Store, output: Path, file: File) -> bool:
    """Say whether the output is there already, byte for byte."""
    if not output.is_file() or output.stat().st_size != file.size_bytes:
        return False
    return store.fingerprint(output).sha256 == file.sha256


def place(file: File, output: Path) -> None:
    """Copy a kept file to where the user wants it: whole and flushed, or not at all.

    Raises:
        StorageError: The disk is full or read-only; what was there before is still there.
    """
    write_whole(output, lambda trial: shutil.copyfile(file.path, trial))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write(trial)` fill a file beside `path`, then put it in its place in one step.

    Raises:
        StorageError: The disk is full or read-only; `path` is as it was.
    """
    with _output_errors(path), _trial_beside(path) as (trial, handle):
        write(trial)
        os.fsync(handle)  # whichever handle they were written by, the bytes are the file's
        trial.replace(path)
