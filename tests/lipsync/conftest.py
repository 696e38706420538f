"""Ledgers in both databases: the same tests run on each."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lipsync.home import Home
from lipsync.ledger import Ledger
from tests.lipsync.servers import postgresql, why_none

_schemas = itertools.count(1)


@dataclass(frozen=True)
class Shelf:
    """Where the ledger of a test is: any number of workers open it."""

    place: Path | str
    home: Home

    def open(self, where: str = "here", **more: Any) -> Ledger:
        """Open it as a worker does; another `where` is another machine: it sees no lock of ours."""
        return Ledger(self.place, self.home.folder("places", where), **more)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL."""
    why = why_none()
    if why is not None:
        pytest.skip(why)
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def shelf(request: pytest.FixtureRequest, home: Home) -> Iterator[Shelf]:
    """An empty ledger in either database."""
    if request.param == "sqlite":
        yield Shelf(home.ledger, home)
        return
    url, schema = request.getfixturevalue("server"), f"test_{next(_schemas)}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    yield Shelf(f"{url}&options=-csearch_path%3D{schema}", home)
    with engine.begin() as connection:
        connection.execute(sa.text("SET lock_timeout = 5000"))
        connection.execute(sa.schema.DropSchema(schema, cascade=True))
    engine.dispose()


@pytest.fixture
def ledger(shelf: Shelf) -> Iterator[Ledger]:
    """A worker's ledger."""
    ledger = shelf.open()
    yield ledger
    ledger.close()
