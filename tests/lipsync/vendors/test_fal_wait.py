"""fal, waiting: by its stream or by asking, whatever it leaves out; and what a job ended with."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from lipsync.emulator.clock import Clock
from lipsync.errors import VendorBusy, VendorRefused
from lipsync.tickets import Receipt
from lipsync.vendors.protocol import CancelAnswer, Standing
from tests.lipsync.vendors.falshop import Shop, make_ticket, open_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with open_shop(tmp_path, monkeypatch.setenv, fal_slots=1, latency_s=0.2) as opened:
        yield opened


@pytest.fixture
def still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop whose vendor's clock stands still: what waits there waits until it is moved on."""
    clock = Clock(running=False)
    with open_shop(tmp_path, monkeypatch.setenv, clock=clock, fal_slots=1, latency_s=8) as opened:
        yield opened


LINES = ("Downloading inputs", "Detecting faces", "Generating", "Encoding")


def test_the_stream_tells_the_whole_way_in_one_call(still: Shop) -> None:
    still.bought(still.order("sync-1.9"))
    ticket = still.bought()
    stream = still.vendor.watch(ticket)
    told = [next(stream)]
    still.emulator.clock.advance(10)
    told.append(next(stream))
    still.emulator.clock.advance(10)
    told += stream
    assert [told[0].state, told[1].state] == [Standing.QUEUED, Standing.RUNNING]
    assert (told[-1].state, told[-1].lines) == (Standing.DONE, LINES)
    assert (still.calls("stream"), still.calls("status")) == (1, 0)


def test_what_waits_says_how_many_are_before_it(still: Shop) -> None:
    tickets = [still.bought(still.order(model)) for model in ("sync-1.9", "sync-1.8", "sync-2")]
    assert still.vendor.status(tickets[2]).position == 1


def test_a_stream_that_breaks_leaves_the_job_to_be_asked_after(shop: Shop) -> None:
    ticket = shop.bought()
    shop.emulator.fault("stream_cut")
    with pytest.raises(VendorBusy, match="the job goes on"):
        list(shop.vendor.watch(ticket))
    assert shop.ended(ticket).state is Standing.DONE
    assert list(shop.vendor.watch(ticket))[-1].state is Standing.DONE


def test_where_there_is_no_stream_it_says_so_and_nothing_else(shop: Shop) -> None:
    ticket = shop.bought()
    shop.emulator.fault("stream_absent")
    with pytest.raises(VendorBusy, match="no stream"):
        list(shop.vendor.watch(ticket))
    assert shop.ended(ticket).state is Standing.DONE


@pytest.mark.parametrize("fault", ["status_500", "status_503", "status_cut"])
def test_no_answer_about_a_job_ends_nothing(shop: Shop, fault: str) -> None:
    ticket = shop.bought()
    shop.emulator.fault(fault)
    with pytest.raises(VendorBusy):
        shop.vendor.status(ticket)
    assert shop.ended(ticket).state is Standing.DONE


@pytest.mark.parametrize("fault", ["status_missing_keys", "status_odd", "requeue"])
def test_what_fal_leaves_out_or_nobody_knows_ends_nothing(shop: Shop, fault: str) -> None:
    shop.emulator.fault(fault, times=3)
    ticket = shop.bought()
    assert shop.ended(ticket).state is Standing.DONE


def test_a_word_nobody_knows_is_told_and_waited_out(shop: Shop) -> None:
    shop.emulator.fault("status_odd")
    progress = shop.vendor.status(shop.bought())
    assert progress.state is Standing.SILENT
    assert "'PAUSED'" in str(progress.detail)


def test_a_request_fal_does_not_know_is_lost(shop: Shop) -> None:
    ticket = make_ticket(shop.order(), Receipt(request_id="nobody-knows-this"))
    assert shop.vendor.status(ticket).state is Standing.LOST


@pytest.mark.parametrize("wrong", ["", "../../x", "a b", None])
def test_an_id_that_cannot_be_fals_never_becomes_an_address(shop: Shop, wrong: str | None) -> None:
    ticket = make_ticket(shop.order(), None, request_id=wrong)
    with pytest.raises(VendorRefused, match="requests resolve 7"):
        shop.vendor.status(ticket)
    assert shop.calls("status") == 0


