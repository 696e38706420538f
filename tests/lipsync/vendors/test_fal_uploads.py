"""fal, uploads: the same content once while its link lives; whatever goes wrong bought nothing."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lipsync.errors import MediaError, VendorBusy, VendorError, VendorRefused
from lipsync.store import Store
from lipsync.vendors.fal import uploads
from lipsync.vendors.protocol import Standing
from tests.clips import as_file
from tests.lipsync.vendors.falshop import Shop, make_order, open_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with open_shop(tmp_path, monkeypatch.setenv) as opened:
        yield opened


def test_the_same_content_is_uploaded_once_for_all_orders_and_processes(shop: Shop) -> None:
    first = shop.vendor.prepare(shop.order("sync-2"))
    again = shop.again().prepare(shop.order("sync-3"))
    assert first == again
    assert shop.calls("upload") == 2


def test_everything_is_uploaded_over_connections_that_are_kept(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.vendor.prepare(shop.order())
    made: list[object] = []
    make = httpx.Client.__init__
    monkeypatch.setattr(
        httpx.Client, "__init__", lambda self, **how: (made.append(self), make(self, **how))[1]
    )
    shop.vendor.prepare(make_order(shop.video, shop.voice, generation=2))
    assert (shop.calls("upload"), made) == (4, [])


def test_a_link_that_answered_a_moment_ago_is_not_asked_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = httpx.Client.stream

    def noted(self: httpx.Client, method: str, url: str, **how: Any) -> Any:
        asked.append(url)
        return ask(self, method, url, **how)

    first = shop.vendor.prepare(shop.order())
    monkeypatch.setattr(httpx.Client, "stream", noted)
    for _ in range(3):
        assert shop.vendor.prepare(shop.order()) == first
    assert sorted(asked) == sorted([first.video_url, first.voice_url])


def test_each_generation_has_links_of_its_own(shop: Shop) -> None:
    first = shop.vendor.prepare(shop.order())
    second = shop.vendor.prepare(make_order(shop.video, shop.voice, generation=2))
    assert {first.video_url, first.voice_url}.isdisjoint({second.video_url, second.voice_url})


def test_a_link_that_died_is_made_anew(shop: Shop) -> None:
    shop.vendor = shop.again(upload_lifetime_s=3_600)
    first = shop.vendor.prepare(shop.order())
    shop.emulator.clock.advance(3_601)
    assert shop.vendor.prepare(shop.order()) != first
    assert shop.calls("upload") == 4


def test_a_link_with_less_than_half_its_life_is_made_anew(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.vendor.prepare(shop.order())
    half_s = shop.vendor._settings.upload_lifetime_s / 2
    later_s = time.time() + half_s + 60
    monkeypatch.setattr(uploads.time, "time", lambda: later_s)
    assert shop.vendor.prepare(shop.order()) != first


def test_a_name_no_header_can_carry_is_not_sent(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "Größe — 声.MP4"
    shutil.copyfile(shop.video.path, path)
    order = make_order(as_file(path), shop.voice)
    media = shop.vendor.prepare(order)
    assert media.video_url.isascii()
    assert media.video_url.endswith(".mp4")
    assert shop.ended(shop.bought(order)).state is Standing.DONE


def test_a_file_that_changed_since_it_was_ordered_is_not_sent(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    shutil.copyfile(shop.video.path, path)
    order = make_order(as_file(path), shop.voice)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(MediaError, match="gone or altered"):
        shop.vendor.prepare(order)
    assert shop.calls("upload") == 0


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("token_401", VendorRefused, "set FAL_KEY"),
        ("upload_500", VendorBusy, "500"),
        ("upload_503", VendorBusy, "503"),
    ],
)
def test_an_upload_that_failed_bought_nothing_and_may_be_made_again(
    shop: Shop, fault: str, error: type[VendorError], words: str
) -> None:
    shop.emulator.fault(fault)
    with pytest.raises(error, match=words) as caught:
        shop.vendor.prepare(shop.order())
    assert type(caught.value) is error
    assert shop.ended(shop.bought()).state is Standing.DONE
    assert len(shop.emulator.account().accepted) == 1


def test_an_upload_that_breaks_off_is_repeated_by_fals_client(shop: Shop) -> None:
    shop.emulator.fault("upload_cut")
    shop.vendor.prepare(shop.order())
    assert shop.calls("upload") == 3


def test_small_files_travel_in_the_request_when_asked(shop: Shop) -> None:
    shop.vendor = shop.again(inline_bytes=shop.video.size_bytes)
    media = shop.vendor.prepare(shop.order())
    assert media.video_url.startswith("data:video/mp4;base64,")
    assert media.voice_url.startswith("https://")
    assert shop.calls("upload") == 1


def large(store: Store) -> Path:
    """Make a file just over what fal takes in one piece (100 MiB); it is a hole, and costs none."""
    path = store.home.folder() / "large.mp4"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20 + 1)
    return path


def test_a_large_file_goes_in_parts_and_a_part_that_fails_bought_nothing(shop: Shop) -> None:
    video = as_file(large(shop.store))
    for fault in ("part_500", "part_without_etag"):
        shop.emulator.fault(fault)
        with pytest.raises(VendorBusy, match="upload"):
            shop.vendor.uploads.link(video)
    link = shop.vendor.uploads.link(video)
    assert shop.vendor.uploads.link(video) == link
    assert shop.calls("complete") == 1
