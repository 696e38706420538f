"""Claims about the events of a dub: what automations may wait for, and what is never in them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lipsync.emulator import emulating
from lipsync.errors import BudgetError, LipsyncError, MediaError, OutcomeUnknown
from lipsync.home import Home
from tests.flows.office import eventually
from tests.flows.paid import Desk, export, make_pair

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.xdist_group("paid")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    pair = make_pair(tmp_path)
    with emulating(tmp_path / "emulated", latency_s=0.05) as emulator:
        export(emulator, monkeypatch.setenv)
        monkeypatch.setenv("DUBLINE_HOME", str(tmp_path / "home"))
        yield Desk(emulator, Home(tmp_path / "home"), pair)


def told(server: str, name: str, resource: str) -> list[dict[str, Any]]:
    """Return the events of a name about one resource, once the first has arrived."""
    import httpx

    about = {"event": {"name": [name]}, "resource": {"id": [f"dubline.{resource}"]}}
    found: list[dict[str, Any]] = []

    def arrived() -> bool:
        answer = httpx.post(f"{server}/events/filter", json={"filter": about}, trust_env=False)
        found[:] = answer.json().get("events", [])
        return bool(found)

    assert eventually(arrived), f"no {name} about {resource}"
    return found


@contextmanager
def listening() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Be a web hook: its address, and what was posted to it."""
    heard: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            heard.append(json.loads(self.rfile.read(size)))
            self.send_response(204)
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", heard
        server.shutdown()


def failing(desk: Desk, **wanted: Any) -> LipsyncError:
    with pytest.raises(LipsyncError) as failure:
        desk.dub(**wanted)
    return failure.value


def named(desk: Desk, name: str) -> str:
    """Give the pair a name of this test's own, and return the dub's."""
    video, voice = (path.rename(path.with_stem(f"{name}-{path.stem}")) for path in desk.pair)
    desk.pair = (video, voice)
    return f"dub.{video.name}.{voice.name}"


def test_a_delivery_is_told_once_with_its_model_and_bill(desk: Desk, server: str) -> None:
    dub = named(desk, "delivered")
    desk.dub(model="sync-2")
    desk.dub(model="sync-2")
    (event,) = told(server, "dub.delivered", dub)
    assert event["payload"]["model"] == "sync-2"
    assert float(event["payload"]["billed_usd"]) > 0
    assert "prefect.flow-run" in json.dumps(event["related"])


def test_a_budget_that_would_be_broken_is_told_and_so_is_the_failure(
    desk: Desk, server: str
) -> None:
    dub = named(desk, "dear")
    assert isinstance(failing(desk, model="sync-2", budget_usd=0.01), BudgetError)
    assert "$0.01" in told(server, "budget.exceeded", dub)[0]["payload"]["why"]
    (event,) = told(server, "dub.failed", dub)
    assert event["payload"] == {"kind": "BudgetError", "exit_code": 4}
    assert desk.sold == []


def test_a_budget_of_nothing_a_day_lets_a_preview_through_and_buys_nothing(
    desk: Desk, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blocks import Ledger
    from tasks.workshop import _opened

    monkeypatch.setenv("DUBLINE_BLOCKS", "a-day-without-money")
    Ledger(per_day_usd=0.0).save("a-day-without-money")
    _opened.cache_clear()
    dub = named(desk, "switched-off")
    assert "the day" in str(failing(desk, model="sync-2"))
    assert desk.sold == []
    assert told(server, "budget.exceeded", dub)
    report, _ = desk.dub(model="local-preview")
    assert report.output.is_file()


def test_an_unknown_ticket_is_told_by_its_number(desk: Desk, server: str) -> None:
    dub = named(desk, "unknown")
    desk.emulator.fault("cut_after_acceptance", vendor="fal")
    desk.emulator.fault("listing_503", times=None)
    assert isinstance(failing(desk, model="sync-2"), OutcomeUnknown)
    (ticket,) = desk.shop.ledger.tickets()
    events = told(server, "ticket.unknown", f"ticket.{ticket.id}")
    assert events[0]["payload"]["model"] == "sync-2"
    assert told(server, "dub.failed", dub)[0]["payload"]["exit_code"] == 7


def test_unknown_tickets_are_sent_by_the_block_a_variable_names(desk: Desk) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.variables import Variable

    from flows.unknown_tickets import unknown_tickets

    desk.emulator.fault("cut_after_acceptance", vendor="fal")
    desk.emulator.fault("listing_503", times=None)
    failing(desk, model="sync-2")
    with listening() as (url, heard):
        CustomWebhookNotificationBlock(
            name="ops", url=url, json_data={"subject": "{{subject}}", "body": "{{body}}"}
        ).save("ops", overwrite=True)
        Variable.set("dubline_notify", "custom-webhook/ops", overwrite=True)
        (said,) = unknown_tickets()
        Variable.unset("dubline_notify")
    (ticket,) = desk.shop.ledger.tickets()
    assert f"`dubline requests resolve {ticket.id}`" in said
    assert heard == [{"subject": "Dubline: 1 unknown ticket", "body": said}]


def test_a_failure_is_told_without_the_folder_or_the_message(desk: Desk, server: str) -> None:
    dub = named(desk, "broken")
    desk.pair[0].write_bytes(b"no video")
    assert isinstance(failing(desk, model="sync-2"), MediaError)
    (event,) = told(server, "dub.failed", dub)
    ours = json.dumps([event["resource"], event["payload"]])
    assert str(desk.pair[0].parent) not in ours


def test_a_ledger_block_leaves_to_the_environment_what_it_does_not_say(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from blocks import Ledger
    from blocks.means import BlockMeans

    Ledger(per_day_usd=0.0).save("says-a-day")
    place = f"sqlite:///{tmp_path}/shared.sqlite"
    monkeypatch.setenv("DUBLINE_LEDGER", place)
    monkeypatch.setenv("DUBLINE_BUDGET_PER_DAY_USD", "9")
    found = BlockMeans("says-a-day").ledger()
    assert found.url is not None
    assert found.url.get_secret_value() == place
    assert found.per_day_usd == 0
