"""Drafts: one line of a manifest becomes the dubs it asks for, or says why it cannot."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple, Protocol

from lipsync.cells import Fault, shown, unusable
from lipsync.fields import Known, read_fields
from lipsync.languages import canonical_tag, tag_fault
from lipsync.pairing import couples, is_link, link_fault, stem_of

# Ours: an id stands in run names and in every table.
_ID_CHARS = 100
# Ours: more ranks than anybody gives by hand.
_MOST = 1_000_000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(?=//)|data:", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_NAMED = 3  # files a sentence names


class Found(NamedTuple):
    """The files a cell names: one, or those of a pattern; or why there are none."""

    paths: tuple[str, ...] = ()
    reason: str = ""
    pattern: bool = False


class Places(Protocol):
    """The disk, as far as a manifest speaks of it."""

    def found(self, text: str) -> Found:
        """Find the file, or the files of a pattern."""

    def placed(self, text: str) -> str:
        """Say where an output goes."""

    def default(self, video: str, name: str, *, named: bool) -> str | None:
        """Say where a dub goes whose row names no output; None: as for a dub by itself."""

    def key(self, path: str) -> str:
        """Write a path so that two paths to one file are equal."""


class Draft(NamedTuple):
    """A dub of a line; its id may still have to be told from another's."""

    line: int
    id: str
    given: bool
    fields: dict[str, Any]
    language: str | None
    priority: int


class Desk(NamedTuple):
    """What every line is read with."""

    known: Known
    places: Places
    defaults: Mapping[str, Any]


def drafted(line: int, cells: Mapping[str, str], desk: Desk) -> tuple[list[Draft], list[Fault]]:
    """Read one line.

    Args:
        line: Where it stands.
        cells: What it says, by column; nothing empty.
        desk: What it is read with.

    Returns:
        Its dubs, several when it holds a pattern, and everything that is wrong with it. Files of
        a pattern that find no other half are faults of a line whose other dubs are good.
    """
    faults = unusable(cells)
    legible = {name: text for name, text in cells.items() if name not in _columns(faults)}
    fields, wrong = read_fields(legible, desk.defaults, desk.known)
    faults += [*wrong, *_own(legible)]
    pairs, alone, missing = _pairs(legible, _columns(faults), desk.places)
    bed, silent = _bed(fields, desk.places)
    faults += [*missing, *silent, *_output_faults(legible, pairs, desk)]
    if faults:
        return [], [*faults, *alone]
    whole = fields | bed | _spoken(legible)
    return [_draft(line, legible, whole, pair, desk, len(pairs)) for pair in pairs], alone


def _columns(faults: list[Fault]) -> set[str]:
    return {fault.column for fault in faults if fault.column}


def _own(cells: Mapping[str, str]) -> list[Fault]:
    """Check what a row has besides its dub."""
    checks = {"language": tag_fault, "id": _id_fault, "priority": _priority_fault}
    found = ((name, check(cells[name])) for name, check in checks.items() if name in cells)
    return [Fault(name, shown(cells[name]), reason) for name, reason in found if reason]


def _id_fault(text: str) -> str | None:
    if len(text) > _ID_CHARS:
        return f"has {len(text)} characters; at most {_ID_CHARS} fit into the name of a run"
    return "holds a slash; an id names a row, not a file" if {"/", "\\"} & set(text) else None


def _priority_fault(text: str) -> str | None:
    try:
        number = int(text) if text.isascii() else None
    except ValueError:
        number = None
    if number is None:
        return "is no whole number"
    return None if abs(number) <= _MOST else f"must be between -{_MOST} and {_MOST}"


Pairs = list[tuple[str, str]]


def _pairs(
    cells: Mapping[str, str], bad: set[str], places: Places
) -> tuple[Pairs, list[Fault], list[Fault]]:
    """Find the pairs of a line.

    Returns:
        The pairs, what has no other half, and what is wrong with the cells themselves.
    """
    columns = [name for name in ("video", "voice") if name not in bad]
    found = {name: _sought(cells.get(name, ""), places) for name in columns}
    missing = [
        Fault(name, shown(cells.get(name, "")), one.reason)
        for name, one in found.items()
        if one.reason
    ]
    if missing or len(found) < 2:  # noqa: PLR2004  a pair
        return [], [], missing
    video, voice = found["video"], found["voice"]
    if not video.pattern:
        return [(video.paths[0], path) for path in voice.paths], [], []
    coupled = couples(video.paths, voice.paths)
    alone = [
        Fault(name, shown(cells[name]), f"matches {_list(left)}, with no {other} of that name")
        for name, other, left in (
            ("video", "voice", coupled.videos),
            ("voice", "video", coupled.voices),
        )
        if left
    ]
    return list(coupled.pairs), alone, []


def _list(paths: tuple[str, ...]) -> str:
    names = [PurePosixPath(path).name for path in paths[:_NAMED]]
    rest = len(paths) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")


