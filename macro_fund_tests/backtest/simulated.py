"""Small markets and trades for tests of the simulation."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from macro_fund.backtest.engine import Rules
from macro_fund.backtest.market import Market, Trades

START = date(2020, 1, 1)


def a_market(pnl: list[float] | np.ndarray, **changes: object) -> Market:
    """One instrument with a risk of 1 BRL, a cost of 1 and a margin of 10; pnl is what +1 is paid each session."""
    paid = np.asarray(pnl, dtype=float)
    paid = paid[:, None] if paid.ndim == 1 else paid
    shape = paid.shape
    days = np.array([START + timedelta(days=k) for k in range(shape[0])], dtype="datetime64[D]")
    market = Market(
        sessions=days,
        instruments=tuple(f"I{k}" for k in range(shape[1])),
        known_unit=np.ones(shape),
        pnl=paid,
        cost=np.ones(shape),
        margin=np.full(shape, 10.0),
        open=np.ones(shape, dtype=bool),
        dead=np.zeros(shape, dtype=bool),
        rolled=np.zeros(shape, dtype=bool),
    )
    return replace(market, **changes)


def a_trade(position: list[int] | np.ndarray, horizon: int = 100, **changes: object) -> Trades:
    """One strategy with one trade of one leg; sigma 1, so that u of 1 contract is sqrt(horizon) BRL."""
    side = np.asarray(position, dtype=np.int8)
    steps = side.size
    trades = Trades(
        strategies=("S",),
        names=("T",),
        horizon=np.array([horizon]),
        instrument=np.array([[0]]),
        sign=np.array([[1.0]]),
        position=side[:, None],
        view=np.ones((steps, 1), dtype=bool),
        strength=np.abs(side[:, None]).astype(float),
        sigma=np.ones((steps, 1)),
        weight=np.ones((steps, 1, 1)),
    )
    return replace(trades, **changes)


def rules(contracts: float = 10.0, **changes: float) -> Rules:
    """Rules under which the trade at full strength and sigma 1 is so many contracts."""
    return replace(Rules(capital_brl=contracts * np.sqrt(252.0) / 0.10 * 1.0000001, margin_cap=1e9), **changes)
