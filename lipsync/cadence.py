"""Cadence: how the frames of a video are spaced, and what that makes of rate, size and turn."""

import math
import struct
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lipsync.values import Value

Ticks = npt.NDArray[np.int64]

# What broadcast, cinema and phones use: SMPTE ST 2036-1 table 1 (23.976 … 120), and the slower
# rates of screen recorders and old cameras.
STANDARD_RATES = (
    Fraction(12),
    Fraction(15),
    Fraction(20),
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
    Fraction(100),
    Fraction(120000, 1001),
    Fraction(120),
)
# 24 and 24000/1001 are 0.1 % apart; "23.98", the coarsest way to write the latter, is 0.02 % off.
SNAP = Fraction(3, 10_000)
# Matroska's default tick is 1 ms (RFC 9559 §5.1.2.9), so rounding moves a frame by up to 0.5 ms
# either way, and a remux to MP4 keeps that.
ROUNDING_S = 0.001
# A variable rate is never conformed to more than this: no model here returns more.
FASTEST_CONFORMED = Fraction(60)


class Cadence(Value):
    """The frame rate of a video, and whether every frame keeps to it."""

    rate: Fraction
    constant: bool


def snapped(rate: Fraction) -> Fraction:
    """Read a rate that was written in decimals as the standard rate it stands for.

    >>> snapped(Fraction(2997, 100)), snapped(Fraction(2398, 100)), snapped(Fraction(10))
    (Fraction(30000, 1001), Fraction(24000, 1001), Fraction(10, 1))
    """
    nearest = nearest_standard(rate)
    return nearest if abs(rate / nearest - 1) <= SNAP else rate


@lru_cache(maxsize=256)  # ours: what a batch asks after is nearly always the same few
def nearest_standard(rate: Fraction) -> Fraction:
    """Find the standard rate with the smallest relative difference.

    >>> nearest_standard(Fraction(26)), nearest_standard(Fraction(2992, 100))
    (Fraction(25, 1), Fraction(30000, 1001))
    """
    return min(STANDARD_RATES, key=lambda standard: max(rate / standard, standard / rate))


def is_constant(ticks: Ticks, time_base: Fraction, rate: Fraction) -> bool:
    """Tell whether every frame sits on the grid of a rate, but for the rounding of containers.

    Args:
        ticks: Times of the frames in the order they are shown, shape (n,).
        time_base: Seconds of one tick.
        rate: Frames per second.
    """
    slips_s = (ticks - ticks[0]) * float(time_base) - np.arange(len(ticks)) / float(rate)
    # A quarter of a frame at most: where a tick is a whole frame (AVI), a hole is not rounding.
    slack_s = min(ROUNDING_S + float(time_base), float(1 / rate) / 4)
    return bool(np.ptp(slips_s) <= slack_s)


def conformed_rate(gaps: Ticks, time_base: Fraction) -> Fraction:
    """Choose the constant rate for a variable one: the standard rate nearest the median gap.

    The median is the spacing of the recording itself: neither dropped frames (long gaps) nor
    bursts (short ones) move it, as they would move the mean.

    >>> conformed_rate(np.array([3000, 3000, 9000, 3003, 2997, 3000]), Fraction(1, 90_000))
    Fraction(30, 1)
    """
    gap = max(1, int(np.median(gaps)))
    return min(nearest_standard(1 / (gap * time_base)), FASTEST_CONFORMED)


def cadence_of(ticks: Ticks, time_base: Fraction, claims: Sequence[Fraction]) -> Cadence:
    """Find the rate of a video from the times of its frames and what its header claims.

    A claim is only believed when every frame keeps to it; of several that fit (a short clip with
    coarse ticks), a standard rate wins, then the header, then the mean.

    Args:
        ticks: Times of the shown frames in the order they are shown, shape (n,), n ≥ 1.
        time_base: Seconds of one tick.
        claims: Rates the container gives, most trusted first.
    """
    if len(ticks) == 1:
        return Cadence(rate=snapped(claims[0]) if claims else Fraction(25), constant=True)
    span = int(ticks[-1] - ticks[0]) * time_base
    mean = [(len(ticks) - 1) / span] if span else []
    guesses = [
        *(snapped(claim) for claim in claims),
        *(nearest_standard(rate) for rate in mean),
        *claims,
        *mean,
    ]
    for rate in guesses:
        if is_constant(ticks, time_base, rate):
            return Cadence(rate=rate, constant=True)
    return Cadence(rate=conformed_rate(np.diff(ticks), time_base), constant=False)


def length_s(ticks: Ticks, end: int, time_base: Fraction, cadence: Cadence) -> Fraction:
    """Say how long the frames are shown: exactly, where the rate is constant.

    Args:
        ticks: Times of the shown frames in order, shape (n,), n ≥ 1.
        end: End of the last frame in ticks; not after its start when its duration is unknown.
        time_base: Seconds of one tick.
        cadence: What `cadence_of` found.
    """
    if cadence.constant:
        return len(ticks) / cadence.rate
    if end <= ticks[-1]:
        end = int(ticks[-1] + np.median(np.diff(ticks)))
    return (end - int(ticks[0])) * time_base


def display_size(
    width_px: int, height_px: int, sample_aspect: Fraction, rotation_deg: int
) -> tuple[int, int]:
    """Say how large the picture is when it is shown: samples made square, then turned upright.

    >>> display_size(720, 576, Fraction(64, 45), 0), display_size(1920, 1080, Fraction(1), 90)
    ((1024, 576), (1080, 1920))
    """
    wide = round(width_px * sample_aspect)
    return (height_px, wide) if rotation_deg % 180 else (wide, height_px)


def turn_of(matrix: bytes | None) -> tuple[int, bool]:
    """Read a display matrix.

    Args:
        matrix: Nine 32-bit integers as libav gives them, row by row; None is upright.

    Returns:
        The clockwise turn that shows the picture upright (0, 90, 180, 270), and whether the
        picture is to be mirrored, left for right, after that turn.

    Source:
        libavutil/display.c: x' = a x + c y, y' = b x + d y in the order a b u c d v x y w. A
        mirror makes the determinant negative, and is taken out before the angle is read.

    >>> quarter = struct.pack("=9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    >>> turn_of(quarter), turn_of(None)
    ((90, False), (0, False))
    """
    if matrix is None:
        return 0, False
    a, b, _, c, d, *_ = struct.unpack_from("=9i", matrix)
    mirrored = a * d - b * c < 0
    degrees = math.degrees(math.atan2(b, -a if mirrored else a))
    return round(degrees / 90) % 4 * 90, mirrored
