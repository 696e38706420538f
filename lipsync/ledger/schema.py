"""The ledger's tables: tickets, their moves, what was spent so far, and what was approved.

Plain SQL types only, so that the same tables stand in SQLite and in PostgreSQL. A change to them is
a new step in `lipsync/ledger/migrations/versions`, and a new `HEAD` here.
"""

import sqlalchemy as sa

# The newest step in `migrations/versions`: a ledger that stands there is opened without Alembic.
HEAD = "0004"
# What ledgers before Alembic carried. A Dubline of that time refuses any other number, and so
# never writes to a ledger it does not understand.
OLD_VERSION, NOT_FOR_OLD = 1, 2

# Money and moments are text, exact in every database: money as its digits, a moment as ISO 8601 in
# UTC and of one length, so that the order of the text is the order of time. `rows` writes them.
USD = sa.String(64)
UTC = sa.String(32)
STATE = sa.String(16)

metadata = sa.MetaData()

schema_version = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer))

# Alembic's own table, named and shaped as it does.
alembic_version = sa.Table(
    "alembic_version",
    metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

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
    sa.Column("request_id", sa.Text, index=True),
    sa.Column("urls", sa.Text, nullable=False),
    sa.Column("quoted_usd", USD),
    sa.Column("billed_usd", USD),
    sa.Column("delivery", sa.Text),
    sa.Column("notes", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
    sa.Column("created_at", UTC, nullable=False),
    sa.Column("updated_at", UTC, nullable=False),
    sa.Column("dub", sa.String(128), index=True),
    sa.Column("run", sa.String(256), index=True),
    sa.Column("day", sa.String(10), index=True),
    sa.Column("media", sa.Text),
    sa.Column("sent_at", UTC),
    sa.Column("lease_holder", sa.String(128)),
    sa.Column("lease_until", UTC),
    sa.Column("flaw", sa.Text),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("ticket_id", sa.ForeignKey("tickets.id"), nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("state", STATE, nullable=False),
    sa.Column("request_id", sa.Text, index=True),
    sa.Column("billed_usd", USD),
    sa.Column("detail", sa.Text),
    sa.Column("at", UTC, nullable=False),
)

# One row per run and per day: what its tickets come to, kept in the transaction that moves them.
# So a budget is checked in one row, however many tickets there are. See `lipsync.budget`.
totals = sa.Table(
    "totals",
    metadata,
    sa.Column("scope", sa.String(264), primary_key=True),
    sa.Column("nano_usd", sa.BigInteger, nullable=False),
    sa.Column("unpriced", sa.Integer, nullable=False),
)

# Batches that cost more than they may by themselves, and what was said. See `lipsync.approval`.
approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("state", STATE, nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("batch", sa.String(64), nullable=False, index=True),
    sa.Column("total_usd", USD, nullable=False),
    sa.Column("unpriced", sa.Integer, nullable=False),
    sa.Column("purchases", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("deployment", sa.String(64)),
    sa.Column("asked_at", UTC, nullable=False),
    sa.Column("decided_at", UTC),
    sa.Column("decided_by", sa.String(256)),
    sa.Column("note", sa.Text),
    sa.Column("used_at", UTC),
    sa.Column("run", sa.String(256)),
)

# Dubs that were delivered and are not right, and what was said about them. See `lipsync.review`.
reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("state", STATE, nullable=False, index=True),
    sa.Column("dub_key", sa.String(64), nullable=False),
    sa.Column("ticket_id", sa.ForeignKey("tickets.id"), nullable=False),
    sa.Column("output", sa.Text, nullable=False),
    sa.Column("output_sha256", sa.String(64), nullable=False),
    sa.Column("model", sa.String(128), nullable=False),
    sa.Column("doubts", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("asked_at", UTC, nullable=False),
    sa.Column("decided_at", UTC),
    sa.Column("decided_by", sa.String(256)),
    sa.Column("note", sa.Text),
    sa.Column("redo", sa.Text),
    sa.Column("redo_ticket_id", sa.ForeignKey("tickets.id")),
    sa.UniqueConstraint("dub_key", "ticket_id", name="uq_reviews_dub_ticket"),
)
