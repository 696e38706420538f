"""Claims about batches in use: the flow on a real server, the command line in processes."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lipsync.batch.params import BatchParams
from tests.batches import Depot, open_depot
from tests.flows.terminal import Answer, dubline, environment, finished, started

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.xdist_group("batch")]

pytest.importorskip("trustme")


@pytest.fixture
def depot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Depot]:
    with open_depot(tmp_path, monkeypatch.setenv) as opened:
        yield opened


def rows_of(depot: Depot, count: int) -> Path:
    """Write a manifest of so many dubs of one video, each with a voice of its own."""
    path = depot.media.parent / "week.csv"
    lines = [f"{depot.video},{depot.voice(f'v{n}')},v{n},sync-2" for n in range(count)]
    path.write_text("\n".join(["video,voice,id,model", *lines]), encoding="utf-8")
    return path


def batch(depot: Depot, *argv: str | Path, server: str) -> Answer:
    more = {"PREFECT_API_URL": server}
    folder = ("--output-folder", depot.out)
    return dubline("batch", *argv, *folder, home=depot.home, cwd=depot.out.parent, **more)


def run_flow(params: BatchParams) -> Any:
    """Run the flow in this process; returns its state."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.dub_batch import dub_batch

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        return dub_batch(params, return_state=True)


def test_a_batch_is_one_run_with_a_task_run_for_each_stage_that_had_something_to_do(
    depot: Depot,
) -> None:
    params = BatchParams(manifest=rows_of(depot, 2), output_folder=depot.out)
    state = run_flow(params)
    assert (state.name, len(depot.sold)) == ("Completed", 2)
    names = sorted(run.name for run in task_runs(state))
    assert "row 2 v0: submit" in names
    assert len(names) == 10 + 10
    again = run_flow(params)
    assert task_runs(again) == []
    assert len(depot.sold) == 2


def test_the_page_of_a_batch_has_its_plan_its_progress_its_outcome_and_its_money(
    depot: Depot,
) -> None:
    depot.emulator.fault("locked", vendor="fal", route="submit", times=1)
    params = BatchParams(manifest=rows_of(depot, 3), output_folder=depot.out)
    state = run_flow(params)
    assert (state.name, state.type.value) == ("Some", "FAILED")
    assert "2 of 3 dubs are there" in state.message
    found = {one.key: one for one in artifacts(state)}
    assert found.keys() == {"plan", "outcome", "money", "batch-week-csv", "page"}
    page = (depot.out / "week.outcome.html").resolve()
    assert page.as_uri() in found["page"].data
    assert page.read_text(encoding="utf-8").count("data:image/jpeg") == 2
    assert json.loads(found["outcome"].data)[0]["state"] == "refused"
    assert "spent: $0.10" in found["money"].data
    assert set(tags(state)) >= {"sync-2"}


def test_bad_rows_are_all_named_and_nothing_is_sent(depot: Depot, server: str) -> None:
    path = rows_of(depot, 2)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(f"\nmissing.mp4,{depot.voice('v0')},a,sync-2")
        stream.write(f"\n{depot.video},{depot.video},b,sync-2")
        stream.write(f"\n{depot.video},{depot.voice('v1')},c,no-such-model\n")
    answer = batch(depot, path, server=server)
    assert answer.code == 3
    assert "Traceback" not in answer.err
    for said in ("missing.mp4", "no-such-model", "3 of 5 rows are bad"):
        assert said in answer.err
    assert depot.requests == 0
    going = batch(depot, path, "--keep-going", "--json", server=server)
    assert (going.code, len(depot.sold)) == (9, 2)
    assert Counter(row["state"] for row in going.data["rows"]) == {"delivered": 2, "failed": 3}


def test_a_batch_over_its_budget_is_refused_before_anything_leaves(
    depot: Depot, server: str
) -> None:
    answer = batch(depot, rows_of(depot, 3), "--budget", "0.14", server=server)
    assert answer.code == 4
    assert "$0.15" in answer.err
    assert "$0.14" in answer.err
    assert depot.requests == 0


