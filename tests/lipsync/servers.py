"""A real PostgreSQL, from Debian's package, for as long as the tests run."""

import os
import pwd
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

Outage = Callable[[str], None]

BINARIES = Path("/usr/lib/postgresql")
# It refuses to run as root; Debian's package brings the first, every system has the second.
UNPRIVILEGED = ("postgres", "nobody")
# The server ends when its standard input does, so that killed tests leave none behind.
GUARD = '"$@" & cat; kill -INT $!; wait; cd /; rm -rf "$0"'


def why_none() -> str | None:
    """Say why there can be no PostgreSQL here; None when there can."""
    if not any(BINARIES.glob("*/bin/initdb")):
        return f"PostgreSQL is not installed ({BINARIES}): apt install postgresql"
    return None


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a server that only this machine reaches, by a socket in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="dubline-pg-"))
    binaries = max(BINARIES.glob("*/bin"))
    user = _unprivileged()
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    base, log = folder / "base", folder / "log"
    make = ("initdb", "--auth=trust", "--username=dubline", "--no-sync", "--encoding=UTF8")
    # Nothing here outlives the test run, and the clients are killed, not the machine.
    serve = ("postgres", "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off")
    command = [str(binaries / make[0]), "-D", str(base), *make[1:]]
    subprocess.run(command, check=True, user=user, cwd=folder, capture_output=True, timeout=120)
    command = [str(binaries / serve[0]), "-D", str(base), *serve[1:], "-c", "max_connections=200"]
    guard = ["sh", "-c", GUARD, str(folder), *command]
    with (
        log.open("wb") as said,
        subprocess.Popen(
            guard, user=user, cwd=folder, stdin=subprocess.PIPE, stdout=said, stderr=said
        ) as server,
    ):
        url = f"postgresql+psycopg://dubline@/postgres?host={quote(str(folder))}"
        _await(url, server, log)
        yield url
        server.communicate()


def _await(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server answers.

    Raises:
        RuntimeError: It has ended instead.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    while True:
        try:
            engine.connect().close()
        except sa.exc.OperationalError:
            if server.poll() is not None:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return


@contextmanager
def database(server: str, name: str) -> Iterator[tuple[str, Outage, Outage]]:
    """Make a database of its own, with a way to cut everyone off from it, and to mend that."""
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")

    def do(*statements: str) -> None:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    def cut_off(name: str) -> None:
        do(
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "  # noqa: S608  ours
            f"WHERE datname = '{name}'",
        )

    do(f"CREATE DATABASE {name}")
    try:
        address = server.replace("/postgres?", f"/{name}?")
        yield address, cut_off, lambda name: do(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    finally:
        do(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()


def _unprivileged() -> str | None:
    """Name a user to run as when we are root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)
