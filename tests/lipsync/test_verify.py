"""Verify: a fault that was put in is the check that goes red."""

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from lipsync.finish import finish
from lipsync.normalize import normalize
from lipsync.requests import FinishRequest, VerifyRequest
from lipsync.store import Store
from lipsync.values import File
from lipsync.verdicts import Mark, Verdict
from lipsync.verify import verify
from lipsync.voice import LoudnessTarget, NormalizeRequest
from tests.clips import as_file, ffmpeg, make_clip, make_voice

CHECKS = [
    "streams",
    "length",
    "size",
    "rate",
    "faststart",
    "form",
    "timestamps",
    "colour",
    "loudness",
    "true_peak",
    "clipping",
    "voice_offset",
    "voice_same",
    "voice_whole",
    "voice_length",
    "mouth_changed",
    "mouth_sync",
    "picture_kept",
    "sharpness",
    "picture_time",
    "black",
    "frozen",
    "flicker",
]
NEED_A_VOICE = ["loudness", "true_peak", "voice_offset", "voice_same"]


@pytest.fixture
def promised(tmp_path: Path, store: Store) -> dict[str, Any]:
    """A finished dub of four seconds, and what was promised of it."""
    supplied = as_file(make_voice(tmp_path / "supplied.mp3", 5, silence=(0.8, 0.3)))
    voice = normalize(NormalizeRequest(source=supplied), store)
    picture = as_file(make_clip(tmp_path / "d.mp4", frames=100, options={"bf": "2"}))
    request = FinishRequest(picture=picture, voice=voice.file, frames=100, rate=Fraction(25))
    return {
        "output": finish(request, store).file,
        "frames": 100,
        "rate": Fraction(25),
        "display_width_px": 160,
        "display_height_px": 120,
        "supplied": supplied,
        "lead_trimmed_s": voice.lead_trimmed_s,
        "fitted": voice.file,
        "sent": picture,
    }


def verified(promised: dict[str, Any], **otherwise: object) -> dict[str, Verdict]:
    """Verify, by check."""
    found = verify(VerifyRequest.model_validate({**promised, **otherwise}))
    return {verdict.check: verdict for verdict in found.found}


def red(found: dict[str, Verdict]) -> list[str]:
    """Name the checks that warn or fail."""
    return [name for name, row in found.items() if row.verdict in {Mark.WARN, Mark.FAIL}]


def remade(promised: dict[str, Any], path: Path, *arguments: str) -> File:
    """Run the output through ffmpeg."""
    ffmpeg("-i", promised["output"].path, *arguments, path)
    return as_file(path)


def test_a_good_dub_passes_every_check(promised: dict[str, Any]) -> None:
    found = verified(promised)
    assert list(found) == CHECKS
    assert not red(found)
    assert promised["lead_trimmed_s"] > 0.5
    assert abs(float(found["voice_offset"].value)) < 0.1


@pytest.mark.parametrize("tempo", [1.0, 1.01])
def test_an_output_is_opened_for_its_packets_its_picture_and_its_sound_and_no_more(
    promised: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tempo: float
) -> None:
    opened: Counter[str] = Counter()
    opens = av.open

    def counted(file: str, *given: Any, **more: Any) -> Any:
        opened[Path(file.removeprefix("file:")).name] += 1
        return opens(file, *given, **more)

    monkeypatch.setattr(av, "open", counted)
    verified(promised, tempo=tempo)
    assert opened[promised["output"].path.name] == 3
    heard = {promised["fitted"].path.name, promised["supplied"].path.name}
    assert sum(opened[name] for name in heard) == (2 if tempo == 1 else 1)


@pytest.mark.parametrize(("frames", "mark"), [(99, Mark.WARN), (101, Mark.WARN), (97, Mark.FAIL)])
def test_another_length_is_seen_to_the_frame(
    promised: dict[str, Any], frames: int, mark: Mark
) -> None:
    found = verified(promised, frames=frames)
    assert red(found) == ["length"]
    assert found["length"].verdict is mark


@pytest.mark.parametrize(
    ("size", "mark"), [((320, 240), Mark.WARN), ((320, 180), Mark.FAIL)], ids=["scaled", "shape"]
)
def test_another_size_is_seen(promised: dict[str, Any], size: tuple[int, int], mark: Mark) -> None:
    found = verified(promised, display_width_px=size[0], display_height_px=size[1])
    assert red(found) == ["size"]
    assert found["size"].verdict is mark


