"""Revision 0007: order events and brokers' statements, append-only; an order may have a fill a trade date.

Until now an order could have one fill, by a unique key of fills. SQLite cannot drop a key, so the table is made again
with the same rows under the same numbers; what the journal says of them stays true. DROP TABLE fires no trigger, and
no other table refers to fills.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.String(64)
_TIME = sa.DateTime(timezone=True)
_MONEY = sa.Numeric(20, 2).with_variant(sa.String(24), "sqlite")

_EVENTS, _EVENT_KEYS = "order_events", ("event_id = NEW.event_id", "order_id = NEW.order_id AND number = NEW.number")
_STATEMENTS = "broker_statements"
_STATEMENT_KEYS = ("row_id = NEW.row_id", "digest = NEW.digest AND line = NEW.line")
_FILL_KEYS = ("fill_id = NEW.fill_id", "order_id = NEW.order_id AND trade_date = NEW.trade_date")


def _create_events() -> None:
    op.create_table(
        _EVENTS,
        sa.Column("event_id", _ID, primary_key=True),
        sa.Column("order_id", _ID, sa.ForeignKey("orders.order_id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("session", sa.Date, nullable=False, index=True),
        sa.Column("trade_date", sa.Date),
        sa.Column("quantity", sa.BigInteger),
        sa.Column("price", sa.Double),
        sa.Column("fees_brl", _MONEY),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.UniqueConstraint("order_id", "number"),
        sa.CheckConstraint(
            "kind IN ('sent', 'working', 'partially_filled', 'filled', 'rejected', 'cancelled', 'expired')",
            name="order_events_kind",
        ),
        sa.CheckConstraint(
            "(kind IN ('partially_filled', 'filled')) = (quantity IS NOT NULL AND quantity <> 0 "
            "AND price IS NOT NULL AND trade_date IS NOT NULL AND fees_brl IS NOT NULL)",
            name="order_events_fill",
        ),
        sa.CheckConstraint(
            "kind NOT IN ('rejected', 'cancelled', 'expired') OR reason <> ''", name="order_events_reason"
        ),
        sa.CheckConstraint("kind <> 'cancelled' OR person <> ''", name="order_events_person"),
    )


def _create_statements() -> None:
    op.create_table(
        _STATEMENTS,
        sa.Column("row_id", _ID, primary_key=True),
        sa.Column("digest", _ID, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("contract", sa.String(32), nullable=False),
        sa.Column("quantity", sa.BigInteger),
        sa.Column("price", sa.Double),
        sa.Column("cash_brl", _MONEY),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.UniqueConstraint("digest", "line"),
        sa.CheckConstraint(
            "(contract = '' AND cash_brl IS NOT NULL AND quantity IS NULL AND price IS NULL) OR "
            "(contract <> '' AND cash_brl IS NULL AND quantity IS NOT NULL AND price IS NOT NULL)",
            name="broker_statements_row",
        ),
        sa.CheckConstraint("person <> ''", name="broker_statements_person"),
    )


def _create_fills(name: str) -> None:
    op.create_table(
        name,
        sa.Column("fill_id", _ID, primary_key=True),
        sa.Column("session", sa.Date, nullable=False),
        sa.Column("trade_date", sa.Date, nullable=False),
        sa.Column("order_id", _ID, sa.ForeignKey("orders.order_id"), nullable=False),
        sa.Column("contract", sa.String(16), nullable=False),
        sa.Column("instrument", sa.String(32), nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("price", sa.Double, nullable=False),
        sa.Column("cost_brl", _MONEY, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.UniqueConstraint("order_id", "trade_date"),
        sa.CheckConstraint("quantity <> 0", name="fills_quantity"),
    )


def _sqlite_triggers(table: str, keys: tuple[str, ...]) -> None:
    """INSERT OR REPLACE deletes without firing a DELETE trigger, so a key that exists is refused on INSERT as well."""
    message = f"the ledger is append-only: {table} takes no"
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{message} {verb}'); END"
        )
    same = " OR ".join(f"({key})" for key in (*keys, "rowid = NEW.rowid"))
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
        f"BEGIN SELECT RAISE(ABORT, '{message} REPLACE'); END"
    )


def _sqlite() -> None:
    columns = "fill_id, session, trade_date, order_id, contract, instrument, quantity, price, cost_brl, recorded_at"
    _create_fills("fills_again")
    op.execute(f"INSERT INTO fills_again (rowid, {columns}) SELECT rowid, {columns} FROM fills ORDER BY rowid")
    op.drop_table("fills")
    op.rename_table("fills_again", "fills")
    op.create_index("ix_fills_session", "fills", ["session"])
    _sqlite_triggers("fills", _FILL_KEYS)
    _sqlite_triggers(_EVENTS, _EVENT_KEYS)
    _sqlite_triggers(_STATEMENTS, _STATEMENT_KEYS)


def _postgres() -> None:
    """The function is that of revision 0001."""
    op.drop_constraint("fills_order_id_key", "fills")
    op.create_unique_constraint("fills_order_id_trade_date_key", "fills", ["order_id", "trade_date"])
    for table in (_EVENTS, _STATEMENTS):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only")


def upgrade() -> None:
    _create_events()
    _create_statements()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgres()


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only: to go back, open a copy of the file from before the upgrade")
