"""Columns: what a manifest may say of a dub, and what an unknown column may have meant."""

import re
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

from lipsync.params import DubParams
from lipsync.values import Value

# A batch says once for all its rows what becomes of a paid job when it is interrupted.
_BATCH_WIDE = {"on_interrupt"}
# A row has its language by itself: a whole tag, of which a dub is told no more than its code.
_OWN = {"language"}
FIELDS = tuple(name for name in DubParams.model_fields if name not in _BATCH_WIDE | _OWN)
# A column whose field is called otherwise.
_FIELD_OF = {"loudness": "loudness_lufs"}
# What a row has besides the parameters of its dub, and what it cannot be without.
COLUMNS = (*FIELDS, *_FIELD_OF, "id", "language", "priority")
NEEDED = ("video", "voice")

# Ours: what other tools call these columns, where the letters alone do not tell.
_MEANT = {
    "audio": "voice",
    "audio_url": "voice",
    "cost": "budget_usd",
    "destination": "output",
    "dub": "voice",
    "lang": "language",
    "locale": "language",
    "lufs": "loudness",
    "max_cost": "budget_usd",
    "name": "id",
    "out": "output",
    "params": "options",
    "source": "video",
    "speech": "voice",
    "target": "output",
}


class Header(Value):
    """What the columns of a manifest are, in their order."""

    names: tuple[str | None, ...]
    """The column each one is; None for one that is passed over."""
    faults: tuple[str, ...]
    """What is wrong with them; a column that is not understood could have cost money."""

    @property
    def known(self) -> bool:
        """Whether this is the header of a manifest at all."""
        return any(name in NEEDED for name in self.names)


def column_of(name: str) -> str:
    """Write the name of a column as it is known; whether it is one is not said.

    >>> column_of(" Budget-USD ")
    'budget_usd'
    """
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def field_of(column: str) -> str:
    """Say which field of DubParams a column fills."""
    return _FIELD_OF.get(column, column)


def read_header(written: Sequence[str]) -> Header:
    """Understand the first line of a manifest.

    Upper and lower case are the same, and so are blanks, hyphens and underlines. A column whose
    name begins with an underline is for people and passed over.
    """
    plain = [column_of(name) for name in written]
    names = [name if name in COLUMNS else None for name in plain]
    faults = [*_unknown(written, plain), *_missing(names), *_twice(names)]
    return Header(names=tuple(names), faults=tuple(faults))


def _unknown(written: Sequence[str], plain: Sequence[str]) -> list[str]:
    """Name every unknown column, and what it may have meant, in one sentence."""
    found = [
        (shown.strip(), name)
        for shown, name in zip(written, plain, strict=True)
        if name and name not in COLUMNS and not name.startswith("_")
    ]
    if not found:
        return []
    named = ", ".join(f"'{shown[:40]}'{_hint(name)}" for shown, name in found)
    plural, them = ("columns", "their names") if len(found) > 1 else ("column", "its name")
    way = f"rename it, or begin {them} with _ to have it passed over"
    return [f"unknown {plural} {named}; {way}"]


def _hint(name: str) -> str:
    meant = _MEANT.get(name) or next(iter(get_close_matches(name, COLUMNS, 1, cutoff=0.6)), None)
    return f" (did you mean {meant}?)" if meant else ""


def _missing(names: Sequence[str | None]) -> list[str]:
    return [f"there is no column {need}" for need in NEEDED if need not in names]


def _twice(names: Sequence[str | None]) -> list[str]:
    """Find two columns that say the same thing, by one name or by two."""
    fields = Counter(field_of(name) for name in names if name)
    return [f"{field} is there {n} times; keep one" for field, n in fields.items() if n > 1]
