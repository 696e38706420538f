"""Rows: the stages of a batch's rows as task runs, one for whatever has something to do.

Prefect's engine tells its server three things about a task run, one by one: that it is pending,
that it runs, that it has ended. Of a stage that takes ten milliseconds the first two are old news
on arrival, and the three cost more than the stage does (docs/adr/0011). Here the server is told
once, when a stage has ended, and before that only of one that lasts. What the page of the run
shows is the same.
"""

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import cache, partial
from typing import Any, TypeVar, cast

from prefect import Task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.states import Completed, Crashed, Failed, Running
from prefect.types import DateTime

from lipsync.batch.desk import Shell, bare
from lipsync.cache import Made
from lipsync.errors import LipsyncError
from tasks.events import told_through
from tasks.telling import Event, Resource, event_of, notice, related_to, told

log = logging.getLogger("lipsync.batch")

T = TypeVar("T")

# Ours: whoever looks at a page misses nothing that was over before it had loaded.
LASTS_S = 0.5
# Ours: what has ended meanwhile is told together, by a thread that nothing waits for.
TELL_EVERY_S = 0.25
# Ours: the server takes 13 ms of a core for the last stages of a dub, and whoever looks at the page
# is told no later than this.
LATE_S = 2.0
# Ours: how soon it is noticed that a run has ended.
LOOK_EVERY_S = 0.05
# Ours: a server that does not answer keeps no process from ending; Prefect's client asks it again
# and again meanwhile.
END_S = 10.0

_tellers: set[threading.Thread] = set()


@contextmanager
def as_tasks(behind: Callable[[], object] = bool) -> Iterator[Shell]:
    """Lend a shell that runs stages of rows as task runs of this flow run.

    What is logged in a stage is on the page of its task run. What may succeed later is tried again
    by the batch itself, which holds no thread meanwhile. The last of them are told when the run
    has ended, which does not wait for it; the process does.

    Args:
        behind: Says whether this machine has more to do than it can: then telling waits.
    """
    flow = FlowRunContext.get()
    if flow is None or flow.flow_run is None:
        yield bare
        return
    related = related_to(flow.flow_run, flow.flow.name if flow.flow else "")
    teller = _Teller(related, flow.flow_run, behind)
    with teller.telling(), told_through(teller.note):
        yield _Tasks(flow, flow.flow_run, teller)


@atexit.register
def all_told() -> None:
    """Wait until the server was told everything there is to tell, or does not answer.

    Who has had enough of waiting and presses Ctrl-C leaves; what is untold is missing on a page.
    """
    until_s = time.monotonic() + END_S
    with suppress(KeyboardInterrupt):
        for thread in list(_tellers):
            thread.join(max(0.0, until_s - time.monotonic()))


class _Tasks:
    """The shell: `lipsync.batch.desk.Shell`."""

    def __init__(self, flow: FlowRunContext, flow_run: FlowRun, teller: "_Teller") -> None:
        self._flow, self._flow_run, self._teller = flow, flow_run, teller

    def __call__(self, word: str, label: str, work: Callable[[], Made[T]]) -> Made[T]:
        """Run one stage of one row as a task run."""
        run = _Run(word, label, self._flow_run)
        with run.page(self._flow), self._teller.hears_of(run):
            try:
                made = work()
            except LipsyncError as error:
                said = f"{type(error).__name__}: {error}"
                log.error("%s", said)  # noqa: TRY400  a sentence, written to be read
                run.ended(Failed(message=said))
                raise
            except BaseException as error:  # what it says may be anything: the batch's log has it
                run.ended(Crashed(message=type(error).__name__))
                raise
            run.ended(Completed(name="Cached" if made.cached else "Completed"))
        return made


