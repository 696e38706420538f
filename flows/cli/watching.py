"""What the terminal shows while a dub is made."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from lipsync.progress import LOG, Listener, Reader, told


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
    rows: dict[str, TaskID] = {}
    with bars, told(_listener(bars, rows), _reader(bars, rows)):
        yield


def _reader(bars: Progress, rows: dict[str, TaskID]) -> Reader:
    """Write words beside the bar of their stage; what a vendor logs stays above the bars."""

    def read(stage: str, words: str) -> None:
        if stage == LOG:
            bars.console.print(words, markup=False, highlight=False)
            return
        if stage not in rows:
            rows[stage] = bars.add_task(stage, total=None, figure="")
        bars.update(rows[stage], figure=escape(words))

    return read


def _listener(bars: Progress, rows: dict[str, TaskID]) -> Listener:
    """Draw one bar a stage; a stage that does not count its units only pulses."""

    def heard(stage: str, done: int, total: int) -> None:
        if stage not in rows:
            rows[stage] = bars.add_task(stage, total=total or None, figure="")
        figure = f"{done / total:.0%}" if total > 1 else ""
        bars.update(rows[stage], completed=done, total=total or None, figure=figure)

    return heard
