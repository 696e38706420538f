"""Approval: what a person's word is needed for, what it counts for, and what it leads to."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lipsync.approval import (
    Approval,
    ApprovalRefused,
    ApprovalState,
    AwaitingApproval,
    Priced,
    Proposal,
    answer_to,
    awaiting,
    by_model,
    covers,
    followed,
    in_words,
    is_needed,
    refused,
    state_after,
)
from lipsync.errors import UsageError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def proposal(*usd: str | None, batch: str = "b", **more: str | None) -> Proposal:
    """Propose dubs a, b, c… at these prices; `more` names them."""
    named = {chr(ord("a") + number): price for number, price in enumerate(usd)} | more
    purchases = {
        key: Priced(model="sync-2", usd=None if price is None else Decimal(price))
        for key, price in named.items()
    }
    return Proposal(title="talks.csv", batch=batch, purchases=purchases, parameters={})


def approval(asked: Proposal, state: ApprovalState, number: int = 1, **more: Any) -> Approval:
    fields = asked.model_dump() | {"total_usd": asked.total_usd, "unpriced": asked.unpriced}
    return Approval.model_validate(
        fields | {"id": number, "key": asked.key, "state": state, "asked_at": NOW} | more
    )


@pytest.mark.parametrize(
    ("asked", "over_usd", "needed"),
    [
        pytest.param(proposal("3", "2"), "5", False, id="at the limit"),
        pytest.param(proposal("3", "2.0001"), "5", True, id="over it"),
        pytest.param(proposal("3", "2"), None, False, id="no limit"),
        pytest.param(proposal("0.01", None), "5", True, id="a price nobody knows"),
        pytest.param(proposal(), "0", False, id="nothing to buy"),
        pytest.param(proposal("0.01"), "0", True, id="everything is asked about"),
    ],
)
def test_a_word_is_needed_for_what_costs_more_than_the_limit(
    asked: Proposal, over_usd: str | None, needed: bool
) -> None:
    assert is_needed(asked, None if over_usd is None else Decimal(over_usd)) is needed


@pytest.mark.parametrize(
    ("now", "covered"),
    [
        pytest.param(proposal("3", "2"), True, id="the same"),
        pytest.param(proposal("3"), True, id="a part of it"),
        pytest.param(proposal("2.5", "2"), True, id="cheaper"),
        pytest.param(proposal("3.01", "1"), False, id="one dearer, the total less"),
        pytest.param(proposal("3", "2", c="1"), False, id="another dub"),
        pytest.param(proposal("3", "2", batch="other"), False, id="another batch"),
        pytest.param(proposal("3", None), False, id="a price that is gone"),
    ],
)
def test_an_approval_counts_for_what_was_shown_and_parts_of_it(
    now: Proposal, covered: bool
) -> None:
    shown = proposal("3", "2")
    assert covers(approval(shown, ApprovalState.APPROVED), now) is covered
    assert covers(approval(shown, ApprovalState.USED), now) is covered
    assert not covers(approval(shown, ApprovalState.WAITING), now)
    assert not covers(approval(shown, ApprovalState.REFUSED), now)


def test_another_model_at_the_same_price_is_asked_about() -> None:
    shown = proposal("3")
    now = shown.model_copy(update={"purchases": {"a": Priced(model="sync-3", usd=Decimal(3))}})
    assert not covers(approval(shown, ApprovalState.APPROVED), now)


def test_the_key_is_what_would_be_bought_and_nothing_else() -> None:
    one = proposal("3", "2")
    assert one.key == one.model_copy(update={"title": "x", "parameters": {"a": 1}}).key
    assert len({one.key, proposal("3").key, proposal("3", "2.1").key, proposal("3", None).key}) == 4


def test_a_refused_plan_stays_refused_although_a_larger_one_was_approved() -> None:
    small, large = proposal("3"), proposal("3", "2")
    known = [
        approval(small, ApprovalState.REFUSED, 1),
        approval(large, ApprovalState.APPROVED, 2),
    ]
    found = answer_to(small, known)
    assert found is not None
    assert found.state is ApprovalState.REFUSED
    assert answer_to(large, known) == known[1]
    assert answer_to(proposal("9"), known) is None


@pytest.mark.parametrize(
    ("before", "word", "after"),
    [
        pytest.param("waiting", "approve", "approved", id="yes"),
        pytest.param("waiting", "refuse", "refused", id="no"),
        pytest.param("approved", "approve", "approved", id="yes twice"),
        pytest.param("refused", "refuse", "refused", id="no twice"),
        pytest.param("approved", "refuse", "refused", id="yes withdrawn"),
        pytest.param("used", "approve", "used", id="yes to what runs"),
    ],
)
def test_a_word_leads_somewhere(before: str, word: Any, after: str) -> None:
    assert state_after(approval(proposal("1"), ApprovalState(before)), word) == after


@pytest.mark.parametrize(
    ("before", "word", "said"),
    [
        pytest.param("refused", "approve", "a refused plan stays refused", id="a late yes"),
        pytest.param("used", "refuse", "cancel that run instead", id="a late no"),
    ],
)
def test_a_word_that_comes_too_late_says_so(before: str, word: Any, said: str) -> None:
    told: dict[str, Any] = {"decided_by": "Eve", "decided_at": NOW, "note": "too dear"}
    with pytest.raises(UsageError, match=said) as error:
        state_after(approval(proposal("1"), ApprovalState(before), **told), word)
    assert "by Eve on 2026-11-20 12:00 UTC (too dear)" in str(error.value)


def test_what_waits_says_how_to_answer_and_what_is_refused_costs_nothing() -> None:
    one = approval(proposal("3", None), ApprovalState.WAITING, 7)
    assert isinstance(awaiting(one), AwaitingApproval)
    assert awaiting(one).exit_code == 6
    assert "`dubline approve 7`" in str(awaiting(one))
    assert in_words(one) == "$3.00 for 2 dubs, 1 without a known price"
    assert isinstance(refused(one), ApprovalRefused)
    assert refused(one).exit_code == 4
    assert by_model(one) == [
        {"model": "sync-2", "dubs": "2", "usd": "3", "without a price": "1"},
    ]


@pytest.mark.parametrize(
    ("state", "run", "said"),
    [
        pytest.param("refused", None, "nothing is sent", id="no"),
        pytest.param("approved", None, "run the same batch of talks.csv again", id="by hand"),
        pytest.param("approved", "bold-otter", "as the run bold-otter", id="deployment"),
        pytest.param("used", None, "its batch has begun", id="begun"),
    ],
)
def test_it_is_said_what_happens_after_a_word(state: str, run: str | None, said: str) -> None:
    assert said in followed(approval(proposal("1"), ApprovalState(state)), run)
