"""Revision 0001: the ledger's five tables and the triggers that make them append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.String(64)
_TIME = sa.DateTime(timezone=True)
_MONEY = sa.Numeric(20, 2).with_variant(sa.String(24), "sqlite")

# Primary key of each table; the order is that of creation.
_KEYS = {
    "proposals": "proposal_id",
    "decisions": "decision_id",
    "orders": "order_id",
    "fills": "fill_id",
    "journal": "seq",
}


def _proposals() -> None:
    op.create_table(
        "proposals",
        sa.Column("proposal_id", _ID, primary_key=True),
        sa.Column("session", sa.Date, nullable=False, index=True),
        sa.Column("instrument", sa.String(32), nullable=False),
        sa.Column("contract", sa.String(16), nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("screen_side", sa.String(64), nullable=False),
        sa.Column("position_before", sa.BigInteger, nullable=False),
        sa.Column("position_after", sa.BigInteger, nullable=False),
        sa.Column("entry_level", sa.Double),
        sa.Column("stop_level", sa.Double),
        sa.Column("target_level", sa.Double),
        sa.Column("horizon_days", sa.Integer),
        sa.Column("conviction", sa.Double),
        sa.Column("expected_cost_brl", _MONEY, nullable=False),
        sa.Column("dv01_before_brl", sa.Double, nullable=False),
        sa.Column("dv01_after_brl", sa.Double, nullable=False),
        sa.Column("delta_before_brl", sa.Double, nullable=False),
        sa.Column("delta_after_brl", sa.Double, nullable=False),
        sa.Column("shares", sa.JSON, nullable=False),
        sa.Column("gain_if", sa.Text, nullable=False),
        sa.Column("rationale", sa.Text, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("quantity <> 0", name="proposals_quantity"),
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", _ID, primary_key=True),
        sa.Column("proposal_id", _ID, sa.ForeignKey("proposals.proposal_id"), nullable=False, unique=True),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("quantity", sa.BigInteger),
        sa.Column("limit_level", sa.Double),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("action IN ('approve', 'reject', 'modify')", name="decisions_action"),
    )


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", _ID, primary_key=True),
        sa.Column("session", sa.Date, nullable=False, index=True),
        sa.Column("proposal_id", _ID, sa.ForeignKey("proposals.proposal_id"), nullable=False, unique=True),
        sa.Column("instrument", sa.String(32), nullable=False),
        sa.Column("contract", sa.String(16), nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("limit_level", sa.Double),
        sa.Column("approved_by", sa.String(128), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("quantity <> 0", name="orders_quantity"),
    )


def _fills() -> None:
    op.create_table(
        "fills",
        sa.Column("fill_id", _ID, primary_key=True),
        sa.Column("session", sa.Date, nullable=False, index=True),
        sa.Column("trade_date", sa.Date, nullable=False),
        sa.Column("order_id", _ID, sa.ForeignKey("orders.order_id"), nullable=False, unique=True),
        sa.Column("contract", sa.String(16), nullable=False),
        sa.Column("instrument", sa.String(32), nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("price", sa.Double, nullable=False),
        sa.Column("cost_brl", _MONEY, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint("quantity <> 0", name="fills_quantity"),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ref", _ID, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
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
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
    )


def upgrade() -> None:
    for create in (_proposals, _decisions, _orders, _fills, _journal):
        create()
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute(
            "CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'the ledger is append-only: % takes no %', TG_TABLE_NAME, TG_OP; END $$"
        )
    for table, key in _KEYS.items():
        if dialect == "sqlite":
            _sqlite_triggers(table, key)
        elif dialect == "postgresql":
            _postgres_triggers(table)


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only: to go back, open a copy of the file from before the upgrade")
