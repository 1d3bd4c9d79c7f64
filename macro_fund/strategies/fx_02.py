"""FX-02: carry-adjusted momentum of the real: carry pays when the trend agrees.

Belongs here: the measure. Does not belong here: hysteresis and levels (rows.py). Claim, data and what falsifies it:
docs/strategies.md. Signal > 0 is long BRL, which is short DOL: the instrument's asset_sign turns it.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from macro_fund.features.stats import momentum, robust_z, rolling_vol
from macro_fund.settings import Strategy
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import (
    Leg,
    fill_share,
    hysteresis,
    parameter,
    states_reason,
    table_rows,
    trade_rows,
)

SPOT = "br_usdbrl_ptax_ask"
CLIP = 3.0
MOMENTUM_CLIP = 2.0
YEAR_DAYS = 252.0


def _measures(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    """Per new PTAX: differential (Selic less fed funds, annual), carry (to annual vol), z_carry, mom and n.

    Excess return of long BRL = minus the log change of USDBRL plus the differential known at the start of the day.
    """
    path = panel.path(SPOT, grid["session"][-1])
    rates = panel.level("br_selic_target", grid, "selic").join(panel.level("us_dff", grid, "dff"), on="session")
    path = path.join(rates, on="session", how="left", maintain_order="left")
    path = path.with_columns(
        (pl.col("selic") - pl.col("dff")).alias("differential"), pl.col("value").log().diff().alias("change")
    )
    vol = rolling_vol(path["change"], window=int(parameter(params, "vol_window"))) * float(np.sqrt(YEAR_DAYS))
    path = path.with_columns(
        (pl.col("differential") / pl.when(vol > 0).then(vol)).alias("carry"),
        (pl.col("differential").shift(1) * (1 / YEAR_DAYS) - pl.col("change")).alias("excess"),
    )
    window, minimum = int(parameter(params, "z_window")), int(parameter(params, "z_min"))
    return path.with_columns(
        robust_z(path["carry"], window=window, min_obs=minimum, clip=CLIP).alias("z_carry"),
        momentum(path["excess"], clip=MOMENTUM_CLIP).alias("mom"),
        pl.col("carry").is_not_null().cum_sum().alias("n"),
    )


def combined(z_carry: pl.Expr, mom: pl.Expr) -> pl.Expr:
    """s = 0.5 tanh(z_carry) + 0.5 (mom / 2), halved when the two have opposite signs; in [-1, 1]."""
    s = 0.5 * z_carry.tanh() + 0.5 * (mom / MOMENTUM_CLIP)
    return pl.when(z_carry.sign() * mom.sign() < 0).then(s / 2.0).otherwise(s)


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    inputs = (("selic", "br_selic_target"), ("dff", "us_dff"), ("spot", SPOT))
    frame = grid
    for name, series_id in inputs:
        frame = frame.join(panel.level(series_id, grid, name), on="session", how="left", maintain_order="left")
    measures = _measures(panel, params, grid).select("session", "differential", "z_carry", "mom", "n")
    frame = frame.join_asof(measures, on="session", strategy="backward")
    missing = states_reason([("selic", "Selic target"), ("dff", "fed funds rate"), ("spot", "USDBRL (PTAX)")])
    frame = frame.with_columns(missing.alias("missing"))
    s = combined(pl.col("z_carry"), pl.col("mom"))
    frame = frame.with_columns(pl.when(pl.col("missing") == "").then(s).alias("signal"))
    signal = frame["signal"].fill_null(float("nan")).to_numpy()
    viewed = pl.col("signal").is_not_null()
    opposed = (
        pl.when(pl.col("z_carry").sign() * pl.col("mom").sign() < 0)
        .then(pl.lit(" (opposed: halved)"))
        .otherwise(pl.lit(""))
    )
    words = pl.format(
        "carry z {}, momentum {}{}; Selic less fed funds {}%",
        pl.col("z_carry").round(2),
        pl.col("mom").round(2),
        opposed,
        (pl.col("differential") * 100).round(2),
    )
    short = (
        pl.when(pl.col("missing") != "")
        .then("missing")
        .otherwise(pl.lit("history too short for the carry z or the 252-day momentum"))
    )
    return frame.with_columns(
        pl.col("z_carry").alias("z"),
        pl.Series("position", hysteresis(signal, params.enter, params.exit)),
        pl.when(viewed).then(pl.lit("ok")).otherwise(pl.lit("no_view")).alias("status"),
        pl.when(viewed).then(words).otherwise(short).alias("reason"),
        fill_share(pl.col("n"), int(parameter(params, "z_window"))).alias("confidence"),
    )


@register(
    "FX-02",
    hypothesis="Carry of the real works when its trend agrees.",
    falsified_by="not better than carry alone and than momentum alone, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns"),
    series=("br_selic_target", "us_dff", SPOT),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/fx_02: one row per session and instrument; z is the carry's robust z.

    Carry is inside the excess return of a future already: nothing adds it to P&L again.
    """
    grid = panel.grid(sessions)
    frame = _frame(panel, params, grid)
    window = int(parameter(params, "vol_window"))
    trades = [trade_rows(frame, panel, params, [Leg(i)], window=window) for i in params.instruments]
    return table_rows(trades, params, sessions)
