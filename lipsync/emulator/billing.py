"""Billing: what fal charges for an output, in units of the endpoint's price."""

from decimal import Decimal

from lipsync.catalogue import Catalogue, Model
from lipsync.price import Basis
from lipsync.values import Value

_SECONDS_PER_MINUTE = 60
# Billable units were seen as decimal fractions (0.05 for 3 s of a price per minute).
_STEP = Decimal("0.00000001")
# The bill is for the length itself, and not for the units: those are only as good as their digits.
_NANO_USD = Decimal("1E-9")


class UnitPrice(Value):
    """What an endpoint charges for one unit, as fal's pricing says it."""

    usd: Decimal
    unit: str


def unit_price(endpoint: str, catalogue: Catalogue) -> UnitPrice | None:
    """Price one unit of an endpoint; None where no price is known.

    An endpoint that offers several models has one unit price, that of its default model; the
    dearer ones are billed more units.
    """
    model = default_model(endpoint, catalogue)
    if model is None or model.price.usd is None:
        return None
    minutes = model.price.basis is Basis.PER_OUTPUT_MINUTE
    return UnitPrice(usd=model.price.usd.value, unit="minutes" if minutes else "seconds")


def default_model(endpoint: str, catalogue: Catalogue) -> Model | None:
    """Return the row an endpoint takes when none is named: the first of it."""
    rows = (row for row in catalogue.models.values() if row.endpoint == endpoint)
    return next(rows, None)


def billable(model: Model, output_s: float, catalogue: Catalogue) -> tuple[Decimal, Decimal]:
    """Charge an output.

    Returns:
        Units, and US dollars.
    """
    base = unit_price(model.endpoint, catalogue)
    usd = _usd(model, Decimal(str(round(output_s, 6))))
    if base is None:
        return Decimal(0), Decimal(0)
    units = (usd / base.usd).quantize(_STEP).normalize()
    return units, usd.quantize(_NANO_USD)


def _usd(model: Model, length_s: Decimal) -> Decimal:
    price = model.price
    rate_usd = price.usd.value if price.usd else Decimal(0)
    if price.basis is Basis.PER_OUTPUT_MINUTE:
        return rate_usd * length_s / _SECONDS_PER_MINUTE
    if price.flat_usd and price.flat_s:
        return price.flat_usd.value + rate_usd * max(length_s - price.flat_s.value, Decimal(0))
    return rate_usd * length_s