def test_a_plan_prices_every_row_and_spends_nothing(depot: Depot, server: str) -> None:
    path = rows_of(depot, 3)
    answer = dubline("plan", path, "--json", home=depot.home, cwd=depot.out.parent)
    assert answer.code == 0
    assert [row["model"] for row in answer.data["rows"]] == ["sync-2"] * 3
    assert float(answer.data["to_pay_usd"]) == pytest.approx(0.15, abs=0.001)
    assert depot.requests == 0
    over = dubline("plan", path, "--budget", "0.1", home=depot.home, cwd=depot.out.parent)
    assert over.code == 4


def test_killed_in_the_middle_a_batch_goes_on_and_buys_each_dub_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    with open_depot(tmp_path, monkeypatch.setenv, latency_s=1.0) as depot:
        path = rows_of(depot, 8)
        env = environment(depot.home, PREFECT_API_URL=server, FAL_IN_FLIGHT="3")
        command = ("batch", path, "--output-folder", depot.out, "--json")
        for bought in (1, 5):
            process = started(*command, env=env, cwd=tmp_path)
            await_sales(depot, bought, process)
            while bought == 5 and not (depot.out / "week.outcome.csv").is_file():
                assert process.poll() is None  # it is written while the batch runs
                time.sleep(0.05)
            process.kill()
            process.wait()
        answer = finished(started(*command, env=env, cwd=tmp_path))
        ended = {row["id"]: row["state"] for row in answer.data["rows"]}
        # Killed just while its request was leaving, a dub waits for fal's list, or for a person.
        assert set(ended.values()) <= {"delivered", "found", "unknown"}, answer.data["rows"]
        assert depot.emulator.account().duplicates == 0
        there = [row for row in answer.data["rows"] if row["state"] != "unknown"]
        assert {row["request_id"] for row in there} <= {job.request_id for job in depot.sold}
        assert len(there) >= 8 - 2  # of each death


def test_ctrl_c_says_what_goes_on_at_the_vendor_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    with open_depot(tmp_path, monkeypatch.setenv, latency_s=5.0) as depot:
        path = rows_of(depot, 5)
        env = environment(depot.home, PREFECT_API_URL=server, FAL_IN_FLIGHT="2")
        command = ("batch", path, "--output-folder", depot.out, "--json")
        process = started(*command, env=env, cwd=tmp_path)
        await_sales(depot, 2, process)
        process.send_signal(signal.SIGINT)
        answer = finished(process)
        assert answer.code == 130
        assert "2 jobs go on at fal (tickets " in answer.err
        assert "Traceback" not in answer.err
        assert answer.data["exit_code"] == 130
        assert len(depot.sold) == 2
        again = finished(started(*command, env=env, cwd=tmp_path))
        assert (again.code, len(depot.sold)) == (0, 5)


def test_ctrl_c_cancels_the_jobs_of_a_batch_when_it_was_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    with open_depot(tmp_path, monkeypatch.setenv, latency_s=600.0) as depot:
        path = rows_of(depot, 3)
        env = environment(depot.home, PREFECT_API_URL=server, FAL_IN_FLIGHT="2")
        wish = ("--on-interrupt", "cancel", "--json")
        process = started("batch", path, "--output-folder", depot.out, *wish, env=env, cwd=tmp_path)
        await_sales(depot, 2, process)
        process.send_signal(signal.SIGINT)
        answer = finished(process)
        assert answer.code == 130
        assert "asking to cancel 2 jobs" in answer.err
        assert "0 of 2 jobs are cancelled, the others were asked to" in answer.err  # they run
        assert depot.emulator.account().calls["fal cancel"] == len(depot.sold) == 2


def await_sales(depot: Depot, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many jobs were taken; how long that takes is not what is tested."""
    while len(depot.sold) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def task_runs(state: Any) -> list[Any]:
    """Read the task runs of a flow run, once the server has them all."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    from tasks.rows import all_told

    all_told()
    this = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        seen, runs = -1, client.read_task_runs(flow_run_filter=this)
        while len(runs) != seen:  # they are written behind the run's back
            seen = len(runs)
            time.sleep(1.0)
            runs = client.read_task_runs(flow_run_filter=this)
        return list(runs)


def artifacts(state: Any) -> list[Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    this = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        return list(client.read_artifacts(flow_run_filter=this))


def tags(state: Any) -> list[str]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client.read_flow_run(state.state_details.flow_run_id).tags
