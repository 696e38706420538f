"""Claims about batches in parts: real workers in their own processes, one ledger, one outcome."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flows.working import children
from lipsync.batch.params import BatchParams
from lipsync.errors import UsageError
from tests.batches import Depot, open_depot
from tests.flows.terminal import ROOT, environment
from tests.flows.test_batch import rows_of, run_flow, task_runs

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.xdist_group("batch")]

pytest.importorskip("trustme")

WORKER = "from flows.dub_batch import dub_batch; dub_batch.serve(name='dub-batch', limit=4)"


@pytest.fixture
def depot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Depot]:
    with open_depot(tmp_path, monkeypatch.setenv) as opened:
        yield opened


@pytest.fixture
def worker(depot: Depot, server: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that takes parts of batches, until the test is over."""
    env = environment(depot.home, PREFECT_API_URL=server)
    process = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=env)
    try:
        await_deployment(process)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_the_parts_of_a_batch_go_to_workers_and_come_back_as_one_outcome(
    depot: Depot, worker: subprocess.Popen[bytes]
) -> None:
    whole = BatchParams(
        manifest=rows_of(depot, 5), output_folder=depot.out, shards=2, budget_usd=0.5
    )
    state = run_flow(whole)
    outcome = state.result()
    assert (state.name, outcome.exit_code) == ("Completed", 0)
    assert [row.line for row in outcome.rows] == [2, 3, 4, 5, 6]
    assert (len(depot.sold), depot.emulator.account().duplicates) == (5, 0)
    assert {row.request_id for row in outcome.rows} == {job.request_id for job in depot.sold}
    assert not [run for run in task_runs(state) if ": submit" in run.name]
    paid_by = {ticket.run for ticket in depot.desk().shop.ledger.tickets()}
    assert paid_by == {str(state.state_details.flow_run_id)}
    assert (depot.out / "week.outcome.csv").is_file()
    again = run_flow(whole)
    assert {row.state.value for row in again.result().rows} == {"found"}
    assert len(depot.sold) == 5


def test_a_part_whose_process_is_killed_goes_on_and_its_batch_waits_for_it(
    depot: Depot, worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.shards.LOOK_EVERY_S", 0.5)
    killer = threading.Thread(target=kill_the_first, args=(worker.pid,), daemon=True)
    killer.start()
    params = BatchParams(manifest=rows_of(depot, 4), output_folder=depot.out, shards=2)
    outcome = run_flow(params).result()
    assert not killer.is_alive()
    assert (outcome.exit_code, [row.line for row in outcome.rows]) == (0, [2, 3, 4, 5])
    assert (len(depot.sold), depot.emulator.account().duplicates) == (4, 0)


def test_without_a_worker_to_hand_parts_to_a_batch_says_so_and_buys_nothing(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.shards.DEPLOYMENT", "dub-batch/nowhere")
    params = BatchParams(manifest=rows_of(depot, 2), output_folder=depot.out, shards=2)
    state = run_flow(params)
    with pytest.raises(UsageError, match="make deploy"):
        state.result()
    assert depot.sold == []


def kill_the_first(worker: int) -> None:
    """Kill the first process a worker starts for a run."""
    while not (found := [pid for pid in children(worker) if is_a_run(pid)]):
        time.sleep(0.05)
    time.sleep(1.0)  # the worker has noted which process it is by now; its imports take longer
    os.kill(found[0], signal.SIGKILL)


def is_a_run(pid: int) -> bool:
    """Tell the process of a run from the one its worker has for itself."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def await_deployment(process: subprocess.Popen[bytes]) -> None:
    """Wait until the worker has announced itself."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        while process.poll() is None:
            try:
                client.read_deployment_by_name("dub-batch/dub-batch")
            except ObjectNotFound:
                time.sleep(0.2)
            else:
                return
    raise AssertionError("the worker has ended")
