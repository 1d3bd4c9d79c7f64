"""A simulation as tables: positions, closed trades, daily P&L, the book of all strategies.

Belongs here: arrays to the research/ tables and back. Does not belong here: the simulation (engine.py) or Dagster.

A row of day d (the session of the fill or settlement) is known on the next session, which is its `session`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.backtest.account import settled
from macro_fund.backtest.engine import Result, Rules, simulate
from macro_fund.backtest.market import Market, Vector, market, trades
from macro_fund.backtest.portfolio import allocate
from macro_fund.settings import Instrument
from macro_fund.store.tables import TABLES
from macro_fund.strategies.refit import month_starts

POSITIONS = TABLES["research/backtest_positions"]
TRADES = TABLES["research/backtest_trades"]
DAILY = TABLES["research/backtest_daily"]
BOOK = TABLES["research/backtest_book"]


def simulated(
    signals: pl.DataFrame, leg_returns: pl.DataFrame, instruments: Sequence[Instrument], sessions: Sequence[date]
) -> tuple[Market, Result]:
    """The market and the simulation of all signals over consecutive sessions, under the standard rules."""
    paid = market(leg_returns, instruments, sessions)
    return paid, simulate(paid, trades(signals, paid, {i.id: i for i in instruments}))


def positions(result: Result, paid: Market) -> pl.DataFrame:
    """research/backtest_positions: one row for each leg held or traded at a session's settlement."""
    held = result.contracts
    before = np.concatenate([np.zeros_like(held[:1]), held[:-1]])
    legs = result.trades.instrument
    at = np.where(legs >= 0, legs, 0)
    rolled = np.where(paid.rolled[:, at], 2 * np.abs(held), 0)
    traded = np.abs(held - before) + rolled
    s, t, k = np.nonzero((held != 0) | (traded != 0))
    column = legs[t, k]
    price = np.nan_to_num(paid.cost[s, column]) * result.rules.cost_factor
    frame = pl.DataFrame(
        {
            **_days(paid, s),
            "strategy_id": np.array(result.trades.strategies)[t],
            "trade": np.array(result.trades.names)[t],
            "instrument": np.array(paid.instruments)[column],
            "contracts": held[s, t, k],
            "traded": traded[s, t, k],
            "cost_brl": traded[s, t, k] * price,
            "margin_brl": np.abs(held[s, t, k]) * np.nan_to_num(paid.margin[s, column]),
        }
    )
    return _typed(frame.drop_nulls("session"), POSITIONS.key)


def closed(result: Result, paid: Market) -> pl.DataFrame:
    """research/backtest_trades: one row for each trade that was closed."""
    rows = result.closed
    at = np.searchsorted(paid.sessions, rows["closed"].to_numpy().astype("datetime64[D]"))
    frame = rows.with_columns(_days(paid, at)["session"]).drop_nulls("session")
    return _typed(frame, TRADES.key)


