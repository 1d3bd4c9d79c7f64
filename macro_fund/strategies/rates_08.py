"""RATES-08: trends of DI and Treasury futures, measured on what the contracts held really paid.

Belongs here: the measure. Does not belong here: hysteresis and levels (rows.py), rolled contracts (instruments/).
Claim, data and what falsifies it: docs/strategies.md.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.features.stats import momentum
from macro_fund.settings import Strategy
from macro_fund.strategies.curve import recent
from macro_fund.strategies.judge import half_z, judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, table_rows, trade_rows

MOMENTUM_CLIP = 2.0
LONGEST = 252


def excess_returns(rows: pl.DataFrame) -> pl.Series:
    """Daily excess return of a contract held, in bp of its rate: P&L over the DV01 that it had the day before.

    rows: silver/leg_returns of one instrument, in order. A settled P&L is over cash already and is of one and the same
    contract: on a roll nothing is stitched, the next day's is of the next contract over that one's DV01.
    """
    risk = rows["dv01_brl"].shift(1)
    return pl.select((rows["pnl_brl"] / pl.when(risk > 0).then(risk)).alias("excess")).to_series()


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame, instrument_id: str) -> pl.DataFrame:
    rows = panel.returns(instrument_id, grid["session"][-1])
    excess = excess_returns(rows)
    rows = rows.select(
        "session",
        "trade_date",
        "basis",
        momentum(excess, clip=MOMENTUM_CLIP).alias("z"),
        excess.is_not_nan().fill_null(value=False).cum_sum().alias("n"),
    )
    frame = recent(rows, grid, ["z", "n", "basis"]).with_columns(half_z(pl.col("z")).alias("s"))
    missing = pl.when(pl.col("basis").is_null()).then(pl.lit(f"{instrument_id} has no price of the last week"))
    words = pl.format(f"{instrument_id}: momentum {{}} of 1, 3, 6 and 12 months", pl.col("z").round(2))
    weak = pl.when(pl.col("basis") == "proxy").then(pl.lit(f"proxy: stand-in of {instrument_id}"))
    return judged(
        frame, params, words=words, missing=missing, weak=weak, confidence=fill_share(pl.col("n"), LONGEST),
        short=f"history too short for the momentum of {LONGEST} days",
    )  # fmt: skip


@register(
    "RATES-08",
    hypothesis="Trends of rates persist over months.",
    falsified_by="no gain in the worst months of rates (no crisis convexity), or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns",),
    series=(),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/rates_08: one trade per instrument, s = momentum / 2; > 0 receives, or is long the Treasury."""
    grid = panel.grid(sessions)
    trades = [trade_rows(_frame(panel, params, grid, i), panel, params, [Leg(i)]) for i in params.instruments]
    return table_rows(trades, params, sessions)
