"""Pre-flight: what is refused or warned of, with its figure, by the model's own row."""

from fractions import Fraction
from typing import Any

import pytest

from lipsync.preflight import Finding, Lengths, preflight
from tests.lipsync.pairs import (
    CATALOGUE,
    a_file,
    a_video,
    a_voice,
    a_voice_file,
    faces,
    lengths,
)


def found(model: str, **change: Any) -> tuple[Finding, ...]:
    default: dict[str, Any] = {
        "video": a_video(),
        "voice": a_voice(),
        "faces": faces(),
        "lengths": lengths(),
    }
    return preflight(CATALOGUE.models[model], **(default | change))


@pytest.mark.parametrize("model", CATALOGUE.models)
def test_a_good_pair_has_nothing_said_about_it(model: str) -> None:
    assert found(model) == ()


@pytest.mark.parametrize("model", CATALOGUE.models)
@pytest.mark.parametrize(
    ("change", "check"),
    [
        pytest.param({"video": a_video(video=None)}, "picture", id="no picture"),
        pytest.param({"voice": a_voice_file(tracks=0)}, "voice", id="no voice"),
        pytest.param({"voice": a_voice(-70.0)}, "silence", id="silent voice"),
    ],
)
def test_what_no_model_can_do_without_is_refused_for_all(
    model: str, change: dict[str, Any], check: str
) -> None:
    refused = [finding.check for finding in found(model, **change) if finding.refusal]
    assert refused == [check]


def test_a_very_quiet_voice_is_a_voice() -> None:
    assert found("sync-2", voice=a_voice(-69.9)) == ()


@pytest.mark.parametrize(
    ("model", "change", "check", "figure", "limit", "refusal"),
    [
        pytest.param("sync-2", {"faces": faces(0)}, "faces", 0, 1, True, id="no face"),
        pytest.param(
            "unified-lipsync-2", {"faces": faces(0)}, "faces", 0, 1, True, id="no face, credits"
        ),
        pytest.param(
            "latentsync", {"faces": faces(0)}, "faces", 0, 1, True, id="no face, latentsync"
        ),
        pytest.param(
            "local-preview", {"faces": faces(0)}, "faces", 0, 1, False, id="no face, preview"
        ),
        pytest.param(
            "latentsync",
            {"faces": faces(height_px=79)},
            "face_px",
            79,
            80,
            True,
            id="face too small",
        ),
        pytest.param(
            "sync-3", {"faces": faces(height_px=79)}, "face_px", 79, 80, False, id="face small"
        ),
        pytest.param(
            "sync-2", {"faces": faces(most=3)}, "speakers", 3, 1, False, id="several faces"
        ),
        pytest.param(
            "unified-sync-3", {"faces": faces(most=2)}, "speakers", 2, 1, False, id="two faces"
        ),
        pytest.param("sync-2", {"faces": faces(3)}, "face_share", 0.375, 0.5, False, id="b-roll"),
        pytest.param(
            "latentsync", {"faces": faces(7)}, "face_share", 0.875, 1, False, id="a cut away"
        ),
        pytest.param(
            "sync-2",
            {"video": a_video(4098, 2160)},
            "long_side_px",
            4098,
            4096,
            True,
            id="too wide",
        ),
        pytest.param(
            "sync-2", {"lengths": lengths(600.04)}, "video_s", 600.04, 600, True, id="too long"
        ),
        pytest.param(
            "sync-2",
            {"lengths": Lengths(video_s=10, voice_s=301, output_s=10)},
            "voice_s",
            301,
            300,
            False,
            id="long voice",
        ),
        pytest.param(
            "sync-2",
            {"video": a_video(file=a_file(size_bytes=5 * 2**30 + 1))},
            "video_bytes",
            5 * 2**30 + 1,
            5 * 2**30,
            False,
            id="many bytes",
        ),
        pytest.param(
            "sync-2", {"video": a_video(rate=Fraction(60))}, "rate_fps", 60, 30, False, id="60 fps"
        ),
    ],
)
def test_a_pair_beyond_a_limit_is_found_with_its_figure(  # noqa: PLR0913, PLR0917  columns of a table
    model: str, change: dict[str, Any], check: str, figure: float, limit: float, refusal: bool
) -> None:
    first = found(model, **change)[0]
    assert (first.check, first.figure, first.limit, first.refusal) == (
        check,
        figure,
        limit,
        refusal,
    )


@pytest.mark.parametrize(
    ("model", "change"),
    [
        pytest.param("sync-2", {"video": a_video(4096, 2160)}, id="4096 x 2160"),
        pytest.param("sync-2", {"lengths": lengths(300.0)}, id="300 s"),
        pytest.param("latentsync", {"faces": faces(height_px=80)}, id="a face of 80 px"),
        pytest.param("sync-2", {"faces": faces(4)}, id="a face in half the frames"),
        pytest.param("sync-2", {"video": a_video(rate=Fraction(30000, 1001))}, id="29.97 fps"),
        pytest.param("sync-3", {"faces": faces(most=4)}, id="faces, and it can be told who speaks"),
        pytest.param("latentsync", {"video": a_video(7680, 4320)}, id="8K where no limit is known"),
        pytest.param("sync-2", {"faces": None}, id="nobody looked for faces"),
    ],
)
def test_a_pair_at_the_limit_or_without_one_passes(model: str, change: dict[str, Any]) -> None:
    assert found(model, **change) == ()


def test_an_upright_4k_picture_is_warned_of_and_not_refused() -> None:
    """The vendor says 4096 x 2160; a phone's 2160 x 3840 fits only when it may be turned."""
    (finding,) = found("sync-2", video=a_video(2160, 3840))
    assert (finding.check, finding.refusal) == ("height_px", False)


def test_refusals_come_before_warnings() -> None:
    said = found("sync-2", video=a_video(4096, 4096), faces=faces(most=2, height_px=20))
    assert [finding.refusal for finding in said] == [True, False, False, False]


def test_a_sentence_says_the_figure_the_limit_and_what_follows() -> None:
    (finding,) = found("sync-2", lengths=Lengths(video_s=720.5, voice_s=10, output_s=10))
    assert finding.sentence == (
        "the video sent is 720.50 s long, over 600: "
        "the vendor takes at most ten minutes; send it in parts with --trim"
    )


def test_a_limit_added_to_the_file_is_obeyed_without_code() -> None:
    row = CATALOGUE.models["sync-2"]
    limit = row.limits[0].model_copy(update={"of": "output_s", "at_least": 2.0, "why": "too short"})
    changed = row.model_copy(update={"limits": (limit,)})
    (finding,) = preflight(changed, a_video(), a_voice(), faces(), lengths(1.5))
    assert finding.sentence == "the output would be 1.50 s long, at least 2 is needed: too short"
