"""Manifests: every row is good or its faults are told, each with its line, column and reason."""

import csv
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from lipsync.admission import inspect
from lipsync.drafts import Desk, drafted
from lipsync.errors import ManifestError, MediaError
from lipsync.fields import Known
from lipsync.home import Home
from lipsync.manifest import Manifest, Row, admitted, fault_rows
from lipsync.output import CONTAINERS
from lipsync.places import Disk
from lipsync.profiles import load_profiles
from lipsync.reading import read_manifest
from lipsync.shelf import data_folder, load_catalogue
from lipsync.workshop import Workshop

GOOD = {"video": "talk.mp4", "voice": "talk.de.wav"}
FIRST = {"id": "first", "video": "talk.mp4", "voice": "solo.wav", "output": "first.mp4"}
KNOWN = Known(catalogue=load_catalogue(), profiles=tuple(load_profiles()), containers=CONTAINERS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three videos, their voices, and what is no file."""
    for name in ("talk.mp4", "two.mp4", "three.mp4"):
        (tmp_path / name).write_bytes(b"a picture")
    for name in ("talk.de.wav", "talk.fr.wav", "two.de.wav", "solo.wav", "Odd Näme.wav"):
        (tmp_path / name).write_bytes(b"a voice")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "videos").mkdir()
    return tmp_path


def written(folder: Path, rows: Iterable[Mapping[str, str]], name: str = "dubs.csv") -> Path:
    """Write rows as a manifest; the columns are all that are named."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, columns, restval="")
        table.writeheader()
        table.writerows(rows)
    return path


def read(folder: Path, *rows: Mapping[str, str]) -> Manifest:
    """Read a manifest of these rows."""
    return read_manifest(written(folder, rows))


# What is wrong with a row, the column that says so, and a part of the reason.
BAD: dict[str, tuple[dict[str, str], str | None, str]] = {
    "no video": ({"video": ""}, "video", "is empty"),
    "no voice": ({"voice": ""}, "voice", "is empty"),
    "a missing video": ({"video": "gone.mp4"}, "video", "there is no such file"),
    "a missing voice": ({"voice": "gone.wav"}, "voice", "there is no such file"),
    "upper for lower case": ({"video": "TALK.mp4"}, "video", "did you mean talk.mp4?"),
    "a missing folder": ({"video": "no/where.mp4"}, "video", "there is no folder"),
    "a folder as video": ({"video": "videos"}, "video", "is a folder"),
    "an empty file": ({"voice": "empty.wav"}, "voice", "is empty (0 bytes)"),
    "a file below a file": ({"video": "talk.mp4/x.mp4"}, "video", "Not a directory"),
    "a name too long": ({"video": "x" * 300 + ".mp4"}, "video", "File name too long"),
    "nobody's home": ({"voice": "~nobody-here/a.wav"}, "voice", "names no file"),
    "a pattern of nothing": ({"voice": "nothing.*.wav"}, "voice", "matches no file"),
    "a pattern of folders": ({"video": "vid*"}, "video", "matches no file"),
    "a pattern with an empty file": (
        {"voice": "emp*.wav"},
        "voice",
        "matches empty.wav, which is empty",
    ),
    "videos without voices": (
        {"video": "*.mp4", "voice": "t*.de.wav"},
        "video",
        "matches three.mp4, with no voice of that name",
    ),
    "voices without a video": (
        {"video": "tw*.mp4", "voice": "*.de.wav"},
        "voice",
        "talk.de.wav, with no video of that name",
    ),
    "a path of Windows": ({"video": "C:\\in\\talk.mp4"}, "video", "with / instead of \\"),
    "backslashes": ({"video": "in\\talk.mp4"}, "video", "with / instead of \\"),
    "a strange scheme": ({"voice": "ftp://host/a.wav"}, "voice", "ftp addresses are not read"),
    "a file address": ({"voice": "file:///a.wav"}, "voice", "file addresses are not read"),
    "an address without a host": ({"video": "https:///a.mp4"}, "video", "is no whole link"),
    "an address with half a host": ({"video": "http://[a/b.mp4"}, "video", "is no whole link"),
    "an unknown model": ({"model": "sync-9"}, "model", "did you mean sync-"),
    "a model of nobody": ({"model": "qqqq"}, "model", "choose one of sync-1.9"),
    "an unknown policy": ({"policy": "dear"}, "policy", "must be cheapest, balanced"),
    "an unknown sync mode": ({"sync_mode": "stretch"}, "sync_mode", "must be auto, cut_off"),
    "an unknown fit": ({"fit": "theirs"}, "fit", "must be local or vendor"),
    "an unknown profile": ({"profile": "webb"}, "profile", "did you mean web?"),
    "a trim backwards": ({"trim": "9:2"}, "trim", "ends before it starts"),
    "a trim of words": ({"trim": "the end"}, "trim", "cannot be read"),
    "a trim of two readings": ({"trim": "0:10:20"}, "trim", "can mean"),
    "a loudness of words": ({"loudness": "loud"}, "loudness", "is no number"),
    "a loudness too loud": ({"loudness": "-3"}, "loudness", "must be at most -5"),
    "a loudness too quiet": ({"loudness": "-60"}, "loudness", "must be at least -36"),
    "money of words": ({"budget_usd": "lots"}, "budget_usd", "is no number"),
    "money with a comma": ({"budget_usd": "2,50"}, "budget_usd", "with a point: 2.50"),
    "money with a sign": ({"budget_usd": "$2.50"}, "budget_usd", "write 2.50"),
    "money owed": ({"budget_usd": "-1"}, "budget_usd", "must be at least 0"),
    "too much money": ({"budget_usd": "1e6"}, "budget_usd", "must be at most 10000"),
    "no number": ({"budget_usd": "NaN"}, "budget_usd", "is no number"),
    "no end of money": ({"budget_usd": "inf"}, "budget_usd", "is no number"),
    "a number of Python": ({"budget_usd": "1_0"}, "budget_usd", "is no number"),
    "half a track": ({"voice_track": "1.5"}, "voice_track", "is no whole number"),
    "a track before the first": ({"voice_track": "-1"}, "voice_track", "must be at least 0"),
    "generation 0": ({"generation": "0"}, "generation", "must be at least 1"),
    "a flag of maybe": ({"keep_picture": "maybe"}, "keep_picture", "neither true nor false"),
    "silence of 2": ({"trim_silence": "2"}, "trim_silence", "neither true nor false"),
    "overwrite of da": ({"overwrite": "da"}, "overwrite", "neither true nor false"),
    "options of Python": ({"options": "{'seed': 1}"}, "options", "is no JSON"),
    "a list of options": ({"options": "[1]"}, "options", "is JSON, but no object"),
    "an option twice": ({"options": '{"seed": 1, "seed": 2}'}, "options", "stands there twice"),
    "an option of NaN": ({"options": '{"seed": NaN}'}, "options", "NaN is no number"),
    "options without end": ({"options": '{"a":' * 9000}, "options", "nested too deeply"),
    "an unknown option": (
        {"model": "latentsync", "options": '{"smile": 1}'},
        "options",
        "latentsync does not take smile; it takes guidance_scale",
    ),
    "an option out of range": (
        {"model": "latentsync", "options": '{"guidance_scale": 99}'},
        "options",
        "guidance_scale as a number from 1 to 2",
    ),
    "an option of no model": (
        {"options": '{"smile": 1}'},
        "options",
        "no model takes smile; there are ",
    ),
    "a language by name": ({"language": "german"}, "language", "is no language tag"),
    "a language of three letters": ({"language": "ger"}, "language", "write de"),
    "a country for a language": ({"language": "jp"}, "language", "write ja"),
    "an underline": ({"language": "pt_BR"}, "language", "write pt-BR"),
    "no such language": ({"language": "qq"}, "language", "there is no language qq"),
    "no such region": ({"language": "en-UK"}, "language", "write GB"),
    "priority high": ({"priority": "high"}, "priority", "is no whole number"),
    "a wild priority": ({"priority": "9" * 9}, "priority", "must be between"),
    "half a priority": ({"priority": "1.5"}, "priority", "is no whole number"),
    "a long id": ({"id": "x" * 101}, "id", "at most 100"),
    "a path as id": ({"id": "../x"}, "id", "holds a slash"),
    "an output of sound": ({"output": "a.wav"}, "output", "must end in .mp4, .mov, .mkv"),
    "an output without a suffix": ({"output": "out"}, "output", "must end in"),
    "an output folder": ({"output": "out/"}, "output", "names a folder"),
    "an output online": ({"output": "https://host/a.mp4"}, "output", "is an address"),
    "the input as output": ({"output": "./talk.mp4"}, "output", "is an input of this dub"),
    "one output for two": (
        {"voice": "talk.*.wav", "output": "a.mp4"},
        "output",
        "is one output for 2 dubs",
    ),
    "a NUL": ({"video": "talk\0.mp4"}, "video", "holds U+0000"),
    "a line break in a path": ({"voice": "talk\n.wav"}, "voice", "holds U+000A"),
    "a letter nobody sees": ({"voice": "talk\u200b.wav"}, "voice", "holds U+200B"),
    "a huge cell": ({"voice": "x" * 40_000}, "voice", "has 40,000 characters"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_is_named_by_its_line_its_column_and_its_reason(kind: str, folder: Path) -> None:
    cells, column, reason = BAD[kind]
    manifest = read(folder, FIRST, {"id": "second"} | GOOD | cells)
    assert manifest.rows[0].id == "first"
    (fault,) = manifest.faults
    assert (fault.line, fault.column) == (3, column)
    assert reason in fault.reason
    assert len(fault.value) <= 80
    assert len(fault.reason) < 500


def test_all_kinds_of_bad_row_are_told_at_once_and_the_good_ones_are_kept(folder: Path) -> None:
    faulty = [{"id": f"row {n}"} | GOOD | BAD[kind][0] for n, kind in enumerate(BAD)]
    good = {"id": "good", "video": "two.mp4", "voice": "two.de.wav", "output": "good.mp4"}
    manifest = read(folder, good, *faulty)
    lines = {fault.line for fault in manifest.faults}
    assert len(lines) == len(BAD)
    assert "good" in {row.id for row in manifest.rows}
    assert not {row.line for row in manifest.rows} & (lines - partly_good(manifest))
    told = fault_rows(manifest)
    assert [int(row["line"]) for row in told] == sorted(int(row["line"]) for row in told)
    for row in told:
        assert row["reason"]
        assert all(isinstance(cell, str) for cell in row.values())


def partly_good(manifest: Manifest) -> set[int]:
    """Lines with a pattern of which only some files had no other half."""
    return {fault.line for fault in manifest.faults if "of that name" in fault.reason}


def test_three_bad_cells_are_three_faults(folder: Path) -> None:
    bad = {"model": "sync-9", "budget_usd": "lots", "trim": "9:2"}
    faults = read(folder, GOOD | bad).faults
    assert [fault.column for fault in faults] == ["model", "budget_usd", "trim"]
    assert [fault.value for fault in faults] == ["sync-9", "lots", "9:2"]


def test_rows_that_want_one_output_or_one_id_name_each_other(folder: Path) -> None:
    manifest = read(
        folder,
        {"id": "a", "output": "x.mp4"} | GOOD,
        GOOD | {"id": "b", "output": f"../{folder.name}/x.mp4", "voice": "talk.fr.wav"},
        {"id": "b", "output": "y.mp4"} | GOOD,
        {"id": "c", "output": "z.mp4"} | GOOD,
    )
    told = [(fault.line, fault.column, fault.reason.split(",")[0]) for fault in manifest.faults]
    assert told == [
        (2, "output", "is the output of line 3"),
        (3, "output", "is the output of line 2"),
        (3, "id", "is the id of line 4"),
        (4, "id", "is the id of line 3"),
    ]
    assert [row.id for row in manifest.rows] == ["c"]


def test_two_dubs_that_would_go_to_one_default_output_are_faults(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "same.wav").write_bytes(b"a voice")
    rows = ({"video": "talk.mp4", "voice": f"{name}/same.wav"} for name in ("a", "b"))
    assert [fault.column for fault in read(folder, *rows).faults] == ["output", "output"]


def test_a_row_that_is_there_twice_is_one_fault(folder: Path) -> None:
    manifest = read(folder, {"id": "a"} | GOOD, {"id": " a "} | GOOD)
    assert [row.line for row in manifest.rows] == [2]
    (fault,) = manifest.faults
    assert (fault.line, fault.reason) == (3, "is the same as line 2; remove one")


def test_unknown_columns_are_one_fault_that_says_what_they_may_have_meant(folder: Path) -> None:
    manifest = read(folder, GOOD | {"budgte_usd": "1", "Audio": "x", "zzz": "", "_note": "mine"})
    (fault,) = manifest.faults
    assert fault.line == 1
    assert fault.reason.startswith(
        "unknown columns 'budgte_usd' (did you mean budget_usd?), 'Audio' (did you mean voice?), "
        "'zzz'; rename"
    )


def test_no_row_runs_while_a_column_is_not_understood(folder: Path) -> None:
    """A mistyped budget must not become no budget, not even with --keep-going."""
    assert read(folder, GOOD | {"budgte_usd": "1"}).rows == ()
    assert read(folder, GOOD | {"loudness": "-16", "Loudness-LUFS": "-16"}).rows == ()


def test_a_needed_column_that_is_missing_is_said_once(folder: Path) -> None:
    manifest = read(folder, {"video": "talk.mp4"})
    assert manifest.faults[0].reason == "there is no column voice"


def test_columns_are_known_in_any_dress(folder: Path) -> None:
    manifest = read(folder, {" Video": "talk.mp4", "VOICE ": "talk.de.wav", "Budget USD": "2.50"})
    assert manifest.faults == ()
    assert manifest.rows[0].params.budget_usd == 2.5


def test_every_column_reaches_the_parameters(folder: Path) -> None:
    cells = GOOD | {
        "id": "007",
        "language": "PT-br",
        "output": "out.mov",
        "model": "latentsync",
        "policy": "Best",
        "sync_mode": "Loop",
        "trim": "1:5",
        "loudness": "-14",
        "budget_usd": "2",
        "options": '{"guidance_scale": 1.5}',
        "priority": "-3",
        "profile": "web",
        "fit": "vendor",
        "keep_picture": "FALSE",
        "voice_track": "1",
        "trim_silence": "no",
        "generation": "2",
        "overwrite": "yes",
        "bed": "Duck",
        "bed_file": "talk.de.wav",
        "bed_level_lu": "-18",
        "poster": "YES",
        "contact_sheet": "true",
    }
    (row,) = read(folder, cells).rows
    assert (row.id, row.language, row.priority) == ("007", "pt-BR", -3)
    said = row.params.model_dump(mode="json", exclude={"on_interrupt"})
    assert said == {
        "video": str(folder / "talk.mp4"),
        "voice": str(folder / "talk.de.wav"),
        "output": str(folder / "out.mov"),
        "model": "latentsync",
        "policy": "best",
        "budget_usd": 2.0,
        "sync_mode": "loop",
        "fit": "vendor",
        "keep_picture": False,
        "trim": "1:5",
        "voice_track": 1,
        "trim_silence": False,
        "profile": "web",
        "loudness_lufs": -14.0,
        "generation": 2,
        "overwrite": True,
        "options": {"guidance_scale": 1.5},
        "bed": "duck",
        "bed_file": str(folder / "talk.de.wav"),
        "bed_level_lu": -18.0,
        "language": "por",
        "poster": True,
        "contact_sheet": True,
    }


@pytest.mark.parametrize(
    ("bed", "reason"),
    [
        ("gone.wav", "gone.wav"),
        ("https://example.com/bed.wav", "is an address; a bed is a file here"),
    ],
)
def test_a_bed_is_one_file_here(folder: Path, bed: str, reason: str) -> None:
    (fault,) = read(folder, GOOD | {"bed": "keep", "bed_file": bed}).faults
    assert fault.column == "bed_file"
    assert reason in f"{fault.value} {fault.reason}"


def test_a_dub_nobody_names_goes_into_the_container_of_its_profile(folder: Path) -> None:
    """The profile's first container; the profile `source` has none and takes the video's."""
    cells = GOOD | {"profile": "broadcast-r128", "model": "sync-2"}
    (row,) = read(folder, cells).rows
    assert row.params.output is not None
    assert row.params.output.name == "talk.de.dub.mov"
    (plain,) = read(folder, GOOD | {"profile": "source", "model": "sync-2"}).rows
    assert plain.params.output is not None
    assert plain.params.output.name == "talk.de.dub.mp4"


def test_a_row_that_names_no_language_tags_nothing(folder: Path) -> None:
    (unsaid,) = read(folder, GOOD).rows
    assert (unsaid.language, unsaid.params.language) == ("de", None)
    (private,) = read(folder, GOOD | {"language": "x-klingon"}).rows
    assert (private.language, private.params.language) == ("x-klingon", None)


def test_a_pattern_makes_a_row_for_each_voice_and_takes_the_language_from_its_name(
    folder: Path,
) -> None:
    rows = read(folder, {"video": "talk.mp4", "voice": "talk.*.wav", "id": "ep1"}).rows
    assert [(row.line, row.id, row.language) for row in rows] == [
        (2, "ep1.talk.de", "de"),
        (2, "ep1.talk.fr", "fr"),
    ]
    assert [row.params.output for row in rows] == [
        folder / "talk.de.dub.mp4",
        folder / "talk.fr.dub.mp4",
    ]


def test_two_patterns_are_paired_by_name(folder: Path) -> None:
    rows = read(folder, {"video": "t[aw]*.mp4", "voice": "*.de.wav"}).rows
    assert [row.id for row in rows] == ["talk.de", "two.de"]


def test_a_file_called_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "talk[1].wav").write_bytes(b"a voice")
    (row,) = read(folder, {"video": "talk.mp4", "voice": "talk[1].wav"}).rows
    assert Path(row.params.voice).name == "talk[1].wav"


def test_a_pattern_works_in_a_folder_called_like_one(folder: Path) -> None:
    odd = folder / "take [2]*"
    odd.mkdir()
    (odd / "talk.mp4").write_bytes(b"a picture")
    (odd / "talk.de.wav").write_bytes(b"a voice")
    (row,) = read(odd, {"video": "talk.mp4", "voice": "*.wav"}).rows
    assert row.id == "talk.de"


def test_a_name_in_another_unicode_form_is_found(folder: Path) -> None:
    """Macs write ä as a and two dots; tables mostly do not."""
    decomposed = "Odd Na\u0308me.wav"
    (row,) = read(folder, {"video": "talk.mp4", "voice": decomposed}).rows
    assert Path(row.params.voice).name == "Odd Näme.wav"


def test_rows_without_ids_get_their_own(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "talk.mp4").write_bytes(b"another picture")
    rows = read(folder, GOOD, GOOD | {"video": "more/talk.mp4"}).rows
    assert [row.id for row in rows] == ["talk.de", "talk.de@3"]


def test_defaults_fill_what_a_row_leaves_open_and_nothing_else(folder: Path) -> None:
    rows = [GOOD, GOOD | {"model": "latentsync", "voice": "solo.wav"}]
    defaults = {"model": "local-preview", "budget_usd": 0.5}
    first, second = read_manifest(written(folder, rows), defaults=defaults).rows
    assert (first.params.model, first.params.budget_usd) == ("local-preview", 0.5)
    assert (second.params.model, second.params.budget_usd) == ("latentsync", 0.5)


def test_a_row_with_a_policy_of_its_own_leaves_the_default_model(folder: Path) -> None:
    path = written(folder, [GOOD | {"policy": "best"}])
    (row,) = read_manifest(path, defaults={"model": "local-preview"}).rows
    assert (row.params.model, row.params.policy) == (None, "best")


def test_options_are_held_against_the_default_model(folder: Path) -> None:
    path = written(folder, [GOOD | {"options": '{"guidance_scale": 1.5}'}])
    assert read_manifest(path).faults == ()
    (fault,) = read_manifest(path, defaults={"model": "sync-1.9"}).faults
    assert fault.reason.startswith("sync-1.9 does not take guidance_scale")


def test_outputs_go_to_the_folder_that_is_named(folder: Path) -> None:
    rows = (GOOD, GOOD | {"voice": "solo.wav"}, GOOD | {"output": "sub/x.mp4"})
    manifest = read_manifest(written(folder, rows), folder=folder / "o")
    names = ("talk.de.dub.mp4", "talk.solo.dub.mp4", "sub/x.mp4")
    assert [row.params.output for row in manifest.rows] == [folder / "o" / name for name in names]


def test_a_preview_says_so_in_its_name(folder: Path) -> None:
    (row,) = read(folder, GOOD | {"model": "local-preview"}).rows
    assert row.params.output == folder / "talk.de.preview.mp4"


def test_a_dub_that_can_only_be_a_preview_is_called_one(folder: Path) -> None:
    path = written(folder, [GOOD])
    closed = {"fal": "no key", "unified": "no key", "local": None}
    (row,) = read_manifest(path, availability=closed).rows
    assert row.params.output == folder / "talk.de.preview.mp4"
    (row,) = read_manifest(path, availability=closed | {"fal": None}).rows
    assert row.params.output == folder / "talk.de.dub.mp4"


def test_no_key_in_a_link_is_repeated(folder: Path) -> None:
    secret = "hunter2"  # noqa: S105  the point of the test
    rows = (
        {"video": f"https://me:{secret}@[host/?sig={secret}", "voice": "talk.de.wav"},
        {"video": f"s3://bucket/a.mp4?sig={secret}", "voice": f"gone.wav?x={secret[:3]}"},
        GOOD | {"model": "latentsync", "options": f'{{"x": "https://h/a?sig={secret}"}}'},
        GOOD | {"model": f"https://h/{'a' * 50}?sig={secret}"},
    )
    manifest = read(folder, *rows)
    assert len({fault.line for fault in manifest.faults}) == len(rows)
    assert secret not in str(fault_rows(manifest))


def test_a_voice_named_after_another_language_is_noted(folder: Path) -> None:
    manifest = read(folder, GOOD | {"language": "fr"})
    assert manifest.notes == (
        "line 2: the voice is named after another language than the row says",
    )


def test_a_link_is_passed_on_letter_by_letter(folder: Path) -> None:
    link = "https://host/in/My%20talk.mp4?X-Amz-Signature=a//b"
    desk = Desk(KNOWN, Disk(folder), {})
    (draft,), faults = drafted(2, {"video": link, "voice": "HTTPS://host/a.wav"}, desk)
    assert faults == []
    assert (draft.fields["video"], draft.fields["voice"]) == (link, "HTTPS://host/a.wav")
    assert (draft.id, draft.fields["output"]) == ("My talk.a", str(folder / "My talk.a.dub.mp4"))


def test_what_a_look_refuses_is_a_fault_of_its_row(folder: Path) -> None:
    manifest = read(folder, {"id": "a"} | GOOD, GOOD | {"id": "b", "video": "two.mp4"})

    def look(row: Row) -> None:
        if row.id == "a":
            raise MediaError(f"{row.params.video}: is 0.1 s long; give a longer one")

    (fault,) = admitted(manifest.rows, look)
    assert (fault.line, fault.id, fault.column) == (2, "a", "video")
    assert fault.value == str(folder / "talk.mp4")


def test_what_is_no_media_is_found_out_before_anything_is_spent(folder: Path, home: Home) -> None:
    shop = Workshop(home)
    shutil.copy(data_folder() / "samples" / "talk.mp4", folder / "talk.mp4")
    shutil.copy(data_folder() / "samples" / "equal_fr.wav", folder / "talk.fr.wav")
    rows = read(folder, GOOD, GOOD | {"voice": "talk.fr.wav"}).rows
    (fault,) = admitted(rows, lambda row: inspect(shop, row.params))
    assert (fault.line, fault.column) == (2, "voice")
    assert "a text file" in fault.reason


def test_a_bug_in_a_look_is_no_fault_of_a_row(folder: Path) -> None:
    def look(row: Row) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        admitted(read(folder, GOOD).rows, look)


def test_a_header_without_rows_is_no_manifest(folder: Path) -> None:
    path = folder / "dubs.csv"
    path.write_text("video,voice\n\n,\n")
    with pytest.raises(ManifestError, match="has no rows"):
        read_manifest(path)


def test_rows_without_a_header_are_no_manifest(folder: Path) -> None:
    path = folder / "dubs.csv"
    path.write_text("talk.mp4,talk.de.wav\ntwo.mp4,two.de.wav\n")
    with pytest.raises(
        ManifestError, match=r"has no header: it begins with talk\.mp4, talk\.de\.wav"
    ):
        read_manifest(path)
