"""Reading: a manifest file, or a folder of pairs, becomes a `Manifest`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lipsync.catalogue import Catalogue
from lipsync.drafts import Desk
from lipsync.errors import ManifestError
from lipsync.fields import Known
from lipsync.manifest import Manifest, RowFault
from lipsync.output import CONTAINERS
from lipsync.pairing import Stray, pairing
from lipsync.parsing import Line, Sheet, parsed
from lipsync.places import Disk
from lipsync.profiles import load_profiles
from lipsync.sheets import NAMES, read_sheet
from lipsync.shelf import load_catalogue

# Ours: as many names as a note bears.
_NAMED = 10


def read_manifest(
    source: Path,
    *,
    folder: Path | None = None,
    defaults: Mapping[str, Any] | None = None,
    catalogue: Catalogue | None = None,
    availability: Mapping[str, str | None] | None = None,
) -> Manifest:
    """Read the dubs somebody wants, and everything that is wrong with them.

    Nothing is opened but the manifest: the files it names are looked for, their headers and
    packets are for `manifest.admitted`.

    Args:
        source: A CSV, TSV, JSONL, Parquet or Excel file; or a folder that holds `name.mp4` and
            `name.<language>.wav`.
        folder: Where the dubs go whose rows name no output, and what theirs is relative to.
            None: beside the video, and relative to the manifest.
        defaults: Fields of DubParams for what a row does not say, e.g. its model.
        catalogue: The models a row may name; None: those that come with Dubline.
        availability: Why a vendor cannot be used, None when it can (`Workshop.availability`): a
            dub that can only be a preview is called one. None: every vendor can be used.

    Returns:
        The good rows and the faults, in the order of the manifest. When a column is not understood
        no row is good: what it says could be a budget.

    Raises:
        ManifestError: It is no manifest at all, or has no rows.
    """
    source = source.expanduser()
    catalogue = catalogue or load_catalogue()
    profiles = load_profiles()
    known = Known(
        catalogue=catalogue,
        only_previews=_only_previews(catalogue, availability or {}),
        profiles=tuple(profiles),
        packed={name: next(iter(one.containers), "") for name, one in profiles.items()},
        containers=CONTAINERS,
    )
    whole = source.is_dir()
    disk = Disk(source if whole else source.parent, folder)
    sheet = _pairs_of(source) if whole else read_sheet(source)
    return parsed(source, sheet, Desk(known, disk, defaults or {}))


def _only_previews(catalogue: Catalogue, availability: Mapping[str, str | None]) -> bool:
    """Say whether no real model can be had here and now."""
    models = catalogue.models.values()
    return all(model.preview for model in models if availability.get(model.vendor) is None)


def _pairs_of(source: Path) -> Sheet:
    """Lay the pairs of a folder out as a sheet; the line of a pair is its number."""
    try:
        names = [entry.name for entry in source.iterdir() if entry.is_file()]
    except OSError as error:
        raise ManifestError(f"{source}: cannot be read ({error.strerror})") from error
    found = pairing(names)
    matches = enumerate(found.matches, 1)
    rows = [Line(n, (one.video, one.voice, one.language)) for n, one in matches]
    clashes = [stray for stray in found.strays if stray.clash]
    if not (rows or clashes):
        raise ManifestError(_no_pairs(source, names))
    faults = [
        RowFault(line=n, column="voice", value=stray.name, reason=stray.reason)
        for n, stray in enumerate(clashes, len(rows) + 1)
    ]
    return Sheet(("video", "voice", "language"), 0, rows, tuple(faults), _notes(found.strays))


def _no_pairs(source: Path, names: list[str]) -> str:
    tables = sorted(name for name in names if name.lower().endswith(NAMES) and not _told(name))
    named = f"; if it is {source / tables[0]} you mean, name that" if tables else ""
    return f"{source}: holds no pair name.mp4 and name.<language>.wav{named}"


def _told(name: str) -> bool:
    """Whether the file tells of a dub, as `talk.de.mp4.json` does beside `talk.de.mp4`."""
    return any(f"{container}." in name.lower() for container in CONTAINERS)


def _notes(strays: tuple[Stray, ...]) -> tuple[str, ...]:
    """Say what is in a folder and makes no dub."""
    left = [f"{stray.name} {stray.reason}" for stray in strays if not stray.clash]
    more = len(left) - _NAMED
    return (*left[:_NAMED], *([f"and {more} more files make no dub"] if more > 0 else []))
