"""Cells: the texts of a manifest, what each of them can be, and how it is shown to a person."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from unicodedata import category

# Excel specifications and limits: characters a cell can contain. What is longer is no cell.
CELL_CHARS = 32_767
# Ours: a box for each frame of a film of two hours is 5 MB of JSON.
OPTIONS_CHARS = 8_000_000
# Ours: as much of a cell as a line of the fault table holds.
_SHOWN_CHARS = 80
# Ours: a sentence and what it names.
_REASON_CHARS = 400
# Ours: the queries of links are looked for in as much of it.
_READ_CHARS = 8_192

# Zero-width and word joiners, the byte order mark, and the marks that turn the order of letters
# around (Unicode TR 36, 3.2: they make one name look like another).
_HIDDEN = frozenset("\u200b\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_LINK = re.compile(r"(\w[\w+.-]*://)(?:[^\s/?#@]*@)?([^\s?#\"'<>]*)(?:[?#][^\s\"'<>)\]}]*)?")
_OBJECT = 'write an object, e.g. {"guidance_scale": 1.5}'


class Fault(NamedTuple):
    """What is wrong with one cell, or with the whole row (column None)."""

    column: str | None
    value: str
    reason: str


def without_secrets(text: str) -> str:
    """Take out of all links in a text what may be a key: their query and their user.

    >>> without_secrets("see https://me:pw@host/a.mp4?sig=1, and s3://b/k?x")
    'see https://host/a.mp4 and s3://b/k'
    """
    return _LINK.sub(r"\1\2", text)


def shown(text: str) -> str:
    r"""Write what a cell holds so that it fits in a table, whatever it is.

    >>> shown("a\x00b"), len(shown("x" * 1000))
    ('a\\x00b', 80)
    """
    return _cut(text, _SHOWN_CHARS)


def shown_reason(sentence: str) -> str:
    """Write a sentence that may repeat what a cell holds, in the same way."""
    return _cut(sentence, _REASON_CHARS)


def _cut(text: str, most: int) -> str:
    plain = without_secrets(text[:_READ_CHARS])
    visible = "".join(map(_visible, plain[:most]))
    whole = len(text) <= _READ_CHARS and len(plain) <= most and len(visible) <= most
    return visible if whole else f"{visible[: most - 1]}…"


def _visible(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()


def unusable(cells: Mapping[str, str]) -> list[Fault]:
    """Find cells that are nothing in any column: huge ones, and those with control characters."""
    faults = ((column, text, _unusable(column, text)) for column, text in cells.items())
    return [Fault(column, shown(text), why) for column, text, why in faults if why]


def _unusable(column: str, text: str) -> str | None:
    most = OPTIONS_CHARS if column == "options" else CELL_CHARS
    if len(text) > most:
        return f"has {len(text):,} characters; at most {most:,} are read"
    if column == "options":  # JSON has its own rules, and may be laid out over several lines
        return None
    if text.isprintable():
        return None
    letter = next((letter for letter in text if _is_hidden(letter)), None)
    if letter is None:
        return None
    return f"holds U+{ord(letter):04X}, which nobody sees; write it again without"


def _is_hidden(letter: str) -> bool:
    """Tell what nobody typed on purpose; Persian and emoji need their joiners (U+200C, U+200D)."""
    return category(letter) in {"Cc", "Cs", "Zl", "Zp"} or letter in _HIDDEN


def options_of(text: str) -> dict[str, Any] | str:
    """Read the cell of the options: a JSON object, or what is wrong with it."""
    try:
        options = read_json(text)
    except ValueError as error:
        return f"is no JSON: {error}; {_OBJECT}"
    return options if isinstance(options, dict) else f"is JSON, but no object; {_OBJECT}"


def read_json(text: str) -> Any:
    """Read JSON in which no name stands twice and every number is one.

    Raises:
        ValueError: It is not; the message says where.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        said = f"{error.msg[0].lower()}{error.msg[1:]}"
        raise ValueError(f"{said} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:40]!r} stands there twice")
        found[name] = value
    return found


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def text_of(value: Any) -> str:
    """Write a typed cell as the text somebody would have typed; nothing is rounded or guessed.

    >>> text_of(5.0), text_of(True), text_of(None), text_of({"seed": 1}), text_of("007")
    ('5', 'true', '', '{"seed": 1}', '007')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