def test_the_key_goes_to_no_address_but_fals(shop: Shop) -> None:
    sold = shop.bought()
    away = dict.fromkeys(("status", "response", "cancel"), "https://elsewhere.example/requests/1")
    assert shop.ended(sold.model_copy(update={"urls": away})).state is Standing.DONE
    assert shop.emulator.account().turned_away == ()


def test_a_key_that_is_wrong_by_now_says_nothing_about_the_job(shop: Shop) -> None:
    ticket = shop.bought()
    with pytest.raises(VendorBusy, match="the job itself goes on"):
        shop.again(key="another:key").status(ticket)


@pytest.mark.parametrize(
    ("fault", "state", "billed_usd", "words"),
    [
        ("completed_with_error", Standing.FAILED, 0, "fal could not make the dub (500"),
        ("result_500", Standing.FAILED, 0, "fal could not make the dub (500"),
        ("result_422", Standing.FAILED, None, "video_url: Could not detect a face in the video."),
        ("result_499", Standing.CANCELLED, None, "(499: Request was cancelled"),
    ],
)
def test_a_completed_job_without_a_result_has_failed_and_says_what_it_cost(
    shop: Shop, fault: str, state: Standing, billed_usd: int | None, words: str
) -> None:
    shop.emulator.fault(fault)
    ended = shop.ended(shop.bought())
    assert (ended.state, ended.billed_usd) == (state, billed_usd)
    assert words in str(ended.detail)


def test_a_422_that_was_charged_is_charged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_shop(tmp_path, monkeypatch.setenv, bills_422=True) as shop:
        shop.emulator.fault("result_422")
        ended = shop.ended(shop.bought())
        assert ended.billed_usd == shop.emulator.account().billed_usd > Decimal("0.04")


def test_what_the_endpoint_itself_rejects_ends_as_its_own_words(shop: Shop) -> None:
    order = shop.order()
    media = shop.vendor.prepare(order)
    dead = media.model_copy(update={"voice_url": "https://v3b.fal.media/files/b/0/none.wav"})
    ended = shop.ended(make_ticket(order, shop.vendor.submit(order, dead)))
    assert ended.state is Standing.FAILED
    assert "audio_url" in str(ended.detail)
    assert "422" in str(ended.detail)


def test_a_result_that_cannot_be_asked_for_right_now_ends_nothing(shop: Shop) -> None:
    shop.emulator.fault("result_cut", times=1)
    assert shop.ended(shop.bought()).state is Standing.DONE


def test_what_waits_is_taken_out_of_the_queue_and_costs_nothing(still: Shop) -> None:
    still.bought(still.order("sync-1.9"))
    ticket = still.bought()
    assert still.vendor.cancel(ticket) is CancelAnswer.REMOVED
    ended = still.vendor.status(ticket)
    assert (ended.state, ended.billed_usd) == (Standing.CANCELLED, 0)


def test_what_runs_is_only_asked_to_stop(still: Shop) -> None:
    still.emulator.fault("cancel_ignored")
    ticket = still.bought()
    assert still.vendor.cancel(ticket) is CancelAnswer.ASKED
    still.emulator.clock.advance(10)
    assert still.vendor.status(ticket).state is Standing.DONE
    assert still.vendor.cancel(ticket) is CancelAnswer.TOO_LATE


def test_what_ran_before_it_stopped_may_have_cost_something(still: Shop) -> None:
    ticket = still.bought()
    still.emulator.clock.advance(4)
    assert still.vendor.cancel(ticket) is CancelAnswer.ASKED
    ended = still.vendor.status(ticket)
    assert (ended.state, ended.billed_usd) == (Standing.CANCELLED, None)


def test_what_fal_does_not_know_cannot_be_cancelled(shop: Shop) -> None:
    ticket = make_ticket(shop.order(), Receipt(request_id="nobody-knows-this"))
    assert shop.vendor.cancel(ticket) is CancelAnswer.NOT_FOUND
