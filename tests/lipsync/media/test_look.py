"""Whatever comes in, one look comes out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lipsync.fit import SyncMode, plan_fit
from lipsync.store import Store
from tests import odd_clips
from tests.clips import (
    ffmpeg,
    make_clip,
    read_frames,
    read_indices,
)
from tests.fitting import Bench, assert_conformed, planned_indices


@pytest.fixture
def bench(tmp_path: Path, store: Store) -> Bench:
    return Bench(tmp_path, store)


def odd_size(folder: Path) -> Path:
    return make_clip(folder / "odd.mp4", size=(161, 121), pix_fmt="yuv444p")


def full_range(folder: Path) -> Path:
    return make_clip(folder / "full.mp4", pix_fmt="yuvj420p")


def ten_bit(folder: Path) -> Path:
    return make_clip(folder / "ten.mp4", codec="libx265", pix_fmt="yuv420p10le")


def avi_with_b_frames(folder: Path) -> Path:
    return make_clip(folder / "b.avi", options={"bf": "2"})


def webm(folder: Path) -> Path:
    return make_clip(folder / "plain.webm", codec="libvpx-vp9")


ODD: dict[Callable[[Path], Path], tuple[int, int]] = {
    odd_clips.anamorphic: (204, 116),
    odd_clips.interlaced: (160, 120),
    odd_clips.transport_stream: (160, 120),
    odd_clips.hdr10: (160, 120),
    odd_clips.hlg: (160, 120),
    odd_clips.old_avi: (160, 120),
    odd_size: (160, 120),
    full_range: (160, 120),
    ten_bit: (160, 120),
    avi_with_b_frames: (160, 120),
    webm: (160, 120),
}


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_an_odd_video_comes_out_conformed_forwards_and_backwards(
    bench: Bench, make: Callable[[Path], Path]
) -> None:
    clip = make(bench.folder)
    plan = plan_fit(SyncMode.BOUNCE, bench.lengths(clip, 1.0, first=1, left=1))
    pair = bench.carry_out(clip, plan)
    assert read_indices(pair.video.path) == planned_indices(plan)
    assert_conformed(pair, plan)
    first = next(read_frames(pair.video.path))
    assert (first.width, first.height) == ODD[make]


def test_a_variable_rate_is_laid_on_the_grid_by_its_timestamps(bench: Bench) -> None:
    clip = odd_clips.variable_rate(bench.folder)
    plan = plan_fit(SyncMode.SILENCE, bench.lengths(clip, 3.2, first=4))
    pair = bench.carry_out(clip, plan)
    grid = [max(n for n in odd_clips.DROPPED if n <= k) for k in range(70)]
    assert read_indices(pair.video.path) == [grid[at] for at in planned_indices(plan)]
    assert_conformed(pair, plan)


def test_frames_hidden_by_an_edit_list_stay_hidden(bench: Bench) -> None:
    clip = odd_clips.edit_list(bench.folder)
    plan = plan_fit(SyncMode.LOOP, bench.lengths(clip, 2.0))
    pair = bench.carry_out(clip, plan)
    assert read_indices(pair.video.path) == [40 + at for at in planned_indices(plan)]
    assert_conformed(pair, plan)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_comes_out_as_a_player_shows_it(bench: Bench, degrees: int) -> None:
    clip = odd_clips.rotated(bench.folder, degrees)
    pair = bench.carry_out(clip, plan_fit(SyncMode.CUT_OFF, bench.lengths(clip, 0.4)))
    shown = bench.folder / "shown.mp4"
    ffmpeg("-i", clip, "-frames:v", "10", "-crf", "10", shown)  # turns it by itself
    ours, theirs = (next(read_frames(path)) for path in (pair.video.path, shown))
    assert (ours.width, ours.height) == (theirs.width, theirs.height)
    difference = ours.to_ndarray(format="gray").astype(int) - theirs.to_ndarray(format="gray")
    # Ours is BT.709 now, theirs still the untagged BT.601: a few steps of luma.
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("make", [full_range, ten_bit, odd_size], ids=lambda make: make.__name__)
def test_colours_survive_the_conversion(bench: Bench, make: Callable[[Path], Path]) -> None:
    clip = make(bench.folder)
    pair = bench.carry_out(clip, plan_fit(SyncMode.REMAP, bench.lengths(clip, 1.0)))
    frame = next(read_frames(pair.video.path))
    assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)
    seen = frame.to_ndarray(format="rgb24", src_colorspace="ITU709")[70:80, 6:14].mean((0, 1))
    # The moving block of `draw`, made from RGB by the BT.601 matrix that libav takes unless told.
    assert np.abs(seen - (220, 120, 60)).max() < 6
