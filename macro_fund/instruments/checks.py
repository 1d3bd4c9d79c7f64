"""Checks of marks: daily settlements recomputed from the prices behind them.

Belongs here: recomputation of instruments' own tables. Does not belong here: shape and freshness (orchestration).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

HALF_CENT = 0.005 + 1e-6


def pnl_recomputed(marks: pl.DataFrame, history: pl.DataFrame, point_values: Mapping[str, float]) -> pl.DataFrame:
    """Rows (session, item, reason) whose pnl_brl is not price - previous price x correction, times the point value.

    marks: silver/contract_marks rows to judge; history: all rows known, for the previous price. Rounding of the
    corrected price to cents is worth half a cent at most.
    """
    before = (
        history.sort("session")
        .unique(["contract", "trade_date"], keep="last")
        .select("contract", prev_trade_date="trade_date", prev_price="settle_price")
    )
    value = pl.col("root").replace_strict(dict(point_values), return_dtype=pl.Float64)
    expected = (pl.col("settle_price") - pl.col("prev_price") * pl.col("correction")) * value
    wrong = (
        marks.filter(pl.col("pnl_brl").is_not_null())
        .join(before, on=["contract", "prev_trade_date"], how="left")
        .with_columns(expected=expected)
        .filter(pl.col("expected").is_null() | ((pl.col("pnl_brl") - pl.col("expected")).abs() > HALF_CENT * value))
    )
    return wrong.select(
        "session",
        pl.format("{} {}", "contract", "trade_date").alias("item"),
        pl.format("P&L {} but prices give {}", "pnl_brl", "expected").fill_null("no previous price").alias("reason"),
    )
