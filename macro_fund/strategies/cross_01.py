"""CROSS-01: allocation by regime: own what each growth-inflation regime has favoured, by the odds of each regime.

Belongs here: the conditional Sharpe ratios and their mix with the prior. Does not belong here: the probabilities and
the prior signs (agents/regime.py). Claim, data and what falsifies it: docs/strategies.md.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.regime import VIEWS, P
from macro_fund.agents.regime_chain import QUADRANTS
from macro_fund.settings import Strategy
from macro_fund.strategies.judge import judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.refit import in_force, month_starts
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, parameter, table_rows, trade_rows

Vector = npt.NDArray[np.float64]

VIEW = "agents/regime_view"
YEAR_DAYS = 252


def conditional_sharpe(gain: Vector, weight: Vector, years: float) -> Vector:
    """Shrunk annual Sharpe ratio in each regime after each day: array (days, regimes), what the days up to it say.

    gain: daily excess return of holding the asset, any fixed unit of risk; weight: (days, regimes), the probability of
    the regime known before the day. Mean and deviation are weighted by it; the ratio is shrunk by T / (T + `years`),
    T = years of weight, and clipped to [-1, 1]. A regime never seen has 0: nothing speaks against the prior.
    """
    known = np.isfinite(gain) & np.isfinite(weight).all(axis=1)
    x = np.where(known, gain, 0.0)[:, None]
    w = np.where(known[:, None], weight, 0.0)
    total, first, second = np.cumsum(w, axis=0), np.cumsum(w * x, axis=0), np.cumsum(w * x * x, axis=0)
    some = total > 0
    mean = np.divide(first, total, out=np.zeros_like(total), where=some)
    variance = np.divide(second, total, out=np.zeros_like(total), where=some) - mean * mean
    moving = variance > 0
    ratio = np.divide(mean, np.sqrt(np.where(moving, variance, 1.0)), out=np.zeros_like(total), where=moving)
    span = total / YEAR_DAYS
    return np.clip(ratio * np.sqrt(YEAR_DAYS) * span / (span + years), -1.0, 1.0)


def _gain(panel: Panel, instrument_id: str, last: date) -> pl.DataFrame:
    """session, trade_date, gain of each day: P&L of holding the asset on the risk of the day before."""
    instrument = panel.instrument(instrument_id)
    rows = panel.returns(instrument_id, last)
    risk = rows["dv01_brl"] if instrument.quoted_in_rates else rows["delta_brl"]
    before = risk.abs().shift(1).to_numpy()
    pnl = rows["pnl_brl"].to_numpy()
    ok = np.isfinite(before) & (before > 0) & np.isfinite(pnl)
    gain = instrument.asset_sign * np.divide(pnl, before, out=np.full(pnl.size, np.nan), where=ok)
    return rows.select("session", "trade_date").with_columns(pl.Series("gain", gain))


def _sharpe(panel: Panel, instrument_id: str, odds: pl.DataFrame, years: float) -> Vector:
    """Conditional Sharpe ratios (sessions, regimes) as known at each row of `odds` (session and P).

    A day's weight is the odds of the last session at or before it: they were known in the morning, before its close.
    """
    grid = odds.select("session")
    gains = _gain(panel, instrument_id, odds["session"][-1])
    before = gains.select(session="trade_date").with_row_index("row").sort("session", maintain_order=True)
    known = odds.drop_nulls(list(P))
    weight = before.join_asof(known.select("session", *P), on="session", strategy="backward").sort("row")
    ratios = conditional_sharpe(gains["gain"].to_numpy(), weight.select(P).cast(pl.Float64).to_numpy(), years)
    at = np.searchsorted(gains["session"].to_numpy(), grid["session"].to_numpy(), side="right") - 1
    out = np.zeros((grid.height, len(P)))
    out[at >= 0] = ratios[at[at >= 0]]
    return out


def rebalanced(sessions: pl.Series, daily: Vector) -> Vector:
    """Each month's first known value, from its session to the month's end; NaN in a month before it is known."""
    starts = month_starts(sessions)
    month = in_force(starts, np.arange(daily.size))
    known = np.flatnonzero(np.isfinite(daily))
    chosen = np.full(starts.size, -1)
    first, at = np.unique(month[known], return_index=True)
    chosen[first] = known[at]
    row = chosen[month]
    return np.where((row >= 0) & (np.arange(daily.size) >= row), daily[np.maximum(row, 0)], np.nan)


def allocation(odds: Vector, prior: Vector, sharpe: Vector) -> Vector:
    """s = sum over regimes of P x (half the prior + half the shrunk Sharpe), in [-1, 1]; arrays (sessions, regimes)."""
    magnitude = 0.5 * prior[None, :] + 0.5 * sharpe
    terms = odds * magnitude
    total = terms[:, 0]
    for k in range(1, terms.shape[1]):
        total = total + terms[:, k]
    return np.clip(total, -1.0, 1.0)


def _frame(panel: Panel, params: Strategy, view: pl.DataFrame, instrument_id: str) -> pl.DataFrame:
    asset = panel.instrument(instrument_id).asset
    if asset not in VIEWS:
        raise ValueError(f"{params.id}: {instrument_id} is {asset}, which has no prior; allowed: {', '.join(VIEWS)}")
    names = [f"regime_{p}" for p in P]
    seen = pl.col("regime_status") != "no_view"
    odds = view.select("session", *(pl.when(seen).then(n).alias(p) for n, p in zip(names, P, strict=True)))
    sharpe = _sharpe(panel, instrument_id, odds, parameter(params, "shrink_years"))
    weights = odds.select(P).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    s = rebalanced(view["session"], allocation(weights, np.array(VIEWS[asset], dtype=np.float64), sharpe))
    best = (
        pl.concat_list(names)
        .list.arg_max()
        .replace_strict(dict(enumerate(QUADRANTS)), default=None, return_dtype=pl.String)
    )
    frame = view.with_columns(pl.Series("s", s).fill_nan(None)).with_columns(pl.col("s").alias("z"))
    return judged(
        frame,
        params,
        words=pl.format(
            "{} {}: set on the month's first session; today's likeliest regime is {} at {}%",
            pl.lit(asset),
            pl.col("s").round(2),
            best,
            (pl.max_horizontal(names) * 100).round(0),
        ),
        missing=pl.when(~seen).then(pl.lit("regime view has no view")),
        weak=pl.when(pl.col("regime_status") == "degraded").then(pl.lit("regime view is degraded")),
        confidence=pl.col("regime_confidence"),
    )


@register(
    "CROSS-01",
    hypothesis="Growth and inflation regimes last, and each favours the same assets as before.",
    falsified_by="no gain over unconditional risk parity, or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", VIEW),
    series=(),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/cross_01: one trade per session and asset, each sized on its own; z is the signal itself.

    Set on the first session of a month that has a regime view, and kept to its end. Odds are filtered, never smoothed.
    """
    grid = panel.grid(sessions)
    view = panel.view(VIEW, (*P, "confidence"), grid, "regime")
    trades = [trade_rows(_frame(panel, params, view, i), panel, params, [Leg(i)]) for i in params.instruments]
    return table_rows(trades, params, sessions)
