"""Parsing: a sheet of raw cells becomes a manifest; what no line knows of another is found here."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lipsync.cells import Fault, shown
from lipsync.columns import COLUMNS, Header, read_header
from lipsync.drafts import Desk, Draft, drafted, language_in_name
from lipsync.errors import ManifestError
from lipsync.manifest import Manifest, Row, RowFault
from lipsync.pairing import stem_of
from lipsync.params import DubParams

# Ours: as many lines as a sentence bears.
_LINES = 10


class Line(NamedTuple):
    """One row of a sheet, as texts."""

    line: int
    cells: tuple[str, ...]


class Sheet(NamedTuple):
    """A table as it was read; what could not be read is a fault already."""

    columns: tuple[str, ...]
    line: int
    rows: Sequence[Line]
    faults: tuple[RowFault, ...] = ()
    notes: tuple[str, ...] = ()


def parsed(source: Path, sheet: Sheet, desk: Desk) -> Manifest:
    """Read every line of a sheet.

    Raises:
        ManifestError: It is no manifest at all: no header, or nothing below it.
    """
    header = _header(source, sheet)
    sheet = sheet._replace(faults=(*sheet.faults, *_nameless(sheet)))
    drafts: list[Draft] = []
    faults = [RowFault(line=sheet.line, reason=reason) for reason in header.faults]
    faults += sheet.faults
    unread = {(fault.line, fault.column) for fault in sheet.faults}
    broken = {line for line, _ in unread}
    lines = list(_distinct(_named(sheet, header), faults))
    for line, cells in lines:
        dubs, wrong = drafted(line, cells, desk)
        drafts += [] if line in broken else dubs
        wrong = [fault for fault in wrong if (line, fault.column) not in unread]
        faults += _faults(line, cells.get("id", ""), wrong)
    if not (lines or faults):
        raise ManifestError(f"{source}: has no rows; write one for each dub")
    rows = _rows(drafts)
    clashing = _clashes(rows, drafts, desk)
    faults += [fault for found in clashing.values() for fault in found]
    kept = () if header.faults else tuple(r for at, r in enumerate(rows) if at not in clashing)
    return Manifest(
        source=source,
        rows=kept,
        faults=tuple(sorted(faults, key=_order)),
        notes=(*sheet.notes, *_odd_names(kept)),
    )


def _header(source: Path, sheet: Sheet) -> Header:
    header = read_header(sheet.columns)
    if not header.known:
        begins = ", ".join(shown(name) for name in sheet.columns[:3])
        raise ManifestError(
            f"{source}: has no header: it begins with {begins or 'an empty line'}; "
            "name the columns in the first line, at least video and voice"
        )
    return header


def _nameless(sheet: Sheet) -> Iterator[RowFault]:
    """Find cells nobody can say the meaning of: it could be a budget."""
    blank = [at for at, name in enumerate(sheet.columns) if not name.strip()]
    for row in sheet.rows if blank else ():
        text = next((row.cells[at] for at in blank if row.cells[at].strip()), None)
        if text is not None:
            reason = "stands under no column name; name the column, or empty the cell"
            yield RowFault(line=row.line, value=shown(text), reason=reason)


def _named(sheet: Sheet, header: Header) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the lines that say something, by column."""
    for row in sheet.rows:
        texts = (text.strip() for text in row.cells)
        named = zip(header.names, texts, strict=True)
        cells = {name: text for name, text in named if name and text}
        if cells:
            yield row.line, cells


def _distinct(
    lines: Iterator[tuple[int, dict[str, str]]], faults: list[RowFault]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Pass every line on once; one that says the same again is a fault."""
    first: dict[frozenset[tuple[str, str]], int] = {}
    for line, cells in lines:
        known = first.setdefault(frozenset(cells.items()), line)
        if known == line:
            yield line, cells
        else:
            reason = f"is the same as line {known}; remove one"
            faults.append(RowFault(line=line, id=shown(cells.get("id", "")), reason=reason))


def _faults(line: int, name: str, wrong: list[Fault]) -> list[RowFault]:
    return [RowFault(line=line, id=shown(name), **fault._asdict()) for fault in wrong]


def _rows(drafts: list[Draft]) -> list[Row]:
    """Give every dub an id of its own; one that a person gave stays as it is."""
    taken = {draft.id for draft in drafts if draft.given}
    rows = []
    for draft in drafts:
        name = draft.id if draft.given else _free(draft, taken)
        taken.add(name)
        rows.append(
            Row(
                line=draft.line,
                id=name,
                params=DubParams.model_validate(draft.fields),
                language=draft.language,
                priority=draft.priority,
            )
        )
    return rows


def _free(draft: Draft, taken: set[str]) -> str:
    """Tell a name from those that are taken, by its line."""
    name, n = draft.id, 1
    while name in taken:
        name, n = f"{draft.id}@{draft.line}" + (f".{n}" if n > 1 else ""), n + 1
    return name


def _clashes(rows: list[Row], drafts: list[Draft], desk: Desk) -> dict[int, list[RowFault]]:
    """Find the rows that want one id, or one output, by their place among the rows."""
    alike: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, (row, draft) in enumerate(zip(rows, drafts, strict=True)):
        alike["id", row.id].append(at)
        alike["output", _place(draft, desk)].append(at)
    found = defaultdict(list)
    for (column, value), ats in alike.items():
        for at in ats if len(ats) > 1 else ():
            others = sorted({rows[other].line for other in ats if other != at})
            reason = f"is the {column} of {_lines(others)}, too; every dub needs its own"
            found[at].append(_clash(rows[at], column, value, reason))
    return dict(found)


def _clash(row: Row, column: str, value: str, reason: str) -> RowFault:
    return RowFault(
        line=row.line, id=shown(row.id), column=column, value=shown(value), reason=reason
    )


def _place(draft: Draft, desk: Desk) -> str:
    """Say where a dub goes, whatever its model: two dubs cannot go there."""
    if draft.fields["output"] is not None:
        return desk.places.key(draft.fields["output"])
    video, voice = draft.fields["video"], draft.fields["voice"]
    name = f"{stem_of(video)}.{stem_of(voice)}.dub.mp4"
    return desk.places.key(str(PurePosixPath(video).with_name(name)))


def _lines(lines: list[int]) -> str:
    """Name some lines.

    >>> _lines([3]), _lines([3, 5])
    ('line 3', 'lines 3, 5')
    """
    more = f" and {len(lines) - _LINES} more" if len(lines) > _LINES else ""
    plural = "s" if len(lines) > 1 else ""
    return f"line{plural} {', '.join(map(str, lines[:_LINES]))}{more}"


def _odd_names(rows: Sequence[Row]) -> tuple[str, ...]:
    """Note the rows whose voice is named after another language: a slip that costs money."""
    odd = []
    for row in rows:
        named = language_in_name(str(row.params.video), str(row.params.voice))
        if row.language and named and named.split("-")[0] != row.language.split("-")[0]:
            odd.append(row.line)
    if not odd:
        return ()
    return (f"{_lines(odd)}: the voice is named after another language than the row says",)


def _order(fault: RowFault) -> tuple[int, int]:
    """Order faults as the table is read: by line, the row as a whole before its cells."""
    return fault.line, COLUMNS.index(fault.column) if fault.column in COLUMNS else -1
