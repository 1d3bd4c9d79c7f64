"""The ledger's SQL tables: proposals, decisions with their reviews, confirmations and refusals, orders with their
events, fills, brokers' statements, trials, promotions, the kill switch, overrides of marks, calendar events, notes and
the journal.

All are append-only.

Belongs here: columns, types and constraints as the code sees them. Does not belong here: how a database gets them
(`migrations/`, which also installs the triggers that refuse UPDATE and DELETE) or what is written (`ledger.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import sqlalchemy as sa

from macro_fund.store.proposal_fields import PROPOSAL_FIELDS
from macro_fund.store.table import UTC_TIME

CENT = Decimal("0.01")


class UtcTime(sa.TypeDecorator[datetime]):
    """A UTC instant. SQLite keeps no zone, so it is taken off on the way in and put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time {value} has no time zone; the ledger takes UTC times only")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(sa.TypeDecorator[Decimal]):
    """BRL to the cent: NUMERIC(20,2), and text on SQLite, whose NUMERIC is a float beyond 15 digits."""

    impl = sa.Numeric(20, 2).with_variant(sa.String(24), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        cents = value.quantize(CENT)
        return format(cents, "f") if dialect.name == "sqlite" else cents

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).quantize(CENT)


_SQL_TYPES: tuple[tuple[Any, Any], ...] = (
    (pl.Float64, sa.Double), (pl.Int32, sa.Integer), (pl.String, sa.Text), (pl.Date, sa.Date), (UTC_TIME, UtcTime),
)  # fmt: skip


def _sql_type(dtype: Any) -> Any:
    """The SQL type of a lake column; lists are JSON."""
    return next((sql for lake, sql in _SQL_TYPES if dtype == lake), sa.JSON(none_as_null=True))


METADATA = sa.MetaData()

_ID = sa.String(64)

PROPOSALS = sa.Table(
    "proposals",
    METADATA,
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
    sa.Column("expected_cost_brl", Money, nullable=False),
    sa.Column("dv01_before_brl", sa.Double, nullable=False),
    sa.Column("dv01_after_brl", sa.Double, nullable=False),
    sa.Column("delta_before_brl", sa.Double, nullable=False),
    sa.Column("delta_after_brl", sa.Double, nullable=False),
    sa.Column("shares", sa.JSON, nullable=False),
    sa.Column("gain_if", sa.Text, nullable=False),
    sa.Column("rationale", sa.Text, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
    *(sa.Column(name, _sql_type(column.dtype)) for name, column in PROPOSAL_FIELDS.items()),
)

DECISIONS = sa.Table(
    "decisions",
    METADATA,
    sa.Column("decision_id", _ID, primary_key=True),
    sa.Column("proposal_id", _ID, sa.ForeignKey("proposals.proposal_id"), nullable=False, unique=True),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger),
    sa.Column("limit_level", sa.Double),
    sa.Column("recorded_at", UtcTime, nullable=False),
)

