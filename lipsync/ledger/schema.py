"""The ledger's tables: one row per ticket, one row per move of a ticket.

Plain SQL types only, so that the same tables stand in SQLite and in PostgreSQL. A change to them
raises `VERSION` and needs a migration; a ledger of another version is never written to.
"""

import sqlalchemy as sa

VERSION = 1


# Money and moments are text, exact in every database: money as its digits, a moment as ISO 8601 in
# UTC and of one length, so that the order of the text is the order of time. `rows` writes them.
USD = sa.String(32)
UTC = sa.String(32)
STATE = sa.String(16)

metadata = sa.MetaData()

schema_version = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer))

tickets = sa.Table(
    "tickets",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(128), nullable=False, unique=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("state", STATE, nullable=False, index=True),
    sa.Column("vendor", sa.String(64), nullable=False),
    sa.Column("model", sa.String(128), nullable=False),
    sa.Column("endpoint", sa.String(256), nullable=False),
    sa.Column("order", sa.Text, nullable=False),
    sa.Column("request_id", sa.String(256), index=True),
    sa.Column("urls", sa.Text, nullable=False),
    sa.Column("quoted_usd", USD, nullable=False),
    sa.Column("billed_usd", USD),
    sa.Column("delivery", sa.Text),
    sa.Column("notes", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
    sa.Column("created_at", UTC, nullable=False),
    sa.Column("updated_at", UTC, nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("ticket_id", sa.ForeignKey("tickets.id"), nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("state", STATE, nullable=False),
    sa.Column("request_id", sa.String(256)),
    sa.Column("billed_usd", USD),
    sa.Column("detail", sa.Text),
    sa.Column("at", UTC, nullable=False),
)
