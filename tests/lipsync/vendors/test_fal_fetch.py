"""fal, fetching: the file comes whole, by every way fal still has to it; the bill is read."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from lipsync.errors import VendorBusy, VendorError
from lipsync.vendors.download import LinkDead
from lipsync.vendors.fal.queue import _wishes
from lipsync.vendors.protocol import Standing
from tests.clips import read_indices
from tests.lipsync.vendors.falshop import FRAMES, ROWS, Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with open_shop(tmp_path, monkeypatch.setenv) as opened:
        yield opened


@pytest.mark.parametrize("model", ROWS)
def test_every_row_is_delivered_and_billed_as_its_account_says(shop: Shop, model: str) -> None:
    ticket = shop.bought(shop.order(model))
    assert shop.ended(ticket).state is Standing.DONE
    into = shop.store.home.folder("out") / "result.mp4"
    fetched = shop.vendor.fetch(ticket, into, lambda _done, _total: None)
    account = shop.emulator.account()
    assert (len(account.accepted), account.duplicates) == (1, 0)
    # fal tells units of eight decimals, the last of which is worth less than a hundredth of a cent.
    assert fetched.billed_usd == pytest.approx(account.billed_usd, abs=Decimal("0.0001"))
    assert float(fetched.billed_usd or 0) == pytest.approx(float(ticket.quoted_usd or 0), abs=1e-4)
    assert len(read_indices(into)) == FRAMES
    assert shop.calls("result") == 1


def test_another_process_fetches_from_the_ticket_alone(shop: Shop) -> None:
    ticket = shop.bought()
    shop.ended(ticket)
    shop.vendor = shop.again()
    assert len(read_indices(shop.fetched(ticket))) == FRAMES


def test_a_job_that_is_not_finished_is_fetched_later(shop: Shop) -> None:
    shop.emulator.fault("stuck")
    with pytest.raises(VendorBusy, match="not finished"):
        shop.fetched(shop.bought())


def test_a_result_call_that_breaks_is_only_a_call_that_broke(shop: Shop) -> None:
    ticket = shop.bought()
    shop.ended(ticket)
    shop.vendor = shop.again()
    shop.emulator.fault("result_cut")
    with pytest.raises(VendorBusy, match=r"no answer from queue\.fal\.run"):
        shop.fetched(ticket)
    assert len(read_indices(shop.fetched(ticket))) == FRAMES


def test_a_5xx_about_a_result_that_is_there_does_not_lose_it(shop: Shop) -> None:
    ticket = shop.bought()
    shop.ended(ticket)
    shop.vendor = shop.again()
    shop.emulator.fault("result_busy")
    shop.emulator.fault("listing_503")
    with pytest.raises(VendorBusy, match="ask later"):
        shop.fetched(ticket)
    shop.emulator.fault("result_busy")
    assert len(read_indices(shop.fetched(ticket))) == FRAMES


def test_a_result_the_queue_has_forgotten_is_in_the_list_of_requests(shop: Shop) -> None:
    shop.emulator.fault("result_expired")
    ticket = shop.bought()
    assert shop.ended(ticket).state is Standing.DONE
    assert len(read_indices(shop.fetched(ticket))) == FRAMES


def test_a_result_that_is_nowhere_any_more_is_said_to_be_gone(shop: Shop) -> None:
    shop.emulator.fault("result_expired")
    ticket = shop.bought()
    shop.ended(ticket)
    shop.emulator.fault("listing_503")
    with pytest.raises(VendorError, match="does not have the result any more") as caught:
        shop.fetched(ticket)
    assert not isinstance(caught.value, VendorBusy)


def test_a_dead_link_is_asked_for_again(shop: Shop) -> None:
    ticket = shop.bought()
    shop.ended(ticket)
    shop.emulator.fault("link_expired")
    assert len(read_indices(shop.fetched(ticket))) == FRAMES
    assert (shop.calls("result"), shop.calls("submit")) == (2, 1)


def test_a_link_that_stays_dead_is_believed_when_its_time_is_over(shop: Shop) -> None:
    ticket = shop.bought()
    shop.ended(ticket)
    shop.emulator.fault("link_expired", times=4)
    with pytest.raises(VendorBusy, match="although fal keeps results for 168 h"):
        shop.fetched(ticket)
    long_ago = datetime.now(UTC) - timedelta(days=8)
    with pytest.raises(LinkDead):
        shop.fetched(ticket.model_copy(update={"sent_at": long_ago}))


@pytest.mark.parametrize("times", [1, 3])
def test_a_download_that_breaks_goes_on_where_it_broke(shop: Shop, times: int) -> None:
    ticket = shop.bought()
    shop.ended(ticket)
    shop.emulator.fault("download_cut", times=times)
    whole = shop.fetched(ticket)
    assert len(read_indices(whole)) == FRAMES
    done = [done for done, _ in shop.told]
    assert done == sorted(done)
    assert shop.calls("download") == times + 1


def test_a_server_that_knows_no_ranges_is_read_from_the_start(shop: Shop) -> None:
    ticket = shop.bought()
    shop.ended(ticket)
    shop.emulator.fault("download_cut")
    shop.emulator.fault("download_whole")
    assert len(read_indices(shop.fetched(ticket))) == FRAMES


def test_what_was_asked_of_results_and_jobs_goes_along(shop: Shop) -> None:
    assert _wishes(shop.vendor._settings) == {}
    settings = shop.again(start_timeout_s=30, priority="low", result_lifetime_s=86_400)._settings
    assert _wishes(settings) == {
        "X-Fal-Request-Timeout": "30.0",
        "X-Fal-Queue-Priority": "low",
        "X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 86400}',
    }


def test_a_result_lives_as_long_as_was_asked_for(shop: Shop) -> None:
    shop.vendor = shop.again(result_lifetime_s=3_600)
    ticket = shop.bought()
    shop.ended(ticket)
    shop.emulator.clock.advance(3_700)
    with pytest.raises(VendorBusy, match="although fal keeps results for 1 h"):
        shop.fetched(ticket)