def _sought(text: str, places: Places) -> Found:
    """Find the files of a cell; an address stays as it is."""
    if not text:
        return Found(reason="is empty; every row needs one")
    if is_link(text):
        fault = link_fault(text)
        return Found(reason=fault) if fault else Found((text,))
    if scheme := _SCHEME.match(text):
        return Found(reason=f"{scheme[0].rstrip(':')} addresses are not read; give https or a path")
    found = places.found(text)
    if found.reason and (_DRIVE.match(text) or "\\" in text):
        return Found(reason=f"{found.reason}; write the path with / instead of \\")
    return found


def _bed(fields: Mapping[str, Any], places: Places) -> tuple[dict[str, str], list[Fault]]:
    """Find the file a bed is taken from: one, on this disk."""
    text = fields.get("bed_file")
    if text is None:
        return {}, []
    if is_link(text) or _SCHEME.match(text):
        return {}, [Fault("bed_file", shown(text), "is an address; a bed is a file here")]
    found = places.found(text)
    reason = found.reason or ("is a pattern; name one file" if found.pattern else "")
    if reason:
        return {}, [Fault("bed_file", shown(text), reason)]
    return {"bed_file": found.paths[0]}, []


def _spoken(cells: Mapping[str, str]) -> dict[str, str]:
    """Say which language the sound is tagged with; a private tag says nothing to a player."""
    tag = cells.get("language", "x-")
    return {} if tag.lower().startswith("x-") else {"language": tag}


def _output_faults(cells: Mapping[str, str], pairs: Pairs, desk: Desk) -> list[Fault]:
    """Check where a line wants its dub; whether it can be written there is seen later."""
    text = cells.get("output")
    if text is None:
        return []
    reason = _output_fault(text, pairs, desk)
    return [Fault("output", shown(text), reason)] if reason else []


def _output_fault(text: str, pairs: Pairs, desk: Desk) -> str | None:
    if is_link(text) or _SCHEME.match(text):
        return "is an address; an output is a file"
    if text.endswith("/"):
        return "names a folder; name a file in it, or leave it empty"
    if PurePosixPath(text).suffix.lower() not in desk.known.containers:
        return f"must end in {', '.join(desk.known.containers)}"
    if len(pairs) > 1:
        return f"is one output for {len(pairs)} dubs; leave it empty, or write a line for each"
    place = desk.places.key(desk.places.placed(text))
    inputs = (path for pair in pairs for path in pair if not is_link(path))
    if place in map(desk.places.key, inputs):
        return "is an input of this dub; choose another"
    return None


def _draft(  # noqa: PLR0913, PLR0917  everything a line says comes together here
    line: int,
    cells: Mapping[str, str],
    fields: dict[str, Any],
    pair: tuple[str, str],
    desk: Desk,
    dubs: int,
) -> Draft:
    video, voice = pair
    given, language = cells.get("id"), cells.get("language") or language_in_name(*pair)
    language = language and canonical_tag(language)
    name = dub_name(*pair, language)
    output = _output(cells, fields, pair, name, desk, named=language is not None)
    return Draft(
        line=line,
        id=_id(given, name, stem_of(voice), dubs),
        given=given is not None,
        fields=fields | {"video": video, "voice": voice, "output": output},
        language=language,
        priority=int(cells.get("priority", "0")),
    )


def _id(given: str | None, name: str, voice: str, dubs: int) -> str:
    """Name a dub: as the line does, and by its voice when the line asks for several."""
    if given is None:
        return name
    return given if dubs == 1 else f"{given}.{voice}"


def _output(  # noqa: PLR0913  as above
    cells: Mapping[str, str],
    fields: Mapping[str, Any],
    pair: tuple[str, str],
    name: str,
    desk: Desk,
    *,
    named: bool,
) -> str | None:
    if "output" in cells:
        return desk.places.placed(cells["output"])
    model = desk.known.catalogue.models.get(fields.get("model") or "")
    preview = model.preview if model else desk.known.only_previews
    kind = "preview" if preview else "dub"
    suffix = desk.known.suffix_for(pair[0], fields.get("profile"))
    return desk.places.default(pair[0], f"{name}.{kind}{suffix}", named=named)


def dub_name(video: str, voice: str, language: str | None) -> str:
    """Name a dub by its pair and its language.

    >>> dub_name("in/talk.mp4", "vo/short_de.ogg", "de"), dub_name("talk.mp4", "talk.v2.wav", None)
    ('talk.de', 'talk.v2')
    """
    stem, spoken = stem_of(video), stem_of(voice)
    rest = language or spoken.removeprefix(stem).removeprefix(".")
    return f"{stem}.{rest}" if rest else stem


def language_in_name(video: str, voice: str) -> str | None:
    """Read the language off `talk.mp4` and `talk.de.wav`; None when there is none.

    >>> language_in_name("in/talk.mp4", "vo/talk.pt-br.wav"), language_in_name("a.mp4", "b.de.wav")
    ('pt-BR', None)
    """
    stem, _, tag = stem_of(voice).rpartition(".")
    return canonical_tag(tag) if stem == stem_of(video) and tag_fault(tag) is None else None
