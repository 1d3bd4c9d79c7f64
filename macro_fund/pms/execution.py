"""Execution: approved decisions become orders, orders go to the broker, and what it answers becomes events and fills.

Belongs here: what is recorded of an order between its approval and its end. Does not belong here: who approved
(`approval.py`), what a broker does (`broker.py`, `paper_broker.py`), which moves an order has (store/order_states.py),
the book (`book.py`).

An order of session T is sent in T and executed at T's settlement, which partition T+1 is the first to know: the fill's
`session` is the partition, its `trade_date` is T. An order may have a fill a trade date. Every function is pure; asked
again after its rows were recorded it gives no new ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from macro_fund.pms.broker import Broker, Report, ScreenOrder, contracts, on_screen, root_of
from macro_fund.store.content import content_id
from macro_fund.store.ledger_orders import event_of
from macro_fund.store.ledger_reads import LedgerReads
from macro_fund.store.order_states import FILLED, OrderState, moved, state_of
from macro_fund.store.table import MONEY
from macro_fund.store.tables import TABLES

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

_ORDERS = TABLES["pms/orders"]
_FILLS = TABLES["pms/fills"]
STANDING: dict[str, Any] = {
    **_ORDERS.schema,
    "state": pl.String,
    "filled": pl.Int64,
    "remaining": pl.Int64,
    "average_price": pl.Float64,
    "reason": pl.String,
}
REPORTED: dict[str, Any] = {
    "session": pl.Date,
    "trade_date": pl.Date,
    "order_id": pl.String,
    "contract": pl.String,
    "quantity": pl.Int64,
    "price": pl.Float64,
    "fees_brl": MONEY,
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """What the ledger holds of orders: pms/orders rows, their events, their fills (`Ledger`)."""

    orders: pl.DataFrame
    events: pl.DataFrame
    fills: pl.DataFrame

    @classmethod
    def of(cls, ledger: LedgerReads, orders: pl.DataFrame, upto: date | None = None) -> Recorded:
        """These orders, with what was recorded for sessions <= `upto` (None: all)."""
        return cls(orders, ledger.order_events(upto), ledger.fills(upto))

    def states(self) -> dict[str, OrderState]:
        """State of each order by its id."""
        events, fills = _by_order(self.events), _by_order(self.fills)
        rows = self.orders.iter_rows(named=True)
        return {o["order_id"]: state_of(o, events.get(o["order_id"], ()), fills.get(o["order_id"], ())) for o in rows}


def orders_from(pending: pl.DataFrame) -> pl.DataFrame:
    """pms/orders rows of approved decisions (`Ledger.pending_approvals`); the same decision gives the same order id."""
    rows = [
        {
            **row,
            "order_id": content_id(
                {k: row[k] for k in ("proposal_id", "decision_id", "session", "contract", "quantity", "limit_level")}
            ),
        }
        for row in pending.iter_rows(named=True)
    ]
    columns = list(_ORDERS.schema)
    orders = pl.DataFrame([{c: r[c] for c in columns} for r in rows], schema=_ORDERS.schema, orient="row")
    return orders.sort(_ORDERS.sort)


def sent(ledger: Recorded) -> list[dict[str, Any]]:
    """The event that notes, before the broker is asked, that each new order goes out."""
    states = ledger.states()
    return [
        event_of(states[o["order_id"]], "sent", o["session"])
        for o in ledger.orders.iter_rows(named=True)
        if states[o["order_id"]].state == "new"
    ]


def answered(ledger: Recorded, broker: Broker) -> list[dict[str, Any]]:
    """What the broker says of orders that were sent and not answered: working, or rejected with the reason."""
    states = ledger.states()
    asked = [o for o in ledger.orders.iter_rows(named=True) if states[o["order_id"]].state == "sent"]
    answers = {a.order_id: a for a in broker.submit([_keyed(o, states[o["order_id"]], o["session"]) for o in asked])}
    events = []
    for order in asked:
        answer, state = answers[order["order_id"]], states[order["order_id"]]
        kind = "working" if answer.accepted else "rejected"
        events.append(event_of(state, kind, order["session"], reason=answer.reason))
    return events


def executed(
    ledger: Recorded, broker: Broker, session: date, table: Sessions
) -> tuple[list[dict[str, Any]], pl.DataFrame]:
    """(order events, pms/fills rows) that the partition `session` is the first to know of orders of sessions before."""
    states = {i: s for i, s in ledger.states().items() if s.state in ("working", "partially_filled")}
    orders = {o["order_id"]: o for o in ledger.orders.iter_rows(named=True) if o["order_id"] in states}
    asked = [
        _keyed(order, states[i], next_day(order, states[i], table))
        for i, order in orders.items()
        if order["session"] < session
    ]
    events, fills = [], []
    for report in broker.report(asked, session):
        order, before = orders[report.order_id], states[report.order_id]
        event, fill = _told(order, before, report, session)
        states[report.order_id] = moved(before, event)
        events.append(event)
        fills += [fill] if fill else []
    return events, pl.DataFrame(fills, schema=_FILLS.schema, orient="row").sort(_FILLS.sort)


def standing(ledger: Recorded) -> pl.DataFrame:
    """Every order with its state: columns of `STANDING`. filled and remaining are signed, the average price is that of
    the contract (DI1: PU), the reason that of its last move."""
    states = ledger.states()
    rows = []
    for order in ledger.orders.iter_rows(named=True):
        s = states[order["order_id"]]
        told = {"filled": s.filled, "remaining": s.remaining, "average_price": s.average_price, "reason": s.reason}
        rows.append({**order, "state": s.state, **told})
    return pl.DataFrame(rows, schema=STANDING, orient="row").sort("session", "order_id")


def reported(ledger: Recorded) -> pl.DataFrame:
    """Fills as the broker reported them, from order events: columns of `REPORTED`. Those of orders from before events
    were kept are the fills themselves, which are all that is known."""
    orders = ledger.orders.select("order_id", "contract")
    told = ledger.events.filter(pl.col("kind").is_in(FILLED)).join(orders, on="order_id", how="left")
    before = ledger.fills.join(ledger.events, on="order_id", how="anti").rename({"cost_brl": "fees_brl"})
    both = pl.concat([part.select(pl.col(c).cast(t) for c, t in REPORTED.items()) for part in (told, before)])
    return both.sort("session", "order_id", "trade_date")


def _keyed(order: Row, state: OrderState, next_day: date) -> ScreenOrder:
    """What is left of an order, as it is keyed on the screen."""
    side, lots = on_screen(root_of(order["contract"]), state.remaining)
    limit = order["limit_level"]
    names = order["order_id"], order["instrument"], order["contract"]
    return ScreenOrder(*names, side, lots, limit, order["session"], next_day)


def next_day(order: Row, state: OrderState, table: Sessions) -> date:
    """The first trade date of which the broker has not told."""
    session: date = order["session"]
    return session if state.traded is None else table.offset(state.traded, 1)


def _told(
    order: Row, before: OrderState, report: Report, session: date
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The event of a report and, when contracts were traded, the fill."""
    if not report.lots:
        return event_of(before, "expired", session, reason=report.reason), None
    root = root_of(order["contract"])
    side, _ = on_screen(root, before.remaining)
    quantity, day = contracts(root, side, report.lots), report.trade_date
    kind = "filled" if quantity == before.remaining else "partially_filled"
    traded = {"trade_date": day, "quantity": quantity, "price": report.price, "fees_brl": report.fees_brl}
    fill = {
        "session": session,
        "trade_date": day,
        "fill_id": content_id({"order_id": order["order_id"], "trade_date": day}),
        "order_id": order["order_id"],
        "contract": order["contract"],
        "instrument": order["instrument"],
        "quantity": quantity,
        "price": report.price,
        "cost_brl": report.fees_brl,
    }
    return event_of(before, kind, session, **traded), fill


def _by_order(frame: pl.DataFrame) -> Mapping[str, Sequence[Row]]:
    found: dict[str, list[Row]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["order_id"], []).append(row)
    return found