def test_a_rate_that_is_nearly_right_is_wrong(promised: dict[str, Any]) -> None:
    assert red(verified(promised, rate=Fraction(25000, 1001))) == ["rate"]


def test_a_second_voice_is_seen(promised: dict[str, Any], tmp_path: Path) -> None:
    maps = ("-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy", "-movflags", "faststart")
    twice = remade(promised, tmp_path / "o.mp4", *maps)
    found = verified(promised, output=twice)
    assert red(found) == ["streams"]
    assert found["streams"].value == "1 picture, 2 voice"


def test_a_missing_voice_fails_what_needs_one(promised: dict[str, Any], tmp_path: Path) -> None:
    mute = remade(promised, tmp_path / "o.mp4", "-an", "-c", "copy", "-movflags", "faststart")
    found = verified(promised, output=mute)
    assert red(found) == ["streams", *NEED_A_VOICE]


def test_an_index_at_the_end_is_a_warning(promised: dict[str, Any], tmp_path: Path) -> None:
    found = verified(promised, output=remade(promised, tmp_path / "o.mp4", "-c", "copy"))
    assert red(found) == ["faststart"]
    assert found["faststart"].verdict is Mark.WARN


@pytest.mark.parametrize(
    ("delay_ms", "mark"),
    [
        pytest.param(3, Mark.PASS, id="3 ms"),
        pytest.param(-30, Mark.WARN, id="30 ms early"),
        pytest.param(100, Mark.WARN, id="100 ms late"),
        pytest.param(-60, Mark.FAIL, id="60 ms early is noticed"),
        pytest.param(160, Mark.FAIL, id="160 ms late is noticed"),
        pytest.param(900, Mark.FAIL, id="900 ms late"),
    ],
)
def test_a_shifted_voice_is_measured_with_its_sign(
    promised: dict[str, Any], tmp_path: Path, delay_ms: int, mark: Mark
) -> None:
    shift = (
        f"adelay={delay_ms}" if delay_ms > 0 else f"atrim={-delay_ms / 1000},asetpts=PTS-STARTPTS"
    )
    copied = ("-c:v", "copy", "-b:a", "192k", "-movflags", "faststart")
    found = verified(promised, output=remade(promised, tmp_path / "o.mp4", "-af", shift, *copied))
    assert found["voice_offset"].verdict is mark
    assert float(found["voice_offset"].value) == pytest.approx(delay_ms, abs=0.5)
    assert found["voice_same"].verdict is Mark.PASS


def test_another_voice_is_not_the_one_supplied(promised: dict[str, Any], tmp_path: Path) -> None:
    other = as_file(make_voice(tmp_path / "other.wav", 5, silence=(0.8, 0.3), seed=9))
    found = verified(promised, supplied=other)
    assert found["voice_same"].verdict is Mark.FAIL
    assert found["voice_offset"].verdict is Mark.FAIL
    assert "not found there" in found["voice_offset"].note


def test_a_voice_whose_speed_was_changed_is_held_against_the_fitted_one(
    promised: dict[str, Any], tmp_path: Path
) -> None:
    other = as_file(make_voice(tmp_path / "other.wav", 5, seed=9))
    found = verified(promised, supplied=other, tempo=1.04)
    assert not red(found)
    assert "its speed was changed by 1.040" in found["voice_offset"].note


def test_a_voice_turned_up_is_too_loud_and_too_high(
    promised: dict[str, Any], tmp_path: Path
) -> None:
    copied = ("-c:v", "copy", "-b:a", "192k", "-movflags", "faststart")
    louder = remade(promised, tmp_path / "o.mp4", "-af", "volume=4dB", *copied)
    found = verified(promised, output=louder)
    assert red(found) == ["loudness", "true_peak"]
    assert found["loudness"].verdict is Mark.FAIL
    assert found["true_peak"].verdict is Mark.FAIL


def test_a_loudness_that_was_missed_before_encoding_is_a_warning_that_says_so(
    promised: dict[str, Any],
) -> None:
    found = verified(promised, target=LoudnessTarget(integrated_lufs=-20))
    assert red(found) == ["loudness"]
    assert found["loudness"].verdict is Mark.WARN
    assert found["loudness"].note == "the voice had -16.0 LUFS before encoding"
