"""Claims about operating Dubline from Prefect: deployed twice, brought up, used, and stopped.

One home with one server for all; what each test needs comes from the steps before it, in order.
"""

import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from flows.embedded import down, standing
from flows.working import children, is_running, worker_name
from tests.clips import make_clip, make_voice
from tests.flows.office import Deployed, Office, eventually

ROOT = Path(__file__).parents[2]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())[
    "deployments"
]
NAMES = [row["name"] for row in DEPLOYMENTS]

pytestmark = pytest.mark.xdist_group("operation")

EMIT = """
from flows.embedded import serving
from lipsync.home import Home
with serving(Home.found(), print):
    from tasks.events import emit
    emit("ticket.unknown", "ticket.17", model="sync-2", vendor="fal")
"""


@pytest.fixture(scope="module")
def clip(office: Office) -> tuple[Path, Path]:
    """Two seconds of picture and voice; the voice is named after its language."""
    video = make_clip(office.folder / "talk.mp4", frames=50)
    return video, make_voice(office.folder / "talk.de.wav", 2.0)


@pytest.fixture(scope="module")
def long_clip(office: Office) -> tuple[Path, Path]:
    """Forty seconds: whoever sees its dub run has time to interrupt it."""
    video = make_clip(office.folder / "film.mp4", frames=1000)
    return video, make_voice(office.folder / "film.de.wav", 40.0)


def test_a_second_deploy_changes_nothing_and_leaves_what_a_person_has_switched(
    deployed: Deployed,
) -> None:
    before, after = deployed.there
    assert after == before
    assert ("watch-folder", "every-5-minutes", True, 300.0) in after["schedules"]
    assert [one["enabled"] for one in after["automations"] if "lost" in one["name"]] == [False]
    assert "created" in deployed.said[0]
    assert "created" not in deployed.said[1]


def test_every_deployment_is_there_once_and_nothing_else(
    office: Office, deployed: Deployed
) -> None:
    assert sorted(row["name"] for row in office.all("deployments")) == sorted(NAMES)
    assert {row["name"] for row in office.all("automations")} == {
        "Dubline: lost runs",
        "Dubline: unknown tickets",
    }


@pytest.mark.parametrize("row", DEPLOYMENTS, ids=NAMES)
def test_a_deployment_has_its_queue_limit_and_enforced_form(
    row: dict[str, Any], office: Office, deployed: Deployed
) -> None:
    there, limit = office.deployment(row["name"]), row["concurrency_limit"]
    assert there["work_queue_name"] == row["work_pool"]["work_queue_name"]
    assert there["work_queue_name"] in there["tags"]
    assert there["global_concurrency_limit"]["limit"] == limit["limit"]
    assert there["concurrency_options"]["collision_strategy"] == limit["collision_strategy"]
    assert there["enforce_parameter_schema"] is True
    assert there["description"]


def test_nothing_that_may_buy_is_scheduled_by_a_first_deploy() -> None:
    on = {
        row["name"]
        for row in DEPLOYMENTS
        for schedule in row.get("schedules", [])
        if schedule.get("active", True)
    }
    assert on == {"collect-open"}
    models = [row.get("parameters", {}).get("params", {}).get("model") for row in DEPLOYMENTS]
    paid = [row["name"] for row in DEPLOYMENTS if "paid" in row["tags"]]
    assert paid == ["dub", "dub-batch", "watch-folder", "review"]
    # A review buys nothing until somebody chooses `redo`, and then what they name.
    assert models.count("local-preview") == len(paid) - 1


def test_a_day_begins_with_nothing_to_spend(office: Office, deployed: Deployed) -> None:
    (document,) = [row for row in office.all("block_documents") if row["name"] == "dubline"]
    assert document["data"]["per_day_usd"] == 0.0
    assert "$0.00 to be spent in a day" in deployed.said[0]


def test_the_scheduler_has_a_run_of_collect_open_in_store(
    office: Office, deployed: Deployed
) -> None:
    collecting = office.deployment("collect-open")["id"]
    assert eventually(
        lambda: any(
            run["deployment_id"] == collecting and run["auto_scheduled"]
            for run in office.all("flow_runs")
        )
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"budget_usd": -1}, "minimum of 0"),
        ({"budgte_usd": 1}, "budgte_usd"),
        ({"model": "sync-9"}, "sync-9"),
        ({"profile": "cinema"}, "cinema"),
        ({"sync_mode": "stretch"}, "stretch"),
        ({"video": 7}, "7 is not of type"),
    ],
    ids=str,
)
def test_a_bad_value_is_refused_before_a_run_exists(
    wrong: dict[str, Any],
    said: str,
    office: Office,
    deployed: Deployed,
    clip: tuple[Path, Path],
) -> None:
    dub = office.deployment("dub")["id"]
    answer = office.order(office.folder / "no.mp4", clip, **wrong)
    assert answer.status == 409
    assert said in str(answer.body)
    assert not [run for run in office.all("flow_runs") if run["deployment_id"] == dub]