def daily(
    positions_: pl.DataFrame,
    strategies: Sequence[str],
    leg_returns: pl.DataFrame,
    instruments: Sequence[Instrument],
    sessions: Sequence[date],
) -> pl.DataFrame:
    """research/backtest_daily from positions and what each instrument was paid: a second way to the same P&L.

    One row for each strategy and session, also where nothing was held; weight and contribution are of the book.
    """
    paid = market(leg_returns, instruments, sessions)
    gross, cost, margin, held = (np.zeros((len(sessions), len(strategies))) for _ in range(4))
    for k, name in enumerate(strategies):
        mine = positions_.filter(pl.col("strategy_id") == name)
        for (instrument,), rows in mine.partition_by("instrument", as_dict=True).items():
            column = paid.instruments.index(str(instrument))
            one = rows.group_by("trade_date", maintain_order=True).agg(pl.col("contracts").sum()).sort("trade_date")
            contracts = np.zeros(len(sessions))
            contracts[_index(paid, one["trade_date"])] = one["contracts"].to_numpy()
            gross[:, k] += settled(paid.pnl[:, [column]], contracts[:, None], np.zeros(len(sessions)))
        sums = mine.group_by("trade_date", maintain_order=True).agg(
            pl.col("cost_brl").sum(), pl.col("margin_brl").sum(), pl.col("contracts").abs().sum()
        )
        day = _index(paid, sums["trade_date"])
        cost[day, k], margin[day, k] = sums["cost_brl"].to_numpy(), sums["margin_brl"].to_numpy()
        held[day, k] = sums["contracts"].to_numpy()
    rules = Rules()
    first = np.zeros(len(sessions), dtype=bool)
    first[month_starts(pl.Series(sessions))] = True
    shares = allocate(gross - cost, first, rules.capital_brl, rules.vol_target)
    s, which = np.indices(gross.shape).reshape(2, -1)
    frame = pl.DataFrame(
        {
            **_days(paid, s),
            "strategy_id": np.array(list(strategies))[which],
            **{
                name: values[s, which]
                for name, values in (
                    ("gross_brl", gross),
                    ("cost_brl", cost),
                    ("net_brl", gross - cost),
                    ("margin_brl", margin),
                    ("contracts", held),
                    ("weight", shares.weights),
                    ("contribution_brl", shares.contribution),
                )
            },
        }
    )
    return _typed(frame.drop_nulls("session"), DAILY.key)


def book(daily_: pl.DataFrame, cdi: pl.DataFrame, capital_brl: float) -> pl.DataFrame:
    """research/backtest_book: all strategies by their weights, with CDI on the cash.

    cdi: session, value (decimal a day, newest known), one row a session. equity = equity before x (1 + CDI) + net; a
    session without a CDI earns none and says so in `cash_brl` being null.
    """
    frame = (
        daily_.group_by("session", "trade_date", maintain_order=True)
        .agg(
            pl.col("contribution_brl").sum().alias("net_brl"),
            (pl.col("weight") * pl.col("margin_brl")).sum().alias("margin_brl"),
            (pl.col("weight") > 0).sum().alias("n_strategies"),
        )
        .sort("session")
        .join(cdi.select("session", cdi="value"), on="session", how="left", maintain_order="left")
    )
    worth, interest = np.zeros(frame.height), np.zeros(frame.height)
    equity = capital_brl
    for t, (net, rate) in enumerate(zip(frame["net_brl"], frame["cdi"].fill_null(0.0), strict=True)):
        interest[t] = equity * rate
        equity = equity + interest[t] + net
        worth[t] = equity
    frame = frame.with_columns(
        pl.Series("equity_brl", worth), pl.when(pl.col("cdi").is_not_null()).then(pl.Series(interest)).alias("cash_brl")
    )
    return _typed(frame, BOOK.key)


def _index(paid: Market, days: pl.Series) -> np.ndarray:
    return np.searchsorted(paid.sessions, days.to_numpy().astype("datetime64[D]"))


def _days(paid: Market, at: np.ndarray) -> Mapping[str, pl.Series]:
    """trade_date of the session numbers, and the next session, which knows it; null for the last."""
    following = np.append(paid.sessions[1:], np.datetime64("NaT"))
    return {
        "session": pl.Series("session", following[at]).cast(pl.Date),
        "trade_date": pl.Series("trade_date", paid.sessions[at]).cast(pl.Date),
    }


def _typed(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    table = TABLES[key]
    return frame.select(pl.col(n).cast(t) for n, t in table.schema.items()).sort(table.sort)


def net_matrix(daily_: pl.DataFrame, column: str = "net_brl") -> tuple[list[str], list[date], Vector]:
    """(strategies, sessions, (session, strategy) values) of research/backtest_daily."""
    wide = daily_.pivot("strategy_id", index="session", values=column).sort("session")
    ids = sorted(c for c in wide.columns if c != "session")
    return ids, wide["session"].to_list(), wide.select(ids).to_numpy()
