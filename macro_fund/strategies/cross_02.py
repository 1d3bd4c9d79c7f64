"""CROSS-02: risk appetite: own risky assets when stress is low and equities trend up.

Belongs here: the measure. Does not belong here: hysteresis and levels (rows.py). Claim, data, the leg that has no
free price (sovereign CDS) and what falsifies it: docs/strategies.md.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.features.stats import momentum, robust_z, rolling_vol
from macro_fund.settings import Strategy
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import (
    VOL_WINDOW,
    Leg,
    fill_share,
    hysteresis,
    parameter,
    states_reason,
    table_rows,
    trade_rows,
)

CLIP = 3.0
MOMENTUM_CLIP = 2.0
STRESS = {"vix": "us_vix", "hy": "us_hy_oas", "mxn": "fx_usdmxn"}
EQUITY = "us_spx"
WORDS = {"vix": "VIX", "hy": "US high-yield spread", "mxn": "USDMXN", "spx": "S&P 500"}


def _stress_z(panel: Panel, params: Strategy, name: str, last: date) -> pl.DataFrame:
    """session, z_{name}, n_{name}: robust z of the level (VIX, spread) or of the realised volatility (USDMXN)."""
    path = panel.path(STRESS[name], last)
    measure = rolling_vol(path["value"].log().diff(), window=VOL_WINDOW) if name == "mxn" else path["value"]
    z = robust_z(measure, window=int(parameter(params, "z_window")), min_obs=int(parameter(params, "z_min")), clip=CLIP)
    return path.select("session", z.alias(f"z_{name}"), measure.is_not_null().cum_sum().alias(f"n_{name}"))


def _equity(panel: Panel, last: date) -> pl.DataFrame:
    """session, mom: momentum of the index; dividends and funding, left out of both sides, are of one size."""
    path = panel.path(EQUITY, last)
    return path.select("session", momentum(path["value"].log().diff(), clip=MOMENTUM_CLIP).alias("mom"))


def appetite_signal(rai: pl.Expr, cut_below: float, cut_to: float) -> pl.Expr:
    """s = tanh(RAI); below `cut_below` it is `cut_to`: in a panic the short is cut, not maximal."""
    return pl.when(rai < cut_below).then(pl.lit(cut_to)).otherwise(rai.tanh())


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    last = grid["session"][-1]
    frame = grid.join_asof(_equity(panel, last), on="session", strategy="backward")
    for name, series_id in [*STRESS.items(), ("spx", EQUITY)]:
        frame = frame.join(panel.level(series_id, grid, name), on="session", how="left", maintain_order="left")
    for name in STRESS:
        frame = frame.join_asof(_stress_z(panel, params, name, last), on="session", strategy="backward")
    z = [pl.col(f"z_{name}") for name in STRESS]
    rai = pl.col("mom") - sum(z[1:], z[0]) * (1 / len(z))
    missing = states_reason(list(WORDS.items()))
    cut_below, cut_to = parameter(params, "cut_below"), parameter(params, "cut_to")
    frame = frame.with_columns(missing.alias("missing"), rai.alias("rai"))
    signal = pl.when(pl.col("missing") == "").then(appetite_signal(pl.col("rai"), cut_below, cut_to))
    frame = frame.with_columns(signal.alias("signal"))
    position = hysteresis(frame["signal"].fill_null(float("nan")).to_numpy(), params.enter, params.exit)
    viewed = pl.col("signal").is_not_null()
    note = (
        pl.when(pl.col("rai") < cut_below).then(pl.lit(f"; below {cut_below}: cut to {cut_to}")).otherwise(pl.lit(""))
    )
    words = pl.format(
        "risk appetite {}: VIX z {}, high yield z {}, USDMXN volatility z {}, S&P momentum {}{}",
        *(pl.col(c).round(2) for c in ("rai", "z_vix", "z_hy", "z_mxn", "mom")),
        note,
    )
    short = (
        pl.when(pl.col("missing") != "")
        .then("missing")
        .otherwise(pl.lit("history too short for a z or the 252-day momentum"))
    )
    filled = pl.mean_horizontal(fill_share(pl.col(f"n_{name}"), int(parameter(params, "z_window"))) for name in STRESS)
    return frame.with_columns(
        pl.col("rai").alias("z"),
        pl.Series("position", position),
        pl.when(viewed).then(pl.lit("ok")).otherwise(pl.lit("no_view")).alias("status"),
        pl.when(viewed).then(words).otherwise(short).alias("reason"),
        filled.alias("confidence"),
    )


@register(
    "CROSS-02",
    hypothesis="Appetite for risk persists for weeks: low stress and rising equities are followed by more of the same.",
    falsified_by="beta-adjusted alpha <= 0, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns"),
    series=(*STRESS.values(), EQUITY),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/cross_02: one row per session and leg (long IND, long BRL, long ES), the same signal on each.

    z is the risk appetite index RAI. Equal risk between the legs is left to sizing: each is a trade of its
    own with the same score.
    """
    grid = panel.grid(sessions)
    frame = _frame(panel, params, grid)
    trades = [trade_rows(frame, panel, params, [Leg(i)]) for i in params.instruments]
    return table_rows(trades, params, sessions)
