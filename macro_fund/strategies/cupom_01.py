"""CUPOM-01: the onshore dollar rate over the dollar rate abroad reverts after stress in funding.

Belongs here: z of the basis by maturity. Does not belong here: the clean coupon and its basis (curves/cupom.py,
curves/basis.py). Claim, data and what falsifies it: docs/strategies.md.
Signal > 0 is receive the FRC: the coupon pays more over dollars than usual. Each maturity is a trade of its own.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.features.known import advancing
from macro_fund.features.stats import robust_z
from macro_fund.settings import Strategy
from macro_fund.strategies.curve import CURVE_MAX_AGE_DAYS
from macro_fund.strategies.judge import half_z, judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, table_rows, trade_rows

CURVE = "silver/cupom_curve"
CLIP = 3.0
DAYS_PER_BD = 360 / 252
# Free dollar rates beyond three months are Treasury yields: silver/cupom_curve.
PROXY = "basis is a proxy: Treasury yields stand for SOFR beyond 90 days"


def basis_path(curve: pl.DataFrame, tenor_cd: int, last: date) -> pl.DataFrame:
    """session, day, basis (bp): one row per new curve of the clean coupon at `tenor_cd`, in order of knowledge."""
    rows = curve.filter(
        (pl.col("session") <= last)
        & (pl.col("kind") == "clean")
        & (pl.col("tenor_cd") == tenor_cd)
        & ~pl.col("extrapolated")
        & pl.col("basis_bp").is_finite()
    ).sort("session", "curve_date")
    return advancing(rows, "curve_date").select("session", day="curve_date", basis="basis_bp")


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame, tenor_cd: int) -> pl.DataFrame:
    window, least = int(parameter(params, "z_window")), int(parameter(params, "z_min"))
    path = basis_path(panel.table(CURVE), tenor_cd, grid["session"][-1])
    path = path.with_columns(
        robust_z(path["basis"], window=window, min_obs=least, clip=CLIP).alias("z"),
        pl.int_range(1, pl.len() + 1).alias("n"),
    ).unique("session", keep="last", maintain_order=True)
    frame = grid.select("session").join_asof(path, on="session", strategy="backward")
    age = (pl.col("session") - pl.col("day")).dt.total_days()
    missing = (
        pl.when(pl.col("day").is_null())
        .then(pl.lit(f"no clean coupon with a basis at {tenor_cd} days"))
        .when(age > CURVE_MAX_AGE_DAYS)
        .then(pl.format("basis is stale: newest of {}", "day"))
    )
    return judged(
        frame.with_columns(half_z(pl.col("z")).alias("s")),
        params,
        words=pl.format(
            f"coupon of {tenor_cd} days is {{}} bp over dollar rates, z {{}}",
            pl.col("basis").round(1),
            pl.col("z").round(2),
        ),
        missing=missing,
        weak=pl.lit(PROXY),
        confidence=fill_share(pl.col("n"), window),
    )


@register(
    "CUPOM-01",
    hypothesis="The clean dollar coupon less SOFR reverts to its mean after stress in funding.",
    falsified_by="half-life of the spread above 63 days, or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", CURVE),
    series=(),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/cupom_01: two rows a session, one trade each; z is that of the leg's own maturity."""
    grid = panel.grid(sessions)
    trades = []
    for name in params.instruments:
        frame = _frame(panel, params, grid, round(panel.instrument(name).tenor_bd * DAYS_PER_BD))
        trades.append(trade_rows(frame, panel, params, [Leg(name)]))
    return table_rows(trades, params, sessions)
