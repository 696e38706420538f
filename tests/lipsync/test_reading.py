"""Reading: every format gives the same rows, and says on which line each of them stands."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from lipsync.errors import ManifestError
from lipsync.manifest import Manifest
from lipsync.reading import read_manifest

HEADER = ["video", "voice", "id", "budget_usd", "voice_track", "overwrite", "options", "output"]
ROWS: list[list[object]] = [
    ["talk.mp4", "talk.de.wav", "007", 2.5, 1, True, '{"guidance_scale": 1.5}', "one.mp4"],
    ["talk.mp4", "NA", "NaN", None, None, None, None, "two.mp4"],
    ["talk.mp4", "null", "2024-01-02", 1, 0, False, None, "three.mp4"],
    ["Früh.mp4", "日本.wav", "=1+1", 0.1, 0, None, None, "four.mp4"],
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a video and voices that are called like values."""
    for name in ("talk.mp4", "talk.de.wav", "NA", "null", "Früh.mp4", "日本.wav"):
        (tmp_path / name).write_bytes(b"media")
    return tmp_path


def as_csv(path: Path, delimiter: str = ",", encoding: str = "utf-8", end: str = "\n") -> None:
    def cell(value: object) -> str:
        text = "" if value is None else str(value)
        return f'"{text.replace(chr(34), chr(34) * 2)}"' if {delimiter, '"'} & set(text) else text

    lines = (delimiter.join(map(cell, row)) for row in [HEADER, *ROWS])
    path.write_bytes((end.join(lines) + end).encode(encoding))


def as_jsonl(path: Path) -> None:
    rows = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
    rows[0]["options"] = {"guidance_scale": 1.5}
    path.write_text("\n".join(json.dumps(row) for row in rows))


def as_array(path: Path) -> None:
    path.write_text(json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS], indent=1))


