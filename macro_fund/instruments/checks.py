"""Checks of marks: daily settlements recomputed from the prices behind them.

Belongs here: recomputation of instruments' own tables. Does not belong here: shape and freshness (orchestration).
"""

from __future__ import annotations

import polars as pl

from macro_fund.instruments.contracts import first_ddi
from macro_fund.time.calendars import BusinessCalendar

HALF_CENT = 0.005 + 1e-6
FORWARD_CENTS = 0.02 + 1e-6  # two legs, each with its corrected price rounded to cents


def pnl_recomputed(marks: pl.DataFrame, history: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Rows (session, item, reason) whose pnl_brl is not price - previous price x correction, times the point value.

    marks: silver/contract_marks rows to judge; history: all rows known, for the previous price. Rounding of the
    corrected price to cents is worth half a cent of PU at most. A FRC is recomputed as what its two DDI settled.
    """
    known = marks.filter(pl.col("pnl_brl").is_not_null())
    newest = history.sort("session").unique(["contract", "trade_date"], keep="last")
    priced, forward = known.filter(pl.col("root") != "FRC"), known.filter(pl.col("root") == "FRC")
    before = newest.select("contract", prev_trade_date="trade_date", prev_price="settle_price")
    difference = pl.col("settle_price") - pl.col("prev_price") * pl.col("correction")
    priced = priced.join(before, on=["contract", "prev_trade_date"], how="left").with_columns(
        expected=difference * pl.col("point_value_brl"), allowed=HALF_CENT * pl.col("point_value_brl")
    )
    forward = _from_legs(forward, newest.filter(pl.col("root") == "DDI"), calendar)
    columns = ("session", "contract", "trade_date", "pnl_brl", "expected", "allowed")
    rows = pl.concat([priced.select(columns), forward.select(columns)])
    wrong = rows.filter(
        pl.col("expected").is_null() | ((pl.col("pnl_brl") - pl.col("expected")).abs() > pl.col("allowed"))
    )
    return wrong.select(
        "session",
        pl.format("{} {}", "contract", "trade_date").alias("item"),
        pl.format("P&L {} but prices give {}", "pnl_brl", "expected").fill_null("no previous price").alias("reason"),
    )


def _from_legs(forward: pl.DataFrame, ddi: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds expected: P&L of the DDI of the same month less h times that of the first leg, h by their previous PUs."""
    days = forward["prev_trade_date"].unique().sort()
    legs = first_ddi(days, calendar).select(prev_trade_date="event_date", near="contract")
    rows = forward.join(legs, on="prev_trade_date", how="left").with_columns(
        far="DDI" + pl.col("contract").str.slice(3)
    )
    for leg in ("near", "far"):
        named = ddi.rename({"contract": leg, "pnl_brl": f"{leg}_pnl"})
        made = named.select("trade_date", "prev_trade_date", leg, f"{leg}_pnl")
        price = named.select(leg, prev_trade_date="trade_date", settled="settle_price").rename(
            {"settled": f"{leg}_before"}
        )
        rows = rows.join(made, on=["trade_date", "prev_trade_date", leg], how="left")
        rows = rows.join(price, on=["prev_trade_date", leg], how="left")
    hedge = pl.col("far_before") / pl.col("near_before")
    return rows.with_columns(
        expected=pl.col("far_pnl") - hedge * pl.col("near_pnl"), allowed=FORWARD_CENTS * pl.col("point_value_brl")
    )
