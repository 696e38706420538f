"""Imprint: what is kept of the video that is sent is what verification would have seen of it."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsync.errors import MediaError
from lipsync.measures.imprint import Glimpse, Imprinter, imprinted, reading
from lipsync.measures.pictures import lumas
from lipsync.measures.sampling import HEAD, PATCHES, patch_px, patches, places
from lipsync.measures.viewing import view
from lipsync.picture import read_picture
from tests.clips import make_clip
from tests.voices import ffmpeg

TALK = Path(__file__).parents[2] / "data" / "samples" / "talk.mp4"
RATE = Fraction(25)


def imprint_of(video: Path, place: Path, rate: Fraction = RATE) -> Path:
    assert imprinted(video, rate, place).clean
    return place


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return imprint_of(TALK, tmp_path_factory.mktemp("imprint") / "talk.imprint")


def glimpses(imprint: Path) -> list[Glimpse]:
    with reading(imprint) as found:
        return list(found)


def test_every_frame_leaves_a_glimpse_and_four_a_second_a_sample(talk: Path) -> None:
    found = glimpses(talk)
    assert len(found) == sum(1 for _ in lumas(TALK)) == 150
    assert [number for number, one in enumerate(found) if one.sample] == list(range(0, 150, 6))
    assert all(one.pose is not None for one in found)
    assert np.isnan(found[0].moved)
    assert all(one.moved > 0 for one in found[1:])


def test_the_patches_are_the_pictures_own(talk: Path) -> None:
    for luma, seen in zip(lumas(TALK), glimpses(talk), strict=True):
        if seen.sample is not None:
            assert len(seen.sample.at) == PATCHES
            assert np.array_equal(seen.sample.patches, patches(luma, seen.sample.at))


def test_an_imprint_takes_less_than_a_tenth_of_a_megabyte_a_second(talk: Path) -> None:
    assert talk.stat().st_size < 6 * 100_000


@given(
    shape=st.tuples(st.integers(20, 4096), st.integers(20, 4096)),
    face=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.05, 2)),
    sample=st.integers(0, 10_000),
)
def test_patches_lie_in_the_picture_and_beside_the_head(
    shape: tuple[int, int], face: tuple[float, float, float], sample: int
) -> None:
    high, wide = shape
    side, box = patch_px(shape), face[2] * min(shape)
    x, y = face[0] * wide, face[1] * high
    left, top, right, bottom = (box * edge for edge in HEAD)
    found = places(shape, np.array([[box, 0, x], [0, box, y], [0, 0, 1]]), sample)
    assert len(found) == PATCHES or box > 0.2 * min(shape) or min(shape) < 4 * side
    for across, down in found:
        assert 0 <= across <= wide - side
        assert 0 <= down <= high - side
        beside = across + side <= x + left or across >= x + right
        assert beside or down + side <= y + top or down >= y + bottom


def test_a_minute_of_samples_reaches_every_part_of_the_picture() -> None:
    reached = np.zeros((1080, 1920), bool)
    for sample in range(240):
        for x, y in places(reached.shape, None, sample):
            reached[y : y + 48, x : x + 48] = True
    blocks = reached.reshape(9, 120, 16, 120).any(axis=(1, 3))
    assert blocks.all()


@pytest.mark.parametrize("crf", [18, 34])
def test_what_is_lost_is_what_ffmpeg_says_is_lost(tmp_path: Path, crf: int) -> None:
    """Noise all over: what lies beside the head loses as much as the whole."""
    noisy, again = tmp_path / "noisy.mp4", tmp_path / "again.mp4"
    x264 = ("-an", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast")
    ffmpeg("-i", TALK, "-vf", "noise=alls=24:allf=t", *x264, "-crf", "12", noisy)
    ffmpeg("-i", noisy, *x264, "-crf", str(crf), again)
    stats = tmp_path / "psnr.log"
    ffmpeg("-i", again, "-i", noisy, "-lavfi", f"psnr=f={stats}", "-f", "null", "-")
    theirs = [10 ** (-float(one) / 10) for one in re.findall(r"psnr_y:([\d.]+)", stats.read_text())]
    ours = read_picture(view(again, RATE, imprint_of(noisy, tmp_path / "i.imprint"))[1])
    assert ours.psnr_db == pytest.approx(-10 * np.log10(np.mean(theirs)), abs=1)


@pytest.mark.parametrize(
    ("sent", "rate"), [(25, 24), (25, 30), (25, 50), (50, 25), (60, 30), (60, 25), (30, 25)]
)
def test_an_output_of_another_rate_is_held_against_the_same_moments(
    tmp_path: Path, sent: int, rate: int
) -> None:
    before, after = tmp_path / "before.mp4", tmp_path / "after.mp4"
    x264 = ("-an", "-c:v", "libx264", "-crf", "18")
    ffmpeg("-i", TALK, "-vf", f"fps={sent}", *x264, before)
    ffmpeg("-i", before, "-vf", f"fps={rate}", *x264, after)
    imprint = imprint_of(before, tmp_path / "i.imprint", Fraction(sent))
    faces, frames = view(after, Fraction(rate), imprint)
    found = read_picture(frames)
    assert found.slip_frames is not None
    assert found.slip_frames <= 1
    assert found.psnr_db is not None
    assert found.psnr_db > 38
    assert np.isfinite(faces.after).all()
    assert 20 <= np.isfinite(faces.mouth_levels).sum() <= 26
    assert np.nanmedian(faces.mouth_levels) < 3


def test_a_face_is_seen_beyond_the_end_of_what_was_sent(tmp_path: Path) -> None:
    start = tmp_path / "start.mp4"
    ffmpeg("-i", TALK, "-an", "-frames:v", "50", "-c:v", "libx264", "-crf", "18", start)
    faces = view(TALK, RATE, imprint_of(start, tmp_path / "i.imprint"))[0]
    assert np.isfinite(faces.after).all()
    assert np.isfinite(faces.before).sum() == 50


def test_a_face_in_another_frame_is_looked_for_where_it_is(talk: Path, tmp_path: Path) -> None:
    """A model that pads the picture moves the mouth; it is not read from the old place."""
    padded = tmp_path / "o.mp4"
    ffmpeg("-i", TALK, "-an", "-vf", "pad=iw*2:ih:iw:0", "-c:v", "libx264", "-crf", "12", padded)
    same, moved = view(TALK, RATE, talk)[0], view(padded, RATE, talk)[0]
    assert np.nanmean(np.abs(moved.after - same.after)) < 0.1


def test_an_output_of_another_size_is_held_against_the_same_places(
    talk: Path, tmp_path: Path
) -> None:
    smaller = tmp_path / "o.mp4"
    ffmpeg("-i", TALK, "-an", "-vf", "scale=320:-2", "-c:v", "libx264", "-crf", "12", smaller)
    same = view(TALK, RATE, talk)[0]
    faces, frames = view(smaller, RATE, talk)
    assert np.nanmean(np.abs(faces.after - same.after)) < 0.1
    assert read_picture(frames).slip_frames == 0


def test_what_is_longer_than_what_was_sent_is_compared_to_nothing(tmp_path: Path) -> None:
    long = make_clip(tmp_path / "long.mp4", frames=30)
    short = imprint_of(make_clip(tmp_path / "short.mp4", frames=20), tmp_path / "i.imprint")
    frames = view(long, RATE, short)[1]
    assert np.isfinite(frames.brighter).sum() == 20
    assert len(frames.moved) == 30


@pytest.mark.parametrize("content", [b"", b"x" * 10, b"not an imprint" * 100])
def test_another_file_is_no_imprint(tmp_path: Path, content: bytes) -> None:
    strange = tmp_path / "x.imprint"
    strange.write_bytes(content)
    with pytest.raises(MediaError, match=r"is not the imprint of a video"), reading(strange):
        pass


def test_an_imprint_that_is_cut_off_or_gone_is_no_shorter_video(talk: Path, tmp_path: Path) -> None:
    whole = talk.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2):
        short = tmp_path / "short.imprint"
        short.write_bytes(whole[:length])
        with pytest.raises(MediaError, match="cut off"):
            glimpses(short)
    with pytest.raises(MediaError, match="cannot be read"):
        view(TALK, RATE, tmp_path / "gone.imprint")


def test_pictures_of_two_sizes_leave_no_imprint(tmp_path: Path) -> None:
    with (tmp_path / "i.imprint").open("wb") as file:
        imprinter = Imprinter(file, RATE)
        imprinter.see(np.zeros((240, 320), np.uint8))
        with pytest.raises(MediaError, match="frame 1 is of another size"):
            imprinter.see(np.zeros((480, 640), np.uint8))