class _Run:
    """A task run as its server is told about it."""

    def __init__(self, word: str, label: str, flow_run: FlowRun) -> None:
        self.began_s = time.monotonic()
        self._word = word
        self._running: State[Any] = Running()
        self._end: State[Any] | None = None
        self._began = cast("DateTime", self._running.timestamp)
        self._record = TaskRun(
            name=f"{label}: {word}",
            flow_run_id=flow_run.id,
            flow_run_run_count=flow_run.run_count,
            task_key=f"row-{word}",
            dynamic_key="",
            expected_start_time=self._began,
            start_time=self._began,
            run_count=1,
        )
        self._record.dynamic_key = str(self._record.id)  # of one row a stage may run twice
        self._told: Event | None = None

    @contextmanager
    def page(self, flow: FlowRunContext) -> Iterator[None]:
        """Have everything that is logged or sent in the block belong to this run.

        Nothing here is new to Prefect, so nothing is validated: that takes as long as a stage.
        """
        context = TaskRunContext.model_construct(
            task=_task(self._word),
            task_run=self._record,
            parameters={},
            client=flow.client,
            result_store=flow.result_store,
            persist_result=False,
            start_time=self._began,
        )
        with context:
            yield

    def ended(self, state: State[Any]) -> None:
        """Take note of how it ended."""
        self._record.end_time = cast("DateTime", state.timestamp)
        self._record.total_run_time = state.timestamp - self._began
        self._end = state

    def that_it_lasts(self, related: list[Resource]) -> list[Event]:
        """Write that it runs, once."""
        if self._told is not None:
            return []
        self._told = event_of(self._record, None, self._running, related)
        return [self._told]

    def its_end(self, related: list[Resource]) -> list[Event]:
        """Write how it ended, if that is known: a batch that is stopped may not wait for it."""
        if self._end is None:
            return []
        return [event_of(self._record, self._running, self._end, related, self._told)]


@cache
def _task(word: str) -> Task[[], None]:
    return Task(lambda: None, name=word)


class _Teller:
    """Tells the server about the runs of a batch, every now and then, in one thread."""

    def __init__(
        self, related: list[Resource], flow_run: FlowRun, behind: Callable[[], object]
    ) -> None:
        self._related, self._flow_run, self._behind = related, flow_run, behind
        self._running: dict[_Run, None] = {}
        self._ended: deque[_Run] = deque()
        self._noted: deque[Event] = deque()
        self._untold: list[Event] = []
        self._over = threading.Event()
        tell = partial(copy_context().run, self._tell_on)
        self._thread = threading.Thread(target=tell, name="teller", daemon=True)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Tell for as long as the block runs, and all the rest when the run has ended."""
        _tellers.add(self._thread)
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()

    @contextmanager
    def hears_of(self, run: _Run) -> Iterator[None]:
        """Tell of a run when the block ends, and before if it lasts."""
        self._running[run] = None
        try:
            yield
        finally:
            del self._running[run]
            self._ended.append(run)

    def note(self, name: str, resource: Resource, payload: dict[str, Any]) -> None:
        """Tell of something else that has happened, too."""
        self._noted.append(notice(name, resource, payload, self._related))

    def _tell_on(self) -> None:
        try:
            # In a copy of the run's context this is the run's own, kept open for as long as we are.
            with get_client(sync_client=True) as client:
                told_s = time.monotonic()
                while not self._over.wait(TELL_EVERY_S):
                    if not self._behind() or time.monotonic() - told_s >= LATE_S:
                        self._tell(client)
                        told_s = time.monotonic()
                self._await_the_end(told_s)
                self._tell(client)
        except Exception:
            log.exception("the page of this run lacks task runs; the batch goes on")
        finally:
            _tellers.discard(self._thread)
        if self._untold:
            log.warning("the Prefect server was not told of %d events", len(self._untold))

    def _await_the_end(self, told_s: float) -> None:
        """Let the run end first, if it does so now: it needs the server, and this its cores."""
        while time.monotonic() - told_s < LATE_S:
            if self._flow_run.state is not None and self._flow_run.state.is_final():
                return
            time.sleep(LOOK_EVERY_S)

    def _tell(self, client: SyncPrefectClient) -> None:
        """Tell what is new since the last time, and what could not be told then."""
        long_ago_s = time.monotonic() - LASTS_S
        for run in list(self._running):
            if run.began_s <= long_ago_s:
                self._untold += run.that_it_lasts(self._related)
        while self._ended:
            self._untold += self._ended.popleft().its_end(self._related)
        while self._noted:
            self._untold.append(self._noted.popleft())
        if self._untold:
            del self._untold[: told(client, self._untold)]
