"""Tables of a simulation: positions and settlements give its P&L a second time, and the book adds up."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from macro_fund.backtest import record
from macro_fund.backtest.engine import Result
from macro_fund.backtest.market import Market
from macro_fund.settings import default_settings
from macro_fund.strategies.registry import get
from macro_fund_tests.strategies.frames import world

W = world(900)
INSTRUMENTS = default_settings().instruments
IDS = ("CROSS-02", "FX-02", "RATES-01")
LEGS = W.panel.table("silver/leg_returns")


@cache
def simulated() -> tuple[Market, Result]:
    signals = [get(i).signals(W.panel, default_settings().strategy(i), W.keys) for i in IDS]
    return record.simulated(pl.concat(signals), LEGS, INSTRUMENTS, W.keys)


def positions() -> pl.DataFrame:
    market, result = simulated()
    return record.positions(result, market)


def daily() -> pl.DataFrame:
    return record.daily(positions(), IDS, LEGS, INSTRUMENTS, W.keys)


def test_every_row_is_known_on_the_session_after() -> None:
    order = {day: k for k, day in enumerate(W.keys)}
    for frame in (positions(), daily()):
        assert all(order[s] == order[d] + 1 for s, d in frame.select("session", "trade_date").unique().rows())
    market, result = simulated()
    trades = record.closed(result, market)
    assert trades.height > 10
    assert all(order[s] == order[d] + 1 for s, d in trades.select("session", "closed").rows())


def test_positions_and_settlements_give_the_simulation_s_pnl() -> None:
    _, result = simulated()
    ids, gross = result.by_strategy(result.gross)
    assert np.abs(gross).sum() > 0
    found = daily()
    for k, name in enumerate(ids):
        rows = found.filter(pl.col("strategy_id") == name).sort("session")
        assert rows["gross_brl"].to_numpy() == pytest.approx(gross[:-1, k], abs=1e-6)
    cost = result.by_strategy(result.cost)[1]
    assert found["cost_brl"].sum() == pytest.approx(cost[:-1].sum(), abs=1e-6)


def test_a_wrong_position_shows() -> None:
    moved = positions().with_columns(pl.col("contracts") + 1)
    other = record.daily(moved, IDS, LEGS, INSTRUMENTS, W.keys)
    assert (other["gross_brl"] - daily()["gross_brl"]).abs().max() > 1.0


def test_the_book_is_its_strategies_and_interest() -> None:
    cdi = pl.DataFrame({"session": W.keys, "value": 0.0004}, schema_overrides={"session": pl.Date})
    rows = daily()
    book = record.book(rows, cdi, 1e8)
    sums = rows.group_by("session").agg(pl.col("contribution_brl").sum()).sort("session")
    assert book["net_brl"].to_numpy() == pytest.approx(sums["contribution_brl"].to_numpy(), abs=1e-6)
    worth = 1e8
    for net, cash, equity in book.select("net_brl", "cash_brl", "equity_brl").rows():
        assert cash == pytest.approx(worth * 0.0004)
        worth = worth + cash + net
        assert equity == pytest.approx(worth)
    unknown = record.book(rows, cdi.clear(), 1e8)
    assert unknown["cash_brl"].null_count() == unknown.height


def test_windows_of_sessions_give_the_same_rows() -> None:
    """The past of a longer history is the past: positions up to a session do not depend on what follows."""
    early = W.keys[:700]
    cut = LEGS.filter(pl.col("session") <= early[-1])
    signals = pl.concat([get(i).signals(W.panel, default_settings().strategy(i), W.keys) for i in IDS])
    market, result = record.simulated(signals.filter(pl.col("session") <= early[-1]), cut, INSTRUMENTS, early)
    whole = positions().filter(pl.col("session") <= early[-1])
    assert record.positions(result, market).equals(whole)
