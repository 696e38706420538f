"""Arguments: what a request asks of a model, or what is wrong with it, in fal's own form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lipsync.catalogue import Catalogue, Model, Option
from lipsync.emulator.billing import default_model
from lipsync.fit import SyncMode

Fault = dict[str, Any]

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "number": ((int, float), "float_type"),
    "integer": ((int,), "int_type"),
    "flag": ((bool,), "bool_type"),
    "text": ((str,), "string_type"),
    "link": ((str,), "string_type"),
    "point": ((list,), "list_type"),
    "boxes": ((list,), "list_type"),
    "table": ((dict,), "dict_type"),
}
# The v3 endpoint's active_speaker_detection (seed S2; reference: providers.md §3.1).
_SPEAKER: dict[str, tuple[type, ...]] = {
    "auto_detect": (bool,),
    "v3": (bool,),
    "use_v2": (bool,),
    "frame_number": (int,),
    "coordinates": (list,),
    "bounding_boxes": (list,),
    "bounding_boxes_url": (str,),
    "face_image": (str,),
}
_SPEAKER_FIELD = "options.active_speaker_detection"
_INNER_MODE = "options.sync_mode"


@dataclass(frozen=True)
class Wanted:
    """A request that makes sense.

    Attributes:
        model: The row of the catalogue that will make it.
        video_url: The pair,
        voice_url: as links.
        mode: How unequal lengths are made equal, in our word.
        rest: The other arguments, as they were given.
    """

    model: Model
    video_url: str
    voice_url: str
    mode: SyncMode
    rest: dict[str, Any]


def read_fal(
    endpoint: str, arguments: Mapping[str, Any], catalogue: Catalogue
) -> Wanted | list[Fault]:
    """Read a request as the endpoint does once it runs; fields it does not know are passed over."""
    rows = [row for row in catalogue.models.values() if row.endpoint == endpoint]
    model, found = _model(rows, arguments, catalogue)
    found += [*_media(model, arguments), *_modes(model, arguments), *_options(model, arguments)]
    if found:
        return found
    media = {model.media.video, model.media.voice}
    return Wanted(
        model=model,
        video_url=arguments[model.media.video],
        voice_url=arguments[model.media.voice],
        mode=mode_of(model, sent_mode(model, arguments)),
        rest={name: value for name, value in arguments.items() if name not in media},
    )


def fault(field: str, kind: str, message: str, given: Any, **context: Any) -> Fault:
    """Write one entry of a 422 (reference: fal-protocol.md §10)."""
    entry: Fault = {
        "loc": ["body", *field.split(".")],
        "msg": message,
        "type": kind,
        "url": f"https://docs.fal.ai/errors/#{kind}",
        "input": given,
    }
    return entry | ({"ctx": context} if context else {})


def sent_mode(model: Model, arguments: Mapping[str, Any]) -> str | None:
    """Say which mode was asked for; on v3 the one in `options` overrides the other."""
    options = arguments.get("options")
    inner = options.get("sync_mode") if isinstance(options, dict) else None
    asked = arguments.get(model.sync.field) if inner is None else inner
    return asked if isinstance(asked, str) else None


def mode_of(model: Model, sent: str | None) -> SyncMode:
    """Translate the vendor's word for a mode; its default where none was sent."""
    for mode, own in model.sync.modes.items():
        if sent is not None and own.send == sent:
            return mode
    return model.sync.default


def _model(
    rows: list[Model], arguments: Mapping[str, Any], catalogue: Catalogue
) -> tuple[Model, list[Fault]]:
    """Choose the row an argument `model` names, where the endpoint has one."""
    first = default_model(rows[0].endpoint, catalogue) or rows[0]
    names = [row.arguments["model"] for row in rows if "model" in row.arguments]
    asked = arguments.get("model", first.arguments.get("model"))
    if not names:
        return first, []
    if asked not in names:
        return first, [_choice("model", asked, names)]
    return next(row for row in rows if row.arguments.get("model") == asked), []


def _media(model: Model, arguments: Mapping[str, Any]) -> Iterator[Fault]:
    for field in (model.media.video, model.media.voice):
        url = arguments.get(field)
        if field not in arguments:
            yield fault(field, "missing", "Field required", dict(arguments))
        elif not isinstance(url, str):
            yield fault(field, "string_type", "Input should be a valid string", url)
        elif not url.startswith(("http://", "https://", "data:")):
            yield fault(field, "url_scheme", "URL scheme should be 'http' or 'https'", url)


def _modes(model: Model, arguments: Mapping[str, Any]) -> Iterator[Fault]:
    known = [own.send for own in model.sync.modes.values() if own.send is not None]
    sent = arguments.get(model.sync.field)
    if sent is not None and sent not in known:
        yield _choice(model.sync.field, sent, known)
    options = arguments.get("options")
    inner = options.get("sync_mode") if isinstance(options, dict) else None
    if inner is not None and inner not in known:
        yield _choice(_INNER_MODE, inner, known)


def _options(model: Model, arguments: Mapping[str, Any]) -> Iterator[Fault]:
    for option in model.options.values():
        given = _given(arguments, option.field)
        if given is not None and option.field != _INNER_MODE:
            yield from _option(option, given)
        if option.field == _SPEAKER_FIELD and isinstance(given, dict):
            yield from _speaker(given)


def _option(option: Option, given: Any) -> Iterator[Fault]:
    types, kind = _KINDS[option.kind]
    typed = isinstance(given, types)
    if not typed or (isinstance(given, bool) and option.kind != "flag"):
        yield fault(option.field, kind, f"Input should be a valid {option.kind}", given)
        return
    if option.choices and given not in option.choices:
        yield _choice(option.field, given, list(option.choices))
    low, high = option.at_least, option.at_most
    if low is not None and given < low:
        said = f"Input should be greater than or equal to {low:g}"
        yield fault(option.field, "greater_than_equal", said, given, ge=low)
    if high is not None and given > high:
        said = f"Input should be less than or equal to {high:g}"
        yield fault(option.field, "less_than_equal", said, given, le=high)


def _speaker(given: Mapping[str, Any]) -> Iterator[Fault]:
    for name, types in _SPEAKER.items():
        value = given.get(name)
        wrong = isinstance(value, bool) and bool not in types
        if value is not None and (wrong or not isinstance(value, types)):
            said = f"Input should be a valid {types[0].__name__}"
            yield fault(f"{_SPEAKER_FIELD}.{name}", f"{types[0].__name__}_type", said, value)


def _given(arguments: Mapping[str, Any], path: str) -> Any:
    at: Any = arguments
    for name in path.split("."):
        at = at.get(name) if isinstance(at, dict) else None
    return at


def _choice(field: str, given: Any, known: list[str]) -> Fault:
    said = "Input should be " + " or ".join(repr(name) for name in known)
    return fault(field, "one_of", said, given, expected=known)
