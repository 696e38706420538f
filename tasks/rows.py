"""Rows: the stages of a batch's rows as task runs, one for whatever has something to do.

Prefect's engine tells its server three things about a task run, one by one: that it is pending,
that it runs, that it has ended. Of a stage that takes ten milliseconds the first two are old news
on arrival, and the three cost more than the stage does (docs/adr/0011). Here the server is told
once, when a stage has ended, and before that only of one that takes a while. What the page of the
run shows is the same.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from typing import Any, TypeVar, cast

from prefect import Task
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import Event
from prefect.states import Completed, Crashed, Failed, Running
from prefect.types import DateTime
from prefect.utilities.engine import emit_task_run_state_change_event

from lipsync.cache import Made

log = logging.getLogger("lipsync.batch")

T = TypeVar("T")

# Ours: whoever looks at a page misses nothing that was over before it had loaded.
TELL_AFTER_S = 0.5


def as_task(word: str, label: str, work: Callable[[], Made[T]]) -> Made[T]:
    """Run one stage of one row as a task run of the flow: `lipsync.batch.desk.Shell`.

    What is logged meanwhile is on the page of the task run. What may succeed later is tried again
    by the batch itself, which holds no thread meanwhile.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return work()
    run = _Run(word, label, context.flow_run)
    with _on_its_page(run, context), _teller.listening(run):
        try:
            made = work()
        except Exception as error:
            log.error("%s: %s", type(error).__name__, error)  # noqa: TRY400  the batch has the rest
            run.ended(Failed(message=f"{type(error).__name__}: {error}"))
            raise
        except BaseException as error:
            run.ended(Crashed(message=f"{type(error).__name__}: {error}"))
            raise
        run.ended(Completed(name="Cached" if made.cached else "Completed"))
    return made


class _Run:
    """A task run as its server is told about it."""

    def __init__(self, word: str, label: str, flow_run: FlowRun) -> None:
        self.began_s = time.monotonic()
        self.word = word
        self._state: State[Any] = Running()
        self.began = cast("DateTime", self._state.timestamp)
        self.record = TaskRun(
            name=f"{label}: {word}",
            flow_run_id=flow_run.id,
            flow_run_run_count=flow_run.run_count,
            task_key=f"row-{word}",
            dynamic_key="",
            expected_start_time=self.began,
            start_time=self.began,
            run_count=1,
        )
        self.record.dynamic_key = str(self.record.id)  # of one row a stage may run twice
        self._last: Event | None = None
        self._telling = threading.Lock()

    def lasts(self) -> None:
        """Tell that it runs, once, unless it has ended."""
        with self._telling:
            if self._last is None:
                self._last = self._told(None)

    def ended(self, state: State[Any]) -> None:
        """Tell how it ended."""
        with self._telling:
            before, self._state = self._state, state
            self.record.end_time = cast("DateTime", state.timestamp)
            self.record.total_run_time = state.timestamp - self.began
            self._last = self._told(before)

    def _told(self, before: State[Any] | None) -> Event | None:
        details = self._state.state_details
        details.task_run_id, details.flow_run_id = self.record.id, self.record.flow_run_id
        return emit_task_run_state_change_event(
            self.record, before, self._state, follows=self._last
        )


@contextmanager
def _on_its_page(run: _Run, flow: FlowRunContext) -> Iterator[None]:
    """Have everything that is logged or sent in the block belong to a task run.

    Nothing here is new to Prefect, so nothing is validated: that takes as long as a stage.
    """
    context = TaskRunContext.model_construct(
        task=_task(run.word),
        task_run=run.record,
        parameters={},
        client=flow.client,
        result_store=flow.result_store,
        persist_result=False,
        start_time=run.began,
    )
    with context:
        yield


@cache
def _task(word: str) -> Task[[], None]:
    return Task(lambda: None, name=word)


class _Teller:
    """Tells of every run that lasts that it runs: one thread, asleep while there is none."""

    def __init__(self) -> None:
        self._running: dict[_Run, Callable[[], None]] = {}
        self._some = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @contextmanager
    def listening(self, run: _Run) -> Iterator[None]:
        """Tell of a run if the block lasts, from where the block is."""
        place = copy_context()
        self._running[run] = lambda: place.run(run.lasts)
        self._some.set()
        if self._thread is None:
            self._start()
        try:
            yield
        finally:
            del self._running[run]

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._tell, name="teller", daemon=True)
                self._thread.start()

    def _tell(self) -> None:
        while self._some.wait():
            time.sleep(TELL_AFTER_S / 2)
            for run, tell in list(self._running.items()):
                if time.monotonic() - run.began_s >= TELL_AFTER_S:
                    tell()
            self._some.clear()
            if self._running:
                self._some.set()


_teller = _Teller()
