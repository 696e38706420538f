"""Claims about what a server is told: what Prefect's own engine would say, nothing twice."""

import asyncio
import logging
from contextvars import copy_context
from threading import Thread
from typing import Any, cast

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.context import FlowRunContext
from prefect.events.related import related_resources_from_run_context
from prefect.states import Completed, Failed, Running, State

from tasks.telling import AT_ONCE, event_of, related_to, told


def run_since(began: State[Any], end: State[Any] | None) -> TaskRun:
    run = TaskRun(
        name="row 2 a: fit",
        flow_run_run_count=1,
        task_key="row-fit",
        dynamic_key="1",
        expected_start_time=began.timestamp,
        start_time=began.timestamp,
        run_count=1,
    )
    if end is not None:
        run.end_time, run.total_run_time = end.timestamp, end.timestamp - began.timestamp
    return run


@pytest.mark.parametrize("end", [None, Completed(name="Cached"), Failed(message="v.wav: is bad")])
def test_an_event_is_the_one_that_prefects_engine_sends(
    end: State[Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.utilities import engine

    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(engine, "emit_event", lambda **event: sent.append(event))
    began: State[Any] = Running()
    before, now = (None, began) if end is None else (began, end)
    run = run_since(began, end)
    engine.emit_task_run_state_change_event(run, before, now)
    (theirs,) = sent
    ours = event_of(run, before, now, [])
    assert (ours["id"], ours["event"]) == (str(theirs["id"]), theirs["event"])
    assert ours["resource"] == theirs["resource"]
    assert ours["occurred"] == theirs["occurred"].isoformat()
    for part in ("intended", "initial_state"):
        assert ours["payload"][part] == theirs["payload"][part]
    assert ours["payload"]["validated_state"] == theirs["payload"]["validated_state"]
    facts = {name: _plain(value) for name, value in theirs["payload"]["task_run"].items()}
    assert {name: _plain(value) for name, value in ours["payload"]["task_run"].items()} == facts


def _plain(value: Any) -> Any:
    return value.replace("+00:00", "Z") if isinstance(value, str) else value


@pytest.mark.usefixtures("server")
@pytest.mark.xdist_group("batch")
def test_it_relates_to_what_prefect_relates_the_events_of_a_run_to() -> None:
    from prefect import flow
    from prefect.client.orchestration import get_client

    pairs: list[tuple[list[dict[str, str]], list[dict[str, str]]]] = []

    async def theirs() -> list[dict[str, str]]:
        async with get_client() as client:
            return [dict(one.root) for one in await related_resources_from_run_context(client)]

    @flow(name="related")
    def related() -> None:
        place = FlowRunContext.get()
        assert place is not None
        ours = related_to(cast("FlowRun", place.flow_run), "related")
        found: list[dict[str, str]] = []
        context = copy_context()
        asking = Thread(target=context.run, args=(lambda: found.extend(asyncio.run(theirs())),))
        asking.start()
        asking.join()
        pairs.append((ours, found))

    related()
    ((ours, found),) = pairs
    assert ours == found
    assert [one["prefect.resource.role"] for one in ours] == ["flow-run", "flow"]


class Server:
    """Takes events, or answers each request as it was arranged."""

    def __init__(self, *answers: int | Exception) -> None:
        self.requests: list[int] = []
        self._answers = list(answers)

    def request(self, _method: str, _path: str, json: list[Any]) -> None:
        self.requests.append(len(json))
        answer = self._answers.pop(0) if self._answers else 204
        if isinstance(answer, Exception):
            raise answer
        if answer >= 400:
            request = httpx.Request("POST", "http://server/events")
            response = httpx.Response(answer, request=request)
            raise httpx.HTTPStatusError("no", request=request, response=response)


def tell(server: Server, count: int) -> int:
    return told(cast("Any", server), [{"id": str(number)} for number in range(count)])


def test_many_are_told_in_few_requests() -> None:
    server = Server()
    assert tell(server, 2 * AT_ONCE + 1) == 2 * AT_ONCE + 1
    assert server.requests == [AT_ONCE, AT_ONCE, 1]


@pytest.mark.parametrize("answer", [503, httpx.ConnectError("away"), httpx.ReadTimeout("slow")])
def test_what_a_server_could_not_take_is_told_again(answer: int | Exception) -> None:
    assert tell(Server(204, answer), AT_ONCE + 1) == AT_ONCE


def test_what_a_server_will_never_take_is_said_once_and_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "lipsync.batch"):
        assert tell(Server(422), 3) == 3
    (record,) = caplog.records
    assert "takes no events (422)" in record.getMessage()
