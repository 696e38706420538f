"""fal's CDN as a host: through fal's own uploader, against the emulator, over TLS."""

from pathlib import Path

import httpx
import pytest

from lipsync.emulator import emulating
from lipsync.hosting import FalCdnSettings, hosting_of
from lipsync.store import Store
from tests.lipsync.orders import kept

pytest.importorskip("trustme")


def test_a_file_is_uploaded_once_and_anybody_can_fetch_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"picture" * 100)
    file = kept(store, path)
    with emulating(tmp_path) as emulator:
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        links = {hosting_of(FalCdnSettings(), store).link(file) for _ in range(2)}
        [link] = links
        assert httpx.get(link).content == path.read_bytes()
        assert emulator.account().calls["fal upload"] == 1
        assert not emulator.account().turned_away
