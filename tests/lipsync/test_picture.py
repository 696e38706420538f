"""Picture: runs, slips and flicker are read to the frame, relative to the source."""

from typing import Any

import numpy as np
import pytest

from lipsync import judging
from lipsync.limits import load_limits
from lipsync.picture import Frames, read_picture, slip_of
from lipsync.verdicts import Mark

COUNT, SAMPLES = 100, 16


def lost(psnr_db: float, count: int = SAMPLES) -> np.ndarray[Any, Any]:
    """The mean squared error of 8-bit samples that so much is."""
    return np.full(count, 255**2 / 10 ** (psnr_db / 10))


def frames(**wanted: Any) -> Frames:
    """Four seconds in which everything moves, and nothing is lost."""
    fields: dict[str, Any] = {
        "moved": np.full(COUNT, 1.0),
        "source_moved": np.full(COUNT, 1.0),
        "black": np.zeros(COUNT),
        "source_black": np.zeros(COUNT),
        "brighter": np.zeros(COUNT),
        "squares": lost(42),
        "detail": np.full(SAMPLES, 95.0),
        "source_detail": np.full(SAMPLES, 100.0),
        "slips": np.zeros(6),
    }
    return Frames(frame_s=0.04, **(fields | wanted))


def marks(seen: Frames) -> dict[str, Mark]:
    rows = judging.picture(read_picture(seen), load_limits())
    return {row.check: row.verdict for row in rows if row.verdict is not Mark.PASS}


def run(first: int, length: int, inside: float, outside: float) -> np.ndarray[Any, Any]:
    values = np.full(COUNT, outside)
    values[first : first + length] = inside
    return values


def test_a_picture_that_was_left_alone_passes() -> None:
    assert marks(frames()) == {}


@pytest.mark.parametrize(
    ("seen", "marked"),
    [
        pytest.param({"black": run(40, 10, 1, 0)}, {"black": Mark.FAIL}, id="black"),
        pytest.param(
            {"black": run(40, 10, 1, 0), "source_black": run(40, 10, 1, 0)}, {}, id="black before"
        ),
        pytest.param({"moved": run(40, 8, 0, 1)}, {"frozen": Mark.WARN}, id="a third of a second"),
        pytest.param({"moved": run(40, 20, 0, 1)}, {"frozen": Mark.FAIL}, id="most of a second"),
        pytest.param(
            {"moved": run(40, 20, 0, 1), "source_moved": run(40, 20, 0, 1)}, {}, id="held before"
        ),
        pytest.param(
            {"moved": np.zeros(COUNT), "source_moved": np.full(COUNT, 0.03)}, {}, id="nothing moves"
        ),
        pytest.param({"squares": lost(27)}, {"picture_kept": Mark.WARN}, id="coarse"),
        pytest.param({"squares": lost(20)}, {"picture_kept": Mark.FAIL}, id="another"),
        pytest.param({"detail": np.full(SAMPLES, 10.0)}, {"sharpness": Mark.FAIL}, id="soft"),
        pytest.param({"slips": np.array([0, 0, -25.0])}, {"picture_time": Mark.FAIL}, id="slipped"),
        pytest.param({"brighter": run(40, 1, 9, 0)}, {"flicker": Mark.WARN}, id="one flash"),
        pytest.param({"brighter": 4.0 * (np.arange(COUNT) % 2)}, {"flicker": Mark.WARN}, id="beat"),
        pytest.param({"brighter": np.linspace(0, 9, COUNT)}, {}, id="slowly brighter"),
    ],
)
def test_a_fault_is_marked_by_its_own_check(seen: dict[str, Any], marked: dict[str, Mark]) -> None:
    assert marks(frames(**seen)) == marked


def test_a_flat_picture_has_no_detail_to_lose() -> None:
    flat = frames(detail=np.full(SAMPLES, 0.1), source_detail=np.full(SAMPLES, 0.5))
    assert marks(flat) == {"sharpness": Mark.UNMEASURED}


def test_what_is_lost_for_two_seconds_is_the_worst_and_not_the_rule() -> None:
    found = read_picture(frames(squares=np.concatenate([lost(40, 8), lost(20, 8), lost(40, 8)])))
    assert (found.psnr_db, found.worst_psnr_db) == (40.0, 20.0)


def test_without_the_sources_picture_nothing_is_claimed_but_black() -> None:
    none, nothing = np.full(COUNT, np.nan), np.zeros(0)
    seen = frames(source_moved=none, source_black=none, brighter=none, squares=nothing,
                  detail=nothing, source_detail=nothing, slips=nothing)  # fmt: skip
    found = marks(seen)
    assert set(found.values()) == {Mark.UNMEASURED}
    assert "black" not in found


@pytest.mark.parametrize(("best", "slip"), [(25, 0), (20, 5), (35, -10)])
def test_a_slip_is_counted_to_the_frame(best: int, slip: int) -> None:
    distances = np.full(51, 9.0)
    distances[best] = 0.5
    assert slip_of(distances) == slip


def test_a_picture_in_which_nothing_moves_has_no_slip() -> None:
    distances = np.full(51, 1.0)
    distances[3] = 0.8
    assert slip_of(distances) == 0
