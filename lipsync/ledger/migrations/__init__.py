"""Migrations: how a ledger written by an earlier Dubline becomes one of this.

Importing it loads Alembic; only a ledger that does not stand at `schema.HEAD` needs it.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import RevisionStep
from alembic.script import ScriptDirectory

from lipsync.ledger.schema import metadata

STEPS = ScriptDirectory(str(Path(__file__).parent))


def migrate(connection: sa.Connection, to: str = "head") -> None:
    """Take the steps from where a ledger stands to `to`, in the transaction of the caller."""

    def steps(here: tuple[str, ...], _context: object) -> list[RevisionStep]:
        return STEPS._upgrade_revs(to, here)  # type: ignore[arg-type]  # noqa: SLF001  as alembic.command does

    with EnvironmentContext(Config(), STEPS, fn=steps, destination_rev=to) as environment:
        environment.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            transactional_ddl=False,
        )
        environment.run_migrations()
