"""Revision 0008: overrides of marks with their confirmations and revocations, and calendar events; append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.String(64)
_TIME = sa.DateTime(timezone=True)

# Keys that no two rows of a table may share, the hidden one of SQLite among them.
_KEYS = {
    "mark_overrides": (("override_id",), ("rowid",)),
    "mark_override_steps": (("step_id",), ("override_id", "action"), ("rowid",)),
    "calendar_events": (("event_id",), ("event", "version"), ("rowid",)),
}


def _overrides() -> None:
    op.create_table(
        "mark_overrides",
        sa.Column("override_id", _ID, primary_key=True),
        sa.Column("contract", sa.String(16), nullable=False),
        sa.Column("trade_date", sa.Date, nullable=False),
        sa.Column("level", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("reason <> ''", name="mark_overrides_reason"),
        sa.CheckConstraint("person <> ''", name="mark_overrides_person"),
    )
    op.create_table(
        "mark_override_steps",
        sa.Column("step_id", _ID, primary_key=True),
        sa.Column("override_id", _ID, sa.ForeignKey("mark_overrides.override_id"), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.UniqueConstraint("override_id", "action", name="mark_override_steps_once"),
        sa.CheckConstraint("action IN ('confirm', 'revoke')", name="mark_override_steps_action"),
        sa.CheckConstraint("person <> ''", name="mark_override_steps_person"),
    )


def _events() -> None:
    op.create_table(
        "calendar_events",
        sa.Column("event_id", _ID, primary_key=True),
        sa.Column("event", _ID, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("instrument", sa.String(64), nullable=False),
        sa.Column("event_date", sa.Date, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount", sa.Double),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.UniqueConstraint("event", "version", name="calendar_events_versions"),
        sa.CheckConstraint("source <> ''", name="calendar_events_source"),
        sa.CheckConstraint("person <> ''", name="calendar_events_person"),
    )


def _sqlite_triggers(table: str) -> None:
    """INSERT OR REPLACE deletes without firing a DELETE trigger, so a key that exists is refused on INSERT as well."""
    message = f"the ledger is append-only: {table} takes no"
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{message} {verb}'); END"
        )
    same = " OR ".join("(" + " AND ".join(f"{c} = NEW.{c}" for c in key) + ")" for key in _KEYS[table])
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
        f"BEGIN SELECT RAISE(ABORT, '{message} REPLACE'); END"
    )


def _postgres_triggers(table: str) -> None:
    """The function is that of revision 0001."""
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only")


def upgrade() -> None:
    _overrides()
    _events()
    for table in _KEYS:
        if op.get_bind().dialect.name == "sqlite":
            _sqlite_triggers(table)
        else:
            _postgres_triggers(table)


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only: to go back, open a copy of the file from before the upgrade")
