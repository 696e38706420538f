"""Options: what a user may set beyond the pair, and the arguments a request is made of."""

from collections.abc import Mapping
from typing import Any

from lipsync.catalogue import Model, Option
from lipsync.fit import SyncMode
from lipsync.preflight import Finding

_KINDS: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "flag": (bool,),
    "text": (str,),
    "table": (dict,),
}


def check_options(model: Model, asked: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Hold the options somebody asked for against what a model takes.

    Returns:
        A refusal for each option it does not take or whose value is out of range, a warning for
        each it takes and ignores; in the order of their names.
    """
    found = (_fault(model, name, asked[name]) for name in sorted(asked))
    return tuple(finding for finding in found if finding is not None)


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


def _fault(model: Model, name: str, value: Any) -> Finding | None:
    option = model.options.get(name)
    if option is None:
        return _finding(name, value, f"takes {_listed(model)}", f"{model.id} does not take {name}")
    limit = _allowed(option)
    if not _fits(option, value):
        return _finding(name, value, limit, f"{model.id} takes {name} as {limit}, not {value!r}")
    if option.ignored:
        text = f"{model.id} ignores {name}" + (f": {option.note}" if option.note else "")
        return _finding(name, value, limit, text, refusal=False)
    return None


def _finding(name: str, value: Any, limit: str, sentence: str, *, refusal: bool = True) -> Finding:
    return Finding(
        check=f"option {name}", figure=repr(value), limit=limit, refusal=refusal, sentence=sentence
    )


def _fits(option: Option, value: Any) -> bool:
    if isinstance(value, bool):
        return option.kind == "flag"
    if not isinstance(value, _KINDS[option.kind]):
        return False
    if isinstance(value, int | float):
        return _within(option, value)
    return not option.choices or value in option.choices


def _within(option: Option, value: float) -> bool:
    """Hold a number against the range; not-a-number is in none."""
    low = option.at_least is None or value >= option.at_least
    return low and (option.at_most is None or value <= option.at_most)


def _allowed(option: Option) -> str:
    if option.choices:
        return " or ".join(option.choices)
    if option.at_least is not None and option.at_most is not None:
        return f"a {option.kind} from {option.at_least:g} to {option.at_most:g}"
    return f"a {option.kind}"


def _listed(model: Model) -> str:
    return ", ".join(sorted(model.options)) or "no options"
