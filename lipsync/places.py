"""Places: the files a manifest speaks of, looked for on the disk."""

import glob
import os
import stat
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize

from lipsync.drafts import Found
from lipsync.pairing import is_link, is_passed_over

# Ours: ten times the largest batch; a pattern that matches more was a slip.
_MOST_FILES = 100_000


class Disk:
    """The disk, seen from a manifest: paths are relative to it, outputs to a folder if given.

    Every path is looked at once; ten thousand dubs of one video ask for it once.
    """

    def __init__(self, base: Path, folder: Path | None = None) -> None:
        """Look from `base`, the manifest's folder; let outputs go to `folder`."""
        self._base = base.absolute()
        self._folder = folder.expanduser().absolute() if folder else None
        self._seen: dict[str, Found] = {}
        self._names: dict[Path, dict[str, str]] = {}
        self._parents: dict[str, str] = {}

    def found(self, text: str) -> Found:
        """Find the file a cell names, or the files of a pattern."""
        if text not in self._seen:
            self._seen[text] = self._look(text)
        return self._seen[text]

    def placed(self, text: str) -> str:
        """Say where an output goes."""
        return str((self._folder or self._base) / Path(text).expanduser())

    def default(self, video: str, name: str, *, named: bool) -> str | None:
        """Say where a dub goes whose row names no output.

        Args:
            video: Its video.
            name: What it would be called.
            named: Whether its language is known, and so part of that name.

        Returns:
            None when neither a folder nor a language is given: then as for a dub by itself. What
            comes from a link goes beside the manifest.
        """
        if self._folder or is_link(video):
            return str((self._folder or self._base) / name)
        return str(Path(video).parent / name) if named else None

    def key(self, path: str) -> str:
        """Write a path so that two paths to one file are equal, whether it is there or not."""
        folder, name = os.path.split(path)
        if folder not in self._parents:
            self._parents[folder] = os.path.realpath(folder)
        return f"{self._parents[folder]}/{normalize('NFC', name)}"

    def _look(self, text: str) -> Found:
        try:
            path = self._base / Path(text).expanduser()
            if reason := _unfit(path):
                return Found(reason=reason)
        except FileNotFoundError:
            return self._elsewhere(text, path)
        except (RuntimeError, ValueError) as error:  # ~nobody/x; a NUL
            return Found(reason=f"names no file ({error})")
        except OSError as error:
            return Found(reason=f"cannot be looked at ({error.strerror})")
        return Found((_plainly(path),))

    def _elsewhere(self, text: str, path: Path) -> Found:
        """Look again for a name that is not there as it is written."""
        if glob.has_magic(text):
            return self._matches(text)
        near = self._near(path)
        if near and normalize("NFC", near) == normalize("NFC", path.name):
            return self._look(str(path.with_name(near)))  # one name in two Unicode forms
        hint = f"; did you mean {near}?" if near else ""
        where = "" if path.parent.is_dir() else f": there is no folder {path.parent}"
        return Found(reason=f"there is no such file{where}{hint}")

    def _near(self, path: Path) -> str | None:
        """Find a name that differs in upper and lower case, or in its Unicode form, only."""
        folder = path.parent
        if folder not in self._names:
            entries = folder.iterdir() if folder.is_dir() else ()
            self._names[folder] = {_plain(entry.name): entry.name for entry in entries}
        return self._names[folder].get(_plain(path.name))

    def _matches(self, text: str) -> Found:
        """Find the files of a pattern, in the order of their names; folders are not among them."""
        expanded = os.path.expanduser(text)  # noqa: PTH111  a pattern, not a path
        pattern = os.path.join(glob.escape(str(self._base)), expanded)  # noqa: PTH118  as above
        paths = []
        for path in glob.iglob(pattern, recursive=True):  # noqa: PTH207  absolute ones, too
            if not is_passed_over(Path(path).name) and Path(path).is_file():
                paths.append(path)
            if len(paths) > _MOST_FILES:
                return Found(reason=f"matches more than {_MOST_FILES:,} files", pattern=True)
        empty = next((path for path in sorted(paths) if _unfit(Path(path))), None)
        if empty:
            return Found(reason=f"matches {Path(empty).name}, which is empty", pattern=True)
        return Found(tuple(sorted(paths)), "" if paths else "matches no file", pattern=True)


def _plainly(path: Path) -> str:
    """Write `a/../b` as `b`, where that is the same file: a link may lead elsewhere."""
    short = os.path.normpath(path)
    with suppress(OSError):
        if ".." in path.parts and path.samefile(short):
            return short
    return str(path)


def _plain(name: str) -> str:
    return normalize("NFC", name).casefold()


def _unfit(path: Path) -> str | None:
    """Say why a path cannot be an input, without opening it: a pipe would wait for ever."""
    seen = path.stat()
    if stat.S_ISDIR(seen.st_mode):
        return "is a folder; name a file in it"
    if not stat.S_ISREG(seen.st_mode):
        return "is a pipe or a device, not a file"
    return "is empty (0 bytes)" if seen.st_size == 0 else None
