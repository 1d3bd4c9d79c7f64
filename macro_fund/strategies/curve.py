"""The DI curve as strategies read it, and what a DI1 contract is from its rate and DV01.

Belongs here: nodes of the newest curve of each session, the maturity and PU of the contract behind silver/leg_returns.
Does not belong here: any measure of value, or curve building (curves/).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from macro_fund.strategies.panel import Panel
from macro_fund.strategies.rows import BP, SIGMA_MAX_AGE_DAYS, Vector

CURVE_MAX_AGE_DAYS = 7
TO_BP = 1e4
FACE = 1e5  # reais that a DI1 pays at maturity


def newest_curve(rows: pl.DataFrame, max_age_days: int | None = CURVE_MAX_AGE_DAYS) -> pl.DataFrame:
    """The rows (session, curve_date, ..) of each session's newest curve; older ones than `max_age_days` are none."""
    rows = rows.filter(pl.col("curve_date") == pl.col("curve_date").max().over("session"))
    if max_age_days is None:
        return rows
    return rows.filter((pl.col("session") - pl.col("curve_date")).dt.total_days() <= max_age_days)


def curve_nodes(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """row, session, curve_date, tenor_bd, rate of each session's newest curve: observed tenors, a week old at most.

    `row` is the session's number in `grid`; nodes beyond the last listed contract are left out.
    """
    return (
        newest_curve(panel.table("silver/di_curve"))
        .join(grid.with_row_index("row"), on="session", how="inner")
        .filter(pl.col("rate").is_finite() & ~pl.col("extrapolated"))
        .select("row", "session", "curve_date", "tenor_bd", "rate")
    )


def node_rates(panel: Panel, grid: pl.DataFrame, tenors: Sequence[int]) -> pl.DataFrame:
    """session, curve_date and di_{n} (decimal, 252) of `grid`; null where the curve or the node is not known."""
    nodes = curve_nodes(panel, grid)
    frame = grid.select("session").join(
        nodes.select("session", "curve_date").unique(), on="session", how="left", maintain_order="left"
    )
    for n in tenors:
        one = nodes.filter(pl.col("tenor_bd") == n).select("session", pl.col("rate").alias(f"di_{n}"))
        frame = frame.join(one, on="session", how="left", maintain_order="left")
    return frame


def years_to_maturity(rate: Vector, dv01: Vector) -> Vector:
    """Years of 252 days of a DI1 with this rate (decimal) and DV01 (BRL per bp); NaN where none has it.

    DV01 = 1e-4 x / (1 + r) x face x exp(-a x) with a = ln(1 + r), so -a x = W0(-a k), k = DV01 (1 + r) 1e4 / face:
    the principal branch of Lambert's W, which holds for x < 1/a (7.6 years at 14%).
    """
    from scipy.special import lambertw

    a = np.log1p(rate)
    k = dv01 * (1.0 + rate) / (BP * FACE)
    with np.errstate(invalid="ignore", divide="ignore"):
        power = lambertw(-a * k)
        years = np.where(a > 0, -power.real / a, np.nan)
    return np.where((np.abs(power.imag) < 1e-12) & (dv01 > 0), years, np.nan)


def contract_value(rate: Vector, dv01: Vector) -> Vector:
    """PU (BRL) of the DI1 with this rate (decimal) and DV01 (BRL per bp); NaN where none has it."""
    return np.asarray(FACE * np.exp(-np.log1p(rate) * years_to_maturity(rate, dv01)))


def contract_years(panel: Panel, instrument_id: str, grid: pl.DataFrame) -> pl.DataFrame:
    """session, years, rate of the DI1 contract held at each session's newest settlement, a week old at most."""
    rows = panel.returns(instrument_id, grid["session"][-1])
    level, dv01 = (rows[c].fill_null(float("nan")).to_numpy() for c in ("level", "dv01_brl"))
    held = rows.select(
        "session", "trade_date", rate="level", years=pl.Series(years_to_maturity(level, dv01), dtype=pl.Float64)
    )
    return recent(held, grid, ["years", "rate"])


def recent(rows: pl.DataFrame, grid: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """session and `columns` of the newest row (session, trade_date, ..) at each session; null when over a week old."""
    last = rows.unique("session", keep="last", maintain_order=True)
    known = grid.select("session").join_asof(last, on="session", strategy="backward")
    fresh = (pl.col("session") - pl.col("trade_date")).dt.total_days() <= SIGMA_MAX_AGE_DAYS
    return known.select("session", *(pl.when(fresh).then(pl.col(c)).alias(c) for c in columns))
