"""Select: the choice, its reasons, and the sentence when there is none."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsync.catalogue import Catalogue, Policy
from lipsync.errors import BudgetError, NoModelError, UsageError
from lipsync.fit import SyncMode
from lipsync.select import Choice, Selection, select
from tests.lipsync.pairs import (
    CATALOGUE,
    EVERY_VENDOR,
    NO_KEYS,
    a_plan,
    a_request,
    a_video,
    faces,
)


def selected(**change: Any) -> Selection:
    return select(a_request(**change), CATALOGUE)


def accepted(selection: Selection) -> list[str]:
    return [choice.model for choice in selection.choices if choice.accepted]


def the(selection: Selection, model: str) -> Choice:
    return next(choice for choice in selection.choices if choice.model == model)


# Ten seconds: sync-1.9 $0.1167, latentsync $0.20, sync-2 $0.50, sync-2-pro $0.8334, sync-3 $1.3334.
@pytest.mark.parametrize(
    ("policy", "first"),
    [
        ("cheapest", ["sync-1.9", "sync-1.8", "sync-1.7.1", "latentsync", "sync-2"]),
        ("balanced", ["sync-2", "sync-2-pro", "sync-2-pro-endpoint", "latentsync", "sync-3"]),
        ("auto", ["sync-2", "sync-2-pro", "sync-2-pro-endpoint", "latentsync", "sync-3"]),
        ("best", ["sync-3", "unified-sync-3", "sync-2-pro", "sync-2-pro-endpoint"]),
        ("fastest", ["sync-1.9", "sync-1.8", "sync-1.7.1", "sync-2", "unified-lipsync-2"]),
    ],
)
def test_a_policy_ranks_what_can_be_done(policy: str, first: list[str]) -> None:
    assert accepted(selected(policy=policy))[: len(first)] == first


@pytest.mark.parametrize(
    ("output_s", "cheapest"),
    [
        # $0.70 x 17.14 / 60 = $0.19997; at 17.16 s it is $0.2002 and LatentSync's flat $0.20 wins.
        pytest.param(17.12, "sync-1.9", id="below the flat charge"),
        pytest.param(17.16, "latentsync", id="above it"),
    ],
)
def test_the_cheapest_depends_on_the_length(output_s: float, cheapest: str) -> None:
    assert selected(policy="cheapest", plan=a_plan(output_s, output_s)).chosen == cheapest


@pytest.mark.parametrize("policy", Policy)
def test_the_preview_comes_after_every_real_model(policy: Policy) -> None:
    assert accepted(selected(policy=policy))[-1] == "local-preview"


@pytest.mark.parametrize("policy", Policy)
def test_without_any_key_the_preview_is_taken_and_says_what_it_is(policy: Policy) -> None:
    selection = selected(policy=policy, vendors=NO_KEYS)
    assert selection.chosen == "local-preview"
    assert accepted(selection) == ["local-preview"]
    assert the(selection, "local-preview").warnings == (
        "a preview to look at, not a trained model",
    )
    assert the(selection, "sync-2").reasons == ("fal: FAL_KEY is not set",)


def test_without_a_key_and_without_a_preview_there_is_no_model() -> None:
    with pytest.raises(NoModelError) as caught:
        selected(vendors=NO_KEYS, allow_preview=False)
    said = str(caught.value)
    assert said.startswith("no model can make this dub: fal: FAL_KEY is not set (latentsync, ")
    assert "a preview is not wanted (local-preview)" in said


def test_every_row_is_quoted_the_rejected_ones_too() -> None:
    selection = selected(vendors=NO_KEYS)
    assert {choice.model for choice in selection.choices} == set(CATALOGUE.models)
    assert the(selection, "sync-3").price_usd == Decimal("1.3334")
    assert the(selection, "sync-3").predicted_s == 10.0


def test_a_choice_explains_its_rank_in_figures() -> None:
    assert the(selected(), "sync-2").reasons == (
        "score 5.75 = quality 8 - 0.75 x $3.00 per minute",
        "quality 8 of 10: keeps the speaker's style; face patch of 512 x 512",
        "$0.5000 for 10.00 s",
    )


def test_a_model_without_a_price_says_so_and_ranks_after_those_with_one() -> None:
    selection = selected()
    assert accepted(selection)[-4:-1] == [
        "unified-sync-3",
        "unified-lipsync-2-pro",
        "unified-lipsync-2",
    ]
    assert "credits" in the(selection, "unified-sync-3").warnings[-1]
    assert the(selection, "unified-sync-3").price_usd is None


# ── Rejection by the media ─────────────────────────────────────────────────────────────────────


def test_a_face_too_small_for_one_model_leaves_the_others() -> None:
    selection = selected(policy="cheapest", plan=a_plan(60, 60), faces=faces(height_px=60))
    assert selection.chosen == "sync-1.9"
    (reason,) = the(selection, "latentsync").reasons
    assert reason.startswith("the face is 60 px high, at least 80 is needed")


def test_no_face_is_never_paid_for() -> None:
    selection = selected(policy="best", faces=faces(0))
    assert accepted(selection) == ["local-preview"]
    assert "delivered unaltered" in the(selection, "local-preview").warnings[0]


def test_several_faces_are_warned_of_where_nobody_can_say_who_speaks() -> None:
    selection = selected(faces=faces(most=2))
    assert the(selection, "sync-2").warnings == (
        "2 faces in one frame, and sync-2 cannot be told who speaks",
    )
    assert the(selection, "sync-3").warnings == ()


def test_nothing_can_be_done_without_a_picture() -> None:
    with pytest.raises(NoModelError) as caught:
        selected(video=a_video(video=None))
    assert str(caught.value) == "no model can make this dub: clip.mp4 has no picture: give a video"


# ── Pins ───────────────────────────────────────────────────────────────────────────────────────


def test_a_pin_is_taken_whatever_the_policy_and_the_rest_is_still_ranked() -> None:
    selection = selected(model="latentsync", policy="best")
    assert accepted(selection)[:3] == ["latentsync", "sync-3", "unified-sync-3"]
    assert selection.chosen == "latentsync"


def test_a_pin_of_the_preview_is_taken_although_keys_are_set() -> None:
    assert selected(model="local-preview").chosen == "local-preview"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        pytest.param(
            {"model": "sync-9"},
            UsageError,
            "there is no model 'sync-9'; the catalogue has latentsync, local-preview, sync-1.7.1, ",
            id="unknown",
        ),
        pytest.param(
            {"model": "sync-3", "vendors": NO_KEYS},
            UsageError,
            "sync-3 is sold by fal, which cannot be used here: FAL_KEY is not set; pin",
            id="no key",
        ),
        pytest.param(
            {"model": "sync-3", "vendors": {"local": None}},
            UsageError,
            "sync-3 is sold by fal, which cannot be used here: no account is set up",
            id="vendor not named",
        ),
        pytest.param(
            {"model": "sync-3", "faces": faces(0)},
            NoModelError,
            "sync-3 cannot make this dub: faces in the sampled frames: 0, at least 1 is needed: ",
            id="media",
        ),
        pytest.param(
            {"model": "sync-2", "options": {"seed": 1}},
            UsageError,
            "sync-2 does not take seed",
            id="option",
        ),
        pytest.param(
            {"model": "local-preview", "allow_preview": False},
            UsageError,
            "a preview is not wanted",
            id="contradiction",
        ),
        pytest.param(
            {"model": "latentsync", "plan": a_plan(mode=SyncMode.REMAP, by_vendor=True)},
            UsageError,
            "latentsync has no remap of its own, only cut_off, loop, bounce",
            id="mode",
        ),
    ],
)
def test_a_pin_that_cannot_be_kept_says_why(
    change: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        selected(**change)
    assert str(caught.value).startswith(words)


# ── Options ────────────────────────────────────────────────────────────────────────────────────


def test_an_option_leaves_only_the_models_that_take_it() -> None:
    assert accepted(selected(options={"seed": 3})) == ["latentsync"]


def test_an_option_that_would_be_ignored_is_refused_and_not_dropped() -> None:
    selection = selected(options={"temperature": 0.8})
    assert accepted(selection) == ["unified-lipsync-2-pro", "unified-lipsync-2"]
    assert the(selection, "sync-3").reasons == ("sync-3 ignores temperature",)


@pytest.mark.parametrize(
    "value", [-0.01, 1.01, float("nan"), True, "0.5"], ids=["low", "high", "nan", "flag", "text"]
)
def test_an_option_out_of_its_range_is_refused_with_the_range(value: Any) -> None:
    with pytest.raises(UsageError, match="takes temperature as a number from 0 to 1, not "):
        selected(model="unified-lipsync-2", options={"temperature": value})


@pytest.mark.parametrize("value", [0, 1, 0.5])
def test_an_option_at_the_edge_of_its_range_is_taken(value: float) -> None:
    selection = selected(model="unified-lipsync-2", options={"temperature": value})
    assert selection.chosen == "unified-lipsync-2"


# ── The vendor's own fit ───────────────────────────────────────────────────────────────────────


def test_the_vendors_own_fit_has_the_vendors_own_length_and_price() -> None:
    plan = a_plan(4.0, 9.0, mode=SyncMode.SILENCE, by_vendor=True)
    selection = selected(plan=plan)
    assert (the(selection, "sync-2").predicted_s, the(selection, "sync-2").price_usd) == (
        9.0,
        Decimal("0.4500"),
    )
    assert the(selection, "unified-lipsync-2").predicted_s == 4.0
    assert "unified would cut 5.00 s off the end of the voice" in (
        the(selection, "unified-lipsync-2").warnings
    )
    assert the(selection, "latentsync").price_usd is None
    assert not the(selection, "latentsync").accepted


def test_our_own_fit_is_sent_at_one_length_so_only_that_one_counts() -> None:
    """An hour of video cut to ten seconds of voice is ten seconds long when it leaves."""
    assert selected(plan=a_plan(3600.0, 10.0)).chosen == "sync-2"
    vendors = selected(plan=a_plan(3600.0, 10.0, by_vendor=True))
    assert the(vendors, "sync-2").reasons[0].startswith("the video sent is 3,600 s long, over 600")


# ── Money ──────────────────────────────────────────────────────────────────────────────────────


def test_a_budget_that_is_met_to_the_cent_is_kept() -> None:
    assert selected(budget_usd=Decimal("0.50")).chosen == "sync-2"


def test_a_budget_that_is_missed_by_a_hundredth_of_a_cent_refuses_and_shows_a_way_out() -> None:
    with pytest.raises(BudgetError) as caught:
        selected(model="sync-3", budget_usd=Decimal("1.3333"))
    assert str(caught.value) == (
        "sync-3 costs $1.3334, the budget is $1.3333: raise --budget or choose sync-2 at $0.5000"
    )


def test_a_budget_nothing_real_can_meet_points_at_the_preview() -> None:
    with pytest.raises(BudgetError, match=r"the budget is \$0\.05: .* choose local-preview at \$0"):
        selected(policy="cheapest", budget_usd=Decimal("0.05"))


def test_a_budget_cannot_be_promised_where_the_price_is_not_known() -> None:
    with pytest.raises(BudgetError, match="unified-sync-3 has no known price, the budget is"):
        selected(model="unified-sync-3", budget_usd=Decimal(100))


def test_the_preview_keeps_a_budget_of_nothing() -> None:
    assert selected(vendors=NO_KEYS, budget_usd=Decimal(0)).chosen == "local-preview"


# ── One answer ─────────────────────────────────────────────────────────────────────────────────


@given(
    names=st.permutations(sorted(CATALOGUE.models)),
    policy=st.sampled_from(Policy),
    faces_seen=st.integers(0, 8),
)
def test_the_order_of_the_rows_changes_nothing(
    names: list[str], policy: Policy, faces_seen: int
) -> None:
    shuffled = Catalogue(
        sources=CATALOGUE.sources,
        vendors=CATALOGUE.vendors,
        models={name: CATALOGUE.models[name] for name in names},
    )
    request = a_request(policy=policy, faces=faces(faces_seen), vendors=EVERY_VENDOR)
    assert select(request, shuffled) == select(request, CATALOGUE)


def test_a_selection_survives_the_way_through_a_task() -> None:
    selection = selected()
    assert Selection.model_validate_json(selection.model_dump_json()) == selection
