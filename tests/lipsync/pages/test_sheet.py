"""Claims about the page of a batch beside its dubs: real outputs, real thumbnails."""

import base64
import os
from pathlib import Path

import av
import pytest

from lipsync.home import Home
from lipsync.output import page_path
from lipsync.pages.sheet import put_batch_page, thumb_of
from lipsync.pages.story import BatchRow
from lipsync.requests import Moment, Span, Stills
from lipsync.thumb import ThumbRequest, make_thumb
from lipsync.workshop import Workshop
from tests.clips import as_file, make_clip, read_index
from tests.lipsync.pages.stories import batch, failed, row
from tests.lipsync.pages.test_dub_page import read


@pytest.fixture
def shop(home: Home) -> Workshop:
    return Workshop(home)


def plain(line: int) -> BatchRow:
    return row(line, output=None, page=None, thumb=None)


@pytest.fixture
def outputs(tmp_path: Path) -> dict[int, Path]:
    (tmp_path / "out").mkdir()
    return {
        line: make_clip(tmp_path / "out" / f"{line} ü.mp4", frames=30, first_index=100 * line)
        for line in (2, 3)
    }


def test_each_dub_is_linked_and_pictured_once(
    shop: Workshop, tmp_path: Path, outputs: dict[int, Path]
) -> None:
    page_path(outputs[2]).write_text("its page")
    story = batch(plain(2), plain(3), failed(4))
    page = put_batch_page(shop, story, tmp_path / "week.html", outputs)
    assert page is not None
    seen = read(page.read_text(encoding="utf-8"))
    links = [attrs["href"] for tag, attrs in seen.tags if tag == "a"]
    assert set(links) == {"./out/2%20%C3%BC.mp4.html", "./out/3%20%C3%BC.mp4"}
    pictures = [attrs["src"] or "" for tag, attrs in seen.tags if tag == "img"]
    assert [number_in(one, tmp_path) // 100 for one in pictures] == [2, 3]


def number_in(uri: str, folder: Path) -> int:
    place = folder / "picture.jpg"
    place.write_bytes(base64.b64decode(uri.partition(",")[2]))
    with av.open(str(place)) as container:
        return read_index(next(container.decode(video=0)))


def test_the_same_page_is_not_written_again(
    shop: Workshop, tmp_path: Path, outputs: dict[int, Path]
) -> None:
    place = tmp_path / "week.html"
    put_batch_page(shop, batch(plain(2), plain(3)), place, outputs)
    os.utime(place, (1, 1))
    put_batch_page(shop, batch(plain(2), plain(3)), place, outputs)
    assert place.stat().st_mtime == 1
    put_batch_page(shop, batch(plain(2)), place, outputs)
    assert place.stat().st_mtime > 1


def test_an_output_that_cannot_be_read_has_a_row_and_no_picture(
    shop: Workshop, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    page = put_batch_page(shop, batch(plain(2)), tmp_path / "week.html", {2: broken})
    assert page is not None
    text = page.read_text(encoding="utf-8")
    assert "./broken.mp4" in text
    assert "<img" not in text


def test_somebody_s_page_is_left_alone(shop: Workshop, tmp_path: Path) -> None:
    place = tmp_path / "week.html"
    place.write_text("somebody's work")
    assert put_batch_page(shop, batch(plain(2)), place, {}) is None
    assert place.read_text() == "somebody's work"


def test_a_thumbnail_is_small_keeps_its_shape_and_shows_what_is_a_third_in(
    shop: Workshop, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=60, size=(640, 360), gop=5)
    thumb = make_thumb(ThumbRequest(output=as_file(clip)), shop.store)
    with av.open(str(thumb.path)) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (160, 90)
    assert read_index(frame) == 20
    assert thumb.size_bytes < 8_000


def test_a_thumbnail_of_a_dub_whose_stills_are_here_is_made_of_one_and_opens_nothing(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = as_file(make_clip(tmp_path / "clip.mp4", frames=60, size=(640, 360), gop=5))
    at_20 = make_thumb(ThumbRequest(output=clip), shop.store)
    there = Span(first_byte=0, size_bytes=at_20.size_bytes)
    moment = Moment(at_s=0.8, before=there, after=there)
    monkeypatch.setattr("lipsync.thumb.open_media", None)
    thumb = thumb_of(shop, clip, Stills(file=at_20, moments=(moment,), loudest=0))
    assert thumb is not None
    with av.open(str(thumb.path)) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height, read_index(frame)) == (160, 90, 20)
    assert thumb_of(shop, clip) == thumb  # the sheet finds it
