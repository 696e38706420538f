"""Migrations: a ledger of an earlier Dubline becomes one of this, whole, whoever opens it."""

import sqlite3
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from lipsync.errors import StorageError
from lipsync.home import Home
from lipsync.ledger import Ledger, database
from lipsync.ledger.migrations import STEPS, migrate
from lipsync.ledger.schema import HEAD, metadata
from lipsync.tickets import TicketState
from tests.lipsync.conftest import Shelf
from tests.lipsync.deaths import CALLS, at_once, die_at
from tests.lipsync.orders import make_order

FIRST_LEDGER = (Path(__file__).parents[1] / "ledger_v1.sql").read_text(encoding="utf-8")
DAY = "day:2026-11-20"


def first_ledger(home: Home) -> Path:
    """Write a ledger as the first Dubline left it."""
    with sqlite3.connect(home.ledger) as file:
        file.execute("PRAGMA journal_mode=WAL")  # as it did; a file keeps it
        file.executescript(FIRST_LEDGER)
    file.close()
    return home.ledger


@pytest.fixture
def engine(shelf: Shelf) -> Iterator[sa.Engine]:
    """An empty database, without any tables."""
    url = shelf.place if isinstance(shelf.place, str) else f"sqlite:///{shelf.place}"
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


def test_a_ledger_from_before_alembic_is_taken_over_with_all_that_is_in_it(home: Home) -> None:
    ledger = Ledger(first_ledger(home))
    states = {ticket.key: ticket.state.value for ticket in ledger.tickets()}
    assert states == {
        "intended": "intended",
        "delivered": "delivered",
        "unknown": "unknown",
        "failed": "failed",
        "left": "submitting",
    }
    delivered = ledger.ticket(2)
    assert (delivered.request_id, delivered.billed_usd) == ("job-1", Decimal("0.04"))
    assert (delivered.notes, delivered.day) == (("a note",), "2026-11-20")
    assert [event.state.value for event in ledger.history(delivered)][-1] == "delivered"


def test_what_was_spent_before_counts_on_its_day(home: Home) -> None:
    """0.04 as billed, 0.25 unknown, 0.01 halfway; a failure that cost nothing, nothing."""
    assert Ledger(first_ledger(home)).spent(DAY).usd == Decimal("0.30")


def test_a_ticket_of_a_taken_over_ledger_goes_on(home: Home) -> None:
    ledger = Ledger(first_ledger(home))
    left = ledger.ticket(5)
    assert ledger.unknown(left, "its worker died").state is TicketState.UNKNOWN
    assert ledger.intend(make_order("intended")).ours
    assert ledger.intend(make_order("unpriced", quoted_usd=None)).ours
    with sqlite3.connect(home.ledger) as file:
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []


def test_the_steps_lead_to_the_tables_a_new_ledger_gets(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(sa.text("DROP TABLE alembic_version"))
        migrate(connection)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": _ours}
        )
        assert compare_metadata(context, metadata) == []


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name == "alembic_version")


def test_the_newest_step_is_the_one_that_is_written_down() -> None:
    assert STEPS.get_current_head() == HEAD


def test_eight_processes_that_open_an_old_ledger_at_once_migrate_it_once(home: Home) -> None:
    place = first_ledger(home)
    at_once(8, lambda _number: Ledger(place).ticket(2))
    assert Ledger(place).spent(DAY).usd == Decimal("0.30")


def test_killed_anywhere_in_a_migration_the_ledger_is_migrated_by_the_next(home: Home) -> None:
    point = 1
    first_ledger(home)
    while die_at(point, lambda: Ledger(home.ledger).tickets(), points=CALLS):
        ledger = Ledger(home.ledger)
        assert (len(ledger.tickets()), ledger.spent(DAY).usd) == (5, Decimal("0.30"))
        ledger.close()
        for path in home.root.glob("ledger.sqlite*"):
            path.unlink()
        first_ledger(home)
        point += 23
    assert point > 100


def test_a_ledger_that_stands_at_the_head_is_opened_without_alembic(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.open().intend(make_order())
    monkeypatch.setitem(sys.modules, "lipsync.ledger.migrations", None)
    assert len(shelf.open().tickets()) == 1


def test_a_ledger_of_a_later_dubline_is_not_touched(shelf: Shelf) -> None:
    ledger = shelf.open()
    with ledger._writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0099'"))
    with pytest.raises(StorageError, match="version 0099"):
        shelf.open().intend(make_order())
    assert database._stands_at(ledger._engine) == "0099"


def test_the_first_dubline_does_not_write_to_a_ledger_of_this_one(ledger: Ledger) -> None:
    """It writes to ledgers of version 1 only."""
    with ledger._reading() as connection:
        assert connection.execute(sa.text("SELECT version FROM schema_version")).scalar() == 2
