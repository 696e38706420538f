"""fal, prices: what was charged, and one's own prices in place of the shipped ones, never in it."""

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from lipsync.accounts import FalSettings
from lipsync.errors import UsageError, VendorBusy
from lipsync.home import Home
from lipsync.quote import quote
from lipsync.shelf import data_folder
from lipsync.vendors.fal.prices import (
    OwnPrices,
    UnitPrice,
    billed_usd,
    repriced,
    unit_price,
    units_of,
)
from lipsync.vendors.fal.refresh import refresh_prices, with_own_prices
from tests.lipsync.pairs import CATALOGUE
from tests.lipsync.vendors.falshop import open_shop

DAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("model", "units", "quoted", "usd"),
    [
        # 3 s at $5 a minute were 0.05 units (data/models.toml, source "fal-v2-pro-price").
        pytest.param("sync-2-pro-endpoint", "0.05", "0.25", "0.25", id="one price, one model"),
        pytest.param("sync-2", "0.05", "0.15", "0.15", id="first of two models"),
        pytest.param("sync-2-pro", "0.05", "0.25", "0.25", id="second, at its own price"),
        pytest.param("sync-2-pro", "0.0833333333", "0.25", "0.25", id="second, in more units"),
        pytest.param("sync-2-pro", "0.05", None, "0.25", id="without a quote its own price"),
        pytest.param("latentsync", "40", "0.20", "0.200", id="the flat charge in seconds"),
        pytest.param("latentsync", "1", "0.20", "0.20", id="the flat charge as one unit"),
        pytest.param("latentsync", "60", "0.30", "0.300", id="a minute"),
        pytest.param("latentsync", "0", "0.20", "0", id="nothing at all"),
        pytest.param("sync-3", "0.1", "9.99", "0.8", id="far from the quote, and believed"),
    ],
)
def test_billed_units_are_priced(model: str, units: str, quoted: str | None, usd: str) -> None:
    row, expected = CATALOGUE.models[model], None if quoted is None else Decimal(quoted)
    billed = billed_usd(CATALOGUE, row, Decimal(units), expected)
    assert billed is not None
    assert abs(billed - Decimal(usd)) < Decimal("0.000001")


@pytest.mark.parametrize(
    ("units", "quoted", "usd"),
    [
        pytest.param("0.01666667", "0.05", "0.05", id="rounded up"),
        pytest.param("0.016667", "0.05", "0.05", id="rounded up, in fewer digits"),
        pytest.param("0.01333333", "0.04", "0.04", id="rounded down"),
        pytest.param("0.01666668", "0.05", "0.05000004", id="more than rounding does"),
        pytest.param("0.05", "0.1499", "0.15", id="what quotes are told apart by"),
        pytest.param("0.0041667", "0.0126", "0.0125001", id="below a quote that was rounded up"),
        pytest.param("0", "0.0001", "0", id="nothing at all"),
    ],
)
def test_a_bill_that_differs_from_its_quote_by_rounding_is_the_quote(
    units: str, quoted: str, usd: str
) -> None:
    row = CATALOGUE.models["sync-2"]
    assert billed_usd(CATALOGUE, row, Decimal(units), Decimal(quoted)) == Decimal(usd)


def test_what_was_not_said_is_not_known() -> None:
    assert billed_usd(CATALOGUE, CATALOGUE.models["sync-2"], None, Decimal(1)) is None


@pytest.mark.parametrize(
    ("written", "units"),
    [("0.05", "0.05"), ("", None), ("many", None), ("-1", None), ("NaN", None), ("Infinity", None)],
)
def test_units_are_a_number_or_not_known(written: str, units: str | None) -> None:
    headers = {"x-fal-billable-units": written} if written else {}
    assert units_of(headers) == (None if units is None else Decimal(units))


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "EUR"},
        {"unit_price": "much"},
        {"unit_price": -1},
        {"unit": None},
        {"unit_price": "NaN"},
    ],
)
def test_a_row_that_is_no_price_in_dollars_is_left_out(change: dict[str, object]) -> None:
    row = {"endpoint_id": "fal-ai/x", "unit_price": 3, "unit": "minutes", "currency": "USD"}
    assert unit_price(row) == UnitPrice(endpoint="fal-ai/x", usd=Decimal(3), unit="minutes")
    assert unit_price(row | change) is None
    assert unit_price(None) is None


