"""What a strategy's record says at a date, from its own past alone.

Belongs here: expanding statistics of daily net P&L, and the verdict in words. Does not belong here: the count of trials
behind a strategy, which only the ledger knows (the deflated ratio is computed there).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from macro_fund.backtest.market import Vector
from macro_fund.backtest.performance import deepest_fall
from macro_fund.backtest.sharpe import PERIODS, moments, probabilistic_sharpe

MIN_YEARS = 5.0
SURE = 0.90


def scorecard(
    ids: Sequence[str], sessions: Sequence[object], gross: Vector, net: Vector, at: Sequence[int], capital_brl: float
) -> pl.DataFrame:
    """One row for each strategy and row number in `at`: its record before that session, from its first P&L on.

    gross, net: (session, strategy) BRL. sharpe and its gross twin are a year's; psr is the probability that the true
    ratio is above 0; drawdown is the deepest fall of cumulated P&L in shares of the capital; verdict as in `judged`.
    """
    rows = []
    for s in at:
        for k, name in enumerate(ids):
            started = np.flatnonzero(net[:s, k])
            x = net[started[0] : s, k] / capital_brl if started.size else np.zeros(0)
            before = gross[started[0] : s, k] / capital_brl if started.size else x
            rows.append({"session": sessions[s], "strategy_id": name, **_record(x, before)})
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


SCHEMA = pl.Schema(
    {
        "session": pl.Date,
        "strategy_id": pl.String,
        "n_days": pl.Int32,
        "sharpe": pl.Float64,
        "sharpe_gross": pl.Float64,
        "psr": pl.Float64,
        "volatility": pl.Float64,
        "drawdown": pl.Float64,
        "verdict": pl.String,
    }
)


def _record(x: Vector, gross: Vector) -> dict[str, object]:
    if x.size < 2 or x.std(ddof=1) == 0:
        return {"n_days": x.size, **dict.fromkeys(list(SCHEMA)[3:-1]), "verdict": "no record: it never held a position"}
    m = moments(x)
    sure = probabilistic_sharpe(m.sharpe, x.size, m.skew, m.kurt)
    yearly = float(np.sqrt(PERIODS))
    spread = gross.std(ddof=1)
    return {
        "n_days": x.size,
        "sharpe": m.sharpe * yearly,
        "sharpe_gross": float(gross.mean() / spread) * yearly if spread > 0 else None,
        "psr": sure,
        "volatility": float(x.std(ddof=1)) * yearly,
        "drawdown": deepest_fall(x),
        "verdict": judged(x.size / PERIODS, m.sharpe, sure),
    }


def judged(years: float, sharpe: float, sure: float) -> str:
    """The verdict: falsified after five years without a net gain; `unproven` while chance explains it."""
    if years < MIN_YEARS:
        return f"too short: {years:.1f} of {MIN_YEARS:.0f} years"
    if sharpe <= 0:
        return "falsified: no net gain over five years or more"
    return "unproven: chance explains it" if sure < SURE else "stands, before counting the trials behind it"
