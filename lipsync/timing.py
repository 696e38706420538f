"""Time, frames and samples: exact conversions, and what a trim means."""

from fractions import Fraction

from pydantic import Field

from lipsync.values import Value


class Trim(Value):
    """A stretch of the video, in seconds from its first shown frame; the end is exclusive."""

    start_s: float = Field(default=0.0, ge=0)
    end_s: float | None = Field(default=None, gt=0, description="None is the end of the video.")


def seconds(frames: int, rate: Fraction) -> float:
    """Say how long a number of frames lasts.

    >>> seconds(30, Fraction(30000, 1001))
    1.001
    """
    return float(frames / rate)
