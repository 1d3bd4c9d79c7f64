"""Orders in the ledger: events that may be recorded, fills that an order cannot have, cancels, which orders are open;
and a broker's statements.

Belongs here: queries and refusals inside the caller's transaction. Does not belong here: the transaction and the
journal (`ledger.py`), the moves (`order_states.py`), the tables (`ledger_tables.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from macro_fund.store.content import content_id
from macro_fund.store.ledger_open import LedgerError
from macro_fund.store.ledger_tables import BROKER_STATEMENTS, FILLS, ORDER_EVENTS, ORDERS
from macro_fund.store.ledger_words import meant
from macro_fund.store.order_states import ENDS, OrderState, moved, state_of
from macro_fund.store.table import MONEY, UTC_TIME

EVENT_SCHEMA: dict[str, Any] = {
    "event_id": pl.String,
    "order_id": pl.String,
    "number": pl.Int64,
    "kind": pl.String,
    "session": pl.Date,
    "trade_date": pl.Date,
    "quantity": pl.Int64,
    "price": pl.Float64,
    "fees_brl": MONEY,
    "reason": pl.String,
    "person": pl.String,
    "recorded_at": UTC_TIME,
}

STATEMENT_SCHEMA: dict[str, Any] = {
    "row_id": pl.String,
    "digest": pl.String,
    "line": pl.Int64,
    "day": pl.Date,
    "contract": pl.String,
    "quantity": pl.Int64,
    "price": pl.Float64,
    "cash_brl": MONEY,
    "person": pl.String,
    "recorded_at": UTC_TIME,
}

_EVENTS_OF = sa.select(ORDER_EVENTS.c.event_id).where(ORDER_EVENTS.c.order_id == ORDERS.c.order_id)
_FILLS_OF = sa.select(FILLS.c.fill_id).where(FILLS.c.order_id == ORDERS.c.order_id)
# Orders that may still trade: no event ended them. Without any event, from before revision 0007, a fill did.
OPEN = sa.and_(
    ~_EVENTS_OF.where(ORDER_EVENTS.c.kind.in_(ENDS)).exists(),
    sa.or_(_EVENTS_OF.exists(), ~_FILLS_OF.exists()),
)


def event_of(state: OrderState, kind: str, session: date, **given: Any) -> dict[str, Any]:
    """The next event of an order, without its time; the id covers all of it. Quantity, price and fees are of fills."""
    row: dict[str, Any] = {"order_id": state.order_id, "number": state.events + 1, "kind": kind, "session": session}
    row |= {"trade_date": None, "quantity": None, "price": None, "fees_brl": None, "reason": "", "person": ""} | given
    return {"event_id": content_id(row, 64), **row}


def check_events(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise LedgerError for an event that its order cannot have; events that are known already are not asked again."""
    states: dict[str, OrderState] = {}
    known = set(conn.scalars(sa.select(ORDER_EVENTS.c.event_id).where(_among(ORDER_EVENTS.c.order_id, rows))))
    for row in sorted(rows, key=lambda r: (r["order_id"], r["number"])):
        if row["event_id"] not in known:
            before = states.get(row["order_id"]) or standing(conn, row["order_id"])
            states[row["order_id"]] = moved(before, row)


def check_fills(conn: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise LedgerError when the fills of an order, with these, are of another contract or more than was ordered."""
    orders = {o.order_id: o for o in conn.execute(sa.select(ORDERS).where(_among(ORDERS.c.order_id, rows)))}
    counts = {
        f.fill_id: (f.order_id, f.quantity)
        for f in conn.execute(sa.select(FILLS).where(_among(FILLS.c.order_id, rows)))
    } | {r["fill_id"]: (r["order_id"], r["quantity"]) for r in rows}
    for row in rows:
        order = orders.get(row["order_id"])
        if order is None:
            continue  # the database refuses it: the order is unknown
        if row["contract"] != order.contract:
            raise LedgerError(f"fill {row['fill_id']} is of {row['contract']}, its order of {order.contract}")
        total = sum(q for order_id, q in counts.values() if order_id == row["order_id"])
        if row["quantity"] * order.quantity <= 0 or abs(total) > abs(order.quantity):
            raise LedgerError(
                f"order {row['order_id']}: fills of {total:+d} contracts, but {order.quantity:+d} were ordered; "
                "ask the broker which fill is wrong"
            )


def standing(conn: sa.Connection, order_id: str) -> OrderState:
    """The state of an order; LedgerError when there is none."""
    order = conn.execute(sa.select(ORDERS).where(ORDERS.c.order_id == order_id)).mappings().first()
    if order is None:
        raise LedgerError(f"no order {order_id!r}: `macro-fund orders list --all` shows every id")
    events = conn.execute(sa.select(ORDER_EVENTS).where(ORDER_EVENTS.c.order_id == order_id)).mappings().all()
    fills = conn.execute(sa.select(FILLS).where(FILLS.c.order_id == order_id)).mappings().all()
    return state_of({str(k): v for k, v in order.items()}, _plain(events), _plain(fills))


def order_like(conn: sa.Connection, text: str) -> str:
    """The id of the one order whose id is or begins with `text`."""
    ids = list(conn.scalars(sa.select(ORDERS.c.order_id).order_by(ORDERS.c.session.desc(), ORDERS.c.order_id)))
    found = meant(text, ids)
    if len(found) > 1:
        raise LedgerError(f"{text!r} fits {len(found)} orders: {', '.join(found[:5])}; type more digits")
    if not found:
        raise LedgerError(f"no order {text!r}: `macro-fund orders list --all` shows every id")
    return found[0]


def cancel_of(
    conn: sa.Connection, order_id: str, person: str, reason: str, session: date, at: datetime
) -> dict[str, Any]:
    """The event that cancels what is left of an order from `session` on; LedgerError says why it cannot be."""
    if not reason.strip():
        raise LedgerError(f"order {order_id}: a cancel needs a note that says why (--note TEXT)")
    state = standing(conn, order_id)
    event = event_of(state, "cancelled", session, reason=reason.strip(), person=person.strip())
    moved(state, event)
    return {**event, "recorded_at": at}


def statement_of(
    conn: sa.Connection, rows: Sequence[Mapping[str, Any]], person: str, at: datetime
) -> list[dict[str, Any]]:
    """Rows of a broker's statement to record; LedgerError without a name, or when the file is in the ledger already."""
    if not person.strip():
        raise LedgerError("who records the statement? Give a person's name (--as NAME)")
    same = BROKER_STATEMENTS.c.digest == rows[0]["digest"]
    known = conn.execute(sa.select(BROKER_STATEMENTS).where(same).limit(1)).first()
    if known is not None:
        raise LedgerError(f"this statement was recorded by {known.person} on {known.recorded_at:%Y-%m-%d} already")
    return [{**row, "person": person.strip(), "recorded_at": at} for row in rows]


def _among(column: sa.Column[Any], rows: Iterable[Mapping[str, Any]]) -> sa.ColumnElement[bool]:
    return column.in_(sorted({r["order_id"] for r in rows}))


def _plain(rows: Iterable[sa.RowMapping]) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in rows]
