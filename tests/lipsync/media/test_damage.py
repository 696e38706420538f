"""Damage: a full decode counts what a packet scan cannot see."""

from pathlib import Path

from lipsync.media.damage import damaged_frames
from tests.clips import make_clip, make_voice
from tests.odd_clips import bit_flipped, edit_list


def test_a_whole_file_is_clean_frame_for_frame(tmp_path: Path) -> None:
    found = damaged_frames(make_clip(tmp_path / "x.mp4", options={"bf": "2"}, sound=True))
    assert (found.clean, found.decoded_frames) == (True, 50)


def test_frames_hidden_by_an_edit_list_are_no_damage(tmp_path: Path) -> None:
    found = damaged_frames(edit_list(tmp_path))
    assert (found.clean, found.decoded_frames) == (True, 35)


def test_flipped_bits_are_found_although_every_packet_is_there(tmp_path: Path) -> None:
    found = damaged_frames(bit_flipped(tmp_path))
    assert not found.clean
    assert found.decoded_frames < 50


def test_damage_that_a_decoder_would_paint_over_is_found(tmp_path: Path) -> None:
    assert not damaged_frames(bit_flipped(tmp_path, flips=2)).clean


def test_a_file_without_pictures_has_none_to_damage(tmp_path: Path) -> None:
    found = damaged_frames(make_voice(tmp_path / "x.wav"))
    assert (found.clean, found.decoded_frames) == (True, 0)
