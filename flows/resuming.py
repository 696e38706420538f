"""Resuming: runs whose process is gone go on with the next worker; what is paid stays paid."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flows.deploying import POOL
from flows.working import is_running

if TYPE_CHECKING:  # Prefect is imported once it is served
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

# The state a run gets by the automation when it sends no heartbeats any more.
LOST = "Lost"
# Ours: a run that has brought down its worker so often is not begun again by itself.
MOST_STARTS = 5


def begun_by(client: "SyncPrefectClient", worker: str) -> "list[FlowRun]":
    """Find the runs that a worker has begun and not ended, in the books of the server."""
    from prefect.client.schemas.filters import (  # noqa: PLC0415  served by now
        FlowRunFilter,
        WorkPoolFilter,
    )

    ours = WorkPoolFilter.model_validate({"name": {"any_": [POOL]}})
    begun: list[FlowRun] = []
    for state in ({"type": {"any_": ["PENDING", "RUNNING"]}}, {"name": {"any_": [LOST]}}):
        wanted = FlowRunFilter.model_validate({"state": state})
        begun += client.read_flow_runs(work_pool_filter=ours, flow_run_filter=wanted)
    return [run for run in begun if run.labels.get("prefect.worker.name") == worker]


def left_behind(runs: "Iterable[FlowRun]") -> "list[FlowRun]":
    """Say which of the runs of this machine have no process any more, and may go on."""
    return [
        run
        for run in runs
        if run.run_count < MOST_STARTS
        and not (run.infrastructure_pid and is_running(_pid(run.infrastructure_pid)))
    ]


def go_on(client: "SyncPrefectClient", runs: "Iterable[FlowRun]", why: str) -> list[str]:
    """Let runs wait for a worker again; what has come to an end meanwhile is left as it is.

    Returns:
        Their names.
    """
    from prefect.states import AwaitingRetry  # noqa: PLC0415  served by now

    named = []
    for run in runs:
        state = client.read_flow_run(run.id).state
        if state is not None and (state.is_running() or state.is_pending() or state.is_crashed()):
            client.set_flow_run_state(run.id, AwaitingRetry(message=why))
            named.append(run.name)
    return named


def _pid(text: str) -> int:
    """Read a process's number, which may have a machine in front of it.

    >>> _pid("17"), _pid("host:17")
    (17, 17)
    """
    return int(text.rpartition(":")[2])
