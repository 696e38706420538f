"""Refresh: asks fal what it charges this account, and keeps the answer in home, dated."""

import tomllib
from datetime import date as Date  # noqa: N812  as in lipsync.vendors.fal.prices
from pathlib import Path

from lipsync.accounts import FalSettings
from lipsync.catalogue import Catalogue
from lipsync.disk import disk_errors, flush
from lipsync.errors import UsageError
from lipsync.home import Home
from lipsync.vendors.fal.line import Line
from lipsync.vendors.fal.platform import Platform
from lipsync.vendors.fal.prices import OwnPrices, read_prices, repriced, written


def refresh_prices(
    settings: FalSettings, catalogue: Catalogue, home: Home, today: Date
) -> OwnPrices:
    """Ask fal for the prices of the catalogue's endpoints, and write them into home.

    The catalogue that comes with Dubline is never written to.

    Raises:
        VendorBusy: fal did not answer, or the key may not read prices.
        StorageError: Home cannot be written.
    """
    rows = catalogue.models.values()
    endpoints = sorted({row.endpoint for row in rows if row.vendor == "fal"})
    own = OwnPrices(date=today, prices=Platform(Line(settings)).prices(tuple(endpoints)))
    place = _place(home)
    trial = place.with_suffix(".new")
    with disk_errors(trial):
        trial.write_text(written(own), encoding="utf-8")
        flush(trial)
        trial.replace(place)
    return own


def with_own_prices(catalogue: Catalogue, home: Home) -> Catalogue:
    """Return the catalogue with the prices that home holds; as it is where home holds none.

    Raises:
        UsageError: The file in home cannot be read.
    """
    place = _place(home)
    try:
        tables = tomllib.loads(place.read_text(encoding="utf-8"))
        return repriced(catalogue, read_prices(tables))
    except FileNotFoundError:
        return catalogue
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{place}: cannot be read as prices; delete it, or run "
            "`dubline models --refresh-prices`"
        ) from error


def _place(home: Home) -> Path:
    return home.root / "prices.toml"
