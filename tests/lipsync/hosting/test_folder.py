"""A folder behind an address: what is copied there is what the address shows."""

import logging
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsync.errors import StorageError, UsageError, VendorBusy
from lipsync.hosting.folder import Folder
from lipsync.hosting.settings import FolderSettings
from lipsync.values import File
from tests.clips import as_file
from tests.lipsync.deaths import at_once
from tests.lipsync.hosting.servers import answering, serving, showing


@pytest.fixture
def clip(tmp_path: Path) -> File:
    path = tmp_path / "a clip.MP4"
    path.write_bytes(b"picture" * 100)
    path.chmod(0o400)
    return as_file(path)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[FolderSettings]:
    shown = tmp_path / "shown"
    shown.mkdir()
    with showing(shown) as url:
        yield FolderSettings(folder=shown, base_url=f"{url}/")


def test_a_file_is_shown_under_its_hash_whole_and_readable_by_all(
    settings: FolderSettings, clip: File
) -> None:
    secretive = os.umask(0o077)
    try:
        link = Folder(settings).link(clip)
    finally:
        os.umask(secretive)
    assert link == f"{settings.base_url}{clip.sha256}.mp4"
    [there] = settings.folder.iterdir()
    assert there.read_bytes() == clip.path.read_bytes()
    assert stat.S_IMODE(there.stat().st_mode) == 0o644


def test_a_file_that_is_there_is_left_alone_and_half_of_one_is_replaced(
    settings: FolderSettings, clip: File
) -> None:
    Folder(settings).link(clip)
    there = settings.folder / f"{clip.sha256}.mp4"
    written = there.stat().st_ino
    Folder(settings).link(clip)
    assert there.stat().st_ino == written
    there.write_bytes(b"half")
    Folder(settings).link(clip)
    assert there.read_bytes() == clip.path.read_bytes()


def test_an_address_that_shows_another_folder_is_refused_before_anything_is_bought(
    settings: FolderSettings, clip: File, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(UsageError, match="answers 404 instead of the file"):
        Folder(settings.model_copy(update={"folder": elsewhere})).link(clip)


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        pytest.param(200, b"login", UsageError, "leads to 5 bytes, the file has 700", id="page"),
        pytest.param(403, b"", UsageError, "answers 403", id="forbidden"),
        pytest.param(503, b"", VendorBusy, "answers 503 for now", id="busy"),
        pytest.param(429, b"", VendorBusy, "answers 429 for now", id="too many"),
    ],
)
def test_an_address_that_shows_something_else_is_refused(  # noqa: PLR0913, PLR0917  one table
    settings: FolderSettings,
    clip: File,
    status: int,
    body: bytes,
    error: type[Exception],
    says: str,
) -> None:
    with serving(answering(status, body)) as url, pytest.raises(error, match=says):
        Folder(settings.model_copy(update={"base_url": url})).link(clip)


def test_a_server_that_ignores_ranges_or_compresses_is_good_enough(
    settings: FolderSettings, clip: File
) -> None:
    whole = answering(200, clip.path.read_bytes())
    packed = answering(200, b"packed", Content_Encoding="br")
    for handler in (whole, packed):
        with serving(handler) as url:
            assert Folder(settings.model_copy(update={"base_url": url})).link(clip)


def test_nobody_at_the_address_is_for_later_unless_links_are_not_looked_at(
    settings: FolderSettings, clip: File
) -> None:
    away = settings.model_copy(update={"base_url": "http://127.0.0.1:9"})
    with pytest.raises(VendorBusy, match="does not answer"):
        Folder(away).link(clip)
    unlooked = away.model_copy(update={"check_links": False})
    assert Folder(unlooked).link(clip).startswith("http://127.0.0.1:9/")


def test_no_folder_and_no_room_are_said(settings: FolderSettings, clip: File) -> None:
    absent = settings.folder / "absent"
    with pytest.raises(UsageError, match="is no folder"):
        Folder(settings.model_copy(update={"folder": absent})).link(clip)

    def copy_to_a_full_disk(_number: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
        with pytest.raises(StorageError, match="MB free"):
            Folder(settings).link(clip)

    at_once(1, copy_to_a_full_disk)
    assert not list(settings.folder.iterdir())


def test_a_query_in_the_log_is_cut_and_the_address_stays(
    settings: FolderSettings, clip: File, caplog: pytest.LogCaptureFixture
) -> None:
    from lipsync.hosting.links import check_link

    caplog.set_level(logging.INFO, "httpx")
    check_link(f"{Folder(settings).link(clip)}?signature=planted", clip)
    assert clip.sha256 in caplog.text
    assert "planted" not in caplog.text
