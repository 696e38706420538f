"""fal, submit: one POST leaves, over TLS by its own client, and every answer is ruled on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsync.emulator.clock import Clock
from lipsync.errors import OutcomeUnknown, VendorBusy, VendorError, VendorRefused
from lipsync.vendors.protocol import Standing
from tests.lipsync.vendors.falshop import ROWS, Shop, make_order, open_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with open_shop(tmp_path, monkeypatch.setenv, slow_s=1.0) as opened:
        yield opened


def nobody_else(_request_id: str) -> bool:
    return False


@pytest.mark.parametrize("model", ROWS)
def test_every_row_is_sent_to_its_endpoint_with_its_links_and_what_was_chosen(
    shop: Shop, model: str
) -> None:
    order = shop.order(model)
    media = shop.vendor.prepare(order)
    receipt = shop.vendor.submit(order, media)
    (job,) = shop.emulator.account().accepted
    links = {"video_url": media.video_url, "audio_url": media.voice_url}
    assert (job.endpoint, job.arguments) == (order.endpoint, order.arguments | links)
    assert receipt.request_id == job.request_id
    assert receipt.urls["status"] == f"{receipt.urls['response']}/status"


@pytest.mark.parametrize(
    ("fault", "error", "accepted", "words"),
    [
        ("cut_after_acceptance", OutcomeUnknown, 1, "RemoteProtocolError"),
        ("cut_before_acceptance", OutcomeUnknown, 0, "it may have been taken"),
        ("nginx_502_after_acceptance", OutcomeUnknown, 1, "502"),
        ("nginx_504_after_acceptance", OutcomeUnknown, 1, "504"),
        ("nginx_502", OutcomeUnknown, 0, "502"),
        ("nginx_504", OutcomeUnknown, 0, "504"),
        ("error_500_after_acceptance", OutcomeUnknown, 1, "500"),
        ("error_503_after_acceptance", OutcomeUnknown, 1, "503"),
        ("error_500", OutcomeUnknown, 0, "500"),
        ("error_503", OutcomeUnknown, 0, "503"),
        ("too_many", VendorBusy, 0, "429"),
        ("unauthorized", VendorRefused, 0, "set FAL_KEY"),
        ("locked", VendorRefused, 0, "top it up at fal.ai/dashboard/billing"),
    ],
)
def test_an_answer_that_went_wrong_is_never_followed_by_a_second_post(
    shop: Shop, fault: str, error: type[VendorError], accepted: int, words: str
) -> None:
    order = shop.order()
    media = shop.vendor.prepare(order)
    shop.emulator.fault(fault)
    with pytest.raises(error, match=words) as caught:
        shop.vendor.submit(order, media)
    assert type(caught.value) is error
    assert len(shop.emulator.account().accepted) == accepted
    assert shop.calls("submit") == 1


def test_a_reply_that_is_not_waited_for_is_not_asked_for_again(shop: Shop) -> None:
    order = shop.order()
    media = shop.vendor.prepare(order)
    shop.emulator.fault("slow_reply")
    with pytest.raises(OutcomeUnknown, match="ReadTimeout"):
        shop.again(reply_timeout_s=0.4).submit(order, media)
    assert (shop.calls("submit"), len(shop.emulator.account().accepted)) == (1, 1)


def test_a_request_that_buys_is_not_taken_elsewhere_by_a_redirect(shop: Shop) -> None:
    order = shop.order()
    media = shop.vendor.prepare(order)
    elsewhere = {"Location": f"https://fal.run/{order.endpoint}"}
    shop.emulator.fault("moved", act="reply", route="submit", status=307, headers=elsewhere)
    with pytest.raises(OutcomeUnknown, match="307"):
        shop.vendor.submit(order, media)
    assert shop.emulator.account().accepted == ()


def test_where_fal_is_out_of_reach_nothing_was_sent(shop: Shop) -> None:
    order = shop.order()
    media = shop.vendor.prepare(order)
    shop.emulator.fault("refused", times=3)
    with pytest.raises(VendorBusy, match="nothing was sent"):
        shop.vendor.submit(order, media)
    assert shop.calls("submit") == 0


def test_fals_second_address_is_tried_where_the_first_took_no_connection(shop: Shop) -> None:
    order = shop.order()
    media = shop.vendor.prepare(order)
    shop.emulator.fault("refused")
    receipt = shop.vendor.submit(order, media)
    assert shop.calls("submit") == 1
    assert receipt.urls["status"].startswith("https://queue.fal.run/")


@pytest.mark.parametrize(
    "fault",
    ["cut_after_acceptance", "nginx_504_after_acceptance", "error_500_after_acceptance"],
)
def test_a_job_whose_answer_was_lost_is_found_in_fals_list(shop: Shop, fault: str) -> None:
    order = shop.order("sync-3", active_speaker={"frame_number": 3, "coordinates": [80, 60]})
    media = shop.vendor.prepare(order)
    shop.bought(shop.order("sync-3"))
    shop.emulator.fault(fault)
    with pytest.raises(OutcomeUnknown):
        shop.vendor.submit(order, media)
    found = shop.again().look_up(shop.lost(order, media=media), nobody_else)
    assert found is not None
    (mine,) = [job for job in shop.emulator.account().accepted if "options" in job.arguments]
    assert found.request_id == mine.request_id
    assert shop.vendor.status(shop.bought(order)).state is not Standing.LOST


def test_a_job_that_was_never_taken_is_not_in_the_list_whatever_else_is(shop: Shop) -> None:
    shop.bought(shop.order("sync-2"))
    shop.bought(shop.order("sync-2-pro"))
    other = make_order(shop.video, shop.voice, "sync-2", generation=2)
    assert shop.again(listed_within_s=0).look_up(shop.lost(other), nobody_else) is None


def test_a_request_that_belongs_to_another_ticket_is_passed_over(shop: Shop) -> None:
    sold = shop.bought()
    ticket = shop.lost(media=shop.vendor.prepare(shop.order()))
    with pytest.raises(OutcomeUnknown):
        shop.vendor.look_up(ticket, lambda request_id: request_id == sold.request_id)
    found = shop.vendor.look_up(ticket, nobody_else)
    assert found is not None
    assert found.request_id == sold.request_id


def test_two_matches_are_left_to_a_person_who_is_told_both(shop: Shop) -> None:
    first, second = shop.bought(), shop.bought()
    with pytest.raises(OutcomeUnknown) as caught:
        shop.vendor.look_up(shop.lost(), nobody_else)
    assert str(first.request_id) in str(caught.value)
    assert str(second.request_id) in str(caught.value)


def test_a_list_that_cannot_be_read_tells_nothing(shop: Shop) -> None:
    ticket = shop.lost()
    shop.emulator.fault("listing_503")
    with pytest.raises(VendorBusy):
        shop.vendor.look_up(ticket, nobody_else)
    with pytest.raises(OutcomeUnknown, match="cannot be read"):
        shop.again(key="another:key").look_up(ticket, nobody_else)


def test_absence_from_the_list_is_a_proof_only_where_a_job_must_have_started(shop: Shop) -> None:
    with pytest.raises(OutcomeUnknown, match="proves nothing while a job may still be waiting"):
        shop.vendor.look_up(shop.lost(), nobody_else)
    bounded = shop.again(start_timeout_s=600)
    assert bounded.look_up(shop.lost(), nobody_else) is None
    assert bounded.grace_s == 600 + 3_600 + 600
    assert shop.again(start_timeout_s=600, listed_within_s=60).grace_s == 60


def test_a_receipt_without_an_id_is_read_from_the_head_of_the_answer(shop: Shop) -> None:
    shop.emulator.fault("receipt_missing_keys")
    ticket = shop.bought()
    (job,) = shop.emulator.account().accepted
    assert ticket.request_id == job.request_id
    assert shop.ended(ticket).state is Standing.DONE


def test_a_job_not_started_in_time_is_given_up_and_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_shop(tmp_path, monkeypatch.setenv, clock=Clock(running=False)) as shop:
        shop.emulator.fault("stuck")
        shop.vendor = shop.again(start_timeout_s=30)
        ticket = shop.bought()
        shop.emulator.clock.advance(29)
        assert shop.vendor.status(ticket).state is Standing.QUEUED
        shop.emulator.clock.advance(2)
        ended = shop.vendor.status(ticket)
        assert (ended.state, ended.billed_usd) == (Standing.FAILED, 0)
        assert "did not start in time" in str(ended.detail)


@pytest.mark.parametrize(
    ("model", "arguments", "words"),
    [
        ("sync-2", {"sync_mode": "cut_off", "model": "lipsync-2", "seed": 1}, "does not take seed"),
        ("sync-2", {"sync_mode": "cut_off", "model": "lipsync-9"}, "sync-2 is model = lipsync-2"),
        ("sync-2", {"sync_mode": "stretch", "model": "lipsync-2"}, "takes sync_mode as cut_off or"),
        ("latentsync", {"guidance_scale": 2.5}, "guidance_scale as a number from 1 to 2, not 2.5"),
        ("latentsync", {"loop_mode": "mirror"}, "takes loop_mode as loop or pingpong"),
        ("latentsync", {"sync_mode": "cut_off"}, "does not take sync_mode"),
        (
            "sync-3",
            {"sync_mode": "cut_off", "options": {"temperature": 0.5}},
            "ignores temperature",
        ),
        (
            "sync-3",
            {"sync_mode": "cut_off", "options": {"sync_mode": "loop"}},
            "overrides the cut_off this pair is fitted for",
        ),
        ("sync-3", {"sync_mode": "cut_off", "options": {"fps": 25}}, "does not take options"),
    ],
)
def test_what_a_model_would_ignore_or_not_take_is_refused_before_anything_leaves(
    shop: Shop, model: str, arguments: dict[str, object], words: str
) -> None:
    order = shop.order(model).model_copy(update={"arguments": arguments})
    with pytest.raises(VendorRefused, match=words):
        shop.vendor.prepare(order)
    assert shop.emulator.account().calls == {}


def test_the_key_is_in_no_word_that_is_said_about_it(shop: Shop) -> None:
    secret = shop.emulator.settings.fal_key
    shop.emulator.fault("unauthorized")
    order = shop.order()
    media = shop.vendor.prepare(order)
    with pytest.raises(VendorRefused) as caught:
        shop.vendor.submit(order, media)
    settings = shop.vendor._settings
    said = (caught.value, caught.value.__cause__, settings, settings.model_dump_json(), media)
    assert not [word for word in said if secret in f"{word!r} {word}"]
