"""Cadence: rates are read exactly, and a rate is constant only when every frame keeps to it."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsync.cadence import (
    STANDARD_RATES,
    cadence_of,
    display_size,
    length_s,
    snapped,
    turn_of,
)

MS = Fraction(1, 1000)


def grid(rate: Fraction, frames: int, time_base: Fraction, offset: int = 0) -> "np.ndarray":
    """Times of a constant rate, rounded to ticks as a muxer does."""
    return np.array([round(k / rate / time_base) + offset for k in range(frames)], np.int64)


@pytest.mark.parametrize("rate", STANDARD_RATES, ids=str)
@given(frames=st.integers(300, 3000), offset=st.integers(0, 10**9))
@settings(max_examples=20)
def test_a_standard_rate_is_found_in_milliseconds_without_any_claim(
    rate: Fraction, frames: int, offset: int
) -> None:
    found = cadence_of(grid(rate, frames, MS, offset), MS, claims=[])
    assert (found.rate, found.constant) == (rate, True)


@pytest.mark.parametrize(
    ("claim", "rate"),
    [
        (Fraction(2997, 100), Fraction(30000, 1001)),
        (Fraction(23976, 1000), Fraction(24000, 1001)),
        (Fraction(2398, 100), Fraction(24000, 1001)),
        (Fraction(5994, 100), Fraction(60000, 1001)),
        (Fraction(30), Fraction(30)),
        (Fraction(25), Fraction(25)),
        (Fraction(10), Fraction(10)),
    ],
)
def test_a_rate_in_decimals_is_the_standard_rate_it_stands_for(
    claim: Fraction, rate: Fraction
) -> None:
    assert snapped(claim) == rate


def test_a_claim_the_frames_do_not_keep_is_not_believed() -> None:
    ticks = grid(Fraction(30000, 1001), 900, MS)
    assert cadence_of(ticks, MS, claims=[Fraction(30)]).rate == Fraction(30000, 1001)


def test_a_clip_too_short_to_tell_has_the_rate_it_claims() -> None:
    rate = Fraction(30000, 1001)
    ticks = grid(rate, 10, MS)
    assert cadence_of(ticks, MS, claims=[Fraction(2997, 100)]).rate == rate


def test_a_rate_that_is_no_standard_is_kept_exactly() -> None:
    ticks = grid(Fraction(10), 100, Fraction(1, 90_000))
    found = cadence_of(ticks, Fraction(1, 90_000), claims=[])
    assert (found.rate, found.constant) == (Fraction(10), True)


@pytest.mark.parametrize("time_base", [Fraction(1, 25), MS, Fraction(1, 90_000)], ids=str)
def test_one_missing_frame_makes_a_rate_variable(time_base: Fraction) -> None:
    ticks = np.delete(grid(Fraction(25), 100, time_base), 50)
    found = cadence_of(ticks, time_base, claims=[Fraction(25)])
    assert (found.rate, found.constant) == (Fraction(25), False)


def test_dropped_frames_do_not_lower_the_rate_a_video_is_conformed_to() -> None:
    places = [place for place in range(300) if place % 3]  # a third is missing: mean 16.7
    ticks = np.array(places, np.int64) * 3600
    assert cadence_of(ticks, Fraction(1, 90_000), claims=[Fraction(50, 3)]).rate == 25


def test_a_variable_rate_is_never_conformed_above_sixty() -> None:
    ticks = np.cumsum(np.array([375] * 50 + [900] * 20, np.int64))
    assert cadence_of(ticks, Fraction(1, 90_000), claims=[]).rate == 60


@pytest.mark.parametrize("claims", [[], [Fraction(30)]], ids=["none", "30"])
def test_a_single_frame_has_the_rate_it_claims(claims: list[Fraction]) -> None:
    found = cadence_of(np.array([7]), MS, claims)
    assert (found.rate, found.constant) == ((claims or [Fraction(25)])[0], True)


def test_frames_that_all_share_one_time_do_not_divide_by_zero() -> None:
    assert not cadence_of(np.zeros(9, np.int64), MS, claims=[Fraction(25)]).constant


def test_a_constant_length_is_frames_over_rate_exactly() -> None:
    rate = Fraction(30000, 1001)
    ticks = grid(rate, 600, MS)
    found = cadence_of(ticks, MS, claims=[rate])
    assert length_s(ticks, int(ticks[-1]) + 33, MS, found) == 600 / rate


def test_a_last_frame_without_a_length_lasts_as_long_as_the_median() -> None:
    ticks = np.array([0, 40, 80, 200, 240])
    found = cadence_of(ticks, MS, claims=[])
    assert length_s(ticks, 240, MS, found) == Fraction(280, 1000)


@pytest.mark.parametrize(
    ("size", "aspect", "turn", "shown"),
    [
        ((720, 576), Fraction(64, 45), 0, (1024, 576)),
        ((720, 480), Fraction(8, 9), 0, (640, 480)),
        ((1920, 1080), Fraction(1), 270, (1080, 1920)),
        ((1440, 1080), Fraction(4, 3), 90, (1080, 1920)),
        ((641, 361), Fraction(1), 180, (641, 361)),
    ],
)
def test_a_picture_is_shown_with_square_samples_and_upright(
    size: tuple[int, int], aspect: Fraction, turn: int, shown: tuple[int, int]
) -> None:
    assert display_size(*size, aspect, turn) == shown


def matrix(clockwise_deg: float, *, mirrored: bool = False) -> bytes:
    """Build a display matrix as libavutil/display.c does."""
    cos, sin = (round(65536 * part(np.radians(clockwise_deg))) for part in (np.cos, np.sin))
    flip = -1 if mirrored else 1
    return struct.pack("=9i", flip * cos, sin, 0, flip * -sin, cos, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "mirrored"])
@given(clockwise_deg=st.integers(-180, 180).filter(lambda angle: abs(angle) % 90 != 45))
def test_a_turn_is_the_nearest_quarter_and_a_mirror_does_not_change_it(
    clockwise_deg: int, mirrored: bool
) -> None:
    nearest = round(clockwise_deg / 90) % 4 * 90
    assert turn_of(matrix(clockwise_deg, mirrored=mirrored)) == (nearest, mirrored)
