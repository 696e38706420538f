"""Redo: a dub that is not right is bought once more on purpose, once, and never by itself."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lipsync import reviewing
from lipsync.emulator.clock import Clock
from lipsync.errors import BudgetError, UsageError
from lipsync.review import OPEN, ReviewState
from lipsync.review_params import ReviewParams
from lipsync.workshop import Workshop
from tests.lipsync.dubbing import SAMPLES, Dubbed, dub
from tests.lipsync.remote.web import web
from tests.money.house import House, open_house
from tests.voices import ffmpeg, make_voice

pytest.importorskip("trustme")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with open_house(tmp_path, monkeypatch.setenv, clock=Clock(), latency_s=0.02) as opened:
        monkeypatch.setenv("DUBLINE_HOME", str(opened.store.home.root))
        yield opened


@pytest.fixture
def shop(house: House) -> Workshop:
    return Workshop(house.store.home)


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, Any]:
    """A second of the sample at 50 frames a second, which a faulty render gives back at 25."""
    video = tmp_path / "talk.mp4"
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    scaled = ("-vf", "scale=320:240,fps=50", "-frames:v", "50", "-an")
    ffmpeg("-i", SAMPLES / "talk.mp4", *scaled, *encoder, video)
    voice = make_voice(tmp_path / "voice.wav", 1.0)
    output = tmp_path / "out.mp4"
    return {"video": video, "voice": voice, "output": output, "trim_silence": False}


def bought(house: House, shop: Workshop, pair: dict[str, Any], **wanted: Any) -> Dubbed:
    """Buy a dub of which the picture comes back at another rate."""
    house.emulator.fault("rate_60_to_25", vendor="fal")
    made = dub(shop, **(pair | {"model": "sync-2"} | wanted))
    assert "rate" in {verdict.check for verdict in made.report.failed}
    return made


def said(decision: str, **more: Any) -> ReviewParams:
    return ReviewParams.model_validate({"review": 1, "decision": decision} | more)


def made_again(shop: Workshop, answer: reviewing.Answer) -> Dubbed:
    assert answer.redo is not None
    return dub(
        shop, **{name: getattr(answer.redo, name) for name in type(answer.redo).model_fields}
    )


def test_what_is_wrong_is_delivered_written_down_and_not_bought_again(
    house: House, shop: Workshop, pair: dict[str, Any]
) -> None:
    first = bought(house, shop, pair)
    assert pair["output"].is_file()
    (review,) = shop.ledger.reviews(OPEN)
    assert (review.output, review.model) == (pair["output"], "sync-2")
    assert {doubt.check for doubt in review.doubts} == {
        verdict.check for verdict in first.report.failed
    }
    assert dub(shop, **pair, model="sync-2").report == first.report
    assert len(house.sold()) == 1
    assert len(shop.ledger.reviews()) == 1


def test_a_redo_buys_once_under_the_next_generation_and_replaces_the_output(
    house: House, shop: Workshop, pair: dict[str, Any]
) -> None:
    first = bought(house, shop, pair)
    answer = reviewing.answer(shop, said("redo", budget_usd=2), "ada")
    assert len(house.sold()) == 1
    again = made_again(shop, answer)
    assert made_again(shop, answer).report.ticket_id == again.report.ticket_id
    assert len(house.sold()) == 2
    assert again.report.output_sha256 != first.report.output_sha256
    assert "rate" not in {verdict.check for verdict in again.report.failed}
    assert shop.ledger.ticket(again.report.ticket_id).generation == 2
    review = shop.ledger.redone_review(1, again.report.ticket_id)
    assert (review.state, review.decided_by) == (ReviewState.REDONE, "ada")


SIGNED = "?X-Amz-Date=20261120T120000Z&X-Amz-Expires=60&X-Amz-Signature=ab"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        pytest.param("/in/talk.mp4", SIGNED, id="its signature has expired"),
        pytest.param("/get", f"{SIGNED}&file=12", id="without its query it leads elsewhere"),
    ],
)
def test_a_redo_is_of_the_very_file_a_link_led_to(
    house: House, tmp_path: Path, pair: dict[str, Any], path: str, query: str
) -> None:
    """A link is written down without its query; by the time of the redo it no longer answers."""
    other = tmp_path / "other.mp4"
    ffmpeg("-i", pair["video"], "-vf", "hflip", other)
    with web() as server:
        link = server.put(path, pair["video"]) + query
        first = bought(house, Workshop(house.store.home), pair | {"video": link})
        if path == "/get":
            server.put(path, other)
        else:
            server.page(path, 403)
        later = Workshop(house.store.home)
        answer = reviewing.answer(later, said("redo", budget_usd=2), "ada")
        again = made_again(later, answer)
    assert again.report.video_sha256 == first.report.video_sha256
    assert len(house.sold()) == 2
    assert "X-Amz" not in later.ledger.review(1).model_dump_json()


def test_a_redo_on_another_model_is_quoted_and_bought_there(
    house: House, shop: Workshop, pair: dict[str, Any]
) -> None:
    bought(house, shop, pair)
    seen: list[reviewing.Redo] = []

    def agree(redo: reviewing.Redo) -> bool:
        seen.append(redo)
        return True

    answer = reviewing.answer(shop, said("redo", model="latentsync"), "ada", agree)
    (redo,) = seen
    assert (redo.model, answer.redo and answer.redo.budget_usd) == (
        "latentsync",
        float(redo.price_usd or 0),
    )
    made = made_again(shop, answer)
    assert (made.report.model, made.report.quoted_usd) == ("latentsync", redo.price_usd)
    assert [job.endpoint for job in house.sold()][1] == "fal-ai/latentsync"


@pytest.mark.parametrize(
    ("more", "said_is"),
    [
        pytest.param({}, "name what it may cost with --budget", id="no budget, nobody to ask"),
        pytest.param({"budget_usd": 0.001}, "budget", id="over the budget"),
    ],
)
def test_a_redo_nobody_has_agreed_to_pay_sends_and_changes_nothing(
    house: House, shop: Workshop, pair: dict[str, Any], more: dict[str, Any], said_is: str
) -> None:
    bought(house, shop, pair)
    with pytest.raises(BudgetError, match=said_is):
        reviewing.answer(shop, said("redo", **more), "ada")
    assert shop.ledger.review(1).state is ReviewState.WAITING
    assert len(house.sold()) == 1


def test_a_redo_that_was_killed_goes_on_and_buys_nothing_twice(
    house: House, shop: Workshop, pair: dict[str, Any]
) -> None:
    """The word is in the ledger before anything is sent; the same word again goes on from there."""
    bought(house, shop, pair)
    reviewing.answer(shop, said("redo", budget_usd=2), "ada")
    (left,) = shop.ledger.reviews(OPEN)
    assert left.state is ReviewState.REDO
    answer = reviewing.answer(shop, said("redo", budget_usd=2), "ben")
    first = made_again(shop, answer)
    answer = reviewing.answer(shop, said("redo", budget_usd=2), "ben")
    assert made_again(shop, answer).report.ticket_id == first.report.ticket_id
    assert len(house.sold()) == 2


def test_a_free_redo_needs_no_budget(house: House, shop: Workshop, pair: dict[str, Any]) -> None:
    bought(house, shop, pair)
    answer = reviewing.answer(shop, said("redo", model="local-preview"), "ada")
    assert made_again(shop, answer).report.billed_usd == Decimal(0)
    assert len(house.sold()) == 1


@pytest.mark.parametrize("word", ["approve", "reject"])
def test_a_word_that_is_no_redo_buys_nothing(
    house: House, shop: Workshop, pair: dict[str, Any], word: str
) -> None:
    bought(house, shop, pair)
    answer = reviewing.answer(shop, said(word, note="seen"), "ada")
    assert answer.redo is None
    assert answer.review.note == "seen"
    assert len(house.sold()) == 1
    with pytest.raises(UsageError, match=f"are for redo; {word} takes none"):
        reviewing.answer(shop, said(word, model="sync-3"), "ada")
