from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from lipsync.errors import MediaError
from lipsync.faces import find_faces, look
from lipsync.facts import FaceFacts, VideoFacts
from lipsync.probe import probe
from tests.clips import as_file, ffmpeg

TALK = Path(__file__).parents[2] / "data" / "samples" / "talk.mp4"


def facts(width_px: int, height_px: int, duration_s: float, **more: object) -> VideoFacts:
    values: dict[str, object] = {
        "codec": "h264", "pixel_format": "yuv420p", "bit_depth": 8, "hdr": False,
        "interlaced": False, "coded_width_px": width_px, "coded_height_px": height_px,
        "display_width_px": width_px, "display_height_px": height_px,
        "sample_aspect": Fraction(1), "rotation_deg": 0, "rate": Fraction(25),
        "constant_rate": True, "frames": round(duration_s * 25), "duration_s": duration_s,
        "start_s": 0.0,
    }  # fmt: skip
    return VideoFacts.model_validate(values | more)


def clip(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "5"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    with av.open(str(TALK)) as container:
        return next(container.decode(video=0)).to_ndarray(format="bgr24")


def test_the_bundled_portrait_has_one_face_in_every_sampled_frame() -> None:
    seen = look(TALK, facts(640, 480, 6.0), samples=4)
    assert seen.model_copy(update={"face_height_px": 0}) == FaceFacts(
        sampled_frames=4, frames_with_face=4, most_faces=1, face_height_px=0
    )
    assert seen.face_height_px == pytest.approx(215, abs=40)


@pytest.mark.parametrize(
    ("rotation_deg", "turn"),
    [(90, cv2.ROTATE_90_COUNTERCLOCKWISE), (180, cv2.ROTATE_180), (270, cv2.ROTATE_90_CLOCKWISE)],
)
def test_a_rotated_source_is_turned_upright_before_looking(
    portrait: np.ndarray, tmp_path: Path, rotation_deg: int, turn: int
) -> None:
    coded = cv2.rotate(portrait, turn)
    path = clip(tmp_path / "turned.mp4", [coded] * 5)
    height_px, width_px = coded.shape[:2]
    seen = look(path, facts(width_px, height_px, 0.2, rotation_deg=rotation_deg,
                            display_width_px=640, display_height_px=480), samples=1)  # fmt: skip
    assert seen.frames_with_face == 1


def test_faces_are_measured_in_display_pixels(portrait: np.ndarray, tmp_path: Path) -> None:
    squeezed = cv2.resize(portrait, (480, 480))
    path = clip(tmp_path / "squeezed.mp4", [squeezed] * 5)
    wide = facts(480, 480, 0.2, display_width_px=1280, display_height_px=960)
    assert look(path, wide, samples=1).face_height_px == pytest.approx(430, abs=80)


def test_two_faces_are_counted_and_none_is_none(portrait: np.ndarray, tmp_path: Path) -> None:
    pair = clip(tmp_path / "pair.mp4", [np.hstack([portrait, portrait])] * 5)
    assert look(pair, facts(1280, 480, 0.2), samples=1).most_faces == 2
    wall = clip(tmp_path / "wall.mp4", [np.full((240, 320, 3), 128, np.uint8)] * 5)
    assert look(wall, facts(320, 240, 0.2), samples=2) == FaceFacts(
        sampled_frames=2, frames_with_face=0, most_faces=0, face_height_px=0
    )


def test_the_largest_face_comes_first(portrait: np.ndarray) -> None:
    grey = cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (320, 240))
    both = np.full((480, 960), 128, np.uint8)
    both[120:360, :320], both[:, 320:] = small, grey
    sides_px = [box.side_px for box in find_faces(both)]
    assert sides_px == sorted(sides_px, reverse=True)
    assert len(sides_px) == 2


def test_a_file_without_frames_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"\0" * 64)
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        look(tmp_path / "broken.mp4", facts(64, 64, 1.0))


def test_a_transport_stream_with_one_keyframe_is_looked_at_all_the_same(tmp_path: Path) -> None:
    stream = tmp_path / "one-keyframe.ts"
    ffmpeg("-i", TALK, "-c:v", "libx264", "-preset", "ultrafast", "-g", "999", "-an", stream)
    picture = probe(as_file(stream)).video
    assert picture is not None
    found = look(stream, picture)
    assert found.frames_with_face >= found.sampled_frames - 1
