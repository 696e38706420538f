"""Claims about paid dubs: the real flow, the real clients, emulated vendors, and their account."""

import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from lipsync.emulator import emulating
from lipsync.errors import BudgetError, OutcomeUnknown, UsageError, VendorRefused
from lipsync.home import Home
from lipsync.tickets import TicketState
from tests.flows.paid import Desk, export, make_pair
from tests.lipsync.pairs import CATALOGUE

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.xdist_group("paid")]

PAID = [name for name, row in CATALOGUE.models.items() if not row.preview]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, pair: tuple[Path, Path], server: str
) -> Iterator[Desk]:
    """One home and one emulator for all models: what is free is made once."""
    folder = tmp_path_factory.mktemp("house")
    with emulating(folder, latency_s=0.05) as emulator, pytest.MonkeyPatch.context() as patch:
        export(emulator, patch.setenv)
        patch.setenv("DUBLINE_HOME", str(folder / "home"))
        yield Desk(emulator, Home(folder / "home"), pair)


@pytest.fixture
def desk(
    tmp_path: Path, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """A home and an emulator of this test's own."""
    with emulating(tmp_path / "emulated", latency_s=0.05) as emulator:
        export(emulator, monkeypatch.setenv)
        monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))
        yield Desk(emulator, Home(tmp_path / "home"), pair)


@pytest.mark.parametrize("model", PAID)
def test_one_export_is_enough_to_buy_a_dub_of_every_paid_model_once(
    house: Desk, model: str
) -> None:
    before, row = len(house.sold), CATALOGUE.models[model]
    report, _ = house.dub(model=model)
    (job,) = house.sold[before:]
    assert job.endpoint in {row.endpoint, row.arguments.get("model")}  # unified has one address
    assert job.arguments[row.media.video] != job.arguments[row.media.voice]
    assert report.failed == ()
    assert report.model == model
    assert report.request_id == job.request_id
    again, states = house.dub(model=model)
    assert len(house.sold) == before + 1
    assert set(states.values()) == {"Cached"}
    assert again.billed_usd == report.billed_usd
    # fal's units have eight decimals, and the unified API bills in credits.
    off_usd = abs((report.billed_usd or 0) - (job.billed_usd or 0))
    assert off_usd < Decimal("0.000001")


def test_a_dub_without_a_model_takes_the_best_choice_and_no_preview(desk: Desk) -> None:
    report, _ = desk.dub()
    assert report.model == report.choices[0].model
    assert [job.request_id for job in desk.sold] == [report.request_id]


def test_a_choice_that_is_proven_unbilled_is_followed_by_the_next_one(desk: Desk) -> None:
    desk.emulator.fault("locked", vendor="fal", route="submit")
    report, _ = desk.dub(policy="best")
    first, second = desk.shop.ledger.tickets()
    assert (first.state, first.billed_usd) == (TicketState.REFUSED, 0)
    assert (second.state, second.model) == (TicketState.DELIVERED, report.model)
    assert report.model != first.model
    assert len(desk.sold) == 1
    desk.dub(policy="best")
    assert len(desk.sold) == 1


def test_a_job_that_failed_at_no_cost_is_followed_by_the_next_choice(desk: Desk) -> None:
    desk.emulator.fault("result_500", vendor="fal")
    report, _ = desk.dub(policy="best")
    states = [ticket.state for ticket in desk.shop.ledger.tickets()]
    assert states == [TicketState.FAILED, TicketState.DELIVERED]
    assert [job.billed_usd for job in desk.sold] == [0, report.billed_usd]


def test_a_choice_that_may_have_been_bought_is_followed_by_no_other(desk: Desk) -> None:
    desk.emulator.fault("cut_after_acceptance", vendor="fal")
    desk.emulator.fault("listing_503", times=None)
    with pytest.raises(OutcomeUnknown, match="requests resolve"):
        desk.dub(policy="best")
    assert len(desk.sold) == 1
    with pytest.raises(OutcomeUnknown, match="requests resolve"):
        desk.dub(policy="best")
    assert len(desk.sold) == 1


def test_a_model_that_somebody_named_is_replaced_by_no_other(desk: Desk) -> None:
    desk.emulator.fault("locked", vendor="fal", route="submit")
    with pytest.raises(VendorRefused):
        desk.dub(model="sync-2")
    assert desk.sold == []


def test_a_preview_never_stands_in_for_what_was_to_be_bought(desk: Desk) -> None:
    desk.emulator.fault("locked", times=None, route="submit")
    with pytest.raises(VendorRefused):
        desk.dub(budget_usd=1)
    tickets = desk.shop.ledger.tickets()
    assert {ticket.vendor for ticket in tickets} == {"fal"}
    assert len(tickets) > 1
    assert desk.sold == []