def own(endpoint: str, usd: str, unit: str = "minutes") -> OwnPrices:
    return OwnPrices(date=DAY, prices=(UnitPrice(endpoint=endpoint, usd=Decimal(usd), unit=unit),))


@pytest.mark.parametrize(
    ("prices", "model", "output_s", "usd"),
    [
        (own("fal-ai/sync-lipsync/v2", "1.5"), "sync-2", 60, "1.5000"),
        (own("fal-ai/sync-lipsync/v2", "1.5"), "sync-2-pro", 60, "2.5000"),
        (own("fal-ai/sync-lipsync/v2", "0.05", "seconds"), "sync-2", 60, "3.0000"),
        (own("fal-ai/sync-lipsync/v2", "1.5"), "sync-3", 60, "8.0000"),
        (own("fal-ai/sync-lipsync/v2", "1.5", "megapixels"), "sync-2", 60, "3.0000"),
        (own("fal-ai/latentsync", "0.004", "seconds"), "latentsync", 40, "0.1600"),
        (own("fal-ai/latentsync", "0.004", "seconds"), "latentsync", 50, "0.2000"),
    ],
)
def test_ones_own_prices_are_what_is_quoted(
    prices: OwnPrices, model: str, output_s: float, usd: str
) -> None:
    assert quote(repriced(CATALOGUE, prices).models[model], output_s) == Decimal(usd)


def test_a_price_of_ones_own_says_where_and_when_it_was_asked_for() -> None:
    changed = repriced(CATALOGUE, own("fal-ai/sync-lipsync/v3", "7"))
    price = changed.models["sync-3"].price.usd
    assert price is not None
    source = changed.sources[price.source]
    assert (source.date, source.by) == (DAY, "vendor")
    assert "api.fal.ai" in source.where


def test_prices_are_asked_for_and_kept_in_home_and_the_shipped_file_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = data_folder() / "models.toml"
    before = shipped.read_bytes()
    with open_shop(tmp_path, monkeypatch.setenv) as shop:
        home = shop.store.home
        asked = refresh_prices(shop.vendor._settings, CATALOGUE, home, DAY)
        assert {price.endpoint for price in asked.prices} == {
            row.endpoint for row in CATALOGUE.models.values() if row.vendor == "fal"
        }
        with pytest.raises(VendorBusy, match="does not accept the key"):
            refresh_prices(shop.again(key="another:key")._settings, CATALOGUE, home, DAY)
    read = with_own_prices(CATALOGUE, home)
    for name, row in CATALOGUE.models.items():
        assert quote(read.models[name], 61.5) == quote(row, 61.5)
    assert read.models["sync-2"].price.usd.source == "fal-pricing-api"  # type: ignore[union-attr]
    assert shipped.read_bytes() == before
    assert "2026-11-20" in (home.root / "prices.toml").read_text()


def test_a_home_without_prices_leaves_the_catalogue_as_it_is(home: Home) -> None:
    assert with_own_prices(CATALOGUE, home) is CATALOGUE


@pytest.mark.parametrize(
    "text",
    ["date = ", "[fal]\n", 'date = 2026-11-20\n[fal]\n"x" = { usd = "much", unit = "minutes" }\n'],
)
def test_prices_in_home_that_cannot_be_read_are_named(home: Home, text: str) -> None:
    (home.folder() / "prices.toml").write_text(text)
    with pytest.raises(UsageError, match=r"prices\.toml: cannot be read as prices"):
        with_own_prices(CATALOGUE, home)


def test_settings_are_read_without_a_key_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FAL_")]:
        monkeypatch.delenv(name)
    assert FalSettings.found().key is None
