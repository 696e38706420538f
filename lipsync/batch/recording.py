"""Recording: the outcome of a batch is on the disk while it runs; a killed one leaves it there."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from lipsync.batch.board import Board
from lipsync.batch.loading import TABLES, load
from lipsync.batch.outcome import BatchOutcome
from lipsync.batch.tables import outcome_rows
from lipsync.disk import disk_errors
from lipsync.output import try_writing

# Ours: a killed batch loses so much of its table, and nothing else; the ledger knows the rest.
WRITE_EVERY_S = 5.0
# Ours: pandas is loaded when the first jobs are on their way, and they need not wait for it.
FIRST_AFTER_S = 3.0
# Ours: of the time of one thread, so much at most goes into writing a large table again and again.
MOST_SHARE = 0.05


class Recorder:
    """Writes the outcome's tables now and then, and once more at the end, however it comes."""

    def __init__(self, stem: Path, board: Board) -> None:
        """Write beside `stem`: its name with .csv, .parquet and .json behind."""
        self.tables: tuple[Path, ...] = ()
        self._stem, self._board = stem, board
        self._scribe = ThreadPoolExecutor(1, thread_name_prefix="scribe")
        self._writing: Future[None] | None = None
        self._next_s = 0.0

    def __enter__(self) -> Self:
        """Try the place now: if it cannot be written, that is known before anything is sent.

        Raises:
            StorageError: It cannot be written.
        """
        with disk_errors(self._stem):
            self._stem.parent.mkdir(parents=True, exist_ok=True)
        try_writing(self._stem.parent)
        self._next_s = time.monotonic() + FIRST_AFTER_S
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._scribe.shutdown(wait=True)
        self._write(self._board.outcome())

    def note(self) -> None:
        """Write the tables if it is time; another thread does it."""
        if time.monotonic() < self._next_s or (self._writing and not self._writing.done()):
            return
        self._writing = self._scribe.submit(self._write, self._board.outcome())

    def _write(self, outcome: BatchOutcome) -> None:
        load(TABLES)
        from lipsync.tables import write_table  # noqa: PLC0415  loads pandas

        began_s = time.monotonic()
        self.tables = write_table(outcome_rows(outcome), self._stem)
        took_s = time.monotonic() - began_s
        self._next_s = time.monotonic() + max(WRITE_EVERY_S, took_s / MOST_SHARE)
