"""Outcomes made of daily returns, for tests of what is done with them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from macro_fund.backtest.engine import TRADES, Rules
from macro_fund.backtest.lab import Outcome, Variant
from macro_fund.settings import Strategy

CAPITAL = 100_000_000.0
START = date(2010, 1, 4)


def a_variant(enter: float = 0.5, horizon: int = 21, **rules: float) -> Variant:
    strategy = Strategy(
        id="X-01",
        instruments=["DOL_1M"],
        horizon_days=horizon,
        enter=enter,
        exit=0.1,
        params={"z_window": 504, "name": "level"},
    )
    return Variant(strategy, Rules(capital_brl=CAPITAL, **rules))


def an_outcome(returns: np.ndarray, variant: Variant | None = None, **changes: object) -> Outcome:
    """One that earned these net returns on 100 million, without costs, from one instrument."""
    x = np.asarray(returns, dtype=float)
    days = np.array([START + timedelta(days=k) for k in range(x.size + 1)], dtype="datetime64[D]")
    given = {
        "variant": variant or a_variant(),
        "first": days[0].astype(object),
        "last": days[-1].astype(object),
        "sessions": days[:-1],
        "instruments": ("DOL_1M",),
        "gross": x * CAPITAL,
        "cost": np.zeros(x.size),
        "margin": np.zeros(x.size),
        "held": np.zeros((x.size, 1), dtype=np.int64),
        "traded": np.zeros(x.size),
        "price": np.zeros((x.size, 1)),
        "closed": TRADES.to_frame(),
    }
    return Outcome(**{**given, **changes})
