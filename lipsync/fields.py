"""Fields: what a row says of its dub, but for its files, held against what there is."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

from pydantic import Field, ValidationError

from lipsync.catalogue import Catalogue
from lipsync.cells import Fault, options_of, shown, shown_reason
from lipsync.columns import FIELDS, field_of
from lipsync.errors import UsageError
from lipsync.options import check_options
from lipsync.params import DubParams
from lipsync.preflight import Finding
from lipsync.timing import parse_trim
from lipsync.values import Value

# What `lipsync.parsing` reads, because it takes the disk to understand it.
_FILES = {"video", "voice", "output"}
# Menus and flags: Excel writes TRUE, people write Remap.
_CASELESS = {
    "policy", "sync_mode", "fit", "keep_picture", "trim_silence", "overwrite", "bed", "poster",
    "contact_sheet",
}  # fmt: skip
_NUMBERS = {"budget_usd", "loudness_lufs", "voice_track", "generation", "bed_level_lu"}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


class Known(Value):
    """What a row may name."""

    catalogue: Catalogue
    profiles: tuple[str, ...]
    containers: tuple[str, ...]
    only_previews: bool = Field(
        default=False, description="No vendor of a real model can be used: all dubs are previews."
    )
    packed: dict[str, str] = Field(
        default_factory=dict,
        description="By profile, the container of an output nobody names; empty: the video's own.",
    )

    def suffix_for(self, video: str, profile: str | None) -> str:
        """Say in which container a dub goes whose row names no output."""
        wanted = self.packed.get(profile or DubParams.model_fields["profile"].default, ".mp4")
        own = PurePosixPath(video).suffix.lower()
        return wanted or (own if own in self.containers else ".mp4")


Fields = dict[str, Any]


def read_fields(
    cells: Mapping[str, str], defaults: Mapping[str, Any], known: Known
) -> tuple[Fields, list[Fault]]:
    """Read everything a row says of its dub but the files.

    Args:
        cells: What the row says, by column; nothing empty.
        defaults: Fields of DubParams for what the row does not say.
        known: What it may name.

    Returns:
        The fields of DubParams, and what is wrong; a field that is wrong is not among them.
    """
    written = {field_of(name): name for name in cells if field_of(name) in FIELDS}
    fields: Fields = {
        field: cells[name].lower() if field in _CASELESS else cells[name]
        for field, name in written.items()
        if field not in _FILES
    }
    faults: list[Fault] = []
    for check in (_json, _unnamed, _untimed, _uncounted, _unshaped):
        for field, reason in check(fields, known):
            del fields[field]
            faults.append(Fault(written[field], shown(cells[written[field]]), reason))
    whole = _with_defaults(fields, written, defaults)
    if not {"options", "model"} & {fault.column for fault in faults}:
        faults += _options(whole, cells, known.catalogue)
    return whole, faults


Wrong = list[tuple[str, str]]


def _json(fields: Fields, known: Known) -> Wrong:
    """Read the options where they are; the others are read from what is left of them."""
    if "options" not in fields:
        return []
    read = options_of(fields["options"])
    if isinstance(read, str):
        return [("options", read)]
    fields["options"] = read
    return []


def _unnamed(fields: Fields, known: Known) -> Wrong:
    """Find a model or a profile that does not exist."""
    there = {"model": tuple(known.catalogue.models), "profile": known.profiles}
    return [
        (field, f"there is no such {field}; {_nearest(fields[field], names)}")
        for field, names in there.items()
        if field in fields and fields[field] not in names
    ]


def _nearest(text: str, names: Sequence[str]) -> str:
    near = get_close_matches(text.lower()[:100], names, 1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"choose one of {', '.join(names)}"


def _untimed(fields: Fields, known: Known) -> Wrong:
    """Find a trim that has no reading, or two."""
    trim = fields.get("trim")
    if trim is None:
        return []
    try:
        parse_trim(trim)
    except UsageError as error:
        return [("trim", str(error).removeprefix(f"--trim {trim!r} "))]
    return []


def _uncounted(fields: Fields, known: Known) -> Wrong:
    """Find a number that is none, or is one in some countries only."""
    return [
        (field, _how_to_write(fields[field]))
        for field in sorted(_NUMBERS & fields.keys())
        if not _NUMBER.fullmatch(fields[field])
    ]


def _how_to_write(text: str) -> str:
    if _COMMA.fullmatch(text):
        return f"is no number; write it with a point: {text.replace(',', '.')}"
    inner = text.strip("$€£ ").removesuffix("USD").strip()
    if _NUMBER.fullmatch(inner):
        return f"is no number; write {inner}"
    return "is no number; write it like 5 or 0.50"


def _unshaped(fields: Fields, known: Known) -> Wrong:
    """Find what DubParams itself refuses; it stops at nothing."""
    try:
        DubParams.model_validate({"video": "v", "voice": "v"} | fields)
    except ValidationError as error:
        return [(str(one["loc"][0]), _plainly(one)) for one in error.errors(include_input=False)]
    return []


def _plainly(error: Any) -> str:
    """Say what pydantic found, as one who fills in a table."""
    bounds = error.get("ctx", {})
    sentences = {
        "greater_than_equal": "must be at least {ge:g}",
        "less_than_equal": "must be at most {le:g}",
        "bool_parsing": "is neither true nor false",
        "int_parsing": "is no whole number",
        "int_from_float": "is no whole number",
        "enum": "must be {expected}",
        "literal_error": "must be {expected}",
    }
    sentence = sentences.get(error["type"])
    return sentence.format(**bounds).replace("'", "") if sentence else str(error["msg"])


def _with_defaults(
    fields: Fields, written: Mapping[str, str], defaults: Mapping[str, Any]
) -> Fields:
    """Add what the row leaves open; who names a policy has done without the default model."""
    left = {name: value for name, value in defaults.items() if name not in written}
    if "policy" in written:
        left.pop("model", None)
    return left | fields


def _options(fields: Fields, cells: Mapping[str, str], catalogue: Catalogue) -> list[Fault]:
    """Hold the options against the model, or against every model when the policy chooses one."""
    asked = fields.get("options")
    if not asked:
        return []
    pinned = fields.get("model")
    models = [catalogue.models[pinned]] if pinned else list(catalogue.models.values())
    value, there = shown(cells.get("options", "")), {name for one in models for name in one.options}
    unknown = sorted(asked.keys() - there)
    if unknown and not pinned:
        reason = f"no model takes {', '.join(unknown)}; there are {', '.join(sorted(there))}"
        return [Fault("options", value, shown_reason(reason))]
    found = [check_options(model, asked) for model in models]
    least = min(found, key=len)
    return [Fault("options", value, _said(one, pinned)) for one in least] if all(found) else []


def _said(finding: Finding, pinned: str | None) -> str:
    """Say what is wrong with an option; what it holds may be long, or a signed link."""
    sentence = finding.sentence
    if str(finding.limit).startswith("takes "):
        sentence = f"{sentence}; it {finding.limit}"
    sentence = shown_reason(sentence)
    return sentence if pinned else f"no model takes these options; the nearest: {sentence}"