def as_excel(path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [HEADER, *ROWS]:
        book.active.append(row)
    book.active["C5"].data_type = "s"  # as Excel keeps '=1+1 that somebody typed as text
    book.save(path)


def as_parquet(path: Path) -> None:
    frame = pd.DataFrame([dict(zip(HEADER, row, strict=True)) for row in ROWS])
    frame["voice_track"] = frame["voice_track"].astype("Int64")
    frame["overwrite"] = frame["overwrite"].astype("boolean")
    frame["options"] = [{"guidance_scale": 1.5, "seed": None}, None, None, None]
    frame.to_parquet(path)


FORMATS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "CSV": ("dubs.csv", as_csv),
    "CSV of a semicolon country": ("dubs.csv", lambda path: as_csv(path, ";")),
    "CSV with CRLF": ("dubs.csv", lambda path: as_csv(path, end="\r\n")),
    "CSV of an old Mac": ("dubs.csv", lambda path: as_csv(path, end="\r")),
    "CSV with a mark": ("dubs.csv", lambda path: as_csv(path, encoding="utf-8-sig")),
    "Unicode text of Excel": ("dubs.txt", lambda path: as_csv(path, "\t", "utf-16", "\r\n")),
    "UTF-16 without a mark": ("dubs.csv", lambda path: as_csv(path, encoding="utf-16-le")),
    "UTF-16, big end first": ("dubs.csv", lambda path: as_csv(path, encoding="utf-16-be")),
    "UTF-32": ("dubs.csv", lambda path: as_csv(path, encoding="utf-32")),
    "TSV": ("dubs.tsv", lambda path: as_csv(path, "\t")),
    "tabs in a CSV": ("dubs.csv", lambda path: as_csv(path, "\t")),
    "bars": ("dubs.psv", lambda path: as_csv(path, "|")),
    "JSON Lines": ("dubs.jsonl", as_jsonl),
    "an array": ("dubs.json", as_array),
    "Excel": ("dubs.xlsx", as_excel),
    "Parquet": ("dubs.parquet", as_parquet),
    "Excel called CSV": ("dubs.csv", as_excel),
    "CSV called Excel": ("dubs.xlsx", as_csv),
    "JSON Lines called Parquet": ("dubs.parquet", as_jsonl),
}
BY_NUMBER = {"an array", "Parquet"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_rows_and_guesses_nothing(name: str, folder: Path) -> None:
    called, write = FORMATS[name]
    write(folder / called)
    manifest = read_manifest(folder / called)
    assert manifest.faults == ()
    assert bool(manifest.notes) == (" called " in name)
    assert [row.id for row in manifest.rows] == ["007", "NaN", "2024-01-02", "=1+1"]
    voices = [Path(row.params.voice).name for row in manifest.rows]
    assert voices == ["talk.de.wav", "NA", "null", "日本.wav"]
    assert [row.params.budget_usd for row in manifest.rows] == [2.5, None, 1, 0.1]
    assert [row.params.voice_track for row in manifest.rows] == [1, 0, 0, 0]
    assert [row.params.overwrite for row in manifest.rows] == [True, False, False, False]
    assert manifest.rows[0].params.options == {"guidance_scale": 1.5}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_knows_the_line_of_a_row(name: str, folder: Path) -> None:
    called, write = FORMATS[name]
    write(folder / called)
    first = 1 if name in BY_NUMBER or "JSON Lines" in name else 2
    assert [row.line for row in read_manifest(folder / called).rows] == [*range(first, first + 4)]


def text(folder: Path, content: str, name: str = "dubs.csv") -> Manifest:
    """Read a manifest of this text."""
    (folder / name).write_bytes(content.encode())
    return read_manifest(folder / name)


def test_a_row_is_where_it_begins_whatever_stands_in_quotes_before_it(folder: Path) -> None:
    options = '"{\n""guidance_scale"":\n\n1.5}"'
    manifest = text(
        folder,
        f"\n\nvideo,voice,output,options\n\ntalk.mp4,NA,a.mp4,{options}\n\n \n"
        "talk.mp4,null,b.mp4,\ntalk.mp4,gone.wav,c.mp4\n",
    )
    assert [row.line for row in manifest.rows] == [5, 11]
    assert [fault.line for fault in manifest.faults] == [12]
    assert manifest.rows[0].params.options == {"guidance_scale": 1.5}


def test_excel_rows_are_those_of_the_sheet(folder: Path) -> None:
    book = openpyxl.Workbook()
    for at, row in ((3, HEADER), (5, ROWS[0]), (9, ROWS[1])):
        for column, value in enumerate(row, 2):
            book.active.cell(at, column, value)
    book.create_sheet("Notes")
    book.save(folder / "dubs.xlsx")
    manifest = read_manifest(folder / "dubs.xlsx")
    assert [row.line for row in manifest.rows] == [5, 9]
    assert manifest.notes == ("dubs.xlsx: the sheet Sheet is read; Notes are not",)


def test_a_formula_or_an_error_in_excel_is_a_fault_and_not_an_empty_cell(folder: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["video", "voice", "budget_usd"])
    book.active.append(["talk.mp4", "NA", "=1+1"])
    book.active.append(["talk.mp4", "null", "#REF!"])
    book.active["C3"].data_type = "e"
    book.save(folder / "dubs.xlsx")
    manifest = read_manifest(folder / "dubs.xlsx")
    assert manifest.rows == ()
    told = [(fault.line, fault.column, fault.reason.split(";")[0]) for fault in manifest.faults]
    assert told == [
        (2, "budget_usd", "holds a formula without a result"),
        (3, "budget_usd", "holds an error (#REF!, #N/A or the like)"),
    ]


def test_a_number_that_is_none_is_a_fault_in_parquet(folder: Path) -> None:
    frame = pd.DataFrame({"video": ["talk.mp4"], "voice": ["NA"], "budget_usd": [1.0]})
    frame["budget_usd"] = np.array([np.nan])
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pandas(frame, safe=False), folder / "null.parquet")
    table = pa.table({"video": ["talk.mp4"], "voice": ["NA"], "budget_usd": [float("nan")]})
    parquet.write_table(table, folder / "nan.parquet")
    assert read_manifest(folder / "null.parquet").rows[0].params.budget_usd is None
    (fault,) = read_manifest(folder / "nan.parquet").faults
    assert (fault.column, fault.value) == ("budget_usd", "nan")


