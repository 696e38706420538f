"""Poster and contact sheet: what they show, and where they may lie."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync.errors import UsageError
from lipsync.params import DubParams
from lipsync.pictures import PicturesRequest, pictures_of, put_pictures, refuse_foreign_pictures
from lipsync.posters import make_pictures
from lipsync.requests import Finished
from lipsync.store import Store
from lipsync.voice import Loudness
from lipsync.workshop import Workshop
from tests.clips import as_file, make_clip


def test_a_sheet_shows_twelve_moments_and_a_poster_is_as_large_as_the_picture(
    tmp_path: Path, store: Store
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=50)
    asked = PicturesRequest(output=as_file(clip), poster=True, sheet=True)
    poster, sheet = (cv2.imread(str(file.path)) for file in make_pictures(asked, store))
    assert poster.shape == (120, 160, 3)
    assert sheet.shape == (3 * (240 + 28), 4 * 320, 3)
    cells = [sheet[0:240, at : at + 320] for at in range(0, 1280, 320)]
    steps = [np.abs(one.astype(int) - two).max() for one, two in pairwise(cells)]
    assert min(steps) > 60


def test_a_turned_picture_stands_upright(tmp_path: Path, store: Store) -> None:
    plain = make_clip(tmp_path / "plain.mp4", frames=5)
    turned = make_clip(tmp_path / "turned.mp4", frames=5, rotation_deg=90)
    shown = []
    for clip in (plain, turned):
        asked = PicturesRequest(output=as_file(clip), poster=True, sheet=False)
        shown.append(cv2.imread(str(make_pictures(asked, store)[0].path)).astype(int))
    assert shown[1].shape == (160, 120, 3)
    clockwise = np.rot90(shown[0], -1)
    assert np.abs(clockwise - shown[1]).mean() < np.abs(np.rot90(shown[0]) - shown[1]).mean()


@pytest.fixture
def params(tmp_path: Path) -> DubParams:
    return DubParams(video=tmp_path / "v.mp4", voice=tmp_path / "a.wav", poster=True)


def test_they_lie_beside_the_output_and_are_not_written_twice(
    tmp_path: Path, store: Store, params: DubParams
) -> None:
    clip = as_file(make_clip(tmp_path / "clip.mp4", frames=5))
    loudness = Loudness(integrated_lufs=-16, true_peak_dbtp=-1, range_lu=1)
    done = Finished(file=clip, loudness=loudness, audio_codec="aac", picture_packets=5)
    shop = Workshop(store.home)
    put_pictures(shop, params, tmp_path / "dub.mp4", done)
    (poster,) = pictures_of(params, tmp_path / "dub.mp4")
    assert poster == tmp_path / "dub.mp4.poster.jpg"
    made = poster.stat().st_mtime_ns
    put_pictures(shop, params, tmp_path / "dub.mp4", done)
    assert poster.stat().st_mtime_ns == made


def test_somebody_elses_picture_is_left_alone(tmp_path: Path, params: DubParams) -> None:
    (tmp_path / "dub.mp4.poster.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"dub\.mp4\.poster\.jpg: exists"):
        refuse_foreign_pictures(params, tmp_path / "dub.mp4")
    refuse_foreign_pictures(params.model_copy(update={"overwrite": True}), tmp_path / "dub.mp4")
