"""CUPOM-02: the forward dollar offshore (NDF) against the one that onshore curves imply.

Belongs here: the gap and its z. Does not belong here: the clean coupon (curves/cupom.py). Claim, data, the leg that is
left out and what falsifies it: docs/strategies.md.
Signal > 0 is long BRL onshore (short DOL): the onshore forward dollar is the dear one.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.features.stats import robust_z
from macro_fund.settings import Strategy
from macro_fund.strategies.curve import CURVE_MAX_AGE_DAYS, curve_nodes
from macro_fund.strategies.judge import half_z, judged, needs
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import BP, Leg, fill_share, parameter, table_rows, trade_rows

CURVE, DI = "silver/cupom_curve", "silver/di_curve"
NDF = "br_ndf_1m"
TENOR_CD, TENOR_BD = 30, 21
CLIP = 3.0
ONE_LEG = "no NDF is traded: the dollar onshore alone carries the exchange rate"


def onshore_forward(spot: pl.Expr, di: pl.Expr, coupon: pl.Expr) -> pl.Expr:
    """BRL per USD in 30 days: S (1 + DI)^(21/252) / (1 + cc 30/360); DI exponential on 252, coupon linear on 360."""
    return spot * (1.0 + di) ** (TENOR_BD / 252.0) / (1.0 + coupon * (TENOR_CD / 360.0))


def implied_gap(ndf: pl.Expr, onshore: pl.Expr) -> pl.Expr:
    """Implied BRL yield offshore less onshore, bp a year: ln(NDF / F) x 360/30.

    Both yields are the forward premium plus the same dollar rate, from the same spot, so those two cancel out.
    """
    return (ndf / onshore).log() * (360.0 / TENOR_CD / BP)


def _onshore(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """session, day, forward of each session's newest clean curve with the DI curve of the same day."""
    rows = panel.table(CURVE).filter(
        (pl.col("kind") == "clean") & (pl.col("tenor_cd") == TENOR_CD) & ~pl.col("extrapolated")
    )
    rows = rows.sort("session", "curve_date").unique("session", keep="last", maintain_order=True)
    rows = rows.select("session", day="curve_date", spot="spot", coupon="rate")
    di = curve_nodes(panel, grid).filter(pl.col("tenor_bd") == TENOR_BD)
    both = rows.join(di.select("session", day="curve_date", di="rate"), on=["session", "day"], how="inner")
    forward = onshore_forward(pl.col("spot"), pl.col("di"), pl.col("coupon"))
    return both.select("session", "day", forward=forward).sort("session")


def _gaps(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """session, day, gap (bp): one row per day on which both forwards have a price, in order of knowledge."""
    ndf = panel.path(NDF, grid["session"][-1]).select("session", day="event_date", ndf="value")
    onshore = _onshore(panel, grid).filter(pl.col("forward") > 0)
    both = ndf.join(onshore, on="day", how="inner", suffix="_onshore")
    return (
        both.select(
            pl.max_horizontal("session", "session_onshore").alias("session"),
            "day",
            implied_gap(pl.col("ndf"), pl.col("forward")).alias("gap"),
        )
        .sort("session", "day")
        .unique("day", keep="first", maintain_order=True)
    )


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    window, least = int(parameter(params, "z_window")), int(parameter(params, "z_min"))
    path = _gaps(panel, grid)
    path = path.with_columns(
        robust_z(path["gap"], window=window, min_obs=least, clip=CLIP).alias("rich"),
        pl.int_range(1, pl.len() + 1).alias("n"),
    ).unique("session", keep="last", maintain_order=True)
    frame = panel.level(NDF, grid, "ndf").join_asof(path, on="session", strategy="backward")
    age = (pl.col("session") - pl.col("day")).dt.total_days()
    missing = (
        pl.when(pl.col("ndf_state") == "missing")
        .then(pl.lit(needs([NDF])))
        .when(pl.col("ndf_state") == "stale")
        .then(pl.lit("NDF is stale"))
        .when(pl.col("day").is_null() | (age > CURVE_MAX_AGE_DAYS))
        .then(pl.lit("no onshore forward of the days that the NDF has"))
    )
    return judged(
        frame.with_columns((-pl.col("rich")).alias("z")).with_columns(half_z(pl.col("z")).alias("s")),
        params,
        words=pl.format(
            "NDF implies {} bp a year more than onshore, z {}", pl.col("gap").round(1), pl.col("rich").round(2)
        ),
        missing=missing,
        weak=pl.lit(ONE_LEG),
        confidence=fill_share(pl.col("n"), window),
    )


@register(
    "CUPOM-02",
    hypothesis="The yield that NDF imply and the one that DOL and the coupon imply come together.",
    falsified_by="the gap is below the cost of a round trip on 80% of days, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns", CURVE, DI),
    series=(),
    licensed=(NDF,),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/cupom_02: one row a session, the onshore leg; z = minus the robust z of the gap.

    NDF above the onshore forward: buy the cheap dollar onshore, which is short BRL and a negative signal.
    """
    frame = _frame(panel, params, panel.grid(sessions))
    trades = [trade_rows(frame, panel, params, [Leg(i)]) for i in params.instruments]
    return table_rows(trades, params, sessions)
