"""Rank: ties are settled the same way every time, and minimum charges weigh on short clips."""

from decimal import Decimal
from itertools import permutations

import pytest

from lipsync.catalogue import Policy
from lipsync.rank import Candidate, explain, ranked, score
from tests.lipsync.pairs import CATALOGUE


def a_candidate(name: str, usd: str | None = "1", *, like: str = "sync-2") -> Candidate:
    return Candidate(
        row=CATALOGUE.models[like].model_copy(update={"id": name}),
        predicted_s=60.0,
        price_usd=None if usd is None else Decimal(usd),
    )


@pytest.mark.parametrize("policy", Policy)
def test_what_is_equal_in_everything_is_ordered_by_id(policy: Policy) -> None:
    for order in permutations("bca"):
        assert ranked(policy, [a_candidate(name) for name in order]) == ["a", "b", "c"]


@pytest.mark.parametrize("policy", ["best", "fastest"])
def test_what_is_equally_good_is_ordered_by_price_and_unknown_is_last(policy: str) -> None:
    three = [a_candidate("a", None), a_candidate("b", "2"), a_candidate("c", "1")]
    assert ranked(Policy(policy), three) == ["c", "b", "a"]


def test_what_costs_the_same_is_ordered_by_quality() -> None:
    two = [a_candidate("a", like="sync-1.9"), a_candidate("b", like="sync-3")]
    assert ranked(Policy.CHEAPEST, two) == ["b", "a"]


@pytest.mark.parametrize("policy", Policy)
def test_a_free_preview_comes_after_a_model_of_unknown_price(policy: Policy) -> None:
    two = [a_candidate("a", "0", like="local-preview"), a_candidate("b", None)]
    assert ranked(policy, two) == ["b", "a"]


def test_a_flat_charge_weighs_on_a_short_clip() -> None:
    """$0.20 for 4 s is $3 a minute, 2.25 points; for a minute at $0.30 it is 0.225 points."""
    row = CATALOGUE.models["latentsync"]
    short = Candidate(row=row, predicted_s=4.0, price_usd=Decimal("0.20"))
    long = Candidate(row=row, predicted_s=60.0, price_usd=Decimal("0.30"))
    assert score(short) == pytest.approx(5 - 2.25)
    assert score(long) == pytest.approx(5 - 0.225)


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("name", CATALOGUE.models)
def test_every_rank_has_a_reason(policy: Policy, name: str) -> None:
    assert all(explain(policy, a_candidate(name, None, like=name)))
