"""Quote: how long the output will be and what it will cost, before anything is spent."""

from decimal import ROUND_CEILING, Decimal

from lipsync.catalogue import Length, Model
from lipsync.fit import FitPlan, SyncMode
from lipsync.price import Basis, Price

# fal reports billable units as fractions of the unit (0.05 minutes for 3 s; data/models.toml,
# source "fal-v2-pro-price"), so lengths are charged to the instant unless a row has a `step_s`.
_SECONDS_PER_MINUTE = 60
# Sums are rounded up to a hundredth of a cent: a quote is never below the bill.
CENT_HUNDREDTH = Decimal("0.0001")
_MICROSECOND = Decimal("0.000001")


def quote(model: Model, output_s: float) -> Decimal | None:
    """Price an output.

    Args:
        model: The row of the catalogue.
        output_s: Predicted length of the output, in seconds.

    Returns:
        US dollars, exact and then rounded up to $0.0001; None where no price is published.
    """
    price = model.price
    if price.basis is Basis.UNPUBLISHED:
        return None
    exact = _exact(price, _charged(price, output_s))
    if price.minimum_usd is not None:
        exact = max(exact, price.minimum_usd.value)
    return exact.quantize(CENT_HUNDREDTH, rounding=ROUND_CEILING)


def _charged(price: Price, output_s: float) -> Decimal:
    """Turn a length into the seconds that are charged; whole steps where the price has them.

    Microseconds first, so that 10.000000000000002 s is not charged as an eleventh step.
    """
    length_s = Decimal(str(output_s)).quantize(_MICROSECOND)
    if price.step_s is None:
        return length_s
    step_s = price.step_s.value
    return (length_s / step_s).to_integral_value(ROUND_CEILING) * step_s


def _exact(price: Price, length_s: Decimal) -> Decimal:
    usd = price.usd.value if price.usd else Decimal(0)
    if price.basis is Basis.PER_OUTPUT_MINUTE:
        return usd * length_s / _SECONDS_PER_MINUTE
    if price.flat_usd and price.flat_s:
        return price.flat_usd.value + usd * max(length_s - price.flat_s.value, Decimal(0))
    return usd * length_s


def vendor_length_s(model: Model, mode: SyncMode, video_s: float, voice_s: float) -> float | None:
    """Predict the output when the vendor makes the lengths equal (`--fit vendor`).

    Args:
        model: The row of the catalogue.
        mode: Our word for what the vendor is asked to do.
        video_s: Length of the video as it is sent.
        voice_s: Length of the voice as it is sent.

    Returns:
        Seconds; None when the model has no such mode.
    """
    own = model.sync.modes.get(mode)
    if own is None:
        return None
    return {
        Length.SHORTER: min(video_s, voice_s),
        Length.LONGER: max(video_s, voice_s),
        Length.VOICE: voice_s,
        Length.VIDEO: video_s,
    }[own.length]


def predicted_s(model: Model, plan: FitPlan) -> float | None:
    """Predict the output of a plan on a model; None when it cannot be made equal there.

    A plan of ours is made before sending, so its length holds on every model.
    """
    if not plan.by_vendor:
        return plan.predicted_s
    lengths = plan.mismatch
    return vendor_length_s(model, plan.sync_mode, lengths.video_s, lengths.voice_s)
