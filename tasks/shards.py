"""Shards: the parts of a batch handed to other workers, awaited, and put together again."""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast
from uuid import UUID

import httpx
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.runtime import deployment, flow_run
from prefect.states import AwaitingRetry, Cancelling

from lipsync.batch.outcome import RowOutcome
from lipsync.batch.params import BatchParams
from lipsync.batch.shards import Lines, part_of, without
from lipsync.errors import UsageError

log = logging.getLogger("lipsync.shards")

# Where a batch finds workers for its parts, when it was not started by a deployment itself.
DEPLOYMENT = "dub-batch/dub-batch"
# Ours: a part takes minutes to hours; a read of all of them takes the server a few milliseconds.
LOOK_EVERY_S = 5.0
# Ours: so many rows are about half a megabyte of JSON.
ROWS_AN_ARTIFACT = 1_000
KEY = "part-"
# Ours: a part whose process is gone goes on with another worker; one that has brought down so many
# is not begun again by itself.
MOST_LOSSES = 3


def tell_part(rows: Sequence[RowOutcome]) -> None:
    """Leave what became of a part's rows where the whole batch finds it, on whatever machine."""
    for number, start in enumerate(range(0, len(rows), ROWS_AN_ARTIFACT), 1):
        told = [row.model_dump(mode="json") for row in rows[start : start + ROWS_AN_ARTIFACT]]
        create_table_artifact(told, f"{KEY}{number}", "What became of this part of a batch.")


def run_parts(
    params: BatchParams, parts: Sequence[Lines], told: Callable[[int, int], None]
) -> dict[Lines, Sequence[RowOutcome] | str]:
    """Hand the parts of a batch to workers, and wait for what becomes of them.

    An interrupted batch cancels its parts; a killed one leaves them, they go on, and the batch,
    when it goes on, waits for them instead of handing out their rows again.

    Args:
        params: Of the whole batch.
        parts: The lines of each.
        told: Told how many have ended.

    Returns:
        What became of the rows of each part, or why that is not known.

    Raises:
        UsageError: There is no deployment to hand them to.
    """
    with get_client(sync_client=True) as client:
        runs = _living(client, {line for lines in parts for line in lines})
        for lines in without(parts, runs.values()):
            runs[_started(params, lines).id] = lines
        with _cancelling(client, list(runs)):
            ended = _awaited(client, list(runs), told)
        return {runs[run.id]: _outcome(client, run) for run in ended}


def _living(client: SyncPrefectClient, wanted: set[int]) -> dict[UUID, Lines]:
    """Find the parts this batch began before it was killed, and which of the rows each has."""
    living = {
        "parent_flow_run_id": {"any_": [flow_run.id]},
        "state": {"type": {"not_any_": list(TERMINAL_STATES)}},
    }
    found: dict[UUID, Lines] = {}
    for run in client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(living)):
        lines = tuple(line for line in run.parameters["params"]["only_lines"] if line in wanted)
        if lines:
            found[run.id] = lines
    return found


def _awaited(
    client: SyncPrefectClient, runs: Sequence[UUID], told: Callable[[int, int], None]
) -> list[FlowRun]:
    """Wait until all parts have ended; one whose process is gone goes on with another worker."""
    lost: Counter[UUID] = Counter()
    while True:
        ended = []
        for run in _read(client, runs):
            if run.state and run.state.is_crashed() and lost[run.id] < MOST_LOSSES:
                lost[run.id] += 1
                _let_go_on(client, run)
            elif run.state and run.state.is_final():
                ended.append(run)
        told(len(ended), len(runs))
        if len(ended) == len(runs):
            return ended
        time.sleep(LOOK_EVERY_S)


def _let_go_on(client: SyncPrefectClient, run: FlowRun) -> None:
    why = "its worker was gone; it goes on from what is kept"
    log.warning("%s ended as %s; it goes on with the next free worker", run.name, run.state_name)
    with suppress(httpx.HTTPError, PrefectException):
        client.set_flow_run_state(run.id, AwaitingRetry(message=why))


def _started(params: BatchParams, lines: Lines) -> FlowRun:
    part = part_of(params, lines, str(params.run or flow_run.id))
    try:
        started = run_deployment(
            UUID(deployment.id) if deployment.id else DEPLOYMENT,
            parameters={"params": part.model_dump(mode="json", exclude_unset=True)},
            flow_run_name=f"dub batch {part.title}",
            timeout=0,
        )
    except ObjectNotFound as error:
        raise UsageError(
            f"there is no deployment {DEPLOYMENT} to hand parts of the batch to; create it with "
            "`make deploy` and start workers, or dub it without shards"
        ) from error
    return cast("FlowRun", started)


def _read(client: SyncPrefectClient, runs: Sequence[UUID]) -> list[FlowRun]:
    """Read where the parts are; a server that is busy or away is asked again."""
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=list(runs)))
    try:
        return client.read_flow_runs(flow_run_filter=wanted)
    except httpx.HTTPError as error:
        log.info("the server did not say where the parts are: %s", error)
        return []


def _outcome(client: SyncPrefectClient, run: FlowRun) -> Sequence[RowOutcome] | str:
    """Read what became of the rows of a part; a part that died, or was refused, has not said."""
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    rows: list[Any] = []
    for artifact in client.read_artifacts(flow_run_filter=wanted):
        if artifact.key and artifact.key.startswith(KEY):
            rows.extend(json.loads(cast("str", artifact.data)))
    if not rows:
        state = run.state
        why = f": {state.message}" if state and state.message else ""
        return f"its part ({run.name}) ended as {run.state_name}{why}"
    return [RowOutcome.model_validate(row) for row in rows]


@contextmanager
def _cancelling(client: SyncPrefectClient, runs: Sequence[UUID]) -> Iterator[None]:
    """Cancel the parts that have not ended when the block is left by an error."""
    try:
        yield
    except BaseException as error:
        for run in _read(client, runs):
            if run.state is None or not run.state.is_final():
                with suppress(httpx.HTTPError, PrefectException):
                    client.set_flow_run_state(run.id, Cancelling())
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(
                f"interrupted; its {len(runs)} parts were told to stop, jobs at the vendors go on; "
                "the same command collects them and goes on"
            ) from error
        raise
