"""What batches that wait for a person need: their plans, and what was said about them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of approvals."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("batch", sa.String(64), nullable=False, index=True),
        sa.Column("total_usd", sa.String(64), nullable=False),
        sa.Column("unpriced", sa.Integer, nullable=False),
        sa.Column("purchases", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("deployment", sa.String(64)),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("decided_at", sa.String(32)),
        sa.Column("decided_by", sa.String(256)),
        sa.Column("note", sa.Text),
        sa.Column("used_at", sa.String(32)),
        sa.Column("run", sa.String(256)),
    )