# What a decision rested on; `second` says why another person has to confirm it, and is empty when nobody has to.
# Beside `decisions` and not columns of it: a new column would change what the journal says of older rows.
REVIEWS = sa.Table(
    "reviews",
    METADATA,
    sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("shown", _ID, nullable=False),
    sa.Column("checks", sa.JSON, nullable=False),
    sa.Column("second", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
)

CONFIRMATIONS = sa.Table(
    "confirmations",
    METADATA,
    sa.Column("confirmation_id", _ID, primary_key=True),
    sa.Column("decision_id", _ID, sa.ForeignKey("reviews.decision_id"), nullable=False, unique=True),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("shown", _ID, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
)

# What was asked for and refused. subject: the proposal, or what was typed in its place; shown: digest of what the
# person saw, empty when there was nothing to see.
REFUSALS = sa.Table(
    "refusals",
    METADATA,
    sa.Column("refusal_id", _ID, primary_key=True),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("shown", _ID, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
)

ORDERS = sa.Table(
    "orders",
    METADATA,
    sa.Column("order_id", _ID, primary_key=True),
    sa.Column("session", sa.Date, nullable=False, index=True),
    sa.Column("proposal_id", _ID, sa.ForeignKey("proposals.proposal_id"), nullable=False, unique=True),
    sa.Column("instrument", sa.String(32), nullable=False),
    sa.Column("contract", sa.String(16), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("limit_level", sa.Double),
    sa.Column("approved_by", sa.String(128), nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
)

FILLS = sa.Table(
    "fills",
    METADATA,
    sa.Column("fill_id", _ID, primary_key=True),
    sa.Column("session", sa.Date, nullable=False, index=True),
    sa.Column("trade_date", sa.Date, nullable=False),
    sa.Column("order_id", _ID, sa.ForeignKey("orders.order_id"), nullable=False),
    sa.Column("contract", sa.String(16), nullable=False),
    sa.Column("instrument", sa.String(32), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("price", sa.Double, nullable=False),
    sa.Column("cost_brl", Money, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
    sa.UniqueConstraint("order_id", "trade_date"),
)

# What became of an order, event by event: `order_states.py` says which may follow which. quantity, price, fees and
# trade_date are of fills, person of cancels.
ORDER_EVENTS = sa.Table(
    "order_events",
    METADATA,
    sa.Column("event_id", _ID, primary_key=True),
    sa.Column("order_id", _ID, sa.ForeignKey("orders.order_id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("session", sa.Date, nullable=False, index=True),
    sa.Column("trade_date", sa.Date),
    sa.Column("quantity", sa.BigInteger),
    sa.Column("price", sa.Double),
    sa.Column("fees_brl", Money),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
    sa.UniqueConstraint("order_id", "number"),
)

# A broker's statement, as the file said: positions (contract, quantity, price), or the cash of a day (no contract).
BROKER_STATEMENTS = sa.Table(
    "broker_statements",
    METADATA,
    sa.Column("row_id", _ID, primary_key=True),
    sa.Column("digest", _ID, nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("contract", sa.String(32), nullable=False),
    sa.Column("quantity", sa.BigInteger),
    sa.Column("price", sa.Double),
    sa.Column("cash_brl", Money),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
    sa.UniqueConstraint("digest", "line"),
)

# A backtest that was run: trial_id is the SHA-256 of the columns up to `inputs`, the others are what came out.
TRIALS = sa.Table(
    "trials",
    METADATA,
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
    sa.Column("recorded_at", UtcTime, nullable=False),
)

# bars: name -> {"least", "strict", "found"}; trials: how many the ledger held when the deflated ratio was computed.
PROMOTIONS = sa.Table(
    "promotions",
    METADATA,
    sa.Column("promotion_id", _ID, primary_key=True),
    sa.Column("strategy_id", sa.String(32), nullable=False, index=True),
    sa.Column("trial_id", _ID, sa.ForeignKey("trials.trial_id"), nullable=False, unique=True),
    sa.Column("trials", sa.Integer, nullable=False),
    sa.Column("bars", sa.JSON, nullable=False),
    sa.Column("grid", sa.JSON, nullable=False),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
)

# Throws and resets of the kill switch in turn; `number` counts them, so that no two events can share a turn.
SWITCH_EVENTS = sa.Table(
    "switch_events",
    METADATA,
    sa.Column("event_id", _ID, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
)

# A level (DI1: rate as a decimal, else price) in place of a settlement. shown: what the person was told of it.
OVERRIDES = sa.Table(
    "mark_overrides",
    METADATA,
    sa.Column("override_id", _ID, primary_key=True),
    sa.Column("contract", sa.String(16), nullable=False),
    sa.Column("trade_date", sa.Date, nullable=False),
    sa.Column("level", sa.Double, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
)

# The confirmation by a second person and the revocation of an override: at most one of each.
OVERRIDE_STEPS = sa.Table(
    "mark_override_steps",
    METADATA,
    sa.Column("step_id", _ID, primary_key=True),
    sa.Column("override_id", _ID, sa.ForeignKey("mark_overrides.override_id"), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
    sa.UniqueConstraint("override_id", "action", name="mark_override_steps_once"),
)

# What happens to an instrument on a day; amount: cash a unit in its own currency. A correction is the next version of
# the same event, whose name is the id of its first.
CALENDAR_EVENTS = sa.Table(
    "calendar_events",
    METADATA,
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
    sa.Column("recorded_at", UtcTime, nullable=False),
    sa.UniqueConstraint("event", "version", name="calendar_events_versions"),
)

# What people wrote about a proposal, a decision, a trade (the id of its fill) or a session (its date). proposal_id: the
# proposal that it belongs to, null for a session.
NOTES = sa.Table(
    "notes",
    METADATA,
    sa.Column("note_id", _ID, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("about", sa.String(16), nullable=False),
    sa.Column("subject", _ID, nullable=False),
    sa.Column("proposal_id", _ID, sa.ForeignKey("proposals.proposal_id")),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
)

JOURNAL = sa.Table(
    "journal",
    METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("ref", _ID, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("prev_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
)

# What a journal entry of each kind describes: the table and the column that `ref` points at.
KINDS: dict[str, tuple[sa.Table, str]] = {
    "proposal": (PROPOSALS, "proposal_id"),
    "decision": (DECISIONS, "decision_id"),
    "review": (REVIEWS, "decision_id"),
    "confirmation": (CONFIRMATIONS, "confirmation_id"),
    "refusal": (REFUSALS, "refusal_id"),
    "order": (ORDERS, "order_id"),
    "fill": (FILLS, "fill_id"),
    "order_event": (ORDER_EVENTS, "event_id"),
    "statement": (BROKER_STATEMENTS, "row_id"),
    "trial": (TRIALS, "trial_id"),
    "promotion": (PROMOTIONS, "promotion_id"),
    "switch": (SWITCH_EVENTS, "event_id"),
    "override": (OVERRIDES, "override_id"),
    "override_step": (OVERRIDE_STEPS, "step_id"),
    "calendar_event": (CALENDAR_EVENTS, "event_id"),
    "note": (NOTES, "note_id"),
}
