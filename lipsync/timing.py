"""Time, frames and samples: exact conversions, and what a trim means."""

import math
import re
from fractions import Fraction

from pydantic import Field

from lipsync.errors import MediaError, UsageError
from lipsync.facts import VideoFacts
from lipsync.values import Value
from lipsync.voice import VOICE_RATE_HZ

# One end of a trim: seconds, m:ss or h:mm:ss, with a fraction. After a colon two digits below 60.
_TIME = re.compile(
    r"(?:(?:([0-9]{1,3}):)?([0-9]{1,2}):(?=[0-5][0-9](?:\.|$)))?([0-9]{1,6}(?:\.[0-9]{1,9})?)"
)
_HOW = (
    "write START:END, each in seconds or as h:mm:ss.fff, for example 12.5:20 or 0:01:05..0:01:20; "
    "leave one end out to keep it (5: or :10)"
)


class Trim(Value):
    """A stretch of the video, in seconds from its first shown frame; the end is exclusive."""

    start_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    end_s: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="None is the end of the video."
    )


def seconds(frames: int, rate: Fraction) -> float:
    """Say how long a number of frames lasts.

    >>> seconds(30, Fraction(30000, 1001))
    1.001
    """
    return float(frames / rate)


def samples(frames: int, rate: Fraction) -> int:
    """Say how many voice samples (48 kHz) a number of frames lasts, to the nearest.

    >>> samples(1, Fraction(30000, 1001))
    1602
    """
    return math.floor(frames * VOICE_RATE_HZ / rate + Fraction(1, 2))


def frames_to_hold(voice_samples: int, rate: Fraction) -> int:
    """Say how many frames it takes to hold every sample of a voice.

    >>> frames_to_hold(48_001, Fraction(25))
    26
    """
    return math.ceil(voice_samples * rate / VOICE_RATE_HZ)


def grid_frames(video: VideoFacts) -> int:
    """Count the frames of a video on its constant rate.

    A frame of a video of constant rate is one of its own; a video of variable rate is laid on
    the grid of `video.rate` by its timestamps.
    """
    if video.constant_rate:
        return video.frames
    return max(1, _nearest_frame(video.duration_s, video.rate))


def parse_trim(text: str) -> Trim:
    """Read `START:END`; `-` and `..` separate the two ends as well.

    A colon separates the ends and the parts of a time alike. Parts after a colon have two digits
    below 60 and the end lies after the start: that leaves one reading, or the text is refused.

    >>> parse_trim("1:30:2:00")
    Trim(start_s=90.0, end_s=120.0)
    >>> parse_trim("5:")
    Trim(start_s=5.0, end_s=None)

    Raises:
        UsageError: There is no reading, or more than one.
    """
    found = {trim for first, last in _splits(text.strip()) if (trim := _reading(first, last))}
    if len(found) == 1:
        return found.pop()
    if not found:
        fault = "ends before it starts" if _is_backwards(text.strip()) else "cannot be read"
        raise UsageError(f"--trim {text!r} {fault}; {_HOW}")
    readings = " or ".join(
        sorted(f"{trim.start_s:g} s to {trim.end_s:g} s" for trim in found if trim.end_s)
    )
    raise UsageError(f"--trim {text!r} can mean {readings}; put .. between the two ends")


def trim_frames(trim: Trim, frames: int, rate: Fraction) -> tuple[int, int]:
    """Snap a trim to whole frames, each end to the nearest.

    Args:
        trim: What to keep.
        frames: Frames of the video on its constant rate.
        rate: That rate.

    Returns:
        The first frame kept and how many.

    Raises:
        UsageError: The trim keeps less than one frame.
        MediaError: The trim lies outside the video.
    """
    first = _nearest_frame(trim.start_s, rate)
    end = frames if trim.end_s is None else _nearest_frame(trim.end_s, rate)
    if first >= frames or end > frames:
        raise MediaError(
            f"the trim {_words(trim)} lies outside the video, which has {frames} frames "
            f"({seconds(frames, rate):.3f} s); trim within them"
        )
    if end <= first:
        raise UsageError(
            f"the trim {_words(trim)} keeps less than one frame ({seconds(1, rate):.3f} s); "
            "move its ends apart"
        )
    return first, end - first


def _nearest_frame(time_s: float, rate: Fraction) -> int:
    # repr, not the binary value: 0.1 s means one tenth.
    return math.floor(Fraction(repr(time_s)) * rate + Fraction(1, 2))


def _words(trim: Trim) -> str:
    end = "the end" if trim.end_s is None else f"{trim.end_s:g} s"
    return f"{trim.start_s:g} s to {end}"


def _splits(text: str) -> list[tuple[str, str]]:
    for separator in ("..", "-"):
        if separator in text:
            first, _, last = text.partition(separator)
            return [(first.strip(), last.strip())]
    return [(text[:at], text[at + 1 :]) for at, mark in enumerate(text) if mark == ":"]


def _reading(first: str, last: str) -> Trim | None:
    start_s, end_s = _read_time(first or "0"), _read_time(last) if last else None
    if start_s is None or not (first or last) or (last and not end_s):
        return None
    if end_s is not None and end_s <= start_s:
        return None
    return Trim(start_s=start_s, end_s=end_s)


def _is_backwards(text: str) -> bool:
    """Tell a trim whose ends can be read, but not in this order."""
    ends = ((_read_time(first), _read_time(last)) for first, last in _splits(text))
    return any(first is not None and last is not None for first, last in ends)


def _read_time(text: str) -> float | None:
    """Read one end in seconds; None when it is not a time.

    >>> _read_time("1:02:03.5"), _read_time("02:03"), _read_time("90.25"), _read_time("1:2:3")
    (3723.5, 123.0, 90.25, None)
    """
    match = _TIME.fullmatch(text)
    if not match:
        return None
    hours, minutes, rest = match.groups()
    if hours and int(minutes) > 59:  # noqa: PLR2004  minutes of an hour
        return None
    if hours and len(minutes) != 2:  # noqa: PLR2004  written h:mm:ss
        return None
    whole = Fraction(int(hours or 0) * 3600 + int(minutes or 0) * 60) + Fraction(rest)
    return float(whole)
