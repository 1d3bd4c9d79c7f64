"""True-up: how a mark below settlement gets into the P&L, and out again when something better is known.

Belongs here: estimates as versions of silver/contract_marks. Does not belong here: which level marks a contract
(`marking.py`), or booking (`book.py`).

The book books, in each session, the newest version of each day less what it had booked of that day. So an estimate is a
version like any other, made in the session that uses it. Each counts from the newest settlement, hence at most one
stands for a contract: when another does, or a settlement of its day or a later one is known, a version of the same day
takes it back, with the settlement's P&L or with none. A snapshot of a session never changes; the difference is booked
in the session that learns it, and once all settlements are known only they are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from macro_fund.store.tables import TABLES

_SCHEMA = TABLES["silver/contract_marks"].schema
_VERSION = ["session", "contract", "trade_date"]

Row = Mapping[str, Any]


def with_estimates(official: pl.DataFrame, book: pl.DataFrame) -> pl.DataFrame:
    """silver/contract_marks with the estimates among `book` (pms/marks) and what takes them back; all history of both.

    Without an estimate it is `official` itself.
    """
    contracts = book.filter(pl.col("source") != "settlement")["contract"].unique().sort().to_list()
    rows: list[Row] = []
    for contract in contracts:
        mine = pl.col("contract") == contract
        versions = official.filter(mine).sort("session", "trade_date", maintain_order=True).to_dicts()
        rows += _changes(book.filter(mine).to_dicts(), versions)
    if not rows:
        return official
    changes = pl.DataFrame([{c: r[c] for c in _SCHEMA} for r in rows], schema=_SCHEMA, orient="row")
    return pl.concat([official.select(list(_SCHEMA)).join(changes, on=_VERSION, how="anti"), changes])


def _changes(book: Sequence[Row], official: Sequence[Row]) -> Iterator[Row]:
    """Versions of one contract that make an estimate count, or take it back, in the session that does so."""
    own = {r["session"]: r for r in book}
    known: dict[date, Row] = {}
    standing: Row | None = None
    for session in sorted(own.keys() | {r["session"] for r in official}):
        arrived = {r["trade_date"]: r for r in official if r["session"] == session}
        known |= arrived
        want = _estimate(own.get(session), standing, known, arrived)
        if standing is not None and (want is None or want["trade_date"] != standing["trade_date"]):
            yield _taken_back(standing, known) | {"session": session}
        if want is not None and (
            standing is None or _content(want) != _content(standing) or want["trade_date"] in arrived
        ):
            yield {**want, "session": session}
        standing = want


def _estimate(
    own: Row | None, standing: Row | None, known: Mapping[date, Row], arrived: Mapping[date, Row]
) -> Row | None:
    """The estimate that counts in a session. A contract that is not held any more keeps its own until it is settled."""
    if own is not None:
        return own if own["source"] != "settlement" else None
    if standing is None or max(known) > standing["trade_date"] or standing["trade_date"] in arrived:
        return None
    return standing


def _taken_back(standing: Row, known: Mapping[date, Row]) -> dict[str, Any]:
    """The settlement of the estimate's day, if there is one; else the day without P&L."""
    settled = known.get(standing["trade_date"])
    return {**standing, "prev_trade_date": None, "pnl_brl": None} if settled is None else dict(settled)


def _content(row: Row) -> list[Any]:
    return [row[c] for c in _SCHEMA if c != "session"]
