"""fal, from order to delivery: the ledger, its client, and the emulator over TLS."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from lipsync.collect import collect
from lipsync.errors import OutcomeUnknown, VendorBusy, VendorError, VendorRefused
from lipsync.ledger import Ledger
from lipsync.submit import submit
from lipsync.tickets import TicketState
from lipsync.vendors import download
from tests.clips import read_indices
from tests.lipsync.vendors.falshop import FRAMES, ROWS, Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(download, "FIRST_PAUSE_S", 0.001)
    with open_shop(tmp_path, monkeypatch.setenv) as opened:
        yield opened


@pytest.fixture
def ledger(shop: Shop) -> Ledger:
    return Ledger(shop.store.home.ledger)


@pytest.mark.parametrize("model", ROWS)
def test_every_row_is_bought_once_and_delivered(shop: Shop, ledger: Ledger, model: str) -> None:
    order = shop.order(model)
    first = submit(order, ledger, shop.vendor)
    delivery = collect(first.ticket, ledger, shop.vendor, shop.store)
    again = submit(order, ledger, shop.again())
    assert (again.new, again.ticket.id) == (False, first.ticket.id)
    assert len(read_indices(delivery.file.path)) == FRAMES
    account = shop.emulator.account()
    assert len(account.accepted) == 1
    assert delivery.billed_usd == pytest.approx(account.billed_usd, abs=Decimal("0.0001"))
    assert (account.calls["fal stream"], account.calls.get("fal status", 0)) == (1, 0)


@pytest.mark.parametrize(
    "fault",
    [
        "cut_after_acceptance",
        "nginx_502_after_acceptance",
        "nginx_504_after_acceptance",
        "error_500_after_acceptance",
        "error_503_after_acceptance",
    ],
)
def test_a_job_whose_answer_was_lost_is_found_collected_and_not_bought_again(
    shop: Shop, ledger: Ledger, fault: str
) -> None:
    shop.emulator.fault(fault)
    shop.emulator.fault("listing_503")
    with pytest.raises(OutcomeUnknown):
        submit(shop.order(), ledger, shop.vendor)
    found = submit(shop.order(), ledger, shop.again())
    delivery = collect(found.ticket, ledger, shop.vendor, shop.store)
    (job,) = shop.emulator.account().accepted
    assert (found.new, delivery.request_id) == (False, job.request_id)


@pytest.mark.parametrize("fault", ["cut_before_acceptance", "nginx_502", "error_500"])
def test_a_job_that_never_arrived_is_sent_again_only_once_that_is_proven(
    shop: Shop, ledger: Ledger, fault: str
) -> None:
    shop.emulator.fault(fault)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            submit(shop.order(), ledger, shop.vendor)
    assert (shop.calls("submit"), shop.emulator.account().accepted) == (1, ())
    assert ledger.tickets()[0].state is TicketState.UNKNOWN


@pytest.mark.parametrize("fault", ["too_many", "unauthorized", "locked", "token_401", "upload_500"])
def test_what_was_turned_away_is_bought_by_the_next_run(
    shop: Shop, ledger: Ledger, fault: str
) -> None:
    shop.emulator.fault(fault)
    with pytest.raises((VendorBusy, VendorRefused)):
        submit(shop.order(), ledger, shop.vendor)
    ticket = submit(shop.order(), ledger, shop.vendor).ticket
    assert collect(ticket, ledger, shop.vendor, shop.store).file.size_bytes
    assert len(shop.emulator.account().accepted) == 1


@pytest.mark.parametrize(
    "fault",
    [
        "status_missing_keys",
        "stream_cut",
        "stream_absent",
        "requeue",
        "result_busy",
        "result_cut",
        "result_expired",
        "link_expired",
        "download_cut",
        "receipt_missing_keys",
    ],
)
def test_a_result_fal_still_has_is_delivered(shop: Shop, ledger: Ledger, fault: str) -> None:
    shop.emulator.fault(fault)
    ticket = submit(shop.order(), ledger, shop.vendor).ticket
    delivery = collect(ticket, ledger, shop.vendor, shop.store)
    assert len(read_indices(delivery.file.path)) == FRAMES
    account = shop.emulator.account()
    assert (len(account.accepted), account.duplicates) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "free"),
    [("completed_with_error", True), ("result_500", True), ("result_422", False)],
)
def test_a_job_that_failed_is_ordered_again_only_where_it_was_free(
    shop: Shop, ledger: Ledger, fault: str, free: bool
) -> None:
    shop.emulator.fault(fault)
    ticket = submit(shop.order(), ledger, shop.vendor).ticket
    with pytest.raises(VendorError):
        collect(ticket, ledger, shop.vendor, shop.store)
    assert ledger.tickets()[0].is_free_to_repeat is free
    if free:
        ticket = submit(shop.order(), ledger, shop.vendor).ticket
        assert collect(ticket, ledger, shop.vendor, shop.store).file.size_bytes
    else:
        with pytest.raises(VendorError, match="generation"):
            submit(shop.order(), ledger, shop.vendor)
    assert len(shop.emulator.account().accepted) == (2 if free else 1)


def test_no_row_of_the_ledger_holds_the_key(shop: Shop, ledger: Ledger) -> None:
    shop.emulator.fault("unauthorized")
    with pytest.raises(VendorRefused):
        submit(shop.order(), ledger, shop.vendor)
    collect(submit(shop.order(), ledger, shop.vendor).ticket, ledger, shop.vendor, shop.store)
    secret = shop.emulator.settings.fal_key.encode()
    kept = [path for path in shop.store.home.root.rglob("*") if path.is_file()]
    assert [path for path in kept if secret in path.read_bytes()] == []
    assert len(kept) > 5
