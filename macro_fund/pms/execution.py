"""Paper execution: approved decisions become orders, orders are filled at the official settlement of their session.

Belongs here: the rules of a fill (price, cost, limit, locked days, expiry). Does not belong here: who approved
(`approval.py`), the book (`book.py`) or a real broker.

An order of session T is executed at T's settlement, which partition T+1 is the first to know: the fill's `session` is
the partition, its `trade_date` is T. An order without a settlement keeps working for `MAX_WORKING` sessions, in case
the file is late, and then expires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from macro_fund.pms.costs import instruments_by_id, known_instrument, trade_cost
from macro_fund.pms.settlements import known_marks
from macro_fund.settings import Settings
from macro_fund.store.content import content_id
from macro_fund.store.table import MONEY
from macro_fund.store.tables import TABLES

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

MAX_WORKING = 5  # sessions that an order waits for a late settlement file

_ORDERS = TABLES["pms/orders"]
_FILLS = TABLES["pms/fills"]
_OUTCOME: dict[str, Any] = {
    "order_id": pl.String,
    "order_session": pl.Date,
    "instrument": pl.String,
    "contract": pl.String,
    "quantity": pl.Int64,
    "state": pl.String,
    "reason": pl.String,
    "session": pl.Date,
    "price": pl.Float64,
    "cost_brl": MONEY,
}

Row = Mapping[str, Any]


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


def paper_fills(
    orders: pl.DataFrame, marks: pl.DataFrame, settings: Settings, sessions: Sequence[date], table: Sessions
) -> pl.DataFrame:
    """Fills of the partitions `sessions`: pms/fills rows of the orders whose settlement became known in one of them.

    orders: pms/orders rows of any earlier session. marks: silver/contract_marks, all history.
    """
    done = outcomes(orders, marks, settings, max(sessions), table).filter(
        pl.col("state") == "filled", pl.col("session").is_in(pl.Series(list(sessions), dtype=pl.Date).implode())
    )
    done = done.rename({"order_session": "trade_date"})
    ids = [content_id({"order_id": o, "trade_date": d}) for o, d in done.select("order_id", "trade_date").iter_rows()]
    filled = done.with_columns(pl.Series("fill_id", ids, dtype=pl.String))
    return filled.select(list(_FILLS.schema)).sort(_FILLS.sort)


def outcomes(
    orders: pl.DataFrame, marks: pl.DataFrame, settings: Settings, upto: date, table: Sessions
) -> pl.DataFrame:
    """What became of each order by session `upto`: state filled | working | expired and, unless filled, the reason."""
    instruments = instruments_by_id(settings)
    known: dict[str, list[dict[str, Any]]] = {}
    for m in known_marks(marks, orders["contract"], upto).iter_rows(named=True):
        known.setdefault(m["contract"], []).append(m)
    rows: list[dict[str, Any]] = []
    for order in orders.sort("session", "order_id").iter_rows(named=True):
        mark, state, reason = _outcome(order, known.get(order["contract"], []), upto, table)
        row = {**order, "order_session": order["session"], "state": state, "reason": reason}
        row |= {"session": None, "price": None, "cost_brl": None}
        if mark is not None:
            instrument = known_instrument(instruments, order["instrument"])
            row |= {"session": mark["session"], "price": mark["settle_price"]}
            row["cost_brl"] = trade_cost(instrument, order["quantity"], mark["dv01_brl"])
        rows.append({c: row[c] for c in _OUTCOME})
    return pl.DataFrame(rows, schema=_OUTCOME, orient="row")


def _outcome(order: Row, marks: Sequence[Row], upto: date, table: Sessions) -> tuple[Row | None, str, str]:
    """(mark that fills the order or None, state, reason); the first settlement known counts, whatever corrects it."""
    session, contract = order["session"], order["contract"]
    deadline = table.offset(session, MAX_WORKING)
    mark = next((m for m in marks if m["trade_date"] == session and m["session"] <= deadline), None)
    if mark is not None:
        missed = _locked(mark) or _limit_missed(order, mark)
        return (None, "expired", missed) if missed else (mark, "filled", "")
    if upto > deadline:
        return None, "expired", f"no settlement of {contract} on {session} arrived within {MAX_WORKING} sessions"
    return None, "working", f"waiting for the settlement of {contract} on {session}"


def _locked(mark: Row) -> str:
    """Why nobody could trade at this settlement; empty on an ordinary day."""
    return (
        f"{mark['contract']} settled at its price limit: no free price to be filled at" if mark["limit_locked"] else ""
    )


def _limit_missed(order: Row, mark: Row) -> str:
    """Why the limit forbids this settlement; empty when there is no limit or it is respected.

    A DI1 limit is a rate: whoever buys the contract receives, and wants the rate at or above the limit.
    """
    limit = order["limit_level"]
    if limit is None:
        return ""
    is_rate = mark["settle_rate"] is not None
    level = mark["settle_rate"] if is_rate else mark["settle_price"]
    wants_high = (order["quantity"] > 0) == is_rate
    if (level >= limit) if wants_high else (level <= limit):
        return ""
    side = "at or above" if wants_high else "at or below"
    shown = (f"{level:.4%}", f"{limit:.4%}") if is_rate else (f"{level:,.3f}", f"{limit:,.3f}")
    return f"settled at {shown[0]}, the limit wanted {side} {shown[1]}"
