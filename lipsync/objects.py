"""Objects: JSON Lines, and an array of objects, as a table of texts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lipsync.cells import read_json, shown, text_of
from lipsync.columns import column_of
from lipsync.errors import ManifestError
from lipsync.manifest import RowFault
from lipsync.parsing import Line, Sheet


def split_objects(path: Path, text: str) -> Sheet:
    """Read one object a line (its number is the line's), or an array (the object's).

    Raises:
        ManifestError: It is an array that cannot be read.
    """
    faults: list[RowFault] = []
    if text.lstrip().startswith("["):
        found = list(enumerate(_array(path, text), 1))
    else:
        found = list(_lines(text, faults))
    return table(_objects(found, faults), faults)


def table(objects: list[tuple[int, dict[str, Any]]], faults: list[RowFault]) -> Sheet:
    """Lay objects out as a table: its columns are all their names, in the order they turn up."""
    columns = tuple(dict.fromkeys(name for _, one in objects for name in one))
    rows = [
        Line(line, tuple(_text(line, name, one, faults) for name in columns))
        for line, one in objects
    ]
    return Sheet(columns or ("video", "voice"), 1, rows, tuple(faults))


def _array(path: Path, text: str) -> list[Any]:
    try:
        found = read_json(text)
    except ValueError as error:
        raise ManifestError(f"{path}: is no JSON: {error}") from error
    return list(found)


def _lines(text: str, faults: list[RowFault]) -> Iterator[tuple[int, Any]]:
    for line, written in enumerate(text.split("\n"), 1):
        if not written.strip():
            continue
        try:
            yield line, read_json(written)
        except ValueError as error:
            reason = f"is no JSON: {error}; write one object a line"
            faults.append(RowFault(line=line, value=shown(written.strip()), reason=reason))


def _objects(
    found: list[tuple[int, Any]], faults: list[RowFault]
) -> list[tuple[int, dict[str, Any]]]:
    """Keep what is an object; the rest are faults."""
    for line, one in found:
        if not isinstance(one, dict):
            reason = 'is no object; write {"video": "…", "voice": "…"}'
            faults.append(RowFault(line=line, value=shown(text_of(one)), reason=reason))
    return [(line, one) for line, one in found if isinstance(one, dict)]


def _text(line: int, name: str, one: Mapping[str, Any], faults: list[RowFault]) -> str:
    """Write a value as a text; a list or an object is one in the options only."""
    value = one.get(name)
    column = column_of(name)
    if isinstance(value, dict | list) and column != "options":
        reason = "is a list or an object; write a text or a number"
        fault = RowFault(line=line, column=column, value=shown(text_of(value)), reason=reason)
        faults.append(fault)
        return ""
    return text_of(value)
