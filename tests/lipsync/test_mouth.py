"""Mouth: curves whose relation is known are told apart, and thin evidence says nothing."""

import numpy as np
import pytest

from lipsync import judging
from lipsync.limits import load_limits
from lipsync.mouth import STEP_S, Faces, Mouth, Series, heard, read_mouth
from lipsync.verdicts import Mark
from tests.voices import speech

FRAME_S = 0.04
LIMITS = load_limits()


def loudness(seconds: float = 8.0, seed: int = 1) -> Series:
    sound = speech(seconds, rate_hz=16_000, seed=seed)
    step = round(16_000 * STEP_S)
    power = np.square(sound.astype(np.float64)).reshape(-1, step).mean(axis=1)
    return heard(10 * np.log10(np.maximum(power, 1e-12)))


def faces(voice: Series, *, late_s: float = 0.0, repainted: bool = True, **wanted: Series) -> Faces:
    """A mouth that opens as loud as the voice was a while ago, over another that did not."""
    clock = np.arange(round(len(voice) * STEP_S / FRAME_S)) * FRAME_S - late_s
    opening = np.interp(clock, np.arange(len(voice)) * STEP_S, voice)
    still = np.full(len(clock), 0.3) + 0.01 * np.sin(np.arange(len(clock)))
    levels = np.full(len(clock), 8.0 if repainted else 1.5)
    fields = {
        "after": opening if repainted else still,
        "before": still,
        "mouth_levels": levels,
        "upper_levels": np.full(len(clock), 1.2),
    }
    return Faces(frame_s=FRAME_S, **(fields | wanted))


def marks(found: Mouth) -> dict[str, Mark]:
    return {verdict.check: verdict.verdict for verdict in judging.mouth(found, LIMITS)}


def test_lips_that_move_with_the_voice_pass() -> None:
    voice = loudness()
    found = read_mouth(faces(voice), voice)
    assert found.relation is not None
    assert found.relation > 0.8
    assert found.source_relation is not None
    assert found.source_relation < 0.3
    assert set(marks(found).values()) == {Mark.PASS}


@pytest.mark.parametrize("late_ms", [-400, -300, 300, 400])
def test_lips_at_another_time_fail_with_their_lag_and_its_sign(late_ms: int) -> None:
    voice = loudness()
    found = read_mouth(faces(voice, late_s=late_ms / 1000), voice)
    assert found.lag_ms == pytest.approx(late_ms, abs=40)
    assert marks(found)["mouth_sync"] is Mark.FAIL
    (said,) = [row for row in judging.mouth(found, LIMITS) if row.check == "mouth_sync"]
    assert ("late" if late_ms > 0 else "early") in said.note


def test_lips_made_for_other_speech_are_a_warning_and_no_failure() -> None:
    found = read_mouth(faces(loudness(seed=7)), loudness())
    assert marks(found)["mouth_sync"] is Mark.WARN
    assert marks(found)["mouth_changed"] is Mark.PASS


def test_a_picture_that_nobody_touched_fails() -> None:
    voice = loudness()
    found = read_mouth(faces(voice, repainted=False), voice)
    assert found.changed_percent == 0
    assert marks(found)["mouth_changed"] is Mark.FAIL


def test_a_mouth_that_is_seen_too_short_is_not_measurable_and_says_why() -> None:
    voice = loudness(8.0)
    seen = faces(voice)
    seen.after[30:] = np.nan
    seen.mouth_levels[30:] = np.nan
    found = read_mouth(seen, voice)
    rows = judging.mouth(found, LIMITS)
    assert {row.verdict for row in rows} == {Mark.UNMEASURED}
    assert all(row.value == "not measurable" and "are needed" in row.note for row in rows)


def test_without_a_face_or_a_voice_nothing_is_claimed() -> None:
    voice = loudness()
    none = np.full(200, np.nan)
    blind = read_mouth(faces(voice, after=none, mouth_levels=none), voice)
    deaf = read_mouth(faces(voice), np.zeros(len(voice)))
    for found in (blind, deaf):
        assert set(marks(found).values()) == {Mark.UNMEASURED}


def test_without_the_sources_picture_the_lips_are_judged_all_the_same() -> None:
    voice = loudness()
    none = np.full(200, np.nan)
    seen = faces(voice, before=none, mouth_levels=none, upper_levels=none)
    found = read_mouth(seen, voice)
    assert found.source_relation is None
    assert marks(found)["mouth_changed"] is Mark.UNMEASURED
    assert marks(found)["mouth_sync"] is Mark.PASS
