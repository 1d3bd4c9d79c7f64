"""The mark of every contract held, by rung: two people's override, official settlement, our model, the mark before.

Belongs here: which level marks a contract in a session, and what +1 contract made up to it. Does not belong here: the
formulas of a contract (`instruments/`), how a mark below settlement leaves the P&L again (`true_up.py`), who may
override (`overrides.py`).

The official settlement is the mark. Without the last close's:
    override    a level that two people gave for that close; it also stands in for a settlement that was known to them
    model       DI1 only: flat forward through the close's settlements of the other contracts, never beyond them
    previous    the newest mark of the close before, whatever its rung; it makes no P&L
    none        anything older is no mark: the level is shown to nobody, risk stays that of the newest mark
No source gives a vendor's close of these contracts, so that rung is absent.

What +1 contract made is always counted from the newest settlement known, so that one settlement takes the place of
every estimate before it. A settlement beats an override that did not know it, and every override of an earlier day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl

from macro_fund.curves.flat_forward import flat_forward
from macro_fund.instruments.di1 import pu, round2
from macro_fund.instruments.marks import LINEAR_ROOTS, Inputs, contract_marks
from macro_fund.pms.settlements import known_marks, newest_by_session
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar
from macro_fund.time.sessions import Sessions

TABLE = TABLES["pms/marks"]
OFFICIAL = TABLES["silver/contract_marks"]
OVERRIDABLE = ("DI1", *LINEAR_ROOTS)
"""Roots whose P&L follows from their own level and the CDI."""
_LOOK_BACK_CD = 40
_KEY = ["contract", "instrument"]

Row = dict[str, Any]


class _Try(NamedTuple):
    """A level (DI1: rate) that could mark a contract at the close of `day`."""

    day: date
    source: str
    level: float


@dataclass(frozen=True)
class Market:
    """What estimates rest on: marks (silver/contract_marks), CDI by day (session, event_date, value), bank days, BRL a
    point by root; `table`: the fund's sessions."""

    marks: pl.DataFrame
    cdi_daily: pl.DataFrame
    calendar: BusinessCalendar
    point_values: Mapping[str, float]
    table: Sessions


def holdings(fills: pl.DataFrame, sessions: Sequence[date], table: Sessions) -> pl.DataFrame:
    """Contracts held after the close before each of `sessions`: session, trade_date, contract, instrument, quantity.

    fills: pms/fills, all history. Contracts are kept after their maturity: a fill does not say when that is.
    """
    known = fills.filter(pl.col("session") <= max(sessions))
    held = known.group_by("session", *_KEY, maintain_order=True).agg(pl.col("quantity").sum()).sort(*_KEY, "session")
    held = held.with_columns(pl.col("quantity").cum_sum().over(_KEY))
    closes = table.frame().select("session", trade_date="prev_session").filter(pl.col("session").is_in(list(sessions)))
    grid = closes.join(held.select(_KEY).unique(), how="cross").sort(*_KEY, "session")
    return grid.join_asof(held, on="session", by=_KEY, check_sortedness=False).filter(pl.col("quantity") != 0)


def book_marks(fills: pl.DataFrame, overrides: pl.DataFrame, market: Market, sessions: Sequence[date]) -> pl.DataFrame:
    """pms/marks of `sessions`: one row for each contract held that has not matured.

    fills: pms/fills, all history; overrides: `Ledger.overrides`. Recomputed from the first fill, so the window asked
    for changes nothing, and nothing that became known after a session counts in it.
    """
    last = max(sessions)
    keys = market.table.keys(min([*fills["session"], last]), last)
    held = holdings(fills, keys, market.table).select("session", "contract", close="trade_date").unique()
    official = known_marks(market.marks, fills["contract"], last)
    newest = newest_by_session(official).with_columns(known="session").sort("session", maintain_order=True)
    held = held.sort("session", "contract").join_asof(newest, on="session", by="contract", check_sortedness=False)
    held = held.filter(pl.col("maturity").is_null() | (pl.col("maturity") > pl.col("close")))
    given = _given(overrides, market.table)
    late = pl.col("trade_date").is_null() | (pl.col("trade_date") < pl.col("close"))
    slow = late | pl.col("contract").is_in(sorted({o["contract"] for o in given}))
    settled = held.filter(~slow).with_columns(source=pl.lit("settlement"), basis=pl.lit("settlement"))
    rows = list(_estimated(held.filter(slow).to_dicts(), given, market, official))
    estimated = pl.DataFrame(rows, schema=TABLE.schema, orient="row")
    frame = pl.concat([settled.select(pl.col(c).cast(t) for c, t in TABLE.schema.items()), estimated])
    return frame.filter(pl.col("session").is_in(list(sessions))).sort(TABLE.sort)


