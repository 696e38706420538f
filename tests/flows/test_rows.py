"""Claims about the stages of rows as task runs: what the server is told, and what a person sees."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from lipsync.batch.desk import Shell, bare
from lipsync.cache import Made
from lipsync.errors import MediaError
from tests.flows.test_batch import task_runs

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.xdist_group("batch")]

Work = Callable[[Shell], object]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The names of task runs and of the states the server was told, in that order."""
    from tasks import rows

    found: list[tuple[str, str]] = []
    tell = rows.told

    def listened(client: Any, events: Any) -> int:
        resources = [event["resource"] for event in events]
        found.extend((one["prefect.resource.name"], one["prefect.state-name"]) for one in resources)
        return tell(client, events)

    monkeypatch.setattr(rows, "told", listened)
    return found


def run_in_a_flow(work: Work, behind: Callable[[], object] = bool) -> Any:
    """Run some work as the flow of a batch does; returns the state of the flow run."""
    from prefect import flow

    from tasks.rows import all_told, as_tasks

    @flow(name="rows")
    def rows() -> None:
        with as_tasks(behind) as shell:
            work(shell)

    state = rows(return_state=True)
    all_told()
    return state


def made(*, cached: bool = False) -> Made[int]:
    return Made(7, cached=cached, seconds=0.0)


def test_a_short_stage_is_told_once_when_it_has_ended(told: list[tuple[str, str]]) -> None:
    answers: list[int] = []

    def work(shell: Shell) -> None:
        answers.append(shell("probe", "row 2 a", made).value)
        shell("fit", "row 2 a", lambda: made(cached=True))

    state = run_in_a_flow(work)
    assert answers == [7]
    assert told == [("row 2 a: probe", "Completed"), ("row 2 a: fit", "Cached")]
    runs = {run.name: run for run in task_runs(state)}
    assert {name: run.state_name for name, run in runs.items()} == dict(told)
    probe = runs["row 2 a: probe"]
    assert probe.flow_run_id == state.state_details.flow_run_id
    assert probe.start_time <= probe.end_time
    assert probe.run_count == 1


def test_a_stage_that_lasts_is_seen_running_before_it_ends(told: list[tuple[str, str]]) -> None:
    seen: list[tuple[str, str]] = []

    def wait() -> Made[int]:
        for _ in range(500):
            if told:
                break
            time.sleep(0.02)
        seen.extend(told)
        time.sleep(0.6)  # it is not told again
        return made()

    state = run_in_a_flow(lambda shell: shell("fit", "row 2 a", wait))
    assert seen == [("row 2 a: fit", "Running")]
    assert told == [*seen, ("row 2 a: fit", "Completed")]
    (run,) = task_runs(state)
    assert (run.state_name, run.total_run_time.total_seconds() > 0.5) == ("Completed", True)


def test_a_stage_that_fails_says_why_on_its_page_and_the_error_goes_on(
    told: list[tuple[str, str]],
) -> None:
    def fail() -> Made[int]:
        raise MediaError("v.wav: is silent; record it again")

    def work(shell: Shell) -> None:
        with pytest.raises(MediaError, match="is silent"):
            shell("normalize", "row 2 a", fail)

    state = run_in_a_flow(work)
    assert state.is_completed()
    assert told == [("row 2 a: normalize", "Failed")]
    (run,) = task_runs(state)
    assert run.state.message == "MediaError: v.wav: is silent; record it again"
    assert [line for line in logs_of(run) if "Traceback" in line] == []
    assert "MediaError: v.wav: is silent; record it again" in logs_of(run)


def test_a_mistake_of_ours_has_crashed_and_what_it_says_is_not_told() -> None:
    def fail() -> Made[int]:
        raise ZeroDivisionError("with a secret")

    def work(shell: Shell) -> None:
        with pytest.raises(ZeroDivisionError):
            shell("fit", "row 2 a", fail)

    (run,) = task_runs(run_in_a_flow(work))
    assert (run.state_name, run.state.message) == ("Crashed", "ZeroDivisionError")


def test_what_a_stage_logs_is_on_the_page_of_its_task_run() -> None:
    def speak() -> Made[int]:
        logging.getLogger("lipsync.test").warning("one word")
        return made()

    state = run_in_a_flow(lambda shell: shell("fit", "row 2 a", speak))
    (run,) = task_runs(state)
    assert "one word" in logs_of(run)


def test_a_stage_that_is_tried_again_is_a_run_of_its_own() -> None:
    def work(shell: Shell) -> None:
        for _ in range(2):
            shell("submit", "row 2 a", made)

    names = Counter(run.name for run in task_runs(run_in_a_flow(work)))
    assert names == {"row 2 a: submit": 2}


def test_what_could_not_be_told_is_told_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import rows

    tell, tries = rows.told, []

    def once_away(client: Any, events: Any) -> int:
        tries.append(len(events))
        return 0 if len(tries) == 1 else tell(client, events)

    monkeypatch.setattr(rows, "told", once_away)

    def work(shell: Shell) -> None:
        shell("probe", "row 2 a", made)
        while not tries:
            time.sleep(0.02)
        shell("fit", "row 2 a", made)

    names = {run.name for run in task_runs(run_in_a_flow(work))}
    assert names == {"row 2 a: probe", "row 2 a: fit"}


def test_a_run_ends_before_its_last_stages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect import flow

    from tasks import rows

    tell, ended, waited = rows.told, threading.Event(), []

    def told_in_the_end(client: Any, events: Any) -> int:
        waited.append(ended.wait(5))
        return tell(client, events)

    monkeypatch.setattr(rows, "told", told_in_the_end)

    @flow(name="rows")
    def short() -> None:
        with rows.as_tasks() as shell:
            shell("probe", "row 2 a", made)

    state = short(return_state=True)
    ended.set()
    assert [run.name for run in task_runs(state)] == ["row 2 a: probe"]
    assert waited == [True]


def test_a_machine_that_is_behind_tells_late_but_tells(
    told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import rows

    behind = True

    def work(shell: Shell) -> None:
        nonlocal behind
        shell("probe", "row 2 a", made)
        time.sleep(3 * rows.TELL_EVERY_S)
        assert told == []
        behind = False
        while not told:
            time.sleep(0.02)
        monkeypatch.setattr(rows, "LATE_S", 0.5)
        behind = True
        shell("fit", "row 2 a", made)
        while len(told) < 2:
            time.sleep(0.02)

    state = run_in_a_flow(work, lambda: behind)
    assert state.is_completed(), state.message
    assert told == [("row 2 a: probe", "Completed"), ("row 2 a: fit", "Completed")]


def test_whoever_presses_ctrl_c_waits_for_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import rows

    class Held(threading.Thread):
        def join(self, timeout: float | None = None) -> None:  # noqa: ARG002  as it is called
            raise KeyboardInterrupt

    monkeypatch.setattr(rows, "_tellers", {Held()})
    rows.all_told()


def test_without_a_flow_run_the_work_is_just_done() -> None:
    from tasks.rows import as_tasks

    with as_tasks() as shell:
        assert shell is bare


def logs_of(run: Any) -> list[str]:
    """Read what is on the page of a task run, once the server has it."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import LogFilter, LogFilterTaskRunId

    its_own = LogFilter(task_run_id=LogFilterTaskRunId(any_=[run.id]))
    with get_client(sync_client=True) as client:
        for _ in range(20):
            found = [one.message for one in client.read_logs(log_filter=its_own)]
            if found:
                return found
            time.sleep(0.5)
    return []
