"""Checks that the real curve must pass, as pure functions: frames in, the offending rows with reasons out.

Belongs here: arbitrage and recomputation of the curve against its own bonds. Does not belong here: shape and freshness
(orchestration/), or what happens after a failed check. An empty result means that the check passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.curves.checks import PROBLEM
from macro_fund.curves.flat_forward import YEAR_BD
from macro_fund.curves.real import RealCurves, build, repriced
from macro_fund.time.calendars import BusinessCalendar

HALF_TICK = 5e-7  # ANBIMA prints four decimals of a percent
LOWEST = -0.15  # a year: below it a quoted real rate is refused too
SAME = BREAKEVEN_ERROR = 1e-12


def real_arbitrage(curve: pl.DataFrame) -> pl.DataFrame:
    """Rows of silver/real_curve that cannot be a real curve, or whose breakeven does not follow from their rates.

    Real rates may be negative, and then a discount factor may rise with the tenor: it must fall only between two tenors
    whose rates are both positive. Whatever the sign, no rate or forward is below -15%.
    """
    before = pl.col("real_rate").shift(1).over("session", "curve_date", order_by="tenor_bd")
    log_c = pl.col("real_rate").log1p() * (pl.col("tenor_bd") * (1 / YEAR_BD))
    step = log_c.diff().over("session", "curve_date", order_by="tenor_bd")
    implied = (1.0 + pl.col("nominal_rate")) / (1.0 + pl.col("real_rate")) - 1.0
    low = pl.min_horizontal("real_rate", "forward_252d")
    reason = (
        pl.when(pl.col("real_rate").is_nan() | pl.col("forward_252d").is_nan() | (low <= LOWEST))
        .then(pl.format("real rate {} or forward {} is not above " + str(LOWEST), "real_rate", "forward_252d"))
        .when((before > 0) & (pl.col("real_rate") > 0) & (step <= 0))
        .then(pl.format("discount factor does not fall up to this tenor (rate {})", "real_rate"))
        .when(pl.col("breakeven").is_null() != pl.col("nominal_rate").is_null())
        .then(pl.lit("breakeven without a nominal rate, or the other way round"))
        .when((pl.col("breakeven") - implied).abs() > BREAKEVEN_ERROR)
        .then(pl.format("breakeven {} where the rates give {}", "breakeven", implied))
    )
    return _problems(curve.with_columns(item=pl.format("NTN-B {} bd", "tenor_bd"), reason=reason))


def real_repricing(
    curve: pl.DataFrame, bonds: pl.DataFrame, sessions: Sequence[date], calendar: BusinessCalendar
) -> pl.DataFrame:
    """NTN-B whose yield does not come back from the zero rates of their session to half a tick, and stored rates of
    silver/real_curve (`curve`) that are not those zero rates.

    bonds: bronze/anbima_bonds rows.
    """
    built = build(bonds, sessions, calendar)
    if built is None:
        missing = pl.format("NTN-B {} bd", "tenor_bd"), pl.lit("a rate, and no bonds are known")
        return _problems(curve.with_columns(item=missing[0], reason=missing[1]))
    return pl.concat([_not_the_curves(curve, built), _not_repriced(built)])


def _not_the_curves(curve: pl.DataFrame, built: RealCurves) -> pl.DataFrame:
    """Rows of the table that are not on the curve built again."""
    keys = ["session", "curve_date"]
    rows = curve.join(built.days.select(*keys, "curve"), on=keys, how="left", maintain_order="left")
    known = rows.drop_nulls("curve")
    number, tenor = known["curve"].to_numpy().astype(np.int64), known["tenor_bd"].to_numpy().astype(np.int64)
    again = known.with_columns(again=pl.Series(built.curves.rate(number, tenor)))
    rows = rows.join(
        again.select(*keys, "tenor_bd", "again"), on=[*keys, "tenor_bd"], how="left", maintain_order="left"
    )
    wrong = ~((pl.col("real_rate") - pl.col("again")).abs() <= SAME).fill_null(False)
    text = pl.format("stored {} is not the curve's {}", "real_rate", pl.col("again").fill_null(float("nan")))
    item = pl.format("NTN-B {} bd", "tenor_bd")
    return _problems(rows.with_columns(item=item, reason=pl.when(wrong).then(text)))


def _not_repriced(built: RealCurves) -> pl.DataFrame:
    """Bonds that the curve does not give back, in every session that uses it."""
    found = built.quotes.with_columns(model=pl.Series(repriced(built)))
    error = (pl.col("model") - pl.col("rate")).abs()
    text = pl.format("the curve gives a yield of {}, quoted {}", pl.col("model").round(8), "rate")
    bad = found.with_columns(item=pl.col("bond"), reason=text).filter(error.is_nan() | (error > HALF_TICK))
    return _problems(built.days.select("session", "curve").join(bad, on="curve", how="inner"))


def _problems(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("reason").is_not_null()).select(PROBLEM.names()).sort("session", "curve_date", "item")
