"""Shards: the parts of a batch handed to other workers, awaited, and put together again."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast
from uuid import UUID

import httpx
from prefect.artifacts import create_table_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelling

from lipsync.batch.outcome import RowOutcome
from lipsync.batch.params import BatchParams
from lipsync.batch.shards import Lines, part_of
from lipsync.errors import UsageError

log = logging.getLogger("lipsync.shards")

# Where a batch finds workers for its parts, when it was not started by a deployment itself.
DEPLOYMENT = "dub-batch/dub-batch"
# Ours: a part takes minutes to hours; a read of all of them takes the server a few milliseconds.
LOOK_EVERY_S = 5.0
# Ours: so many rows are about half a megabyte of JSON.
ROWS_AN_ARTIFACT = 1_000
KEY = "part-"


def tell_part(rows: Sequence[RowOutcome]) -> None:
    """Leave what became of a part's rows where the whole batch finds it, on whatever machine."""
    for number, start in enumerate(range(0, len(rows), ROWS_AN_ARTIFACT), 1):
        told = [row.model_dump(mode="json") for row in rows[start : start + ROWS_AN_ARTIFACT]]
        create_table_artifact(told, f"{KEY}{number}", "What became of this part of a batch.")


def run_parts(
    params: BatchParams, parts: Sequence[Lines], told: Callable[[int, int], None]
) -> dict[Lines, Sequence[RowOutcome] | str]:
    """Hand the parts of a batch to workers, and wait for what becomes of them.

    An interrupted batch cancels its parts; a killed one leaves them, and they go on.

    Args:
        params: Of the whole batch.
        parts: The lines of each.
        told: Told how many have ended.

    Returns:
        What became of the rows of each part, or why that is not known.

    Raises:
        UsageError: There is no deployment to hand them to.
    """
    runs = {_started(params, lines).id: lines for lines in parts}
    with get_client(sync_client=True) as client, _cancelling(client, list(runs)):
        while True:
            found = _read(client, list(runs))
            ended = [run for run in found if run.state and run.state.is_final()]
            told(len(ended), len(runs))
            if len(ended) == len(runs):
                return {runs[run.id]: _outcome(client, run) for run in ended}
            time.sleep(LOOK_EVERY_S)


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
