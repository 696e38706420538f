"""What paid vendors need: media, leases, runs, days, and totals for the budgets."""

from decimal import ROUND_CEILING, Decimal

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# As `lipsync.budget` counts: billionths, rounded up per ticket.
_NANO = Decimal("1E-9")
# As `lipsync.budget` has it: an intended ticket that nobody holds takes nothing.
_NOT_COUNTED = "intended"

_NEW_COLUMNS = (
    ("dub", sa.String(128)),
    ("run", sa.String(256)),
    ("day", sa.String(10)),
    ("media", sa.Text()),
    ("sent_at", sa.String(32)),
    ("lease_holder", sa.String(128)),
    ("lease_until", sa.String(32)),
    ("flaw", sa.Text()),
)
_NEW_INDEXES = ("dub", "run", "day")


def upgrade() -> None:
    """Widen the tickets, and count what was spent on each day."""
    with op.batch_alter_table("tickets") as table:
        table.alter_column("quoted_usd", existing_type=sa.String(32), type_=sa.String(64))
        table.alter_column("quoted_usd", existing_type=sa.String(64), nullable=True)
        table.alter_column("billed_usd", existing_type=sa.String(32), type_=sa.String(64))
        table.alter_column("request_id", existing_type=sa.String(256), type_=sa.Text())
        for name, kind in _NEW_COLUMNS:
            table.add_column(sa.Column(name, kind))
    with op.batch_alter_table("events") as table:
        table.alter_column("billed_usd", existing_type=sa.String(32), type_=sa.String(64))
        table.alter_column("request_id", existing_type=sa.String(256), type_=sa.Text())
    for name in _NEW_INDEXES:
        op.create_index(f"ix_tickets_{name}", "tickets", [name])
    op.create_index("ix_events_request_id", "events", ["request_id"])
    op.create_table(
        "totals",
        sa.Column("scope", sa.String(264), primary_key=True),
        sa.Column("nano_usd", sa.BigInteger, nullable=False),
        sa.Column("unpriced", sa.Integer, nullable=False),
    )
    _count_days(op.get_bind())
    op.execute(sa.text("UPDATE schema_version SET version = 2"))


def _count_days(connection: sa.Connection) -> None:
    """Put every ticket on the budget of the day it was ordered, and add the days up."""
    connection.execute(sa.text("UPDATE tickets SET day = substr(created_at, 1, 10)"))
    rows = connection.execute(
        sa.text("SELECT day, state, quoted_usd, billed_usd FROM tickets")
    ).mappings()
    days: dict[str, int] = {}
    for row in rows:
        usd = Decimal(row["quoted_usd"] if row["billed_usd"] is None else row["billed_usd"])
        nano_usd = int((usd / _NANO).to_integral_value(ROUND_CEILING))
        if row["state"] != _NOT_COUNTED and nano_usd:
            days[row["day"]] = days.get(row["day"], 0) + nano_usd
    add = sa.text("INSERT INTO totals (scope, nano_usd, unpriced) VALUES (:scope, :nano_usd, 0)")
    for day, nano_usd in days.items():
        connection.execute(add, {"scope": f"day:{day}", "nano_usd": nano_usd})
