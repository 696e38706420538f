"""The base of everything that crosses a stage: frozen values, and files known by their bytes."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class File(Value):
    """A file and the hash of its bytes; two files are the same when their bytes are."""

    path: Path = Field(description="Where the file is now; not part of its identity.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the bytes.")
    size_bytes: int = Field(ge=0)


# What JSON writes as it is, and what most of a value is made of.
PLAIN = frozenset({str, int, float, bool, type(None)})


def identity(value: Any) -> Any:
    """Reduce a value to what makes it itself: a file to its hash, everything else to JSON.

    A path never takes part, so the same bytes at another path are the same input.

    >>> a = File(path=Path("/a.mp4"), sha256="0" * 64, size_bytes=1)
    >>> identity(a) == identity(a.model_copy(update={"path": Path("/b.mp4")}))
    True
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, File):
        return value.sha256
    if isinstance(value, BaseModel):
        return {name: identity(getattr(value, name)) for name in kind.model_fields}
    if isinstance(value, dict):
        return {str(key): identity(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [identity(item) for item in value]
    return value if isinstance(value, int | float | str) else str(value)


def content_key(stage: str, version: int, request: Value | dict[str, Any]) -> str:
    """Name the result of a stage by what goes into it.

    Args:
        stage: The stage's word, e.g. "normalize".
        version: The version of the stage's behaviour; raised when its output changes.
        request: Everything the stage is given.

    Returns:
        64 hex digits: SHA-256 over the canonical JSON of the three.
    """
    text = json.dumps([stage, version, identity(request)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
