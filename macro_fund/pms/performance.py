"""How the fund did: returns over CDI, risk, drawdown, closed round trips and turnover of each period.

Belongs here: the rows of pms/performance and what must hold of them. Does not belong here: the ratios
(`backtest/`), NAV (`book.py`), which trades are a round trip (`trips.py`), who made the P&L (`attribution.py`).

Ratios of fewer than `MIN_DAYS` days say nothing and are null. The Sharpe and Sortino ratios are of daily returns less
CDI, the volatility of daily returns, all annualised. The drawdown is of the NAV, from its highest since the period
began.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from macro_fund.backtest import performance as ratios
from macro_fund.backtest.sharpe import annual_ratio
from macro_fund.pms.attribution import daily_returns
from macro_fund.pms.periods import Period, start_of
from macro_fund.pms.settlements import known_marks, maturities
from macro_fund.pms.trips import lot_pnl, lots, round_trips
from macro_fund.store.tables import TABLES

TABLE = TABLES["pms/performance"]
PERIODS = (Period.mtd, Period.qtd, Period.ytd, Period.year, Period.inception)
MIN_DAYS = 20
_TRADING = ("settlement", "cost")
_NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class _Known:
    """What a session knows: its days, round trips and the notional of each fill."""

    days: pl.DataFrame
    trips: pl.DataFrame
    traded: pl.DataFrame


def performance(
    nav: pl.DataFrame, fills: pl.DataFrame, marks: pl.DataFrame, cube: pl.DataFrame, sessions: Sequence[date]
) -> pl.DataFrame:
    """pms/performance of `sessions`, a row for each of `PERIODS`; a session without a NAV has none.

    nav: pms/nav, fills: pms/fills, marks: silver/contract_marks, cube: pms/pnl; all history.
    """
    rows: list[Mapping[str, Any]] = []
    for session, trade_date, known in _as_known(nav, fills, marks, cube, sessions):
        rows += [_row(session, trade_date, period, known) for period in PERIODS]
    return pl.DataFrame(rows, schema=TABLE.schema, orient="row").sort(TABLE.sort)


def disagreements(frame: pl.DataFrame, nav: pl.DataFrame, cube: pl.DataFrame) -> list[tuple[date, str]]:
    """Where pms/performance is not what NAV and P&L say, in words.

    The return since inception against the fund's index, each period's against the NAVs at its ends, and the P&L of all
    round trips against settlements and costs. nav: pms/nav, cube: pms/pnl; from the inception to the frame's sessions.
    """
    navs = {r["session"]: r for r in nav.iter_rows(named=True)}
    closes = sorted((r["trade_date"], r) for r in navs.values())
    found: list[tuple[date, str]] = []
    trading = cube.filter(pl.col("component").is_in(_TRADING)).group_by("session", maintain_order=True)
    made = dict(trading.agg(pl.col("pnl_brl").sum()).iter_rows())
    for row in frame.iter_rows(named=True):
        session, start = row["session"], start_of(Period(row["period"]), row["trade_date"])
        now = navs[session]
        before = [r for d, r in closes if d < start][-1:] or [closes[0][1]]
        name = f"{row['period']} return"
        for column, index in (("fund_return", "fund_index"), ("cdi_return", "cdi_index")):
            want = now[index] / before[0][index] - 1.0
            if abs(row[column] - want) > 1e-9:
                found.append((session, f"{column} {row[column]:.10f} of the {name}, the {index} gives {want:.10f}"))
        if row["period"] == Period.inception:
            booked = sum((v for s, v in made.items() if s <= session), _NOTHING)
            trips = row["closed_pnl_brl"] + row["open_pnl_brl"]
            if trips != booked:
                found.append((session, f"round trips made {trips}, settlements and costs are {booked}"))
    return found


def _as_known(
    nav: pl.DataFrame, fills: pl.DataFrame, marks: pl.DataFrame, cube: pl.DataFrame, sessions: Sequence[date]
) -> Iterator[tuple[date, date, _Known]]:
    """(session, trade date, what it knows) of each of `sessions` with a NAV."""
    last = max(sessions)
    known = known_marks(marks, fills["contract"], last)
    ends = maturities(known)
    days, notional, pnl = daily_returns(nav), _notional(fills, known), lot_pnl(cube)
    wanted = nav.filter(pl.col("session").is_in(list(sessions))).sort("session")
    for session, trade_date in wanted.select("session", "trade_date").iter_rows():
        upto = pl.col("session") <= session
        trips = round_trips(lots(fills.filter(upto), ends, trade_date), pnl.filter(upto))
        yield session, trade_date, _Known(days.filter(upto), trips, notional.filter(upto))


def _notional(fills: pl.DataFrame, marks: pl.DataFrame) -> pl.DataFrame:
    """(session, trade_date, notional) of each fill: contracts x price x what a point is worth that day, BRL.

    The first version of the day's mark counts, which is the one that filled it.
    """
    first = marks.sort("contract", "trade_date", "session").unique(["contract", "trade_date"], keep="first")
    points = first.select("contract", "trade_date", "point_value_brl")
    rows = fills.join(points, on=["contract", "trade_date"], how="left", maintain_order="left")
    size = pl.col("quantity").abs() * pl.col("price") * pl.col("point_value_brl")
    return rows.select("session", "trade_date", notional=size)


def _row(session: date, trade_date: date, period: Period, known: _Known) -> dict[str, Any]:
    start = start_of(period, trade_date)
    days = known.days.filter(pl.col("trade_date") >= start)
    trips = known.trips
    closed = trips.filter(pl.col("closed") >= start)
    return {
        "session": session,
        "trade_date": trade_date,
        "period": str(period),
        "first_trade_date": days["trade_date"].min(),
        "n_days": days.height,
        **_returns(days),
        **_drawdown(days),
        **_trip_numbers(closed),
        "open_pnl_brl": trips.filter(pl.col("closed").is_null())["pnl_brl"].sum() or _NOTHING,
        "turnover": _turnover(days, known.traded.filter(pl.col("trade_date") >= start)),
    }


def _returns(days: pl.DataFrame) -> dict[str, float | None]:
    fund, cdi = days["fund_return"].to_numpy(), days["cdi_return"].to_numpy()
    enough = days.height >= MIN_DAYS
    whole, bench = (float(np.prod(1.0 + r) - 1.0) for r in (fund, cdi))
    return {
        "fund_return": whole,
        "cdi_return": bench,
        "excess_return": whole - bench,
        "volatility": ratios.annual_volatility(fund) if enough else None,
        "sharpe": annual_ratio(fund - cdi) if enough else None,
        "sortino": _number(ratios.sortino(fund - cdi)) if enough else None,
    }


def _drawdown(days: pl.DataFrame) -> dict[str, Any]:
    """Deepest and present fall from the highest NAV since the period began, and the first day under that high."""
    if days.is_empty():
        return {"max_drawdown": 0.0, "drawdown": 0.0, "drawdown_since": None}
    depth = ratios.drawdowns(days["fund_return"].to_numpy())
    at_high = np.flatnonzero(depth == 0)
    since = int(at_high[-1]) + 1 if at_high.size else 0
    return {
        "max_drawdown": float(depth.min()),
        "drawdown": float(depth[-1]),
        "drawdown_since": days["trade_date"][since] if since < days.height else None,
    }


def _trip_numbers(closed: pl.DataFrame) -> dict[str, Any]:
    made = closed["pnl_brl"]
    hits = ratios.hit_rate(made.cast(pl.Float64).to_numpy()) if closed.height else math.nan
    return {"closed_trips": closed.height, "hit_rate": _number(hits), "closed_pnl_brl": made.sum() or _NOTHING}


def _turnover(days: pl.DataFrame, traded: pl.DataFrame) -> float:
    """Notional bought and sold over the mean NAV of the period, not annualised."""
    level = days["nav_brl"].cast(pl.Float64).mean()
    return float(traded["notional"].sum()) / float(str(level)) if traded.height else 0.0


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
