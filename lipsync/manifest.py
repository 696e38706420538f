"""The manifest: which dubs are wanted, one row each, and what is wrong with the rows that are not.

Pure: a table of raw cells becomes rows and faults. Reading files is `lipsync.reading`.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import Field

from lipsync.errors import LipsyncError, ManifestError
from lipsync.params import DubParams
from lipsync.tickets import without_signatures
from lipsync.values import Value


class Row(Value):
    """One dub of a manifest."""

    line: int = Field(description="Line of a text file, row of a sheet, number of an object.")
    id: str = Field(description="Names the row in every table; no other row has it.")
    params: DubParams
    language: str | None = Field(default=None, description="BCP 47 tag of the voice, e.g. pt-BR.")
    priority: int = Field(default=0, description="Higher goes first.")


class RowFault(Value):
    """One thing that is wrong with one row; a row may have several."""

    line: int
    id: str = ""
    column: str | None = Field(default=None, description="None: the row as a whole.")
    value: str = Field(default="", description="What the cell holds, shortened, without a query.")
    reason: str
    exit_code: int = Field(default=ManifestError.exit_code, description="Of a row that is refused.")


class Manifest(Value):
    """Every row of a manifest is among the rows or among the faults."""

    source: Path
    rows: tuple[Row, ...]
    faults: tuple[RowFault, ...] = ()
    notes: tuple[str, ...] = ()


def fault_rows(manifest: Manifest) -> list[dict[str, str]]:
    """Lay the faults out as rows of a table, in the order of the manifest."""
    return [
        {
            "line": str(fault.line),
            "id": fault.id,
            "column": fault.column or "",
            "value": fault.value,
            "reason": fault.reason,
        }
        for fault in manifest.faults
    ]


def admitted(rows: Iterable[Row], look: Callable[[Row], object]) -> tuple[RowFault, ...]:
    """Have every row looked at; what a look refuses is a fault of its row, and no end.

    Args:
        rows: The rows of a manifest.
        look: Raises a LipsyncError for a row that cannot be made, as `admission.inspect` does.
    """
    found = (_refused(row, look) for row in rows)
    return tuple(fault for fault in found if fault is not None)


def _refused(row: Row, look: Callable[[Row], object]) -> RowFault | None:
    try:
        look(row)
    except LipsyncError as error:
        reason = without_signatures(str(error))
        column = _blamed(row, reason)
        value = "" if column is None else without_signatures(str(getattr(row.params, column)))
        return RowFault(
            line=row.line,
            id=row.id,
            column=column,
            value=value,
            reason=reason,
            exit_code=error.exit_code,
        )
    return None


def _blamed(row: Row, reason: str) -> str | None:
    """Say which cell an error is about: its message begins with the file it names."""
    cells = (
        name
        for name in ("video", "voice", "output", "bed_file")
        if getattr(row.params, name) is not None
    )
    begun = (name for name in cells if reason.startswith(f"{getattr(row.params, name)}:"))
    return next(begun, None)
