"""Home: the one folder everything but the output is written to."""

import os
from dataclasses import dataclass
from pathlib import Path

from lipsync.errors import StorageError


@dataclass(frozen=True)
class Home:
    """`DUBLINE_HOME`: ledger, store, cache, locks, and the embedded server's own folder."""

    root: Path

    @classmethod
    def found(cls) -> "Home":
        """Take `DUBLINE_HOME`, else the platform's user data folder; nothing is created yet."""
        named = os.environ.get("DUBLINE_HOME")
        if named:
            return cls(Path(named).expanduser().absolute())
        import platformdirs  # noqa: PLC0415  only when the default is needed

        return cls(Path(platformdirs.user_data_dir("dubline", appauthor=False)))

    def folder(self, *names: str) -> Path:
        """Return a folder below home, created.

        Raises:
            StorageError: It cannot be created.
        """
        path = self.root.joinpath(*names)
        if not path.is_dir():
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(
                    f"{path}: cannot be created ({error.strerror}); "
                    "set DUBLINE_HOME to a folder that can be written"
                ) from error
        return path

    @property
    def ledger(self) -> Path:
        """The ledger's SQLite file."""
        return self.folder() / "ledger.sqlite"
