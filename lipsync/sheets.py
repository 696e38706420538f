"""Sheets: a manifest file of any format becomes a table of texts with the line of every row.

What a file is, its content decides; its name only tells what somebody thought. Texts are split
here and not by pandas: it does not say on which line of the file a row began (pandas 3.1, both
engines), and a quoted cell may hold several lines.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lipsync.columns import COLUMNS, column_of
from lipsync.errors import ManifestError
from lipsync.manifest import RowFault
from lipsync.objects import split_objects
from lipsync.parsing import Line, Sheet

# Ours: 10,000 rows are 2 MB; a hundred times that is no manifest.
_MOST_BYTES = 256 * 2**20
# Magic numbers: Apache Parquet, ZIP (Office Open XML), OLE 2 (the Office of 1997), gzip.
_PARQUET, _ZIP, _OLE, _GZIP = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b"
_BOMS = (  # the longer first: UTF-32's begins with UTF-16's
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_DELIMITERS = ",;\t|"
_NAMED = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".jsonl": "JSON",
    ".ndjson": "JSON",
    ".json": "JSON",
    ".parquet": "Parquet",
    ".xlsx": "Excel",
    ".xlsm": "Excel",
}
NAMES = tuple(_NAMED)
_TAKEN = "CSV, TSV, JSONL, Parquet and Excel (.xlsx) are read"


def read_sheet(path: Path) -> Sheet:
    """Read a manifest file as texts; whatever holds a row back is a fault of the sheet.

    Raises:
        ManifestError: There is no such file, it is empty, or no table.
    """
    data = _bytes(path)
    kind, sheet = _read(path, data)
    meant = _NAMED.get(path.suffix.lower(), kind)
    note = () if meant == kind else (f"{path.name} is {kind}, whatever its name says; read so",)
    return sheet._replace(notes=(*sheet.notes, *note))


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            what = "is a pipe or a device; write it to a file first"
            missing = "there is no such manifest; check its name"
            raise ManifestError(f"{path}: {what if path.exists() else missing}")
        if path.stat().st_size > _MOST_BYTES:
            raise ManifestError(f"{path}: is over {_MOST_BYTES // 2**20} MB; split the manifest")
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    if not data.strip():
        raise ManifestError(f"{path}: is empty; write a header and a row for each dub")
    return data


def _read(path: Path, data: bytes) -> tuple[str, Sheet]:
    """Tell the format by the content, and read it."""
    if data.startswith(_PARQUET):
        from lipsync.workbooks import read_parquet  # noqa: PLC0415  loads pandas, 0.4 s

        return "Parquet", read_parquet(path)
    if data.startswith(_ZIP) and _is_excel(path):
        from lipsync.workbooks import read_excel  # noqa: PLC0415  as above

        return "Excel", read_excel(path)
    text = _text(path, data)
    if text.lstrip()[:1] in {"{", "["}:
        return "JSON", split_objects(path, text)
    return "CSV", _split(path, text)


def _is_excel(path: Path) -> bool:
    """Look into a ZIP; one that unpacks to more than any manifest is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            named = "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile as error:
        raise ManifestError(f"{path}: is a damaged ZIP or workbook; save it again") from error
    if size > _MOST_BYTES:
        raise ManifestError(f"{path}: unpacks to over {_MOST_BYTES // 2**20} MB; split it")
    return named


def _text(path: Path, data: bytes) -> str:
    """Decode a text: as its byte order mark says, else as UTF-8, else as UTF-16 by its zeros."""
    for magic, why in (
        (_ZIP, "is a ZIP archive"),
        (_OLE, "is an old or a protected workbook; save it as .xlsx without a password"),
        (_GZIP, "is packed with gzip; unpack it first"),
    ):
        if data.startswith(magic):
            raise ManifestError(f"{path}: {why}; {_TAKEN}")
    code = next((code for bom, code in _BOMS if data.startswith(bom)), _by_zeros(data[:1024]))
    try:
        return data.decode(code)
    except UnicodeDecodeError as error:
        if b"\0" in data[:1024]:
            raise ManifestError(f"{path}: is no table but binary data; {_TAKEN}") from error
        line = data[: error.start].count(b"\n") + 1
        raise ManifestError(
            f"{path}: line {line} is not {code.upper()} (byte 0x{data[error.start]:02X}); "
            "save it as UTF-8, in Excel 'CSV UTF-8'"
        ) from error


def _by_zeros(head: bytes) -> str:
    """Tell UTF-16 without a mark: every other byte of a header is zero."""
    half = len(head) // 2
    if half and head[1::2].count(0) >= 0.9 * half:
        return "utf-16-le"
    return "utf-16-be" if half and head[::2].count(0) >= 0.9 * half else "utf-8"


def _split(path: Path, text: str) -> Sheet:
    """Split a text at its delimiters; the one that shows most columns is it."""
    if text.lstrip().startswith("<"):
        raise ManifestError(f"{path}: is a web page or XML; {_TAKEN}")
    text, asked, skipped = _told_delimiter(text)
    faults: list[RowFault] = []
    delimiter = asked or max(_DELIMITERS, key=lambda mark: _columns_shown(text, mark))
    records = _records(text, delimiter, skipped, faults)
    header = next((line for line in records if any(map(str.strip, line.cells))), None)
    if header is None:
        raise ManifestError(f"{path}: holds nothing but empty lines; write a header and rows")
    rows = [row for line in records if (row := _fitted(line, len(header.cells), faults))]
    return Sheet(header.cells, header.line, rows, tuple(faults))


def _told_delimiter(text: str) -> tuple[str, str | None, int]:
    """Take off the line with which Excel is told the delimiter: `sep=;`."""
    first, _, rest = text.partition("\n")
    told = first.strip('\r\n "')
    if told.lower().startswith("sep=") and len(told) == 5:  # noqa: PLR2004  one mark
        return rest, told[4], 1
    return text, None, 0


def _columns_shown(text: str, delimiter: str) -> int:
    first = next(_records(text[:65_536].lstrip(), delimiter, 0, []), None)
    return sum(column_of(name) in COLUMNS for name in first.cells) if first else 0


def _records(text: str, delimiter: str, skipped: int, faults: list[RowFault]) -> Iterator[Line]:
    """Yield every record with the line it begins on; one that cannot be split is a fault."""
    csv.field_size_limit(_MOST_BYTES)  # the length of a cell is held against our own limit
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + skipped + 1
        try:
            yield Line(line, tuple(next(reader)))
        except StopIteration:
            return
        except csv.Error as error:
            last = reader.line_num + skipped
            faults.append(RowFault(line=line, reason=_quoting(str(error), line, last)))


def _quoting(said: str, line: int, last: int) -> str:
    """Say what is wrong with the quotes of a record."""
    if "unexpected end" not in said:
        return "has a quote inside a cell; write it twice, and quote the whole cell"
    lost = f"; lines {line + 1} to {last} are lost in it" if last > line else ""
    return f"opens a quote that is never closed{lost}"


def _fitted(line: Line, width: int, faults: list[RowFault]) -> Line | None:
    """Give a record as many cells as there are columns; None when it has more."""
    cells = line.cells
    if any(map(str.strip, cells[width:])):
        reason = f"has {len(cells)} cells for {width} columns; quote a cell with a delimiter in it"
        faults.append(RowFault(line=line.line, reason=reason))
        return None
    return Line(line.line, (cells + ("",) * width)[:width])
