"""Progress: who wants to know how far a stage has come, and how they are told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]
Reader = Callable[[str, str], None]

# In place of a stage: lines that are to be kept, one below the other.
LOG = "log"

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_reader: ContextVar[Reader | None] = ContextVar("reader", default=None)


def tell(stage: str, done: int, total: int) -> None:
    """Tell whoever listens that `stage` has done so many of its units."""
    listener = _listener.get()
    if listener is not None:
        listener(stage, done, total)


def say(stage: str, words: str) -> None:
    """Say to whoever reads along how `stage` is getting on where nothing can be counted."""
    reader = _reader.get()
    if reader is not None:
        reader(stage, words)


@contextmanager
def told(listener: Listener, reader: Reader | None = None) -> Iterator[None]:
    """Have `listener(stage, done, total)` called for everything below this block.

    Args:
        listener: Told what is counted.
        reader: Told in words, `reader(stage, words)`, what is not.
    """
    token, other = _listener.set(listener), _reader.set(reader)
    try:
        yield
    finally:
        _listener.reset(token)
        _reader.reset(other)
