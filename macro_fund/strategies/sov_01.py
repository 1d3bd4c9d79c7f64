"""SOV-01: the slope of the sovereign CDS curve reverts to what its level explains.

Belongs here: the residual slope. Does not belong here: what a CDS is worth (instruments/cds.py). No CDS instrument is
traded, so the signal never becomes a position. Claim and data: docs/strategies.md.
Signal > 0 is sell protection on the longer maturity and buy it on the shorter, CS01-neutral: the curve is too steep.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from macro_fund.features.stats import robust_z
from macro_fund.settings import Strategy
from macro_fund.strategies.judge import half_z, judged, needs, with_fresh
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.refit import fitted, monthly_ols
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, states_reason, table_rows, trade_rows

SHORT, MIDDLE, LONG = "br_cds_1y", "br_cds_5y", "br_cds_10y"
CLIP = 3.0
STILL_WINDOW, STILL_SHARE = 63, 0.20
NO_POSITION = "no position: no CDS instrument is traded"


def residual_slope(path: pl.DataFrame, params: Strategy, far: str, near: str) -> pl.DataFrame:
    """Robust z, and count, of the slope `far` - `near` (bp) less a + b ln(5y), refitted monthly on the past.

    path: session, short, middle, long in bp, one row per day.
    """
    slope = (path[far] - path[near]).to_numpy()
    level = path["middle"].log().to_numpy()[:, None]
    residual = slope - fitted(monthly_ols(path["session"], slope, level, int(parameter(params, "fit_min"))), level)
    values = pl.Series("residual", residual).fill_nan(None)
    z = robust_z(values, window=int(parameter(params, "z_window")), min_obs=int(parameter(params, "z_min")), clip=CLIP)
    return pl.DataFrame({"z": z, "n": values.is_not_null().cum_sum()})


def _measures(panel: Panel, params: Strategy, last: date) -> pl.DataFrame:
    """session, z, n, stress, still of each new 5-year quote beside which the other two are fresh."""
    path = panel.path(MIDDLE, last).rename({"value": "middle"})
    path = with_fresh(panel, path, {"short": SHORT, "long": LONG}).drop_nulls(["short", "long"])
    calm = residual_slope(path, params, "long", "middle")
    tense = residual_slope(path, params, "middle", "short")
    stress = (path["middle"] > parameter(params, "stress_bp")).to_numpy()
    same = (path["long"].diff() == 0).cast(pl.Float64)
    return path.select("session").with_columns(
        pl.Series("stress", stress),
        pl.Series("z", np.where(stress, _floats(tense["z"]), _floats(calm["z"]))).fill_nan(None),
        pl.Series("n", np.where(stress, tense["n"].to_numpy(), calm["n"].to_numpy())),
        same.rolling_mean(STILL_WINDOW).alias("still"),
    )


def _floats(values: pl.Series) -> np.ndarray:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    frame = grid
    inputs = (("short", SHORT), ("middle", MIDDLE), ("long", LONG))
    for name, series_id in inputs:
        frame = frame.join(panel.level(series_id, grid, name), on="session", how="left", maintain_order="left")
    frame = frame.join_asof(_measures(panel, params, grid["session"][-1]), on="session", strategy="backward")
    feed = [pl.col(f"{name}_state") == "missing" for name, _ in inputs]
    missing = (
        pl.when(pl.any_horizontal(feed))
        .then(pl.lit(needs((SHORT, MIDDLE, LONG))))
        .otherwise(states_reason(list(inputs)))
    )
    pair = pl.when(pl.col("stress").fill_null(value=False)).then(pl.lit("5y-1y (stress)")).otherwise(pl.lit("10y-5y"))
    still = pl.col("still") > STILL_SHARE
    return judged(
        frame.with_columns(half_z(pl.col("z")).alias("s")),
        params,
        words=pl.format("{} slope is {} sd from what the level explains", pair, pl.col("z").round(2)),
        missing=missing,
        weak=pl.when(still).then(pl.lit("the 10y quote stood still on more than a fifth of the last 63 days")),
        gate=pl.lit(NO_POSITION),
        confidence=fill_share(pl.col("n"), int(parameter(params, "z_window"))),
    )


@register(
    "SOV-01",
    hypothesis="The slope of the CDS curve reverts to what its level explains.",
    falsified_by="10y quotes are stale on more than 20% of days, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns"),
    series=(),
    licensed=(SHORT, MIDDLE, LONG),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/sov_01: one row per session, direction always 0; CDS spreads in bp.

    10y-5y; above `stress_bp` at 5 years, where the curve inverts, 5y-1y. The instrument only lends the row its level.
    """
    frame = _frame(panel, params, panel.grid(sessions))
    trades = [trade_rows(frame, panel, params, [Leg(i)], trade="cds_slope") for i in params.instruments]
    return table_rows(trades, params, sessions)
