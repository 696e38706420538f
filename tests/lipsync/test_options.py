"""Options: what a model takes beyond the pair, down to the tables inside them."""

from typing import Any

import pytest

from lipsync.fit import SyncMode
from lipsync.options import check_arguments, check_options, request_arguments
from tests.lipsync.pairs import CATALOGUE

V3 = CATALOGUE.models["sync-3"]


@pytest.mark.parametrize(
    "speaker",
    [
        {"auto_detect": True},
        {"auto_detect": True, "v3": True},
        {"auto_detect": False, "frame_number": 0, "coordinates": [12.5, 80]},
        {"frame_number": 3, "coordinates": (0, 0)},
        {"bounding_boxes": [[1, 2, 30, 40], None, [1.5, 2, 3, 4]]},
        {"bounding_boxes": []},
        {"bounding_boxes_url": "https://x/boxes.json"},
        {"face_image": "https://x/face.png", "use_v2": True},
        {},
    ],
)
def test_one_face_among_several_can_be_shown_in_every_way_the_endpoint_has(
    speaker: dict[str, Any],
) -> None:
    assert check_options(V3, {"active_speaker": speaker}) == ()


@pytest.mark.parametrize(
    ("speaker", "words"),
    [
        ({"auto": True}, "takes auto_detect, bounding_boxes, bounding_boxes_url, coordinates"),
        ({"auto_detect": 1}, "auto_detect as a flag, not 1"),
        ({"frame_number": 3}, "frame_number only together with coordinates"),
        ({"coordinates": [1, 2]}, "coordinates only together with frame_number"),
        ({"frame_number": -1, "coordinates": [1, 2]}, "frame_number as an integer of at least 0"),
        ({"frame_number": 1, "coordinates": [1]}, "coordinates as a point [x, y] in pixels"),
        ({"frame_number": 1, "coordinates": [1, -2]}, "a point [x, y] in pixels, not [1, -2]"),
        ({"frame_number": 1, "coordinates": [1, float("nan")]}, "a point [x, y] in pixels"),
        ({"frame_number": 1, "coordinates": [1, True]}, "a point [x, y] in pixels"),
        ({"bounding_boxes": [[1, 2, 3]]}, "a box [x1, y1, x2, y2] in pixels, or null"),
        ({"bounding_boxes": [[3, 2, 1, 4]]}, "a box [x1, y1, x2, y2] in pixels, or null"),
        ({"bounding_boxes": [1]}, "a box [x1, y1, x2, y2] in pixels, or null"),
        ({"face_image": "/home/me/face.png"}, "face_image as an https link"),
        (
            {"auto_detect": True, "frame_number": 1, "coordinates": [1, 2]},
            "either auto_detect or frame_number, not both",
        ),
        (
            {"bounding_boxes": [None], "bounding_boxes_url": "https://x/b.json"},
            "either bounding_boxes or bounding_boxes_url, not both",
        ),
    ],
)
def test_a_wrong_way_to_show_it_is_refused_with_what_is_taken(
    speaker: dict[str, Any], words: str
) -> None:
    (finding,) = check_options(V3, {"active_speaker": speaker})
    assert finding.refusal
    assert words in finding.sentence


@pytest.mark.parametrize("option", ["temperature", "occlusion", "model_mode", "prompt"])
def test_what_sync_3_ignores_is_refused(option: str) -> None:
    value: Any = {"temperature": 0.5, "occlusion": True, "model_mode": "lips", "prompt": "calm"}
    (finding,) = check_options(V3, {option: value[option]})
    assert (finding.refusal, finding.sentence.startswith(f"sync-3 ignores {option}")) == (
        True,
        True,
    )


@pytest.mark.parametrize("model", CATALOGUE.models)
def test_what_is_written_for_a_row_is_what_that_row_takes(model: str) -> None:
    row = CATALOGUE.models[model]
    for mode in row.sync.modes:
        assert check_arguments(row, request_arguments(row, {}, mode)) == ()


def test_every_option_that_is_taken_is_found_again_in_the_written_arguments() -> None:
    asked: dict[str, dict[str, Any]] = {
        "latentsync": {"guidance_scale": 1.5, "seed": 7},
        "unified-lipsync-2": {"temperature": 0.7, "active_speaker": True},
        "sync-3": {"active_speaker": {"auto_detect": True}},
    }
    for model, options in asked.items():
        row = CATALOGUE.models[model]
        written = request_arguments(row, options, SyncMode.CUT_OFF)
        assert check_arguments(row, written) == ()
        assert row.arguments.keys() <= written.keys()


@pytest.mark.parametrize(
    ("model", "arguments", "words"),
    [
        ("sync-2", {"model": "lipsync-2-pro", "sync_mode": "loop"}, "sync-2 is model = lipsync-2"),
        ("sync-2", {"model": "lipsync-2"}, "takes sync_mode as cut_off or loop"),
        ("sync-2", {"model": "lipsync-2", "sync_mode": "loop", "fps": 25}, "does not take fps"),
        ("sync-3", {"sync_mode": "loop", "options": {"seed": 1}}, "does not take options"),
        ("sync-3", {"sync_mode": "loop", "options": "auto"}, "does not take options"),
        ("latentsync", {"guidance_scale": 0.9}, "a number from 1 to 2, not 0.9"),
        ("latentsync", {"seed": 1.5}, "takes seed as an integer, not 1.5"),
    ],
)
def test_written_arguments_a_row_does_not_take_are_refused(
    model: str, arguments: dict[str, Any], words: str
) -> None:
    (finding, *_) = check_arguments(CATALOGUE.models[model], arguments)
    assert words in finding.sentence


def test_checking_arguments_leaves_them_as_they_are() -> None:
    written = request_arguments(V3, {"active_speaker": {"auto_detect": True}})
    before = {
        "sync_mode": "cut_off",
        "options": {"active_speaker_detection": {"auto_detect": True}},
    }
    check_arguments(V3, written)
    assert written == before
