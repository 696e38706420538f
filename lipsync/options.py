"""Options: what a user may set beyond the pair, and the arguments a request is made of."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from math import inf
from typing import Any

from lipsync.catalogue import Model, Option
from lipsync.fit import SyncMode
from lipsync.preflight import Finding

_KINDS: dict[str, tuple[type[Any], ...]] = {
    "number": (int, float),
    "integer": (int,),
    "flag": (bool,),
    "text": (str,),
    "link": (str,),
    "point": (list, tuple),
    "boxes": (list, tuple),
    "table": (dict,),
}

_KIND_NAMES = {
    "integer": "an integer",
    "link": "an https link",
    "point": "a point [x, y] in pixels",
    "boxes": "a box [x1, y1, x2, y2] in pixels, or null, for each frame",
}

# Corners of a face on a frame: x1, y1, x2, y2.
_CORNERS = 4


def check_options(model: Model, asked: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Hold the options somebody asked for against what a model takes.

    Returns:
        A refusal for each option it does not take, would ignore, or whose value is out of range;
        in the order of their names.
    """
    found = (_fault(model, name, asked[name]) for name in sorted(asked))
    return tuple(finding for finding in found if finding is not None)


def check_arguments(model: Model, arguments: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Hold the written arguments of a request against what a model takes, media fields excluded.

    This is the reverse of `request_arguments`: it takes back what the row writes itself, and what
    is left must be options.
    """
    rest = deepcopy(dict(arguments))
    found = []
    for name, value in model.arguments.items():
        given = rest.pop(name, value)
        if given != value:
            found.append(_finding(name, given, value, f"{model.id} is {name} = {value}"))
    mode = rest.pop(model.sync.field, None)
    sent = [own.send for own in model.sync.modes.values()]
    if mode not in sent:
        limit = " or ".join(str(way) for way in sent if way)
        sentence = f"{model.id} takes {model.sync.field} as {limit}, not {mode!r}"
        found.append(_finding(model.sync.field, mode, limit, sentence))
    asked = {name: _take(rest, option.field) for name, option in model.options.items()}
    given_options = {name: value for name, value in asked.items() if value is not None}
    left = {name: value for name, value in rest.items() if value not in ({}, None)}
    return (*found, *check_options(model, given_options | left))


def request_arguments(
    model: Model, asked: Mapping[str, Any], mode: SyncMode = SyncMode.CUT_OFF
) -> dict[str, Any]:
    """Write the arguments of a request, media fields excluded.

    The sync mode is always written out, because the vendors' defaults differ; options nobody asked
    for are never written, because some vendors refuse even a default.

    Args:
        model: The row of the catalogue.
        asked: Options, already accepted by `check_options`.
        mode: What the vendor should do with unequal lengths; cut_off where the fit was made here.
    """
    arguments = dict(model.arguments)
    send = model.sync.modes[mode].send
    if send is not None:
        arguments[model.sync.field] = send
    for name, value in asked.items():
        _put(arguments, model.options[name].field, value)
    return arguments


def _put(arguments: dict[str, Any], path: str, value: Any) -> None:
    *tables, last = path.split(".")
    for table in tables:
        arguments = arguments.setdefault(table, {})
    arguments[last] = value


def _take(arguments: dict[str, Any], path: str) -> Any:
    """Take the value at a dotted path out of the arguments; None: there is none."""
    *tables, last = path.split(".")
    for table in tables:
        within = arguments.get(table)
        if not isinstance(within, dict):
            return None
        arguments = within
    return arguments.pop(last, None)


def _fault(model: Model, name: str, value: Any) -> Finding | None:
    option = model.options.get(name)
    if option is None:
        return _finding(name, value, f"takes {_listed(model)}", f"{model.id} does not take {name}")
    limit = _allowed(option)
    if not _fits(option, value):
        return _finding(name, value, limit, f"{model.id} takes {name} as {limit}, not {value!r}")
    if option.ignored:
        text = f"{model.id} ignores {name}" + (f": {option.note}" if option.note else "")
        return _finding(name, value, limit, text)
    if option.kind == "table" and (fault := _table_fault(option, name, value)):
        return _finding(name, value, limit, f"{model.id}: {fault}")
    return None


def _table_fault(option: Option, name: str, table: Mapping[str, Any]) -> str | None:
    """Say what is wrong inside a table; None when nothing is."""
    for field, value in table.items():
        known = option.fields.get(field)
        if known is None:
            return f"{name} takes {', '.join(sorted(option.fields))}, and no {field}"
        if not _fits(known, value):
            return f"{name} takes {field} as {_allowed(known)}, not {value!r}"
        if lacking := [need for need in known.needs if need not in table]:
            return f"{name} takes {field} only together with {lacking[0]}"
        if value is not False and (against := [one for one in known.excludes if table.get(one)]):
            return f"{name} takes either {field} or {against[0]}, not both"
    return None


def _finding(name: str, value: Any, limit: str, sentence: str) -> Finding:
    return Finding(
        check=f"option {name}", figure=repr(value), limit=limit, refusal=True, sentence=sentence
    )


def _fits(option: Option, value: Any) -> bool:
    if isinstance(value, bool):
        return option.kind == "flag"
    if not isinstance(value, _KINDS[option.kind]):
        return False
    if option.kind in {"number", "integer"}:
        return _within(option, value)
    if option.kind in _SHAPES:
        return _SHAPES[option.kind](value)
    return not option.choices or value in option.choices


def _is_length(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf


def _is_point(value: Any) -> bool:
    return len(value) == 2 and all(_is_length(part) for part in value)  # noqa: PLR2004  x and y


def _is_box(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != _CORNERS:
        return False
    if not all(_is_length(corner) for corner in value):
        return False
    left, top, right, bottom = value
    return bool(left < right and top < bottom)


_SHAPES: dict[str, Callable[[Any], bool]] = {
    "point": _is_point,
    "boxes": lambda boxes: all(box is None or _is_box(box) for box in boxes),
    "link": lambda link: link.startswith("https://"),
}


def _within(option: Option, value: float) -> bool:
    """Hold a number against the range; not-a-number is in none."""
    low = option.at_least is None or value >= option.at_least
    return low and (option.at_most is None or value <= option.at_most)


def _allowed(option: Option) -> str:
    if option.choices:
        return " or ".join(option.choices)
    kind = _KIND_NAMES.get(option.kind, f"a {option.kind}")
    if option.at_least is not None and option.at_most is not None:
        return f"{kind} from {option.at_least:g} to {option.at_most:g}"
    return kind if option.at_least is None else f"{kind} of at least {option.at_least:g}"


def _listed(model: Model) -> str:
    return ", ".join(sorted(model.options)) or "no options"
