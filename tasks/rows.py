"""Rows: the stages of a batch's rows as task runs, one for whatever has something to do."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from lipsync.cache import Made

T = TypeVar("T")


def as_task(word: str, label: str, work: Callable[[], Made[T]]) -> Made[T]:
    """Run one stage of one row as a task run of the flow: `lipsync.batch.desk.Shell`.

    What may succeed later is tried again by the batch itself, which holds no thread meanwhile.
    """
    state = _task(word)(label, work, return_state=True)
    return cast("Made[T]", state.result())


@cache
def _task(word: str) -> Task[[str, Callable[[], Made[Any]]], Made[Any]]:
    def answer(label: str, work: Callable[[], Made[Any]]) -> State[Made[Any]]:
        made = work()
        return Completed(name="Cached" if made.cached else "Completed", data=made)

    return Task(
        cast("Callable[[str, Callable[[], Made[Any]]], Made[Any]]", answer),
        name=word,
        task_run_name=f"{{label}}: {word}",
        cache_policy=NO_CACHE,
    )
