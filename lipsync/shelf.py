"""The shelf: finds what comes with Dubline, and reads the catalogue there."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lipsync.catalogue import Catalogue
from lipsync.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def data_folder(package: Path = _PACKAGE) -> Path:
    """Find what comes with Dubline: in an installed wheel, else `data/` of the checkout."""
    installed = package / "_data"
    return installed if (installed / "models.toml").is_file() else package.parent / "data"


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read the catalogue.

    Args:
        path: A TOML file; None is the one that comes with Dubline.

    Raises:
        UsageError: It cannot be read, is not TOML, or a row is wrong; the message names the row.
    """
    path = path or data_folder() / "models.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the catalogue cannot be read ({error})") from error
    try:
        return parse_catalogue(text)
    except ValueError as error:
        raise UsageError(f"{path}: the catalogue is wrong: {_first_fault(error)}") from error


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue from TOML.

    Raises:
        ValueError: It is not TOML, or a row is wrong.
    """
    tables = tomllib.loads(text)
    rows = tables.get("models", {})
    models = {name: {"id": name} | _whole(name, rows) for name in rows}
    return Catalogue.model_validate(tables | {"models": models})


def _whole(name: str, rows: dict[str, Any], behind: tuple[str, ...] = ()) -> dict[str, Any]:
    """Complete a row that is `like` another: what it does not write itself, it takes from there."""
    row = dict(rows[name])
    model = row.pop("like", None)
    if model is None:
        return row
    if model not in rows or model in (name, *behind):
        raise ValueError(f"models.{name}: like = {model!r} leads nowhere")
    return _whole(model, rows, (name, *behind)) | row


def _first_fault(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where or 'the whole file'}: {fault['msg']}"