def test_a_line_that_cannot_be_split_costs_no_other_line(folder: Path) -> None:
    manifest = text(
        folder,
        "video,voice,output\n"
        "talk.mp4,NA,a.mp4,and,more\n"
        'talk.mp4,"N"A,b.mp4\n'
        "talk.mp4,null,c.mp4\n"
        'talk.mp4,"null,d.mp4\n'
        "talk.mp4,null,e.mp4\n",
    )
    assert [(row.line, Path(str(row.params.output)).name) for row in manifest.rows] == [
        (4, "c.mp4")
    ]
    assert [(fault.line, fault.reason.split(";")[0]) for fault in manifest.faults] == [
        (2, "has 5 cells for 3 columns"),
        (3, "has a quote inside a cell"),
        (5, "opens a quote that is never closed"),
    ]


def test_a_cell_under_no_column_name_is_a_fault(folder: Path) -> None:
    manifest = text(folder, "video,voice,\ntalk.mp4,NA,\ntalk.mp4,null,2.50\n")
    assert [row.line for row in manifest.rows] == [2]
    (fault,) = manifest.faults
    assert (fault.line, fault.value) == (3, "2.50")


def test_a_short_line_leaves_the_rest_empty(folder: Path) -> None:
    (row,) = text(folder, "video,voice,budget_usd\ntalk.mp4,NA\n").rows
    assert row.params.budget_usd is None


def test_the_line_with_which_excel_is_told_the_delimiter_is_no_header(folder: Path) -> None:
    (row,) = text(folder, "sep=;\r\nvideo;voice\r\ntalk.mp4;NA\r\n").rows
    assert row.line == 3


def test_a_line_that_is_no_object_is_a_fault_of_its_own(folder: Path) -> None:
    manifest = text(
        folder,
        '{"video": "talk.mp4", "voice": "NA"}\n'
        "\n"
        '{"video": "talk.mp4", "voice": "NA"\n'
        "[1]\n"
        '{"video": "talk.mp4", "voice": "NA", "voice": "null"}\n'
        '{"video": ["talk.mp4"], "voice": "NA"}\n',
        "dubs.jsonl",
    )
    assert [row.line for row in manifest.rows] == [1]
    assert [(fault.line, fault.column) for fault in manifest.faults] == [
        (3, None),
        (4, None),
        (5, None),
        (6, "video"),
    ]
    assert manifest.faults[-1].reason.startswith("is a list or an object")


# What is no manifest, its name, and a part of the sentence.
NONE: dict[str, tuple[str, bytes, str]] = {
    "nothing": ("a.csv", b"", "is empty"),
    "blanks": ("a.csv", b" \r\n\n", "is empty"),
    "a mark and no more": ("a.csv", "\ufeff".encode(), "nothing but empty lines"),
    "a header": ("a.csv", b"video,voice\n", "has no rows"),
    "an empty array": ("a.json", b"[]", "has no rows"),
    "an array cut off": ("a.json", b'[{"video": ', "is no JSON"),
    "no header": ("a.csv", b"a.mp4,a.wav\n", "has no header"),
    "Windows letters": ("a.csv", "video,voice\nFrüh.mp4,x".encode("cp1252"), "line 2 is not UTF-8"),
    "a web page": ("a.csv", b"<!doctype html><title>Log in</title>", "is a web page"),
    "a picture": ("a.csv", bytes(range(256)) * 8, "is no table but binary data"),
    "an old workbook": ("a.xls", b"\xd0\xcf\x11\xe0" + bytes(512), "old or a protected workbook"),
    "a damaged workbook": ("a.xlsx", b"PK\x03\x04 and so on", "damaged ZIP or workbook"),
    "a packed table": ("a.csv.gz", b"\x1f\x8b\x08\x00", "unpack it first"),
    "damaged Parquet": ("a.parquet", b"PAR1 and so on PAR1", "is damaged Parquet"),
}


@pytest.mark.parametrize("kind", NONE)
def test_what_is_no_manifest_is_one_sentence(kind: str, folder: Path) -> None:
    name, content, sentence = NONE[kind]
    (folder / name).write_bytes(content)
    with pytest.raises(ManifestError) as refused:
        read_manifest(folder / name)
    said = str(refused.value)
    assert said.startswith(str(folder / name))
    assert sentence in said
    assert "\n" not in said


def test_a_manifest_that_is_not_there_is_one_sentence(folder: Path) -> None:
    with pytest.raises(ManifestError, match="there is no such manifest"):
        read_manifest(folder / "gone.csv")


