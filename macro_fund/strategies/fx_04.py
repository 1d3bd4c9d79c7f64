"""FX-04: relative value of the volatility surface of the real: term, skew and the variance premium revert.

Belongs here: the three measures and the forecast of realised variance. Does not belong here: option prices or greeks.
Research only: options are not approved, so the signal never becomes a position. Claim and data: docs/strategies.md.
Signal > 0 is own volatility (it is cheap), < 0 sell it.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.features.stats import robust_z
from macro_fund.settings import Strategy
from macro_fund.strategies.judge import half_z, judged, needs, with_fresh
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.refit import fitted, monthly_ols
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, states_reason, table_rows, trade_rows

Vector = npt.NDArray[np.float64]

SPOT = "br_usdbrl_ptax_ask"
NEAR, FAR, SKEW = "br_fx_vol_1m_atm", "br_fx_vol_6m_atm", "br_fx_vol_1m_25d_rr"
WEEK, MONTH, YEAR = 5, 22, 252
AHEAD = 21
CLIP = 3.0
MEASURES = ("term", "skew", "premium")


def _mean(values: Vector, window: int) -> Vector:
    """Mean of the last `window` values, NaN before as many or where one is NaN; sums run over offsets."""
    total = np.zeros(values.size)
    for back in range(window):
        total = total + np.concatenate([np.full(min(back, values.size), np.nan), values[: max(values.size - back, 0)]])
    return total / window


def har_forecast(sessions: pl.Series, returns: Vector, minimum: int) -> Vector:
    """E[RV^2] of the next 21 days, annual, at each row: a heterogeneous autoregression (Corsi 2009).

    The mean of daily squared returns over days t+1..t+21 on the last day's, week's (5) and month's (22), by OLS on what
    was complete at the month's first session. Squared returns stand for realised variance: there is no intraday price.
    Never below 0. NaN before `minimum` complete rows.
    """
    squared = returns * returns * YEAR
    x = np.column_stack([squared, _mean(squared, WEEK), _mean(squared, MONTH)])
    mean = _mean(squared, AHEAD)
    ahead = np.full(squared.size, np.nan)
    ahead[: max(squared.size - AHEAD, 0)] = mean[AHEAD:]
    coefficients = monthly_ols(sessions, ahead, x, minimum, lag=AHEAD)
    return np.maximum(fitted(coefficients, x), 0.0)


def _measures(panel: Panel, params: Strategy, last: date) -> pl.DataFrame:
    """session, term, skew, premium (decimals, or variance) and z_ of each, on the days of the spot."""
    minimum = int(parameter(params, "fit_min"))
    path = panel.path(SPOT, last)
    path = path.with_columns(pl.col("value").log().diff().alias("r"))
    returns = path["r"].fill_null(float("nan")).to_numpy()
    path = path.with_columns(
        pl.Series("expected", har_forecast(path["session"], returns, minimum)).fill_nan(None),
        pl.col("value").log().diff(AHEAD).alias("move"),
    )
    path = with_fresh(panel, path, {"near": NEAR, "far": FAR, "rr": SKEW})
    rr, move = (path[c].fill_null(float("nan")).to_numpy() for c in ("rr", "move"))
    coefficients = monthly_ols(path["session"], rr, move[:, None], minimum)
    path = path.with_columns(
        (pl.col("near") - pl.col("far")).alias("term"),
        pl.Series("skew", rr - fitted(coefficients, move[:, None])).fill_nan(None),
        (pl.col("near") ** 2 - pl.col("expected")).alias("premium"),
    )
    window, least = int(parameter(params, "z_window")), int(parameter(params, "z_min"))
    return path.with_columns(
        robust_z(path[name], window=window, min_obs=least, clip=CLIP).alias(f"z_{name}") for name in MEASURES
    ).with_columns(pl.col("premium").is_not_null().cum_sum().alias("n"))


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    frame = grid
    inputs = (("near", NEAR), ("far", FAR), ("rr", SKEW), ("spot", SPOT))
    for name, series_id in inputs:
        frame = frame.join(panel.level(series_id, grid, name), on="session", how="left", maintain_order="left")
    measures = _measures(panel, params, grid["session"][-1])
    columns = ["session", "n", *(f"z_{name}" for name in MEASURES)]
    frame = frame.join_asof(measures.select(columns), on="session", strategy="backward")
    feed = [pl.col(f"{name}_state") == "missing" for name, _ in inputs[:3]]
    missing = (
        pl.when(pl.any_horizontal(feed))
        .then(pl.lit(needs((NEAR, FAR, SKEW))))
        .otherwise(states_reason([(name, series_id) for name, series_id in inputs]))
    )
    parts = [pl.col(f"z_{name}") for name in MEASURES]
    rich = (parts[0] + parts[1] + parts[2]) * (1 / len(parts))
    frame = frame.with_columns(rich.alias("z"), half_z(-rich).alias("s"))
    words = pl.format("volatility z {}: term {}, skew {}, variance premium {}", *(c.round(2) for c in (rich, *parts)))
    return judged(
        frame,
        params,
        words=words,
        missing=missing,
        gate=pl.lit("no position: options are not approved, research only"),
        confidence=fill_share(pl.col("n"), int(parameter(params, "z_window"))),
    )


@register(
    "FX-04",
    hypothesis="The term, the skew and the variance premium of the real's volatility surface revert.",
    falsified_by="no variance premium after the cost of the hedge",
    inputs=("silver/as_known", "silver/leg_returns"),
    series=(SPOT,),
    licensed=(NEAR, FAR, SKEW),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/fx_04: one row per session, direction always 0; z > 0 is a rich surface, signal > 0 a cheap one.

    z is the mean of the z of three measures: 1-month less 6-month volatility, the 25-delta risk reversal less what the
    spot's 21-day move explains, and implied variance less its forecast. Volatilities are decimals a year.
    """
    frame = _frame(panel, params, panel.grid(sessions))
    trades = [trade_rows(frame, panel, params, [Leg(i)], trade="volatility") for i in params.instruments]
    return table_rows(trades, params, sessions)