@pytest.mark.parametrize("scope", ["DUB", "RUN", "DAY"])
def test_a_budget_of_the_settings_refuses_before_anything_is_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    monkeypatch.setenv(f"DUBLINE_BUDGET_PER_{scope}_USD", "0.04")
    with pytest.raises(BudgetError, match=r"\$0\.05.*\$0\.04|budget is \$0\.04"):
        desk.dub(model="sync-2")
    assert desk.sold == []
    assert desk.emulator.account().calls.get("fal upload", 0) == 0


def test_the_budget_of_a_day_holds_across_runs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBLINE_BUDGET_PER_DAY_USD", "0.06")
    desk.dub(model="sync-2")
    with pytest.raises(BudgetError, match=r"the day .* has \$0\.05.* of its \$0\.06"):
        desk.dub(model="sync-2", generation=2)
    assert len(desk.sold) == 1


def test_a_budget_that_is_just_enough_is_used_up_to_the_last_cent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second is a sixtieth of a unit, which no number of decimals can say."""
    monkeypatch.setenv("DUBLINE_BUDGET_PER_DAY_USD", "0.10")
    for generation in (1, 2):
        report, _ = desk.dub(model="sync-2", generation=generation)
        assert report.billed_usd == report.quoted_usd == Decimal("0.05")
    assert [job.billed_units for job in desk.sold] == [Decimal("0.01666667")] * 2
    with pytest.raises(BudgetError, match=r"has \$0\.10 of its \$0\.10 spent"):
        desk.dub(model="sync-2", generation=3)
    assert len(desk.sold) == 2


def test_a_ticket_knows_the_run_that_paid_for_it(desk: Desk) -> None:
    desk.dub(model="sync-2")
    (ticket,) = desk.shop.ledger.tickets()
    assert ticket.run is not None
    spent_usd = desk.shop.ledger.spent(f"run:{ticket.run}").usd
    assert spent_usd == pytest.approx(Decimal("0.05"), abs=Decimal("0.0001"))


def test_options_reach_the_model_and_only_those_that_were_asked_for(desk: Desk) -> None:
    desk.dub(model="latentsync", options={"guidance_scale": 1.5})
    (job,) = desk.sold
    assert set(job.arguments) == {"video_url", "audio_url", "guidance_scale"}
    assert job.arguments["guidance_scale"] == 1.5


def test_an_option_the_model_does_not_take_is_refused_before_anything_is_sent(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"guidance_scale as .*1.*2, not 3"):
        desk.dub(model="latentsync", options={"guidance_scale": 3})
    assert desk.sold == []


def test_a_price_nobody_publishes_is_reported_as_unknown_and_not_as_free(desk: Desk) -> None:
    report, _ = desk.dub(model="unified-lipsync-2")
    assert report.quoted_usd is None
    assert report.billed_usd is None


def test_a_model_that_is_pinned_after_it_was_chosen_is_the_same_purchase(desk: Desk) -> None:
    report, _ = desk.dub()
    desk.dub(model=report.model)
    assert len(desk.sold) == 1


def test_the_wait_is_told_on_the_page_of_the_run_and_in_its_log(desk: Desk) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterId,
        LogFilter,
        LogFilterFlowRunId,
    )

    clock = desk.emulator.clock
    clock.running = False
    watching = threading.Thread(target=lambda: moved_on_once_asked(desk))
    watching.start()
    desk.dub(model="sync-2")
    watching.join()
    (ticket,) = desk.shop.ledger.tickets()
    run_id = UUID(ticket.run)
    this_run = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(flow_run_filter=this_run)
        lines: list[str] = []
        for _ in range(100):  # logs are sent in batches, from a thread
            found = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))
            lines = [line.message for line in found]
            if any("done at fal" in line for line in lines):
                break
            time.sleep(0.2)
    (page,) = [one for one in artifacts if one.key == f"ticket-{ticket.id}"]
    assert (page.type, page.data) == ("progress", 100)
    assert f"Ticket {ticket.id}, sync-2 at fal: done" in str(page.description)
    assert any("running at fal" in line for line in lines)


def moved_on_once_asked(desk: Desk) -> None:
    """Let the job end after somebody has asked how it stands."""
    while not any("status" in job.calls or "stream" in job.calls for job in desk.sold):
        time.sleep(0.05)
    time.sleep(0.5)
    desk.emulator.clock.advance(10)
