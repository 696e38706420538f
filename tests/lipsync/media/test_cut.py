"""What can be copied is copied, exactly; what comes again is encoded once."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from lipsync.fit import SyncMode, plan_fit
from lipsync.store import Store
from tests.clips import (
    make_clip,
    read_frames,
    read_index,
    read_indices,
)
from tests.fitting import Bench, planned_indices

B_FRAMES = {"bf": "3", "preset": "veryfast"}


@pytest.fixture
def bench(tmp_path: Path, store: Store) -> Bench:
    return Bench(tmp_path, store)


def opencv_indices(path: Path) -> list[int]:
    import cv2

    capture, found = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        found.append(
            read_index(av.VideoFrame.from_ndarray(np.asarray(read[1], np.uint8), format="bgr24"))
        )
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == len(found)
    return found


def ffmpeg_indices(path: Path, width: int = 160, height: int = 120) -> list[int]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-xerror", "-i", str(path)]
    raw = ("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    done = subprocess.run([*command, *raw], capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    pictures = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width)
    return [read_index(av.VideoFrame.from_ndarray(each, format="gray")) for each in pictures]


READERS: list[Callable[[Path], list[int]]] = [read_indices, opencv_indices, ffmpeg_indices]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_smart_cut_is_exact_in_every_reader(
    bench: Bench, suffix: str, reader: Callable[[Path], list[int]]
) -> None:
    clip = make_clip(bench.folder / f"clip{suffix}", frames=60, options=B_FRAMES)
    plan = plan_fit(SyncMode.LOOP, bench.lengths(clip, 3.0, first=5, left=4))
    pair = bench.carry_out(clip, plan)
    assert pair.copied_frames == 36 + 12
    assert reader(pair.video.path) == planned_indices(plan)


def luma(frame: av.VideoFrame) -> bytes:
    return frame.to_ndarray(format="gray").tobytes()


def test_what_is_copied_keeps_its_very_pixels(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4", frames=48, options=B_FRAMES)
    plan = plan_fit(SyncMode.CUT_OFF, bench.lengths(clip, 9.0, first=5, left=3))
    pair = bench.carry_out(clip, plan)
    assert (pair.copied_frames, pair.encoded_frames) == (24, 16)
    before = [luma(frame) for frame in read_frames(clip)]
    after = [luma(frame) for frame in read_frames(pair.video.path)]
    assert after[7:31] == before[12:36]


def test_a_video_that_fits_is_not_encoded_at_all(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4", sound=True, options=B_FRAMES)
    pair = bench.carry_out(clip, plan_fit("auto", bench.lengths(clip, 2.0)))
    assert (pair.copied_frames, pair.encoded_frames) == (50, 0)
    assert [luma(f) for f in read_frames(pair.video.path)] == [luma(f) for f in read_frames(clip)]


@pytest.mark.parametrize("private", ["open-gop=1:keyint=12", "intra-refresh=1:keyint=12"])
def test_groups_that_are_not_closed_are_never_copied(bench: Bench, private: str) -> None:
    options = {"preset": "veryfast", "bf": "3", "x264-params": private}
    clip = make_clip(bench.folder / "clip.mp4", frames=60, options=options)
    plan = plan_fit(SyncMode.BOUNCE, bench.lengths(clip, 3.0, first=14, left=6))
    pair = bench.carry_out(clip, plan)
    assert pair.copied_frames == 0
    assert read_indices(pair.video.path) == planned_indices(plan)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_what_comes_again_is_encoded_once(bench: Bench) -> None:
    clip = make_clip(bench.folder / "clip.mp4", frames=12, codec="mpeg4")
    plan = plan_fit(SyncMode.LOOP, bench.lengths(clip, 1.2))
    found = packets(bench.carry_out(clip, plan).video.path)
    assert found[:12] == found[12:24]
    assert found[:6] == found[24:]


def test_backwards_in_small_stretches_is_still_exact(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lipsync.media.frames.BACKWARD_BYTES", 1)
    monkeypatch.setattr("lipsync.media.frames.BACKWARD_LEAST", 7)
    clip = make_clip(bench.folder / "clip.mp4", frames=60, gop=60, options=B_FRAMES)
    plan = plan_fit(SyncMode.BOUNCE, bench.lengths(clip, 4.0, first=5))
    assert read_indices(bench.carry_out(clip, plan).video.path) == planned_indices(plan)
