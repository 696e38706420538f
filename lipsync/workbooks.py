"""Workbooks: Excel and Parquet through pandas, every cell as the text somebody meant by it."""

import datetime as dt
import math
import zipfile
from pathlib import Path
from typing import Any

from lipsync.cells import text_of
from lipsync.columns import column_of
from lipsync.errors import ManifestError
from lipsync.manifest import RowFault
from lipsync.objects import table
from lipsync.parsing import Line, Sheet

# Ours: ten times the largest batch, so that a column of nothing repeated cannot fill the memory.
_MOST_ROWS = 100_000
# What openpyxl, pyarrow and pandas raise for a file that is none of theirs.
_BROKEN = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    SyntaxError,
    zipfile.BadZipFile,
)


def read_parquet(path: Path) -> Sheet:
    """Read a Parquet file; a row's line is its number.

    Raises:
        ManifestError: It is damaged, or too long.
    """
    import pandas as pd  # noqa: PLC0415  0.4 s that a text does not need

    try:
        long = len(pd.read_parquet(path, columns=[])) > _MOST_ROWS
        frame = pd.DataFrame() if long else pd.read_parquet(path, dtype_backend="pyarrow")
    except _BROKEN as error:
        raise ManifestError(
            f"{path}: is damaged Parquet ({_first(error)}); write it again"
        ) from error
    if long:
        raise ManifestError(f"{path}: has over {_MOST_ROWS:,} rows; split the manifest")
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    faults: list[RowFault] = []
    plain = [{str(name): _plain(value) for name, value in one.items()} for one in records]
    sheet = table(list(enumerate(plain, 1)), faults)
    return sheet._replace(columns=tuple(map(str, frame.columns)) or sheet.columns)


def _plain(value: Any) -> Any:
    """Write what Arrow has as what JSON has; a struct carries every name, given or not."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if one is not None}
    if hasattr(value, "tolist"):  # a numpy array or number
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value


def _first(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def read_excel(path: Path) -> Sheet:
    """Read the first sheet of a workbook; a row's line is its number in the sheet.

    A formula counts as what it gave when the workbook was saved; one that was never worked out,
    or gave an error, is a fault: a budget that is not there must not pass for no budget.

    Raises:
        ManifestError: It is damaged, or empty.
    """
    import pandas as pd  # noqa: PLC0415  0.4 s that a text does not need

    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            names = [str(name) for name in book.sheet_names]
            frame = pd.read_excel(
                book, header=None, dtype=object, na_filter=False, keep_default_na=False
            )
        formulas = _formulas(path)
    except _BROKEN as error:
        said = _first(error)
        raise ManifestError(f"{path}: is a damaged workbook ({said}); save it again") from error
    sheet = _laid_out(path, list(enumerate(frame.to_numpy().tolist(), 1)), formulas)
    return sheet._replace(notes=_other_sheets(path, names))


def _formulas(path: Path) -> set[tuple[int, int]]:
    """Find the cells of the first sheet that are worked out: (row, column), from 1."""
    import pandas as pd  # noqa: PLC0415  as above

    with pd.ExcelFile(path, engine="openpyxl", engine_kwargs={"data_only": False}) as book:
        rows = book.book.worksheets[0].iter_rows()
        return {(cell.row, cell.column) for row in rows for cell in row if cell.data_type == "f"}


def _other_sheets(path: Path, names: list[str]) -> tuple[str, ...]:
    if len(names) < 2:  # noqa: PLR2004  one is as it should be
        return ()
    rest = ", ".join(names[1:6])
    return (f"{path.name}: the sheet {names[0]} is read; {rest} are not",)


def _laid_out(
    path: Path, rows: list[tuple[int, list[Any]]], formulas: set[tuple[int, int]]
) -> Sheet:
    """Take the header off, and write every cell as a text."""
    filled = [(line, cells) for line, cells in rows if any(cell != "" for cell in cells)]
    if not filled:
        raise ManifestError(f"{path}: its first sheet is empty; write a header and rows there")
    (header, names), *rest = filled
    columns = tuple(text_of(name) for name in names)
    faults: list[RowFault] = []
    lines = [Line(line, _texts(line, cells, columns, formulas, faults)) for line, cells in rest]
    return Sheet(columns, header, lines, tuple(faults))


def _texts(
    line: int,
    cells: list[Any],
    columns: tuple[str, ...],
    formulas: set[tuple[int, int]],
    faults: list[RowFault],
) -> tuple[str, ...]:
    texts = []
    for at, (cell, name) in enumerate(zip(cells, columns, strict=True), 1):
        reason = _unread(cell, (line, at) in formulas)
        if reason:
            faults.append(RowFault(line=line, column=column_of(name) or None, reason=reason))
        texts.append("" if reason else _written(cell))
    return tuple(texts)


def _unread(cell: Any, formula: bool) -> str | None:
    """Say why a cell has no value; pandas reads an error as not-a-number, and no number is one."""
    if isinstance(cell, float) and math.isnan(cell):
        return "holds an error (#REF!, #N/A or the like); write the value itself"
    if formula and cell == "":
        return "holds a formula without a result; save it in Excel, or write the value itself"
    return None


def _written(cell: Any) -> str:
    """Write a cell as a text; a day as a day, for Excel keeps every one with a time."""
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return text_of(cell)
