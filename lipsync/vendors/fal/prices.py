"""Prices: what a job was charged, and the catalogue with the prices of one's own account.

fal charges billable units x one unit price per endpoint; how many units a second is, only the
answer to the result says (header X-Fal-Billable-Units, fal-protocol.md §13).
"""

from collections.abc import Iterator
from datetime import date as Date  # noqa: N812  the field is called `date`
from decimal import Decimal, InvalidOperation
from typing import Any

from lipsync.catalogue import Catalogue, Model
from lipsync.price import Basis, Price
from lipsync.quote import CENT_HUNDREDTH
from lipsync.sources import Cited, Source
from lipsync.values import Value

# fal-protocol.md §13.
PRICING_URL = "https://api.fal.ai/v1/models/pricing"

_SOURCE = "fal-pricing-api"
_SECONDS = {"second": 1, "seconds": 1, "minute": 60, "minutes": 60}


class UnitPrice(Value):
    """What an endpoint charges this account for one of its units."""

    endpoint: str
    usd: Decimal
    unit: str


class OwnPrices(Value):
    """What fal charges one account, as its pricing API said on one day."""

    date: Date
    prices: tuple[UnitPrice, ...]


def unit_price(row: Any) -> UnitPrice | None:
    """Read one row of the prices; None where it is not in US dollars, or no price."""
    if not isinstance(row, dict) or row.get("currency", "USD") != "USD":
        return None
    try:
        usd = Decimal(str(row.get("unit_price")))
    except InvalidOperation:
        return None
    named = isinstance(row.get("endpoint_id"), str) and isinstance(row.get("unit"), str)
    if not named or not usd.is_finite() or usd < 0:
        return None
    return UnitPrice(endpoint=row["endpoint_id"], usd=usd, unit=row["unit"])


def units_of(headers: dict[str, str]) -> Decimal | None:
    """Read how many units were billed; None: the answer does not say."""
    try:
        units = Decimal(headers.get("x-fal-billable-units", ""))
    except InvalidOperation:
        return None
    return units if units.is_finite() and units >= 0 else None


def billed_usd(
    catalogue: Catalogue, model: Model, units: Decimal | None, quoted_usd: Decimal | None
) -> Decimal | None:
    """Price billed units.

    An endpoint has one unit price. Where it sells several models, a dearer one must count more
    units, or have been given a price of its own; fal does not say which. The reading nearest to
    the quote is taken: the two are a factor apart, and a quote is right to a hundredth of a cent.

    Units have so many digits and no more: a second of a price per minute is 0.01666667, and comes
    to $0.05000001. A bill that differs from the quote by less than the last digit is worth is the
    quote, or a budget that is just enough would not be.

    Args:
        catalogue: Of it, the rows that share the endpoint.
        model: The row that was bought.
        units: As fal counted them; None: it did not say.
        quoted_usd: What the job was expected to cost; None: not known.

    Returns:
        US dollars; None where units or prices are not known.
    """
    own = model.price.usd
    if units is None or own is None:
        return None
    prices = {row.price.usd.value for row in _rows_at(catalogue, model.endpoint) if row.price.usd}
    readings = [_charged(model.price, usd, units) for usd in (own.value, *sorted(prices))]
    target = readings[0] if quoted_usd is None else quoted_usd
    nearest = min(readings, key=lambda usd: abs(usd - target))
    return target if abs(nearest - target) < _last_digit_usd(units, own.value) else nearest


def repriced(catalogue: Catalogue, own: OwnPrices) -> Catalogue:
    """Return the catalogue with one's own prices in it, each with the day it was asked for.

    Where an endpoint sells several models, all its prices move as that of its first row does.
    """
    known = {price.endpoint: price for price in own.prices}
    models = {
        name: _repriced(catalogue, model, known.get(model.endpoint))
        for name, model in catalogue.models.items()
    }
    source = Source(where=PRICING_URL, date=own.date, dated="stated", by="vendor")
    sources = catalogue.sources | {_SOURCE: source}
    return catalogue.model_copy(update={"models": models, "sources": sources})


def written(own: OwnPrices) -> str:
    """Write one's own prices as TOML."""
    rows = (
        f'"{price.endpoint}" = {{ usd = "{price.usd:f}", unit = "{price.unit}" }}'
        for price in sorted(own.prices, key=lambda price: price.endpoint)
        if price.unit in _SECONDS
    )
    head = (
        "# What fal charges this account, asked by `dubline models --refresh-prices`.\n"
        "# It comes before the prices that come with Dubline; delete this file to go back to them."
    )
    return "\n".join((head, f"date = {own.date.isoformat()}", "", "[fal]", *rows, ""))


def read_prices(tables: dict[str, Any]) -> OwnPrices:
    """Read what `written` wrote, from its tables.

    Raises:
        ValueError: Something in it is no price.
    """
    rows: dict[str, Any] = tables.get("fal", {})
    prices = tuple(UnitPrice(endpoint=name, **row) for name, row in rows.items())
    return OwnPrices(date=tables.get("date"), prices=prices)


def _repriced(catalogue: Catalogue, model: Model, own: UnitPrice | None) -> Model:
    first = next(_rows_at(catalogue, model.endpoint))
    if own is None or model.vendor != "fal" or own.unit not in _SECONDS or not first.price.usd:
        return model
    basis_s = 60 if first.price.basis is Basis.PER_OUTPUT_MINUTE else 1
    usd = own.usd * basis_s / _SECONDS[own.unit]
    changes = {
        name: Cited[Decimal](value=cited.value * usd / first.price.usd.value, source=_SOURCE)
        for name in ("usd", "flat_usd", "minimum_usd")
        if (cited := getattr(model.price, name)) is not None
    }
    return model.model_copy(update={"price": model.price.model_copy(update=changes)})


def _last_digit_usd(units: Decimal, unit_usd: Decimal) -> Decimal:
    """Say what the last digit of a count of units is worth; never as much as quotes are told apart.

    >>> _last_digit_usd(Decimal("0.01666667"), Decimal(3)), _last_digit_usd(Decimal(4), Decimal(3))
    (Decimal('3E-8'), Decimal('0.0001'))
    """
    return min(unit_usd * Decimal(1).scaleb(-_decimals(units)), CENT_HUNDREDTH)


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _charged(price: Price, unit_usd: Decimal, units: Decimal) -> Decimal:
    """Multiply; a flat charge is the least that is paid for anything at all."""
    least = price.flat_usd.value if price.flat_usd and units else Decimal(0)
    return max(least, units * unit_usd)


def _rows_at(catalogue: Catalogue, endpoint: str) -> Iterator[Model]:
    return (row for row in catalogue.models.values() if row.endpoint == endpoint)
