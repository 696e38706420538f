"""The ledger's database: opened so that what is committed survives, and errors read well."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lipsync.disk import alone, disk_errors
from lipsync.errors import StorageError
from lipsync.ledger.schema import VERSION, metadata, schema_version

# How long a writer waits for another before it gives up; a ledger write takes milliseconds, so
# this only ends when a disk hangs or a machine is badly overloaded.
BUSY_MS = 60_000

# Execution options of a connection that only reads: it takes no lock and waits for no one.
READING = {"dubline_reading": True}


def opened(url: sa.URL) -> sa.Engine:
    """Open a ledger's database, making its tables when it is new.

    Raises:
        StorageError: It cannot be opened, or belongs to another version of Dubline.
    """
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    with database_errors(url):
        if url.database and engine.dialect.name == "sqlite":
            path = Path(url.database)
            with disk_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            with alone(path.with_name(f"{path.name}.setup")):
                _make_tables(engine)
        else:
            _make_tables(engine)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Readers never wait (WAL), a commit is on the disk (FULL), and we begin transactions."""
    connection.isolation_level = None  # sqlite3 would begin them late, and silently
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    """Take the write lock at once, for a read that turns into a write cannot wait for it later."""
    mode = (
        "DEFERRED" if READING.items() <= connection.get_execution_options().items() else "IMMEDIATE"
    )
    connection.exec_driver_sql(f"BEGIN {mode}")


def _make_tables(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        metadata.create_all(connection)
        version = connection.execute(sa.select(schema_version.c.version)).scalar()
        if version is None:
            connection.execute(schema_version.insert().values(version=VERSION))
        elif version != VERSION:
            raise StorageError(
                f"{engine.url.render_as_string()}: is a ledger of version {version}, this Dubline "
                f"writes version {VERSION}; use the Dubline that made it, or another ledger"
            )


@contextmanager
def database_errors(url: sa.URL) -> Iterator[None]:
    """Turn what a database says about its disk or its server into one clear sentence.

    Raises:
        StorageError: In place of any operational or corruption error.
    """
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.DatabaseError) as error:
        if isinstance(error, sa.exc.IntegrityError | sa.exc.ProgrammingError):
            raise
        raise StorageError(
            f"{url.render_as_string()}: the ledger cannot be used ({error.orig}); "
            "make room, check its permissions, or name another ledger"
        ) from error
