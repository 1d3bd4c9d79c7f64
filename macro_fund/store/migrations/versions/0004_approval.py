"""Revision 0004: reviews, confirmations and refusals of decisions, append-only like the tables of revision 0001."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.String(64)
_TIME = sa.DateTime(timezone=True)

# Keys of each table: the primary one and those that no two rows may share.
_KEYS = {
    "reviews": ("decision_id",),
    "confirmations": ("confirmation_id", "decision_id"),
    "refusals": ("refusal_id",),
}


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("shown", _ID, nullable=False),
        sa.Column("checks", sa.JSON, nullable=False),
        sa.Column("second", sa.Text, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
    )


def _confirmations() -> None:
    op.create_table(
        "confirmations",
        sa.Column("confirmation_id", _ID, primary_key=True),
        sa.Column("decision_id", _ID, sa.ForeignKey("reviews.decision_id"), nullable=False, unique=True),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("shown", _ID, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("person <> ''", name="confirmations_person"),
    )


def _refusals() -> None:
    op.create_table(
        "refusals",
        sa.Column("refusal_id", _ID, primary_key=True),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("shown", _ID, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("reason <> ''", name="refusals_reason"),
    )


def _sqlite_triggers(table: str, keys: tuple[str, ...]) -> None:
    """INSERT OR REPLACE deletes without firing a DELETE trigger, so a key that exists is refused on INSERT as well."""
    message = f"the ledger is append-only: {table} takes no"
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{message} {verb}'); END"
        )
    same = " OR ".join(f"{key} = NEW.{key}" for key in keys)
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


def upgrade() -> None:
    for create in (_reviews, _confirmations, _refusals):
        create()
    dialect = op.get_bind().dialect.name
    for table, keys in _KEYS.items():
        if dialect == "sqlite":
            _sqlite_triggers(table, keys)
        elif dialect == "postgresql":
            _postgres_triggers(table)


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only: to go back, open a copy of the file from before the upgrade")
