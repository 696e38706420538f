"""A real PostgreSQL, from Debian's package, for as long as the tests run."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

Outage = Callable[[str], None]

BINARIES = Path("/usr/lib/postgresql")
# It refuses to run as root; Debian's package brings the first, every system has the second.
UNPRIVILEGED = ("postgres", "nobody")


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
    base = folder / "base"

    def run(name: str, *arguments: str) -> None:
        command = [str(binaries / name), "-D", str(base), *arguments]
        subprocess.run(command, check=True, user=user, cwd=folder, capture_output=True, timeout=120)

    run("initdb", "--auth=trust", "--username=dubline", "--no-sync", "--encoding=UTF8")
    # Nothing here outlives the test run, and the clients are killed, not the machine.
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=200"
    run("pg_ctl", "start", "--wait", "-l", str(folder / "log"), "-o", options)
    try:
        yield f"postgresql+psycopg://dubline@/postgres?host={quote(str(folder))}"
    finally:
        run("pg_ctl", "stop", "--wait", "-m", "immediate")
        shutil.rmtree(folder, ignore_errors=True)


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
