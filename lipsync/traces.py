"""Traces: what the report draws of a mouth over time, kept with the verdicts."""

from pydantic import Field

from lipsync.fit import FitPlan
from lipsync.strip import Became, strip_of
from lipsync.values import Value


class Traces(Value):
    """How open both mouths are over the output's time; None where no face is seen."""

    step_s: float = Field(gt=0)
    before: tuple[float | None, ...] = ()
    after: tuple[float | None, ...] = ()


def marks_s(plan: FitPlan) -> tuple[float, ...]:
    """Say where the picture is joined: where it starts again, turns, or is held.

    Returns:
        Seconds from the output's start.
    """
    pieces = strip_of(plan, plan.first_frame + plan.source_frames).picture
    shown = [piece for piece in pieces if piece.became is not Became.CUT]
    return tuple(piece.from_s for piece in shown[1:])
