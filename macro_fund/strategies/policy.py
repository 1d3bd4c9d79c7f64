"""The Selic a year ahead, as the DI curve prices it and as the monetary agent's rules see it.

Belongs here: reading one horizon off the paths by meeting. Does not belong here: the paths themselves (curves/,
agents/) or what to do about them.
"""

from __future__ import annotations

import polars as pl

from macro_fund.strategies.curve import newest_curve
from macro_fund.strategies.panel import Panel

YEAR_BD = 252
QUARTER_BD = 63
# The last decision in force a year ahead is some weeks before it; a path that ends a quarter earlier does not reach it.
REACH_BD = YEAR_BD - QUARTER_BD


def priced_in_a_year(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """session, priced: Selic target (decimal) that DI1 implies for 252 business days ahead; null if unknown."""
    rows = panel.table("silver/policy_path").with_columns(ahead=pl.col("effective_bd").cast(pl.Float64))
    return _in_force(rows, grid, {"implied_target": "priced"})


def modelled_in_a_year(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """session, model, implied, premium (decimal), meeting: the monetary agent's path at 252 business days ahead.

    model: median of its rules; implied: what DI1 prices; premium: part of it that past meetings say is not expected.
    """
    rows = panel.table("agents/monetary_path").with_columns(ahead=pl.col("quarters") * QUARTER_BD)
    names = {"model_rate": "model", "implied_rate": "implied", "term_premium": "premium", "meeting": "meeting"}
    return _in_force(rows, grid, names)


def _in_force(rows: pl.DataFrame, grid: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """Columns of the last meeting whose rate is in force within a year, of a curve a week old at most."""
    last = (
        newest_curve(rows.join(grid.select("session"), on="session", how="semi"))
        .filter(pl.col("ahead").is_between(REACH_BD, YEAR_BD))
        .sort("session", "ahead")
        .unique("session", keep="last", maintain_order=True)
        .select("session", *(pl.col(c).alias(n) for c, n in names.items()))
    )
    return grid.select("session").join(last, on="session", how="left", maintain_order="left")
