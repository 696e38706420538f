"""Rows: the stages of a batch's rows as task runs, one for whatever has something to do."""

from collections.abc import Callable
from functools import cache
from typing import TypeVar, cast

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from lipsync.cache import Made

T = TypeVar("T")


def as_task(word: str, label: str, work: Callable[[], Made[T]]) -> Made[T]:
    """Run one stage of one row as a task run of the flow: `lipsync.batch.desk.Shell`.

    What may succeed later is tried again by the batch itself, which holds no thread meanwhile. What
    is made does not travel through the state: to wrap it there, and to ask for it again through an
    event loop, is a quarter of what a task run costs.
    """
    kept: list[Made[T]] = []

    def kept_work() -> bool:
        kept.append(work())
        return kept[0].cached

    state = _task(word)(label, kept_work, return_state=True)
    if not kept:
        state.result()  # raises what the work has raised
    return kept[0]


@cache
def _task(word: str) -> Task[[str, Callable[[], bool]], None]:
    def answer(label: str, work: Callable[[], bool]) -> State[None]:
        return Completed(name="Cached" if work() else "Completed")

    return Task(
        cast("Callable[[str, Callable[[], bool]], None]", answer),
        name=word,
        task_run_name=f"{{label}}: {word}",
        cache_policy=NO_CACHE,
    )
