"""Verdicts: where pass becomes warn, and warn becomes fail."""

import pytest

from lipsync import verdicts
from lipsync.verdicts import Mark
from lipsync.voice import Loudness, LoudnessTarget

TARGET = LoudnessTarget()


def heard(lufs: float = -16.0, dbtp: float = -1.5) -> Loudness:
    """A reading, on target by default."""
    return Loudness(integrated_lufs=lufs, true_peak_dbtp=dbtp, range_lu=5)


@pytest.mark.parametrize(
    ("lufs", "duration_s", "fitted_lufs", "mark"),
    [
        pytest.param(-16.4, 10, None, Mark.PASS, id="within half a LU"),
        pytest.param(-15.2, 10, -16.0, Mark.WARN, id="within one LU"),
        pytest.param(-14.0, 10, -16.0, Mark.FAIL, id="changed by the encoding"),
        pytest.param(-19.0, 10, -19.1, Mark.WARN, id="the voice was so before: told at normalize"),
        pytest.param(-19.0, 1.5, None, Mark.WARN, id="too short to hold to a loudness"),
    ],
)
def test_a_missed_loudness_fails_only_where_the_output_is_to_blame(
    lufs: float, duration_s: float, fitted_lufs: float | None, mark: Mark
) -> None:
    assert verdicts.loudness(heard(lufs), TARGET, duration_s, fitted_lufs).verdict is mark


@pytest.mark.parametrize(
    ("dbtp", "mark"),
    [(-1.0, Mark.PASS), (-0.81, Mark.PASS), (-0.5, Mark.WARN), (0.1, Mark.FAIL)],
)
def test_a_true_peak_fails_where_a_decoder_clips(dbtp: float, mark: Mark) -> None:
    assert verdicts.true_peak(heard(dbtp=dbtp), TARGET).verdict is mark


@pytest.mark.parametrize(
    ("offset_ms", "mark"),
    [
        (5.0, Mark.PASS),
        (-5.0, Mark.PASS),
        (-44.9, Mark.WARN),
        (-45.1, Mark.FAIL),
        (124.9, Mark.WARN),
        (125.1, Mark.FAIL),
    ],
)
def test_an_early_voice_is_noticed_sooner_than_a_late_one(offset_ms: float, mark: Mark) -> None:
    assert verdicts.voice_offset(offset_ms, 0.99, 0.0, "x").verdict is mark


def test_an_offset_from_another_voice_means_nothing() -> None:
    verdict = verdicts.voice_offset(0.0, 0.3, 0.0, "the voice as supplied")
    assert verdict.verdict is Mark.FAIL
    assert verdict.note == "against the voice as supplied; not found there"


@pytest.mark.parametrize(
    ("boxes", "mark"),
    [
        (None, Mark.PASS),
        (["ftyp", "moov", "mdat"], Mark.PASS),
        (["ftyp", "mdat", "moov"], Mark.WARN),
        (["ftyp", "mdat"], Mark.WARN),
    ],
)
def test_an_index_behind_the_media_is_a_warning(boxes: list[str] | None, mark: Mark) -> None:
    assert verdicts.faststart(boxes).verdict is mark