def model_rate(marks: pl.DataFrame, session: date, close: date, bdays: int) -> float | None:
    """DI1 rate (decimal, 252) at `bdays` on the curve of a close, as `session` knew it; None beyond its contracts.

    A contract's first settlement is left out: B3 sets it without a trade.
    """
    quotes = marks.filter(
        pl.col("root") == "DI1",
        pl.col("trade_date") == close,
        pl.col("session") <= session,
        pl.col("prev_trade_date").is_not_null(),
        pl.col("settle_rate").is_not_null(),
        pl.col("bdays") >= 1,
    )
    quotes = quotes.sort("session").unique("contract", keep="last", maintain_order=True)
    quotes = quotes.unique("bdays", keep="last", maintain_order=True).sort("bdays")
    nodes = quotes["bdays"].to_list()
    if not nodes or not nodes[0] <= bdays <= nodes[-1]:
        return None
    return float(flat_forward(nodes, quotes["settle_rate"].to_list(), [bdays])[0])


def _given(overrides: pl.DataFrame, table: Sessions) -> list[Row]:
    """Confirmed overrides with the first session that knows each (`start`) and the first that does not any more."""
    confirmed = overrides.filter(pl.col("confirmed_at").is_not_null())
    known = [table.session_of(pl.col(c)).alias(n) for c, n in (("confirmed_at", "start"), ("revoked_at", "end"))]
    return confirmed.with_columns(known).filter(pl.col("start").is_not_null()).to_dicts()


def _estimated(held: Sequence[Row], given: Sequence[Row], market: Market, official: pl.DataFrame) -> Iterator[Row]:
    """Rows of the contracts that lack the last close's settlement, or have an override, in order of sessions."""
    standing: dict[str, _Try] = {}
    for row in held:
        contract, session, close = row["contract"], row["session"], row["close"]
        settled = row["trade_date"]
        tries = [_Try(o["trade_date"], "override", o["level"]) for o in given if _stands(o, row, official)]
        if settled is not None and settled < close:
            before = standing.get(contract)
            tries += [before] if before is not None and before.day > settled else []
            tries += _model(row, market)
        tries.sort(key=lambda t: (t.day, t.source == "override"), reverse=True)
        valued = ((t, _valued(t, row, market, official)) for t in tries)
        best, mark = next(((t, m) for t, m in valued if m is not None), (None, None))
        if best is not None and best.source == "model":
            standing[contract] = best
        source = "settlement" if best is None else best.source
        mark = row if mark is None else {**row, **mark}
        day = mark["trade_date"] or close
        basis = _basis(source, mark["trade_date"], close, market.table)
        yield {c: mark.get(c) for c in TABLE.schema} | {
            "session": session, "close": close, "trade_date": day, "source": source, "basis": basis
        }  # fmt: skip


def _basis(source: str, day: date | None, close: date, table: Sessions) -> str:
    if day is None:
        return "none"
    return source if day == close else "previous" if table.offset(day, 1) == close else "none"


def _stands(override: Row, row: Row, official: pl.DataFrame) -> bool:
    """Whether an override of the contract counts in the row's session, given the settlements that it knows."""
    contract, session, settled = row["contract"], row["session"], row["trade_date"]
    if override["contract"] != contract or not override["trade_date"] <= row["close"] or settled is None:
        return False
    if override["start"] > session or (override["end"] is not None and override["end"] <= session):
        return False
    if override["trade_date"] != settled:
        return bool(override["trade_date"] > settled)
    versions = official.filter(
        pl.col("contract") == contract, pl.col("trade_date") == settled, pl.col("session") <= session
    )
    prices, known = versions["settle_price"].to_list(), versions["session"].to_list()
    other = [k for k, price in enumerate(prices) if price != prices[-1]]
    return bool(known[other[-1] + 1 if other else 0] < override["start"])


def _model(row: Row, market: Market) -> list[_Try]:
    """The model's level at the row's close, if there is one."""
    if row["root"] != "DI1":
        return []
    left = market.calendar.count(row["close"], row["maturity"], known_on=row["close"])
    rate = model_rate(market.marks, row["session"], row["close"], left)
    return [] if rate is None else [_Try(row["close"], "model", rate)]


def _valued(attempt: _Try, row: Row, market: Market, official: pl.DataFrame) -> Row | None:
    """silver/contract_marks row of the level as if it were the settlement of its day; None where its P&L is unknown."""
    day, contract, session = attempt.day, row["contract"], row["session"]
    recent = pl.col("trade_date") >= day - timedelta(days=_LOOK_BACK_CD)
    own = official.filter(pl.col("contract") == contract, pl.col("session") <= session, recent)
    columns = ["session", "contract", "trade_date", "root", "maturity", "settle_price", "settle_rate"]
    price, rate = attempt.level, None
    if row["root"] == "DI1":
        left = market.calendar.count(day, row["maturity"], known_on=day)
        price, rate = float(round2(pu(attempt.level, left))), attempt.level
    typed = (session, contract, day, row["root"], row["maturity"], price, rate)
    settlements = own.select(columns)
    settlements = pl.concat([settlements, pl.DataFrame([typed], schema=settlements.schema, orient="row")])
    inputs = Inputs(market.cdi_daily.filter(pl.col("session") <= session), *(market.cdi_daily.clear(),) * 2)
    found = contract_marks(
        settlements.rename({"trade_date": "event_date"}), inputs, [session], market.calendar, market.point_values
    )
    mark = found.filter(pl.col("trade_date") == day).row(0, named=True)
    return mark if mark["pnl_brl"] is not None else None