def test_a_workbook_that_is_none_inside_is_one_sentence(folder: Path) -> None:
    import zipfile

    with zipfile.ZipFile(folder / "a.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook")
        archive.writestr("[Content_Types].xml", "<Types")
    with pytest.raises(ManifestError, match="is a damaged workbook"):
        read_manifest(folder / "a.xlsx")


def test_a_folder_pairs_each_video_with_its_voices_by_language(folder: Path) -> None:
    for name in ("ep.01.mov", "ep.01.pt-br.MP3", "ep.01.zh-Hant.flac", "talk.xx.wav", "lone.mkv"):
        (folder / name).write_bytes(b"media")
    for name in (".talk.fr.wav", "talk.fr.wav.part", "talk.de.preview.mp4", "notes.txt"):
        (folder / name).write_bytes(b"media")
    (folder / "sub.mp4").mkdir()
    manifest = read_manifest(folder)
    assert [(row.line, row.id, row.language) for row in manifest.rows] == [
        (1, "ep.01.pt-BR", "pt-BR"),
        (2, "ep.01.zh-Hant", "zh-Hant"),
        (3, "talk.de", "de"),
    ]
    assert manifest.rows[0].params.output == folder / "ep.01.pt-BR.dub.mp4"
    assert manifest.faults == ()
    assert [note.split(";")[0] for note in manifest.notes] == [
        "Früh.mp4 has no voice",
        "lone.mkv has no voice",
        "talk.xx.wav 'xx' is no language tag: there is no language xx",
        "日本.wav names no language",
    ]


def test_two_files_for_one_place_in_a_folder_are_faults(folder: Path) -> None:
    for name in ("talk.de.mp3", "two.mp4", "two.mov", "two.fr.wav"):
        (folder / name).write_bytes(b"media")
    manifest = read_manifest(folder)
    assert manifest.rows == ()
    assert [(fault.value, fault.reason) for fault in manifest.faults] == [
        ("talk.de.mp3", "makes the same dub as talk.de.wav; keep one"),
        ("talk.de.wav", "makes the same dub as talk.de.mp3; keep one"),
        ("two.fr.wav", "may go with two.mov or two.mp4; keep one of them"),
    ]


def test_a_folder_without_pairs_names_the_table_that_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "a.mp4.json").write_text("{}")
    (tmp_path / "a.mp4.provenance.json").write_text("{}")
    with pytest.raises(ManifestError, match=r"holds no pair name\.mp4 and name\.<language>\.wav$"):
        read_manifest(tmp_path)
    (tmp_path / "dubs.csv").write_text("video,voice\n")
    with pytest.raises(ManifestError, match=r"holds no pair .* if it is .*dubs\.csv you mean"):
        read_manifest(tmp_path)


def test_a_large_manifest_and_a_large_folder_are_read_whole(tmp_path: Path) -> None:
    """Every row is looked at; none is looked at for every other (that would take minutes)."""
    (tmp_path / "talk.mp4").write_bytes(b"media")
    (tmp_path / "talk.wav").write_bytes(b"media")
    rows = "".join(f"talk.mp4,talk.wav,r{n},{n}.mp4\n" for n in range(10_000))
    bad = "".join(f"gone{n}.mp4,talk.wav,b{n},b{n}.mp4\n" for n in range(10_000))
    manifest = text(tmp_path, f"video,voice,id,output\n{rows}{bad}")
    assert (len(manifest.rows), len(manifest.faults)) == (10_000, 10_000)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for n in range(2_500):
        (inbox / f"v{n}.mp4").write_bytes(b"m")
        (inbox / f"v{n}.de.wav").write_bytes(b"m")
    assert len(read_manifest(inbox).rows) == 2_500


def test_the_bundled_manifest_spends_nothing(tmp_path: Path) -> None:
    from lipsync.shelf import data_folder

    manifest = read_manifest(data_folder() / "manifests" / "first.csv", folder=tmp_path)
    assert (manifest.faults, manifest.notes) == ((), ())
    assert {row.language for row in manifest.rows} == {"de", "fr", "es"}
    assert {row.params.model for row in manifest.rows} == {"local-preview"}
