"""`dubline models`: the catalogue, its prices, and whether each model can be used here and now."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console

from flows.cli.answering import answer, answered, say
from flows.cli.opening import opened
from flows.cli.showing import table
from lipsync.catalogue import Catalogue, Model

if TYPE_CHECKING:
    from lipsync.workshop import Workshop


def show_models(*, refresh: bool, as_json: bool) -> None:
    """Print every model.

    Args:
        refresh: Ask fal for this account's prices first, and keep them in home, dated.
        as_json: Print one JSON object.
    """
    with answered(as_json=as_json), opened() as shop:
        if refresh:
            _refresh(shop)
        catalogue, missing = shop.catalogue, shop.availability
        if as_json:
            models = [_as_json(model, missing) for model in catalogue.models.values()]
            answer({"models": models})
            return
        headings = ("model", "endpoint", "price", "can be used")
        Console().print(table(headings, _rows(catalogue, missing), whole=2))


def _refresh(shop: "Workshop") -> None:
    from lipsync.vendors.fal.refresh import refresh_prices  # noqa: PLC0415  loads httpx

    home = shop.home
    home.folder()
    today = datetime.now(UTC).date()
    own = refresh_prices(shop.means.fal(), shop.catalogue, home, today)
    say(f"fal told {len(own.prices)} prices of this account; kept in {home.root / 'prices.toml'}")


def _as_json(model: Model, missing: dict[str, str | None]) -> dict[str, object]:
    why = missing[model.vendor]
    state = {"available": why is None, "unavailable_because": why}
    return {**model.model_dump(mode="json"), **state}


def _rows(catalogue: Catalogue, missing: dict[str, str | None]) -> Iterator[tuple[str, ...]]:
    for model in catalogue.models.values():
        price = str(model.price).replace(" per minute of output", "/min")
        price = price.replace(" per second of output", "/s")
        why = missing[model.vendor] or "yes"
        key = why.removesuffix(" is not set")
        yield model.id, model.endpoint, price, why if key == why else f"needs {key}"