@dataclass
class Day:
    """A day with `dubline up`: what it said, and the two runs ordered."""

    told: dict[str, str]
    page: str
    second_up: tuple[int, str]
    finished: str
    interrupted: str
    runs_left: tuple[int, ...]
    server_stays: bool
    code: int
    said: str


@pytest.fixture(scope="module")
def day(
    office: Office, deployed: Deployed, clip: tuple[Path, Path], long_clip: tuple[Path, Path]
) -> Day:
    """Bring up, dub, tell of an unknown ticket, and press Ctrl-C in the middle of a second dub."""
    up = office.up()
    try:
        assert up.stdout is not None
        told = json.loads(up.stdout.readline())
        page = httpx.get(told["ui"] + "/v2/", trust_env=False).text
        other = office.up()
        again = (other.wait(), str(other.communicate()[0]))
        office.run(sys.executable, "-c", EMIT)
        finished = office.order(office.folder / "one.mp4", clip).body["id"]
        assert eventually(lambda: office.state_of(finished) in {"Completed", "Failed", "Crashed"})
        interrupted = office.order(office.folder / "two.mp4", long_clip).body["id"]
        assert eventually(lambda: office.state_of(interrupted) == "Running")
        runs = tuple(pid for child in children(up.pid) for pid in (child, *children(child)))
    finally:
        up.send_signal(signal.SIGINT)
        _, said = up.communicate(timeout=90)
    left = tuple(pid for pid in runs if is_running(pid))
    stays = standing(office.home) is not None
    return Day(told, page, again, finished, interrupted, left, stays, up.returncode, said)


def test_up_serves_the_user_interface_and_names_its_worker(office: Office, day: Day) -> None:
    assert "<html" in day.page.lower()
    assert day.told["worker"] == worker_name(office.home)
    workers = office.call("POST", "/work_pools/media/workers/filter", {}).body
    assert [one["name"] for one in workers] == [day.told["worker"]]


def test_a_second_up_of_a_home_is_refused_in_one_sentence(day: Day) -> None:
    code, said = day.second_up
    assert code == 2
    assert "runs for" in json.loads(said)["error"]


def test_a_dub_ordered_through_the_api_is_made_by_the_worker(office: Office, day: Day) -> None:
    run = office.call("GET", f"/flow_runs/{day.finished}").body
    assert run["state_name"] == "Completed", run["state"]
    assert run["name"] == "dub talk.mp4 with talk.de.wav"
    assert {"dubbing", "local-preview", "de"} <= set(run["tags"])
    assert (office.folder / "one.mp4").is_file()


def test_its_delivery_is_an_event_that_names_no_folder(office: Office, day: Day) -> None:
    wanted = {"filter": {"event": {"name": ["dub.delivered"]}}}
    found: list[dict[str, Any]] = []

    def arrived() -> bool:
        found[:] = office.call("POST", "/events/filter", wanted).body["events"]
        return bool(found)

    assert eventually(arrived)
    assert found[0]["resource"]["prefect.resource.id"] == "dubline.dub.talk.mp4.talk.de.wav"
    assert found[0]["payload"]["output"] == "one.mp4"
    ours = [found[0]["resource"], found[0]["payload"]]
    assert str(office.folder) not in json.dumps(ours)


def test_an_unknown_ticket_starts_the_flow_that_tells_of_it(office: Office, day: Day) -> None:
    telling = office.deployment("unknown-tickets")["id"]
    assert eventually(
        lambda: [run for run in office.all("flow_runs") if run["deployment_id"] == telling]
    )


def test_ctrl_c_ends_the_runs_and_the_worker_and_leaves_the_server_that_was_there(
    day: Day,
) -> None:
    assert day.code == 0, day.said
    assert day.runs_left == ()
    assert day.server_stays
    assert "goes on with the next `dubline up`: dub film.mp4 with film.de.wav" in day.said


def test_the_next_up_goes_on_and_a_sigterm_stops_the_server_it_has_started(
    office: Office, day: Day
) -> None:
    assert office.state_of(day.interrupted) == "AwaitingRetry"
    down(office.home)
    up = office.up()
    try:
        assert up.stdout is not None
        json.loads(up.stdout.readline())
        assert eventually(lambda: office.state_of(day.interrupted) in {"Completed", "Failed"})
        assert office.state_of(day.interrupted) == "Completed"
    finally:
        up.terminate()
        _, said = up.communicate(timeout=90)
    assert up.returncode == 0, said
    assert standing(office.home) is None
    assert (office.folder / "two.mp4").is_file()


def test_up_says_that_its_server_was_stopped_and_ends(office: Office, deployed: Deployed) -> None:
    up = office.up()
    assert up.stdout is not None
    up.stdout.readline()
    down(office.home)
    said, _ = up.communicate(timeout=90)
    assert up.returncode == 6
    assert "start `dubline up` again" in json.loads(said)["error"]
