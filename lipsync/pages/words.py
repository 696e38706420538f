"""Words: how figures and strangers' texts are written on a page; the templates escape them."""

import re
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

# Ours: what a table cell or a heading can hold and still be read.
SHORT = 120
# Ours: what anybody would read of one note; a file name of 10 kB is no text.
LONG = 2_000

# Control characters break a page's text or a terminal it is pasted into; tab and newline do not.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_LABELS = {
    "voice_same": "Same voice",
    "true_peak": "True peak",
    "voice_offset": "Voice offset",
    "faststart": "Starts at once",
    "fps": "Frame rate",
    "rate": "Frame rate",
}


def plain(value: Any) -> Any:
    r"""Make a text fit for a page, whatever bytes a file name had; leave all else as it is.

    >>> plain("a\x1b[31mb\udcff")
    'a�[31mb�'
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if value.isascii() and value.isprintable():  # nearly always: a page has hundreds
        return value
    whole = value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return re.sub("�+", "�", _CONTROLS.sub("�", whole))


def short(text: object, most: int = SHORT) -> str:
    """Cut a text in its middle: names differ at their ends.

    >>> short("abcdefghij", 7)
    'abc…hij'
    """
    said = str(text)
    if len(said) <= most:
        return said
    half = (most - 1) // 2
    return f"{said[: most - 1 - half]}…{said[-half:]}"


def label(check: str) -> str:
    """Write a check's name as words.

    >>> label("voice_same"), label("mouth_motion")
    ('Same voice', 'Mouth motion')
    """
    return _LABELS.get(check) or check.replace("_", " ").capitalize()


def usd(sum_usd: Decimal | None) -> str:
    """Write a sum, to the cent, and finer only where it is.

    >>> usd(Decimal("0.50")), usd(Decimal("0.0125")), usd(Decimal(0)), usd(None)
    ('$0.50', '$0.0125', '$0.00', 'not known')
    """
    if sum_usd is None:
        return "not known"
    cents = sum_usd.quantize(Decimal("0.01"))
    return f"${cents:,}" if cents == sum_usd else f"${sum_usd.normalize():,f}"


def clock(time_s: float) -> str:
    """Write a length as a person says it.

    >>> clock(5.718), clock(75.04), clock(3725)
    ('5.72 s', '1:15.0', '1:02:05')
    """
    if time_s < 60:  # noqa: PLR2004  seconds of a minute
        return f"{time_s:.2f} s"
    minutes, rest_s = divmod(round(time_s, 1), 60)
    if minutes < 60:  # noqa: PLR2004  minutes of an hour
        return f"{minutes:.0f}:{rest_s:04.1f}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:.0f}:{minutes:02.0f}:{rest_s:02.0f}"


def many(count: int, word: str) -> str:
    """Write how many there are.

    >>> many(1, "check"), many(1200, "dub")
    ('1 check', '1,200 dubs')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def link(relative: str) -> str:
    """Write a relative path as a link that can only lead beside the page.

    >>> link("javascript:alert(1)"), link("a b/ä.html")
    ('./javascript%3Aalert%281%29', './a%20b/%C3%A4.html')
    """
    return "./" + quote(relative.encode("utf-8", "surrogateescape"), safe="/")
