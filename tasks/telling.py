"""Telling: what a Prefect server is told about task runs that its own engine did not run.

The events are those the engine sends (Prefect 3.8.8, `emit_task_run_state_change_event`), many in
one request of the public REST API ("Create Events"). What they relate to is the same for all of a
flow run, so it is found once.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.exceptions import PrefectException
from prefect.runtime import deployment

log = logging.getLogger("lipsync.batch")

# JSON, as the server takes it.
Event = dict[str, Any]
Resource = dict[str, str]

# Ours: some 300 KB in one request.
AT_ONCE = 200
# What else an answer says is that the server may take them later.
_NOT_LATER = range(400, 500)


def related_to(flow_run: FlowRun, flow: str) -> list[Resource]:
    """Name what every event of a flow run relates to, as automations look for it.

    Args:
        flow_run: The flow run; of its deployment the name is asked for.
        flow: The name of its flow.
    """
    its = {
        "flow-run": (flow_run.id, flow_run.name),
        "flow": (flow_run.flow_id, flow),
        "deployment": (flow_run.deployment_id, _deployment(flow_run)),
        "work-queue": (flow_run.work_queue_id, flow_run.work_queue_name),
        "work-pool": (flow_run.work_pool_id, flow_run.work_pool_name),
    }
    found = [
        _resource(f"{kind}.{its_id}", kind) | {"prefect.resource.name": str(name)}
        for kind, (its_id, name) in its.items()
        if its_id is not None
    ]
    return [*found, *(_resource(f"tag.{tag}", "tag") for tag in sorted(flow_run.tags))]


def _deployment(flow_run: FlowRun) -> str:
    """Ask for the name of a deployment; none costs a run nothing."""
    if flow_run.deployment_id is None:
        return ""
    try:
        return str(deployment.name)
    except (httpx.HTTPError, PrefectException) as error:
        log.info("the deployment of this run has no name: %s", error)
        return ""


def _resource(named: str, role: str) -> Resource:
    return {"prefect.resource.id": f"prefect.{named}", "prefect.resource.role": role}


def notice(
    name: str, resource: Resource, payload: dict[str, Any], related: Sequence[Resource]
) -> Event:
    """Write an event of our own, which happens now.

    Args:
        name: What happened.
        resource: What it happened to.
        payload: What else is to be known, as JSON.
        related: What else it concerns: `related_to`.
    """
    return {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": name,
        "resource": resource,
        "related": list(related),
        "payload": payload,
    }


def event_of(
    run: TaskRun,
    before: State[Any] | None,
    now: State[Any],
    related: Sequence[Resource],
    follows: Event | None = None,
) -> Event:
    """Write the event that a task run has come to stand as it does now.

    Args:
        run: With whatever is known of it.
        before: How it stood before; None: nobody was told.
        now: How it stands.
        related: What else it concerns: `related_to`.
        follows: The event before this one.
    """
    at, kind = now.timestamp.isoformat(), now.type.value
    return {
        "id": str(now.id),
        "occurred": at,
        "event": f"prefect.task-run.{now.name}",
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{run.id}",
            "prefect.resource.name": run.name,
            "prefect.run-count": str(run.run_count),
            "prefect.state-message": now.message or "",
            "prefect.state-name": now.name or "",
            "prefect.state-timestamp": at,
            "prefect.state-type": kind,
            "prefect.orchestration": "client",
        },
        "related": list(related),
        "payload": {
            "intended": {"from": before.type.value if before else None, "to": kind},
            "initial_state": _stand(before) if before else None,
            "validated_state": _stand(now) | {"data": None},
            "task_run": _facts(run),
        },
        "follows": follows["id"] if follows else None,
    }


def _stand(state: State[Any]) -> dict[str, Any]:
    return {
        "type": state.type.value,
        "name": state.name,
        "message": state.message or "",
        "state_details": {},
    }


def _facts(run: TaskRun) -> dict[str, Any]:
    """Write down a task run as far as the server keeps it; what is not there yet is left out."""
    times = {
        "expected_start_time": run.expected_start_time,
        "start_time": run.start_time,
        "end_time": run.end_time,
    }
    return {
        "name": run.name,
        "task_key": run.task_key,
        "dynamic_key": run.dynamic_key,
        "empirical_policy": {"max_retries": 0, "retry_delay_seconds": 0.0},
        "tags": [],
        "labels": {},
        "task_inputs": {},
        "run_count": run.run_count,
        "flow_run_run_count": run.flow_run_run_count,
        "total_run_time": run.total_run_time.total_seconds(),
        **{name: at.isoformat() for name, at in times.items() if at is not None},
    }


def told(client: SyncPrefectClient, events: Sequence[Event]) -> int:
    """Tell the server, in order.

    Returns:
        How many of them need not be told again: it has them, or will not take them.
    """
    for start in range(0, len(events), AT_ONCE):
        try:
            client.request("POST", "/events", json=events[start : start + AT_ONCE])
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in _NOT_LATER:
                return start
            log.warning(
                "the Prefect server takes no events (%s): task runs are missing on the page of "
                "this run, nothing else",
                error.response.status_code,
            )
        except httpx.HTTPError:
            return start
    return len(events)
