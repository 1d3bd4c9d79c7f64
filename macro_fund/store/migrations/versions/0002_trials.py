"""Revision 0002: backtest trials and promotions, append-only like the tables of revision 0001."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.String(64)
_TIME = sa.DateTime(timezone=True)

# Primary key of each table; the order is that of creation.
_KEYS = {"trials": "trial_id", "promotions": "promotion_id"}


def _trials() -> None:
    op.create_table(
        "trials",
        sa.Column("trial_id", _ID, primary_key=True),
        sa.Column("strategy_id", sa.String(32), nullable=False, index=True),
        sa.Column("code", _ID, nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("rules", sa.JSON, nullable=False),
        sa.Column("first_session", sa.Date, nullable=False),
        sa.Column("last_session", sa.Date, nullable=False),
        sa.Column("inputs", _ID, nullable=False),
        sa.Column("n_days", sa.Integer, nullable=False),
        sa.Column("sharpe", sa.Double),
        sa.Column("skew", sa.Double),
        sa.Column("kurt", sa.Double),
        sa.Column("annual_return", sa.Double, nullable=False),
        sa.Column("turnover", sa.Double, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
    )


def _promotions() -> None:
    op.create_table(
        "promotions",
        sa.Column("promotion_id", _ID, primary_key=True),
        sa.Column("strategy_id", sa.String(32), nullable=False, index=True),
        sa.Column("trial_id", _ID, sa.ForeignKey("trials.trial_id"), nullable=False, unique=True),
        sa.Column("trials", sa.Integer, nullable=False),
        sa.Column("bars", sa.JSON, nullable=False),
        sa.Column("grid", sa.JSON, nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("trials > 0", name="promotions_trials"),
    )


def _sqlite_triggers(table: str, key: str) -> None:
    """INSERT OR REPLACE deletes without firing a DELETE trigger, so a key that exists is refused on INSERT as well."""
    message = f"the ledger is append-only: {table} takes no"
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{message} {verb}'); END"
        )
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) "
        f"BEGIN SELECT RAISE(ABORT, '{message} REPLACE'); END"
    )


def _postgres_triggers(table: str) -> None:
    """The function is that of revision 0001."""
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
    )


def upgrade() -> None:
    for create in (_trials, _promotions):
        create()
    dialect = op.get_bind().dialect.name
    for table, key in _KEYS.items():
        if dialect == "sqlite":
            _sqlite_triggers(table, key)
        elif dialect == "postgresql":
            _postgres_triggers(table)


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only: to go back, open a copy of the file from before the upgrade")
