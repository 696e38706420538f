"""The ledger as it was before Alembic: tickets and their moves."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table("schema_version", sa.Column("version", sa.Integer))
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(128), nullable=False, unique=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("vendor", sa.String(64), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("endpoint", sa.String(256), nullable=False),
        sa.Column("order", sa.Text, nullable=False),
        sa.Column("request_id", sa.String(256), index=True),
        sa.Column("urls", sa.Text, nullable=False),
        sa.Column("quoted_usd", sa.String(32), nullable=False),
        sa.Column("billed_usd", sa.String(32)),
        sa.Column("delivery", sa.Text),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("detail", sa.Text),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("updated_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ticket_id", sa.Integer, sa.ForeignKey("tickets.id"), nullable=False, index=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("request_id", sa.String(256)),
        sa.Column("billed_usd", sa.String(32)),
        sa.Column("detail", sa.Text),
        sa.Column("at", sa.String(32), nullable=False),
    )
