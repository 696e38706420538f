"""Rank: the order of the models that can make a dub, and the reason for it."""

from collections.abc import Sequence
from decimal import Decimal

from lipsync.catalogue import Model, Policy
from lipsync.values import Value

# Points of quality (of 10) that a dollar per minute of output must buy to be worth it. House
# judgement: with the catalogue's prices it puts lipsync-2 ($3) before lipsync-2-pro ($5) before
# LatentSync ($0.30, more on short clips) before sync-3 ($8).
POINTS_PER_USD_MINUTE = 0.75

_UNKNOWN = Decimal("Infinity")
_SECONDS_PER_MINUTE = 60


class Candidate(Value):
    """A model that can make the dub, with its quote."""

    row: Model
    predicted_s: float
    price_usd: Decimal | None


def ranked(policy: Policy, candidates: Sequence[Candidate]) -> list[str]:
    """Order candidates, best first; the order they come in does not matter.

    Rehearsals come last under any policy. cheapest: the lower price; fastest: the higher speed;
    best: the higher quality; balanced and auto: the higher `score`. What is equal is ordered by
    quality, then price (unknown last), then id.

    Returns:
        Ids.
    """

    def key(candidate: Candidate) -> tuple[bool, float | Decimal, int, Decimal, str]:
        row = candidate.row
        price_usd = _UNKNOWN if candidate.price_usd is None else candidate.price_usd
        first: dict[Policy, float | Decimal] = {
            Policy.CHEAPEST: price_usd,
            Policy.FASTEST: -row.speed.value,
            Policy.BEST: -row.quality.value,
        }
        return (
            row.preview,
            first.get(policy, -score(candidate)),
            -row.quality.value,
            price_usd,
            row.id,
        )

    return [candidate.row.id for candidate in sorted(candidates, key=key)]


def score(candidate: Candidate) -> float:
    """Weigh quality against price: quality minus 0.75 points per dollar per minute of output.

    Returns:
        Points; minus infinity where the price is not known, so that such a model comes last.
    """
    if candidate.price_usd is None:
        return float("-inf")
    return candidate.row.quality.value - POINTS_PER_USD_MINUTE * usd_per_minute(candidate)


def usd_per_minute(candidate: Candidate) -> float:
    """Spread the price over the output, so that minimum charges weigh on short clips."""
    if not candidate.price_usd or candidate.predicted_s <= 0:
        return 0.0
    return float(candidate.price_usd) * _SECONDS_PER_MINUTE / candidate.predicted_s


def explain(policy: Policy, candidate: Candidate) -> tuple[str, ...]:
    """Say in figures why a candidate ranks where it does."""
    row, price_usd = candidate.row, candidate.price_usd
    if row.preview:
        return ("a preview, ranked after every real model",)
    cost = "no known price" if price_usd is None else f"${price_usd:.4f}"
    price = f"{cost} for {candidate.predicted_s:.2f} s"
    quality = f"quality {row.quality.value} of 10: {row.quality.why}"
    match policy:
        case Policy.CHEAPEST:
            return (price, quality)
        case Policy.BEST:
            return (quality, price)
        case Policy.FASTEST:
            return (f"speed {row.speed.value} of 10: {row.speed.why}", price)
        case Policy.BALANCED | Policy.AUTO:
            return (_balance(candidate), quality, price)


def _balance(candidate: Candidate) -> str:
    if candidate.price_usd is None:
        return "ranked after every model with a known price"
    return (
        f"score {score(candidate):.2f} = quality {candidate.row.quality.value} "
        f"- {POINTS_PER_USD_MINUTE} x ${usd_per_minute(candidate):.2f} per minute"
    )
