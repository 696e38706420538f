"""Tables: rows written as CSV, Parquet and JSON, each whole or not at all, and read again."""

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync.errors import StorageError, UsageError
from lipsync.formulas import marked, unmarked
from lipsync.output import write_whole

if TYPE_CHECKING:  # 0.4 s that only a table needs
    from pandas import DataFrame

# Parquet's INT64; a longer number is a name.
_LONGEST = 2**63 - 1
# What a column of one kind of value is in pandas; each of them may be empty.
_DTYPES = {bool: "boolean", int: "Int64", float: "Float64", str: "string"}


def write_table(
    rows: Sequence[Mapping[str, object]], stem: Path, columns: Sequence[str] = ()
) -> tuple[Path, Path, Path]:
    """Write a table three times: `stem.csv`, `stem.parquet` and `stem.json`.

    Numbers stay numbers (money a float), nothing stays empty; a column of mixed kinds is text.
    A text that a spreadsheet would run is marked in the CSV, where it could; the other two carry
    types and need no mark. The CSV begins with the mark by which Excel knows UTF-8.

    Args:
        rows: By column; a row may leave columns out.
        stem: Path without a suffix; its folder is made.
        columns: Those that come first, or that a table without rows has.

    Raises:
        StorageError: The disk is full or read-only; what was there before is still there.
    """
    frame = _frame(rows, columns)
    _make(stem.parent)
    formats: dict[str, Callable[[Path], object]] = {
        ".parquet": lambda path: frame.to_parquet(path, index=False),
        ".json": lambda path: path.write_text(_json(frame), encoding="utf-8"),
        ".csv": lambda path: _write_csv(frame, path),
    }
    places = {suffix: stem.with_name(stem.name + suffix) for suffix in formats}
    for suffix, write in formats.items():
        write_whole(places[suffix], write)
    return places[".csv"], places[".parquet"], places[".json"]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be created ({error.strerror}); name another folder for the tables"
        ) from error


def read_table(path: Path) -> list[dict[str, Any]]:
    """Read a table that was written here; by its suffix.

    Returns:
        Its rows. From Parquet and JSON as they were; from CSV as texts without their marks, and
        what was nothing as an empty one.

    Raises:
        UsageError: It is no such table.
    """
    try:
        if path.suffix == ".csv":
            return _read_csv(path)
        if path.suffix == ".json":
            return list(json.loads(path.read_text(encoding="utf-8")))
        return _records(_read_parquet(path))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: is no table written by Dubline; write it again") from error


def _frame(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> "DataFrame":
    """Lay rows out in columns, each of one kind."""
    import pandas as pd  # noqa: PLC0415  see above

    names = dict.fromkeys([*columns, *(name for row in rows for name in row)])
    return pd.DataFrame({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: Sequence[object]) -> Any:
    import pandas as pd  # noqa: PLC0415  see above

    plain = [_plain(value) for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if kinds == {int, float}:
        kinds = {float}
    if len(kinds) == 1:
        dtype: Any = _DTYPES[kinds.pop()]
        return pd.array(plain, dtype=dtype)
    texts = [None if value is None else _text(value) for value in plain]
    return pd.array(texts, dtype="string")


def _plain(value: object) -> bool | int | float | str | None:
    """Make a value one of those every format has."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, int):
        return int(value) if abs(value) <= _LONGEST else str(value)
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict | list | tuple):
        value = json.dumps(value, ensure_ascii=False, default=str)
    # A file's name may hold bytes that are no UTF-8.
    return str(value).encode("utf-8", "backslashreplace").decode()


def _text(value: bool | float | str) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _json(frame: "DataFrame") -> str:
    """Write an array of objects, one a line, so that two tables can be compared."""
    lines = (json.dumps(row, ensure_ascii=False) for row in _records(frame))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _records(frame: "DataFrame") -> list[dict[str, Any]]:
    """Take a frame apart; what is nothing is None."""
    import pandas as pd  # noqa: PLC0415  see above

    names = [str(name) for name in frame]
    columns = [
        [None if value is pd.NA else value for value in frame[name].tolist()] for name in frame
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _write_csv(frame: "DataFrame", path: Path) -> None:
    """Write CSV as RFC 4180 has it: texts in quotes, numbers without."""
    safe = frame.copy()
    for name in safe.columns:
        if str(safe[name].dtype) == "string":
            safe[name] = safe[name].map(marked, na_action="ignore")
    safe.columns = [marked(str(name)) for name in safe.columns]
    safe.to_csv(
        path,
        index=False,
        quoting=csv.QUOTE_NONNUMERIC,
        lineterminator="\r\n",
        encoding="utf-8-sig",
    )


def _read_csv(path: Path) -> list[dict[str, Any]]:
    import pandas as pd  # noqa: PLC0415  see above

    frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)
    rows = frame.to_dict("records")
    return [{unmarked(str(name)): unmarked(text) for name, text in row.items()} for row in rows]


def _read_parquet(path: Path) -> "DataFrame":
    import pandas as pd  # noqa: PLC0415  see above

    return pd.read_parquet(path, dtype_backend="numpy_nullable")
