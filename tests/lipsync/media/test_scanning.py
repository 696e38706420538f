"""Scanning: packets are counted in the order they are stored, and meant in the order they show."""

from fractions import Fraction
from pathlib import Path

import pytest

from lipsync.media.opening import open_media
from lipsync.media.scanning import scan
from tests.clips import make_clip


@pytest.mark.parametrize("frames", [49, 50, 51, 52])
def test_the_end_is_that_of_the_frame_shown_last_not_stored_last(
    tmp_path: Path, frames: int
) -> None:
    path = make_clip(tmp_path / "x.mp4", frames=frames, options={"bf": "3"})
    with open_media(path) as container:
        tally = scan(container, container.streams.video[0], []).picture
    assert tally is not None
    assert tally.duration_s == Fraction(frames, 25)
    assert list(tally.times) != sorted(tally.times)
    assert tally.first_frame is not None


def test_a_scan_without_streams_reads_nothing(tmp_path: Path) -> None:
    with open_media(make_clip(tmp_path / "x.mp4", frames=5)) as container:
        result = scan(container, None, [])
    assert (result.picture, result.sounds, result.tallies) == (None, [], [])
