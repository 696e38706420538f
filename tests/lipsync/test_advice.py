"""Advice: the next model and its price where the chosen one did not do well."""

from decimal import Decimal

from lipsync.advice import advised, of_preview
from lipsync.verdicts import Mark
from tests.lipsync.pages.stories import choice, verdict

CHOICES = (
    choice("sync-2"),
    choice("latentsync", accepted=False),
    choice("sync-3", vendor="unified", price_usd=Decimal("0.80")),
)


def test_a_failed_check_names_the_next_model_that_takes_the_pair_and_its_price() -> None:
    rows = advised([verdict("mouth_changed", Mark.FAIL, advice="try")], CHOICES, "sync-2")
    assert rows[0].advice == "try, such as sync-3 (unified) for $0.80, or try another sync mode"


def test_nothing_is_advised_where_nothing_is_wrong_or_no_model_is_to_blame() -> None:
    fine = [verdict("mouth_sync"), verdict("mouth_sync", Mark.UNMEASURED)]
    blameless = [verdict("voice_offset", Mark.FAIL)]
    assert [row.advice for row in advised([*fine, *blameless], CHOICES, "sync-2")] == ["", "", ""]


def test_a_price_nobody_publishes_is_not_made_up_and_a_last_choice_names_none() -> None:
    unpriced = (choice("sync-2"), choice("sync-3", price_usd=None))
    (row,) = advised([verdict("frozen", Mark.WARN)], unpriced, "sync-2")
    assert "a price nobody publishes" in row.advice
    (row,) = advised([verdict("frozen", Mark.WARN)], CHOICES[:2], "sync-2")
    assert "no other model took this pair" in row.advice


def test_a_preview_that_leaves_the_lips_as_filmed_is_told_and_calls_for_no_review() -> None:
    rows = of_preview([verdict("mouth_changed", Mark.FAIL), verdict("voice_offset", Mark.FAIL)])
    assert [row.verdict for row in rows] == [Mark.WARN, Mark.FAIL]
    assert "stay as filmed" in rows[0].note
