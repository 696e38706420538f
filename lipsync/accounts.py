"""Accounts: what a vendor is called with; secrets that no log, error or record can show.

They are read from the environment, or from a `.env` file in the folder one works in; a variable
that is set wins. Prefect's blocks hold the same values and hand them over in the same form.
"""

import os
import re
from collections import ChainMap
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError

from lipsync.errors import UsageError
from lipsync.values import Value

# fal_client 1.0.3 waits this long for the answer to a submit (reference: fal-protocol.md §11).
REPLY_TIMEOUT_S = 120.0

S = TypeVar("S", bound=Value)


def _carried(key: SecretStr) -> SecretStr:
    """Refuse a key that no header can carry: the error about that would show it."""
    bare = key.get_secret_value().strip()
    if not (bare.isascii() and bare.isprintable()) or " " in bare or not bare:
        raise ValueError("a key is one word of plain ASCII; copy it again")
    return SecretStr(bare)


# A vendor's key; shown as stars wherever it is printed.
Key = Annotated[SecretStr, AfterValidator(_carried)]

_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*"""
    r"""(?:(?P<mark>["'])(?P<quoted>.*?)(?P=mark)|(?P<bare>.*?))\s*(?:\s#.*)?$"""
)


class FalSettings(Value):
    """A fal account, and how it is used.

    What fal does with time: `start_timeout_s` bounds how long a job may wait to be started, never
    how long it runs. There is no setting that cancels a job because we grew tired of waiting.
    """

    key: Key | None = Field(
        default=None, description="None: whoever `fal auth login` logged in on this machine."
    )
    upload_lifetime_s: int = Field(
        # fal's own FAQ: media are kept at least 7 days by default (fal-protocol.md §6).
        default=604_800,
        ge=3_600,
        description="How long fal keeps what is uploaded; longer than any queue.",
    )
    result_lifetime_s: int | None = Field(
        default=None, ge=3_600, description="How long fal keeps results; None: as the account says."
    )
    # fal: documented as more than 0.1 s; its client takes more than 1 s (fal-protocol.md §3).
    start_timeout_s: float | None = Field(
        default=None, gt=1, description="A job not started by then is given up; None: it waits."
    )
    listed_within_s: float | None = Field(
        default=None,
        ge=0,
        description="A job not in fal's list after so long was never taken; None: worked out from "
        "the start timeout, and never without one.",
    )
    priority: Literal["normal", "low"] = Field(
        default="normal", description="'low' waits behind all other users of an endpoint."
    )
    inline_bytes: int = Field(
        default=0,
        ge=0,
        le=1_048_576,  # the links are kept with the ticket
        description="Files up to this size travel inside the request; 0: none.",
    )
    in_flight: int = Field(
        # fal lets new accounts run 2 jobs at once, and up to 40 as they buy; what is beyond that
        # waits in its queue and is never turned away (fal-protocol.md §8).
        default=2,
        ge=1,
        description="Jobs of the account that are there at once; those beyond wait here.",
    )
    private_links: bool = Field(
        default=False,
        description="It fetches from addresses of this machine and network, as the emulator does.",
    )
    reply_timeout_s: float = Field(default=REPLY_TIMEOUT_S, gt=0)

    @classmethod
    def found(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read `FAL_KEY`, or `FAL_KEY_ID` with `FAL_KEY_SECRET`, and the `FAL_…` settings.

        Raises:
            UsageError: A setting cannot be read; the sentence names it.
        """
        seen = environment(environ)
        key = seen.get("FAL_KEY") or _joined(seen.get("FAL_KEY_ID"), seen.get("FAL_KEY_SECRET"))
        return _read(cls, "FAL_KEY", key, seen)


class UnifiedSettings(Value):
    """An account at a vendor of the unified task API, and where and how it is spoken to."""

    key: Key
    # Several vendors sell this API under the same text (providers.md §1.1): only who has the
    # account knows whose it is, and a key goes nowhere else.
    base_url: str = Field(pattern=r"^https?://")
    # Captures disagree: video and audio, or video_url and audio_url (providers.md §1.2).
    video_field: str | None = Field(
        default=None, pattern=r"^\w+$", description="None: as the catalogue's row says."
    )
    voice_field: str | None = Field(default=None, pattern=r"^\w+$", description="The same.")
    poll_path: str = Field(default="/v1/tasks/{id}", pattern=r"^/.*\{id\}")
    in_flight: int = Field(
        # Ours: no vendor of this API publishes a figure.
        default=10,
        ge=1,
        description="Jobs of the account that are there at once; those beyond wait here.",
    )
    reply_timeout_s: float = Field(default=REPLY_TIMEOUT_S, gt=0)

    @classmethod
    def found(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read `UNIFIED_API_KEY`, `UNIFIED_BASE_URL` and the other `UNIFIED_…` settings.

        Raises:
            UsageError: Key or address is not set, or a setting cannot be read; the sentence names
                it.
        """
        seen = environment(environ)
        if not seen.get("UNIFIED_API_KEY"):
            raise UsageError("UNIFIED_API_KEY is not set; set it, or write it into .env")
        if not seen.get("UNIFIED_BASE_URL"):
            raise UsageError(
                "UNIFIED_BASE_URL is not set; set it to the address of the API your key is for, "
                "or write it into .env"
            )
        return _read(cls, "UNIFIED_API_KEY", seen["UNIFIED_API_KEY"], seen)


def environment(
    environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Mapping[str, str]:
    """Look up what is set here: the variables, and beneath them those of `.env` in the folder.

    Args:
        environ: Used instead of this process's variables, without any `.env`.
        folder: Where `.env` is looked for; None is the folder one works in.
    """
    if environ is not None:
        return environ
    place = (folder or Path()) / ".env"
    try:
        seen = place.stat()
    except (FileNotFoundError, NotADirectoryError):
        return os.environ
    except OSError as error:
        raise _unreadable(place) from error
    stamp = (seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
    return ChainMap(os.environ, _written(place.absolute(), stamp))


# A batch asks a few times for each of its rows.
@lru_cache(maxsize=8)
def _written(place: Path, _stamp: tuple[int, ...]) -> dict[str, str]:
    """Read a `.env` as it stands; one of another stamp is read anew."""
    try:
        return parse_dotenv(place.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(place) from error


def _unreadable(place: Path) -> UsageError:
    return UsageError(f"{place}: cannot be read as text; check the file")


def parse_dotenv(text: str) -> dict[str, str]:
    r"""Read `NAME=value` lines; a value may be quoted, an unquoted one ends at ` #`.

    >>> parse_dotenv("# mine\nexport FAL_KEY='a:b#c'\nFAL_PRIORITY=low # cheap\n")
    {'FAL_KEY': 'a:b#c', 'FAL_PRIORITY': 'low'}
    """
    found = (_LINE.match(line) for line in text.splitlines())
    return {line["name"]: line["quoted"] or line["bare"] or "" for line in found if line}


def _joined(key_id: str | None, secret: str | None) -> str | None:
    """Join the two halves of a fal key as its own client does."""
    return f"{key_id}:{secret}" if key_id and secret else None


def _read(kind: type[S], key_variable: str, key: str | None, seen: Mapping[str, str]) -> S:
    """Fill a settings value from its key and the variables named after its other fields."""
    prefix = key_variable.partition("_")[0]
    variables = {name: f"{prefix}_{name.upper()}" for name in kind.model_fields}
    variables["key"] = key_variable
    given: dict[str, str] = {"key": key} if key else {}
    for name, variable in variables.items():
        if name != "key" and seen.get(variable):
            given[name] = seen[variable]
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        fault = error.errors(include_input=False)[0]
        raise UsageError(
            f"{variables[str(fault['loc'][0])]} cannot be used: {fault['msg']}"
        ) from None
