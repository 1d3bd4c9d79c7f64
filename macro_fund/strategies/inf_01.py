"""INF-01: breakeven inflation against the inflation that the model expects over the same years.

Belongs here: the model's path carried beyond its twelve months, its error, and which breakeven is read. Does not belong
here: the path itself (agents/inflation_path.py), curves. Claim, data and what falsifies it: docs/strategies.md.
Signal > 0 is long breakeven: hold the DAP and pay the DI1 of the same maturity, with equal DV01.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.agents.model import in_force
from macro_fund.settings import Strategy
from macro_fund.strategies.curve import CURVE_MAX_AGE_DAYS, newest_curve
from macro_fund.strategies.judge import half_z, judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, table_rows, trade_rows

VIEW, MODEL = "agents/inflation_view", "agents/inflation_model"
WHOLESALE, RETAIL = "silver/real_curve", "silver/retail_real_curve"
TARGET = "br_inflation_target"
YEAR_BD = 252
CLIP = 3.0


def mean_inflation(first: pl.Expr, target: pl.Expr, memory: pl.Expr, years: int) -> pl.Expr:
    """Mean annual inflation (decimal, geometric) of `years` years, of which the model has the first.

    Each later year is memory x the year before + (1 - memory) x target: the model's own relation between the inflation
    of twelve months and what is expected of the next twelve. memory: its backward_weight, in [0, 1].
    """
    total, year = (1.0 + first).log(), first
    for _ in range(years - 1):
        year = memory * year + (1.0 - memory) * target
        total = total + (1.0 + year).log()
    return (total * (1 / years)).exp() - 1.0


def mean_error(first: pl.Expr, memory: pl.Expr, years: int) -> pl.Expr:
    """Standard deviation of the mean of `years` years when a year's is `first` and a share `memory` of it stays.

    Error of year k = memory x that of year k-1 + a new one, all new ones as large as the first year's and independent.
    """
    total, reach = pl.lit(0.0), pl.lit(0.0)
    for k in range(years):
        reach = reach + memory**k  # what an error leaves in the mean when k more years follow
        total = total + reach**2
    return first * total.sqrt() * (1 / years)


def wholesale(curve: pl.DataFrame, tenor: int) -> pl.DataFrame:
    """session, be, day: breakeven of `tenor` business days on silver/real_curve, flat forward between its nodes.

    Nodes beyond the last bond or the last DI1 are left out; no value outside the nodes.
    """
    sound = pl.col("breakeven").is_finite() & ~pl.col("extrapolated") & ~pl.col("nominal_extrapolated")
    weight = (1.0 + pl.col("breakeven")).log() * pl.col("tenor_bd")
    nodes = newest_curve(curve, None).filter(sound).with_columns(log=weight).sort("session", "tenor_bd")
    below = nodes.filter(pl.col("tenor_bd") <= tenor).unique("session", keep="last", maintain_order=True)
    above = nodes.filter(pl.col("tenor_bd") >= tenor).unique("session", keep="first", maintain_order=True)
    both = below.join(above, on=["session", "curve_date"], how="inner", suffix="_above", maintain_order="left")
    width = (pl.col("tenor_bd_above") - pl.col("tenor_bd")).cast(pl.Float64)
    share = pl.when(width > 0).then((tenor - pl.col("tenor_bd")) / width).otherwise(0.0)
    log = pl.col("log") + share * (pl.col("log_above") - pl.col("log"))
    return both.select("session", be=(log * (1 / tenor)).exp() - 1.0, day="curve_date").sort("session")


def breakevens(panel: Panel, grid: pl.DataFrame, tenor: int) -> pl.DataFrame:
    """session, breakeven (decimal), retail (it is the stand-in): NTN-B's curve where known, else Tesouro Direto's."""
    rows = panel.table(RETAIL).filter(
        (pl.col("tenor_bd") == tenor) & pl.col("breakeven").is_finite() & (pl.col("status") != "no_view")
    )
    stand_in = rows.select("session", pl.col("breakeven").alias("be"), pl.col("curve_date").alias("day"))
    frame = grid.select("session")
    for name, known in (("ours", wholesale(panel.table(WHOLESALE), tenor)), ("theirs", stand_in)):
        fresh = known.filter((pl.col("session") - pl.col("day")).dt.total_days() <= CURVE_MAX_AGE_DAYS)
        fresh = fresh.select("session", pl.col("be").alias(name))
        frame = frame.join(fresh, on="session", how="left", maintain_order="left")
    return frame.select(
        "session",
        pl.coalesce("ours", "theirs").alias("breakeven"),
        (pl.col("ours").is_null() & pl.col("theirs").is_not_null()).alias("retail"),
    )


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame, tenor: int) -> pl.DataFrame:
    years = round(tenor / YEAR_BD)
    frame = panel.view(VIEW, ("pi12_model", "confidence", "reason"), grid, "view")
    model = in_force(panel.table(MODEL), grid["session"].to_list(), ("backward_weight", "rmse_12m"))
    parts = (
        model.select("session", memory="backward_weight", rmse="rmse_12m"),
        panel.level(TARGET, grid, "target"),
        breakevens(panel, grid, tenor),
    )
    for part in parts:
        frame = frame.join(part, on="session", how="left", maintain_order="left")
    frame = frame.with_columns(
        mean_inflation(pl.col("view_pi12_model"), pl.col("target"), pl.col("memory"), years).alias("expected"),
        mean_error(pl.when(pl.col("rmse") > 0).then("rmse"), pl.col("memory"), years).alias("error"),
    )
    z = ((pl.col("expected") - pl.col("breakeven")) / pl.col("error")).fill_nan(None).clip(-CLIP, CLIP)
    missing = pl.concat_str(
        pl.when(pl.col("view_status") == "no_view").then(
            pl.format("inflation view has no view: {}", pl.col("view_reason").fill_null("no row"))
        ),
        pl.when(pl.col("target").is_null()).then(pl.lit("inflation target is missing")),
        pl.when(pl.col("breakeven").is_null()).then(
            pl.lit(f"no breakeven near {years} years: no wholesale real curve, and no retail bond near enough")
        ),
        separator="; ",
        ignore_nulls=True,
    )
    weak = pl.concat_str(
        pl.when("retail").then(pl.lit("breakeven is a proxy: Tesouro Direto's IPCA+ bonds")),
        pl.when(pl.col("view_status") == "degraded").then(pl.format("inflation view is degraded: {}", "view_reason")),
        separator="; ",
        ignore_nulls=True,
    )
    return judged(
        frame.with_columns(z.alias("z")).with_columns(half_z(pl.col("z")).alias("s")),
        params,
        words=pl.format(
            "model {}% a year over {} years, breakeven {}%, error of the forecast {} points",
            (pl.col("expected") * 100).round(2),
            pl.lit(str(years)),
            (pl.col("breakeven") * 100).round(2),
            (pl.col("error") * 100).round(2),
        ),
        missing=missing,
        weak=weak,
        confidence=pl.col("view_confidence"),
        short="the inflation model has no record of its 12-month errors yet",
    )


@register(
    "INF-01",
    hypothesis="Breakeven inflation differs from what a model of inflation expects, and comes back to it.",
    falsified_by="the gap does not lead realised IPCA less the breakeven, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns", WHOLESALE, RETAIL, VIEW, MODEL),
    series=(TARGET,),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/inf_01: one trade, real against nominal of one maturity, DV01-neutral.

    z = (modelled mean inflation - breakeven) / standard deviation of the forecast, at the maturity of the first leg.
    """
    real, nominal = params.instruments
    grid = panel.grid(sessions)
    frame = _frame(panel, params, grid, panel.instrument(real).tenor_bd)
    trade = trade_rows(frame, panel, params, [Leg(real), Leg(nominal, -1.0)], trade="breakeven")
    return table_rows([trade], params, sessions)
