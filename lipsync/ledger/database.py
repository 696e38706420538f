"""The ledger's database: opened so that what is committed survives, and errors read well."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lipsync.disk import disk_errors
from lipsync.errors import StorageError
from lipsync.ledger.schema import (
    HEAD,
    NOT_FOR_OLD,
    OLD_VERSION,
    alembic_version,
    metadata,
    schema_version,
)
from lipsync.locks import alone

# How long a writer waits for another before it gives up; a ledger write takes milliseconds, so
# this only ends when a disk hangs or a machine is badly overloaded.
BUSY_MS = 60_000

# Execution options of a connection that only reads: it takes no lock and waits for no one.
READING = {"dubline_reading": True}

# Whoever migrates a ledger on PostgreSQL holds this advisory lock: the letters "dubl" as a number.
_MIGRATING = int.from_bytes(b"dubl")


def opened(url: sa.URL) -> sa.Engine:
    """Open a ledger's database: made when it is new, migrated when it is of an earlier Dubline.

    Raises:
        StorageError: It cannot be opened, or was written by a later Dubline.
    """
    with database_errors(url):
        engine = _engine(url)
        if engine.dialect.name == "sqlite" and url.database:
            with disk_errors(Path(url.database)):
                Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        if _is_new(url) or _stands_at(engine) != HEAD:
            _bring_to_head(engine)
    return engine


def _is_new(url: sa.URL) -> bool:
    """Say whether a SQLite file has yet to be made: its first connection needs it for itself."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return False
    path = Path(url.database)
    return not path.exists() or path.stat().st_size == 0


def _engine(url: sa.URL) -> sa.Engine:
    """Connect on demand; a connection the server has closed meanwhile is replaced."""
    try:
        on_a_server = url.get_backend_name() != "sqlite"
        engine = sa.create_engine(url, pool_pre_ping=on_a_server, pool_timeout=BUSY_MS / 1000)
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise StorageError(
            f"{url.render_as_string()}: needs a database driver that is not installed ({error}); "
            "install dubline[postgres], or name a SQLite file"
        ) from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        sa.event.listen(engine, "connect", _set_up_server)
    return engine


def clock(connection: sa.Connection) -> datetime:
    """Read the one clock all workers of a ledger share: the server's; for a file, the machine's."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


def take_turns(connection: sa.Connection, over: str) -> None:
    """Be the only transaction that decides over something, from here until it ends.

    SQLite lets one worker write at a time anyhow.
    """
    if connection.dialect.name != "sqlite":
        lock = int.from_bytes(sha256(over.encode()).digest()[:8], signed=True)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))


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


def _set_up_server(connection: Any, _record: object) -> None:
    """Have a commit on the server's disk before it is answered, whatever the server's default."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )
        cursor.execute(f"SET lock_timeout = {BUSY_MS}")
    connection.commit()


def _stands_at(engine: sa.Engine) -> str | None:
    """Say at which migration a ledger stands; None when it is new, or older than migrations."""
    with engine.connect() as connection:
        connection.execution_options(**READING)  # in place
        if not sa.inspect(connection).has_table(alembic_version.name):
            return None
        stands_at: str | None = connection.execute(
            sa.select(alembic_version.c.version_num)
        ).scalar()
        return stands_at


def _bring_to_head(engine: sa.Engine) -> None:
    """Make or migrate the tables in one transaction, one worker at a time."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
            _make_or_migrate(connection)
        return
    path = Path(engine.url.database or "ledger")
    with alone(path.with_name(f"{path.name}.setup")), engine.connect() as connection:
        # A table that others refer to is rebuilt under another name: no reference may be checked.
        # It must be said outside a transaction, and is unsaid before the pool has it back.
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                _make_or_migrate(connection)
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _make_or_migrate(connection: sa.Connection) -> None:
    there = set(sa.inspect(connection).get_table_names())
    if "tickets" not in there:
        metadata.create_all(connection)
        connection.execute(alembic_version.insert().values(version_num=HEAD))
        connection.execute(schema_version.insert().values(version=NOT_FOR_OLD))
        return
    if alembic_version.name not in there:
        _take_over(connection)
    from lipsync.ledger.migrations import STEPS, migrate  # noqa: PLC0415  loads Alembic

    stands_at = connection.execute(sa.select(alembic_version.c.version_num)).scalar()
    if stands_at not in {step.revision for step in STEPS.walk_revisions()}:
        raise StorageError(_say_unknown(connection, stands_at))
    migrate(connection)


def _take_over(connection: sa.Connection) -> None:
    """Begin to keep the version of a ledger that was made before Alembic."""
    version = connection.execute(sa.select(schema_version.c.version)).scalar()
    if version != OLD_VERSION:
        raise StorageError(_say_unknown(connection, version))
    alembic_version.create(connection)
    connection.execute(alembic_version.insert().values(version_num="0001"))


def _say_unknown(connection: sa.Connection, version: object) -> str:
    return (
        f"{connection.engine.url.render_as_string()}: is a ledger of version {version}, this "
        f"Dubline knows those up to {HEAD}; use the Dubline that wrote it, or another ledger"
    )


@contextmanager
def database_errors(url: sa.URL) -> Iterator[None]:
    """Turn what a database says about its disk or its server into one clear sentence.

    Raises:
        StorageError: In place of any operational or corruption error.
    """
    try:
        yield
    except sa.exc.TimeoutError as error:  # of the pool
        raise StorageError(
            f"{url.render_as_string()}: no connection was free for {BUSY_MS // 1000} s; "
            "run less at once, or use a faster disk or server"
        ) from error
    except (sa.exc.OperationalError, sa.exc.DatabaseError) as error:
        if isinstance(error, sa.exc.IntegrityError | sa.exc.ProgrammingError):
            raise
        raise StorageError(
            f"{url.render_as_string()}: the ledger cannot be used ({error.orig}); "
            "make room, check its permissions, or name another ledger"
        ) from error
