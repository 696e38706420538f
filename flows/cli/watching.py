"""What the terminal shows while a dub is made."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from lipsync.progress import Listener, told


@contextmanager
def watched() -> Iterator[None]:
    """Show the stages as they run: bars at a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield
        return
    bars = Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[figure]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bars, told(_listener(bars)):
        yield


def _listener(bars: Progress) -> Listener:
    """Draw one bar a stage; a stage that does not count its units only pulses."""
    rows: dict[str, TaskID] = {}

    def heard(stage: str, done: int, total: int) -> None:
        if stage not in rows:
            rows[stage] = bars.add_task(stage, total=total or None, figure="")
        figure = f"{done / total:.0%}" if total > 1 else ""
        bars.update(rows[stage], completed=done, total=total or None, figure=figure)

    return heard
