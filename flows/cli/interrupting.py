"""Interrupting: Ctrl-C comes out of what it ended as itself, whatever a library made of it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class TooEarly(BaseException):
    """Ctrl-C before a command had begun, or after it had answered."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a Ctrl-C that ends the block end it as a KeyboardInterrupt.

    A library may be at work when it comes, and turn it into an error of its own: pydantic's
    compiled half answers a serialization that was interrupted with a ValueError.

    Raises:
        KeyboardInterrupt: In place of any error that follows a Ctrl-C.
    """
    pressed = threading.Event()

    def press() -> None:
        pressed.set()
        raise KeyboardInterrupt

    with _on_ctrl_c(press):
        try:
            yield
        except BaseException as error:
            if pressed.is_set() and not isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise


@contextmanager
def outside_commands() -> Iterator[None]:
    """Tell a Ctrl-C that comes outside of all commands from one that a command has answered.

    Raises:
        TooEarly: In place of a KeyboardInterrupt, which the framework would end without a word.
    """

    def press() -> None:
        raise TooEarly

    with _on_ctrl_c(press):
        yield


@contextmanager
def _on_ctrl_c(act: Callable[[], None]) -> Iterator[None]:
    """Act on it; where it is ignored, as for what a shell starts in the background, it stays so."""
    before = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if not here or before in {signal.SIG_IGN, None}:
        yield
        return

    def press(number: int, frame: Any) -> None:
        act()

    signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
