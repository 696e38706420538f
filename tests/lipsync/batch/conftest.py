"""A depot of each test's own, and one without vendors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batches import Depot, open_depot

pytest.importorskip("trustme")


@pytest.fixture
def depot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Depot]:
    with open_depot(tmp_path, monkeypatch.setenv) as opened:
        yield opened
