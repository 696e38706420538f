"""Progress: who wants to know how far a stage has come, and how they are told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def tell(stage: str, done: int, total: int) -> None:
    """Tell whoever listens that `stage` has done so many of its units."""
    listener = _listener.get()
    if listener is not None:
        listener(stage, done, total)


@contextmanager
def told(listener: Listener) -> Iterator[None]:
    """Have `listener(stage, done, total)` called for everything below this block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
