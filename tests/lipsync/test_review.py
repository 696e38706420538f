"""Review: what is not right waits in the ledger for a person, who says what becomes of it."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lipsync.errors import BudgetError, UsageError
from lipsync.ledger import Ledger
from lipsync.params import DubParams
from lipsync.review import (
    OPEN,
    Case,
    Doubt,
    Review,
    ReviewState,
    Wish,
    Word,
    check_permit,
    redo_params,
)
from lipsync.tickets import Ticket
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import at_once
from tests.lipsync.orders import make_order

PARAMS = DubParams(
    video=Path("/in/talk.mp4"),
    voice=Path("/in/de.wav"),
    output=Path("/out/talk.de.mp4"),
    policy="cheapest",
    options={"temperature": 0.4},
)


def a_ticket(ledger: Ledger, key: str = "k1") -> Ticket:
    return ledger.intend(make_order(key)).ticket


def a_case(ticket: Ticket, *checks: str, **changes: Any) -> Case:
    """A dub of which these checks fail; the length, unless others are named."""
    doubts = tuple(Doubt(check=check, figure="49", limit="50") for check in checks or ("length",))
    facts = {
        "dub_key": "d" * 64,
        "ticket_id": ticket.id,
        "output": Path("/out/talk.de.mp4"),
        "output_sha256": "a" * 64,
        "model": "sync-2",
        "doubts": doubts,
        "parameters": PARAMS.model_dump(mode="json"),
    }
    return Case.model_validate(facts | changes)


@pytest.fixture
def review(ledger: Ledger) -> Review:
    return ledger.ask_review(a_case(a_ticket(ledger)))


def test_a_case_waits_and_is_read_back_as_it_was_written(ledger: Ledger, review: Review) -> None:
    assert (review.state, review.decided_by, review.redo) == (ReviewState.WAITING, None, None)
    assert review.params == PARAMS
    assert ledger.review(review.id) == review
    assert ledger.reviews(OPEN) == (review,)


def test_the_same_dub_is_asked_about_once_and_stays_answered(
    ledger: Ledger, review: Review
) -> None:
    case = a_case(ledger.ticket(review.ticket_id))
    decided = ledger.decide_review(review, "approve", "ada", "fine for the web")
    assert ledger.ask_review(case) == decided
    assert len(ledger.reviews()) == 1


def test_a_fault_nobody_has_seen_is_asked_about_again(ledger: Ledger, review: Review) -> None:
    ledger.decide_review(review, "approve", "ada")
    worse = a_case(ledger.ticket(review.ticket_id), "length", "voice_same")
    again = ledger.ask_review(worse)
    assert (again.id, again.state) == (review.id, ReviewState.WAITING)
    assert [doubt.check for doubt in again.doubts] == ["length", "voice_same"]


def test_another_purchase_of_the_same_dub_is_another_review(ledger: Ledger, review: Review) -> None:
    assert ledger.ask_review(a_case(a_ticket(ledger, "k2"))).id != review.id


def test_who_said_what_and_when_is_written_down(ledger: Ledger, review: Review) -> None:
    decided = ledger.decide_review(review, "reject", "Ada Lovelace", "the jaw is wrong")
    assert (decided.state, decided.decided_by) == (ReviewState.REJECTED, "Ada Lovelace")
    assert decided.note == "the jaw is wrong"
    assert decided.decided_at is not None
    assert decided.decided_at >= review.asked_at
    assert ledger.reviews(OPEN) == ()


def test_the_first_who_says_it_is_the_one_that_is_kept(ledger: Ledger, review: Review) -> None:
    approved = ledger.decide_review(review, "approve", "ada")
    assert ledger.decide_review(review, "approve", "ben") == approved
    with pytest.raises(UsageError, match=r"just answered review .*`dubline review \d+`"):
        ledger.decide_review(review, "reject", "ben")
    assert ledger.decide_review(approved, "reject", "ben").decided_by == "ben"


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_a_purchase_is_not_taken_back_by_a_word(ledger: Ledger, review: Review, word: Word) -> None:
    ledger.decide_review(review, "redo", "ada", redo=redo_params(review, Wish()))
    with pytest.raises(UsageError, match=r"is redo by ada on .*reviewed by itself"):
        ledger.decide_review(review, word, "ben")
    ledger.redone_review(review.id, review.ticket_id)
    for any_word in (word, "redo"):
        with pytest.raises(UsageError, match="is redone by ada"):
            ledger.decide_review(review, any_word, "ben")


def test_a_redo_is_open_until_it_is_done(ledger: Ledger, review: Review) -> None:
    wanted = redo_params(review, Wish(model="sync-3"))
    begun = ledger.decide_review(review, "redo", "ada", redo=wanted)
    assert ledger.reviews(OPEN) == (begun,)
    assert DubParams.model_validate(begun.redo) == wanted
    done = ledger.redone_review(review.id, review.ticket_id)
    assert (done.state, done.redo_ticket_id) == (ReviewState.REDONE, review.ticket_id)
    assert ledger.redone_review(review.id, 99) == done
    assert ledger.reviews(OPEN) == ()


def test_a_number_that_is_not_there_is_one_sentence(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match=r"^7: there is no such review; `dubline review --all`"):
        ledger.review(7)


def test_eight_who_ask_at_once_make_one_review(shelf: Shelf) -> None:
    ticket = a_ticket(shelf.open())
    at_once(8, lambda _number: shelf.open().ask_review(a_case(ticket)))
    assert len(shelf.open().reviews()) == 1


def test_of_eight_who_redo_at_once_one_means_a_purchase(shelf: Shelf, tmp_path: Path) -> None:
    ledger = shelf.open()
    review = ledger.ask_review(a_case(a_ticket(ledger)))

    def redo(number: int) -> None:
        wanted = redo_params(review, Wish(budget_usd=number))
        with suppress(UsageError):
            shelf.open().decide_review(review, "redo", f"person {number}", redo=wanted)
            (tmp_path / str(number)).touch()

    at_once(8, redo)
    (first,) = tmp_path.glob("[0-7]")
    kept = shelf.open().review(review.id)
    assert (kept.decided_by, redo_params(kept, Wish()).budget_usd) == (
        f"person {first.name}",
        float(first.name),
    )


# --- what a redo is -----------------------------------------------------------------------------


def a_review(**changes: Any) -> Review:
    facts: dict[str, Any] = {
        "id": 3,
        "state": ReviewState.WAITING,
        "dub_key": "d" * 64,
        "ticket_id": 1,
        "output": Path("/out/talk.de.mp4"),
        "output_sha256": "a" * 64,
        "model": "sync-2",
        "doubts": (Doubt(check="length", figure="49", limit="50"),),
        "parameters": PARAMS.model_dump(mode="json"),
        "asked_at": "2026-11-20T12:00:00Z",
    }
    return Review.model_validate(facts | changes)


def test_a_redo_is_a_new_purchase_of_the_same_dub_in_the_same_place() -> None:
    redo = redo_params(a_review(), Wish())
    assert (redo.generation, redo.model, redo.overwrite) == (2, "sync-2", True)
    assert (redo.video, redo.voice, redo.output) == (PARAMS.video, PARAMS.voice, PARAMS.output)
    assert redo.options == PARAMS.options


def test_another_model_and_another_mode_are_taken_and_its_options_are_not() -> None:
    redo = redo_params(a_review(), Wish(model="sync-3", sync_mode="loop", budget_usd=2))
    assert (redo.model, redo.sync_mode, redo.budget_usd) == ("sync-3", "loop", 2)
    assert (redo.generation, redo.options) == (2, {})


def test_a_redo_that_was_decided_goes_on_as_it_was_decided() -> None:
    decided = redo_params(a_review(), Wish(model="sync-3", budget_usd=1))
    begun = a_review(state=ReviewState.REDO, redo=decided.model_dump(mode="json"))
    assert redo_params(begun, Wish()) == decided
    assert redo_params(begun, Wish(budget_usd=9)).generation == decided.generation


def test_a_redo_of_a_redo_is_yet_another_purchase() -> None:
    first = redo_params(a_review(), Wish())
    again = a_review(parameters=first.model_dump(mode="json"))
    assert redo_params(again, Wish()).generation == 3


@pytest.mark.parametrize(
    ("wish", "price_usd", "confirmed", "may"),
    [
        pytest.param(Wish(), Decimal("0.50"), False, False, id="nobody agreed"),
        pytest.param(Wish(), None, False, False, id="nobody agreed to a price nobody knows"),
        pytest.param(Wish(), Decimal("0.50"), True, True, id="somebody agreed"),
        pytest.param(Wish(budget_usd=0), Decimal("0.50"), False, True, id="the budget decides"),
        pytest.param(Wish(), Decimal(0), False, True, id="it is free"),
    ],
)
def test_a_redo_is_bought_only_when_somebody_has_said_what_it_may_cost(
    wish: Wish, price_usd: Decimal | None, confirmed: bool, may: bool
) -> None:
    if may:
        check_permit(wish, price_usd, confirmed=confirmed)
        return
    with pytest.raises(BudgetError, match=r"nothing was sent.*--budget"):
        check_permit(wish, price_usd, confirmed=confirmed)
