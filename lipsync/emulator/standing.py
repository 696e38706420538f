"""Standing: the emulator as a process of its own, until it is told to stop."""

import signal
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from lipsync.emulator import emulating
from lipsync.emulator.emulator import Emulator
from lipsync.emulator.presets import read_faults
from lipsync.values import Value


class Wishes(Value):
    """What the command line chooses; the rest is as `Settings` has it."""

    faults: Path | None = None
    render: Literal["mux", "engine"] = "mux"
    latency_s: float = 2.0
    fal_slots: int = 2


def stand(wishes: Wishes, started: Callable[[Emulator], None]) -> None:
    """Run the emulated vendors until Ctrl-C or a SIGTERM; nothing is left behind.

    Args:
        wishes: How they behave.
        started: Told once they answer.

    Raises:
        UsageError: The faults cannot be read.
    """
    faults = read_faults(wishes.faults) if wishes.faults else ()
    told = threading.Event()

    def stop(number: int, frame: Any) -> None:
        told.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    figures = wishes.model_dump(exclude={"faults"})
    try:
        with (
            tempfile.TemporaryDirectory(prefix="dubline-emulator-") as room,
            emulating(Path(room), faults=faults, **figures) as emulator,
        ):
            started(emulator)
            told.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
