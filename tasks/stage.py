"""What every task shell shares: how a stage answers, and the journal of a run's stages.

A stage that found its result made already answers with the state `Cached`, the name Prefect
gives its own hits, so the run's page says what was done and what was not. Why the cache is ours
and not Prefect's: docs/adr/0002.
"""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, ParamSpec, TypeVar, cast

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed
from prefect.tasks import exponential_backoff

from lipsync.cache import Made
from lipsync.errors import LipsyncError
from lipsync.progress import tell
from lipsync.report import StageRun

P = ParamSpec("P")
T = TypeVar("T")

_journal: ContextVar[list[StageRun] | None] = ContextVar("journal", default=None)


class Stage(Task[P, T], Generic[P, T]):
    """A Prefect task that answers `Completed` or `Cached` and is called for its value."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:  # type: ignore[override]
        """Run the stage, write it into the journal, and return what it made."""
        begun = time.perf_counter()
        tell(self.name, 0, 0)
        state = super().__call__(*args, return_state=True, **kwargs)
        tell(self.name, 1, 1)
        entries = _journal.get()
        if entries is not None:
            seconds = time.perf_counter() - begun
            entries.append(StageRun(name=self.name, state=state.name or "", seconds=seconds))
        return state.result()


def is_retryable(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Retry only what says it may be retried; a bug of ours never does."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, LipsyncError) and error.retryable


def stage(
    word: str, run_name: str, *, retries: int = 0
) -> Callable[[Callable[P, Made[T]]], Stage[P, T]]:
    """Make a task of a function that says whether its result was made or found.

    Args:
        word: The stage's one word, the same in `lipsync/`, the UI and the journal.
        run_name: Names a task run after what it works on; a template over the arguments.
        retries: How often a retryable error (VendorBusy) is tried again.
    """

    def wrap(function: Callable[P, Made[T]]) -> Stage[P, T]:
        @functools.wraps(function)
        def answer(*args: P.args, **kwargs: P.kwargs) -> State[T]:
            made = function(*args, **kwargs)
            name = "Cached" if made.cached else "Completed"
            return Completed(name=name, data=made.value)

        return Stage(
            cast("Callable[P, T]", answer),
            name=word,
            task_run_name=run_name,
            cache_policy=NO_CACHE,
            retries=retries,
            retry_delay_seconds=exponential_backoff(5) if retries else None,
            retry_jitter_factor=0.5 if retries else None,
            retry_condition_fn=is_retryable,
        )

    return wrap


@contextmanager
def journal() -> Iterator[list[StageRun]]:
    """Keep a list of the stages run below this block, in order, each with its state.

    A block inside another writes into the outer one's list, so that whoever starts a flow can
    read what the flow itself keeps.
    """
    if (outer := _journal.get()) is not None:
        yield outer
        return
    entries: list[StageRun] = []
    token = _journal.set(entries)
    try:
        yield entries
    finally:
        _journal.reset(token)


def stages_so_far() -> tuple[StageRun, ...]:
    """Return the journal of this run up to now."""
    return tuple(_journal.get() or ())
