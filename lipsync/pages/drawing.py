"""Drawing: curves and strips as SVG figures, in a box 1000 wide that the page stretches to fit."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from lipsync.pages.story import Curves
from lipsync.strip import Became, Piece, Strip

# The box every drawing has; strokes keep their width when it is stretched.
WIDTH = 1000.0
# Ours: more columns than a wide screen has points would only make the page larger.
COLUMNS = 500
# Ours: speech has its softest sounds about 50 dB under full scale; below is a room.
FLOOR_DB = -54.0
# Ours: what was cut takes at most this share of a strip on either side, however long it was.
OUTSIDE = 0.14
# Ours: labels of a time axis.
TICKS = 6


class Bar(NamedTuple):
    """One stretch of a strip, placed."""

    became: str
    x: float
    width: float
    length_s: float
    note: str


class Tick(NamedTuple):
    """One label of a time axis."""

    x: float
    said: str


class Ruler:
    """Places seconds in the box: the output in the middle, what was cut squeezed on either side."""

    def __init__(self, output_s: float, before_s: float = 0.0, after_s: float = 0.0) -> None:
        """Measure the room: all in seconds."""
        most_s = max(output_s, 1e-9)
        self._left = min(OUTSIDE, before_s / (most_s + before_s + after_s)) * WIDTH
        self._right = min(OUTSIDE, after_s / (most_s + before_s + after_s)) * WIDTH
        self._output_s, self._before_s, self._after_s = most_s, before_s, after_s

    @property
    def output(self) -> tuple[float, float]:
        """Where the output begins and ends."""
        return round(self._left, 2), round(WIDTH - self._right, 2)

    def x(self, at_s: float) -> float:
        """Say where a moment is."""
        if at_s < 0:
            return round(self._left * (1 + max(at_s, -self._before_s) / self._before_s), 2)
        inside = WIDTH - self._left - self._right
        if at_s <= self._output_s or not self._after_s:
            return round(self._left + inside * min(at_s / self._output_s, 1), 2)
        over = min((at_s - self._output_s) / self._after_s, 1)
        return round(WIDTH - self._right + self._right * over, 2)


def ruler_of(strip: Strip | None, output_s: float) -> Ruler:
    """Take the measure of a strip."""
    pieces = (*strip.picture, *strip.voice) if strip else ()
    before_s = max((-piece.from_s for piece in pieces), default=0.0)
    after_s = max((piece.to_s - output_s for piece in pieces), default=0.0)
    return Ruler(output_s, max(before_s, 0.0), max(after_s, 0.0))


def bars(pieces: Sequence[Piece], ruler: Ruler) -> list[Bar]:
    """Place the stretches of one side; the shortest can still be seen."""
    placed = []
    for piece in pieces:
        left, right = ruler.x(piece.from_s), ruler.x(piece.to_s)
        length_s = piece.to_s - piece.from_s
        width = round(max(right - left, 1.5), 2)
        placed.append(Bar(str(piece.became), left, width, length_s, piece.note))
    return placed


def kinds(strip: Strip) -> list[str]:
    """List what a legend has to explain, in the order of `Became`."""
    there = {piece.became for piece in (*strip.picture, *strip.voice)}
    return [str(kind) for kind in Became if kind in there]


def ticks(output_s: float, ruler: Ruler) -> list[Tick]:
    """Label the time axis at round seconds."""
    step_s = _round_step(output_s / TICKS)
    count = int(output_s / step_s + 1e-6)
    return [Tick(ruler.x(k * step_s), _said(k * step_s, step_s)) for k in range(count + 1)]


def _round_step(least_s: float) -> float:
    """Choose the next of 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30 s and minutes."""
    for step_s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0):
        if step_s >= least_s:
            return step_s
    return 600.0 * ceil(least_s / 600.0)


def _said(at_s: float, step_s: float) -> str:
    if at_s >= 60:  # noqa: PLR2004  seconds of a minute
        return f"{int(at_s // 60)}:{round(at_s % 60):02}"
    return f"{at_s:.1f}" if step_s < 1 else f"{at_s:.0f}"


def columns(values: Sequence[float | None], most: int = COLUMNS) -> list[float | None]:
    """Keep the highest of each group, so that no more than `most` are left.

    >>> columns([1, 5, 2, None, None, 3], 3)
    [5, 2, 3]
    """
    group = max(1, ceil(len(values) / most))
    cut = (values[at : at + group] for at in range(0, len(values), group))
    return [max((one for one in part if one is not None), default=None) for part in cut]


def waveform(curves: Curves, ruler: Ruler, output_s: float, height: float) -> str:
    """Draw the level of the voice as one closed shape about the middle of its box."""
    levels = columns(curves.voice_db)
    step_s = curves.step_s * max(1, ceil(len(curves.voice_db) / COLUMNS))
    tall = [_height(level, height / 2) for level in levels]
    xs = [ruler.x(min((k + 0.5) * step_s, output_s)) for k in range(len(tall))]
    upper = [f"{x:g} {height / 2 - up:.1f}" for x, up in zip(xs, tall, strict=True)]
    lower = [f"{x:g} {height / 2 + up:.1f}" for x, up in zip(xs, tall, strict=True)]
    return f"M{'L'.join([*upper, *reversed(lower)])}Z" if upper else ""


def _height(level_db: float | None, most: float) -> float:
    """Say how tall a level is drawn; silence is a thin line."""
    share = 0.0 if level_db is None else min(1.0, max(0.0, 1 - level_db / FLOOR_DB))
    return max(0.5, share * most)


def motion_line(
    values: Sequence[float | None], step_s: float, ruler: Ruler, *, top: float, height: float
) -> str:
    """Draw mouth motion as a line that is broken where no face was seen.

    Args:
        values: Per frame.
        step_s: From one frame to the next.
        ruler: Places seconds.
        top: The value that is drawn at full height.
        height: Of the box.
    """
    drawn = columns(values)
    wide_s = step_s * max(1, ceil(len(values) / COLUMNS))
    path, pen = [], "M"
    for k, value in enumerate(drawn):
        if value is None:
            pen = "M"
            continue
        y = height * (1 - min(1.0, max(0.0, value / max(top, 1e-9))))
        path.append(f"{pen}{ruler.x((k + 0.5) * wide_s):g} {y:.1f}")
        pen = "L"
    return "".join(path)


def usual_top(*series: Sequence[float | None]) -> float:
    """Choose a full height that one wild frame does not set: nearly the largest value."""
    known = sorted(value for values in series for value in values if value is not None)
    # Ours: one frame in fifty may be cut off at the top.
    return known[int((len(known) - 1) * 0.98)] if known else 1.0
