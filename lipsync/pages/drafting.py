"""Drafting: templates, the style and script of all pages, and the policy that allows no other."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync.pages import words

if TYPE_CHECKING:  # 20 ms that only a page needs
    from jinja2 import Environment

HERE = Path(__file__).parent


@cache
def _environment() -> "Environment":
    """Escape everything, and know every name a template uses."""
    from jinja2 import (  # noqa: PLC0415  see above
        Environment,
        FileSystemLoader,
        StrictUndefined,
    )

    environment = Environment(
        loader=FileSystemLoader(HERE, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=words.plain,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        short=words.short,
        label=words.label,
        usd=words.usd,
        clock=words.clock,
        many=words.many,
        relative=words.link,
    )
    return environment


def drafted(template: str, stamp: str, **told: Any) -> str:
    """Fill a template.

    Args:
        template: Its file name.
        stamp: By which the page is known again when the same would be written.
        told: What it shows.
    """
    from markupsafe import Markup  # noqa: PLC0415  comes with jinja2

    style, script = _text("page.css"), _text("page.js")
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704  ours, from the package
            script=Markup(script),  # noqa: S704  ours, from the package
            policy=policy(style, script),
            stamp=stamp,
            **told,
        )
    )


def policy(style: str, script: str) -> str:
    """Allow this style, this script, pictures inside the page, and nothing else at all."""
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Name a text as the content security policy does (W3C CSP Level 3, hash-source)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
