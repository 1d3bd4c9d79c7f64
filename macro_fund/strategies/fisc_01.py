"""FISC-01: the long end under-reacts to fiscal news: own the steepener when the score worsens and the slope does not.

Belongs here: the measure. Does not belong here: the score (agents/fiscal.py), hysteresis and levels (rows.py). Claim,
data, the leg that has no free price (sovereign CDS) and what falsifies it: docs/strategies.md.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.features.stats import robust_z
from macro_fund.settings import Strategy
from macro_fund.strategies.curve import TO_BP, node_rates
from macro_fund.strategies.judge import half_z, judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, states_reason, table_rows, trade_rows

VIEW = "agents/fiscal_view"
SHORT_BD, LONG_BD = 252, 1260
CLIP = 3.0
ROOT_TWO = 2.0**0.5
CALENDAR_PER_BD = 2.0  # 21 sessions are 30 days or so: more than twice as many hide a gap


def change(values: pl.Series, sessions: pl.Series, days: int) -> pl.Series:
    """Change over `days` known values; null where they span more than twice as many calendar days."""
    frame = pl.DataFrame({"session": sessions, "v": values})
    known = frame.drop_nulls("v").with_columns(
        moved=pl.col("v") - pl.col("v").shift(days),
        span=(pl.col("session") - pl.col("session").shift(days)).dt.total_days(),
    )
    known = known.select("session", pl.when(pl.col("span") <= CALENDAR_PER_BD * days).then("moved").alias("moved"))
    return frame.join(known, on="session", how="left", maintain_order="left")["moved"]


def _inputs(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    frame = grid.join(node_rates(panel, grid, [SHORT_BD, LONG_BD]), on="session", how="left", maintain_order="left")
    view = panel.view(VIEW, ["state_score", "confidence"], grid, "fiscal")
    frame = frame.join(view, on="session", how="left", maintain_order="left").with_columns(
        ((pl.col(f"di_{LONG_BD}") - pl.col(f"di_{SHORT_BD}")) * TO_BP).alias("slope"),
        pl.when(pl.col("fiscal_status") != "no_view").then("fiscal_state_score").alias("score"),
    )
    reach = pl.when(pl.col("slope").is_null()).then(pl.lit("missing or does not reach 5 years")).otherwise(pl.lit("ok"))
    return frame.with_columns(
        reach.alias("curve_state"),
        pl.when(pl.col("score").is_null()).then(pl.lit("no_view")).otherwise(pl.lit("ok")).alias("score_state"),
    )


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    frame = _inputs(panel, grid)
    days, window = int(parameter(params, "change_days")), int(parameter(params, "z_window"))
    minimum = int(parameter(params, "z_min"))
    for name in ("score", "slope"):
        moved = change(frame[name], frame["session"], days)
        z = robust_z(moved, window=window, min_obs=minimum, clip=CLIP)
        frame = frame.with_columns(moved.alias(f"d_{name}"), z.alias(f"z_{name}"))
    frame = frame.with_columns(
        ((pl.col("z_score") - pl.col("z_slope")) * (1.0 / ROOT_TWO)).clip(-CLIP, CLIP).alias("z"),
        pl.col("d_score").is_not_null().cum_sum().alias("n"),
    ).with_columns(half_z(pl.col("z")).alias("s"))
    words = pl.format(
        f"in {days} days the fiscal score moved {{}} (z {{}}), 1s5s {{}} bp (z {{}})",
        *(pl.col(c).round(d) for c, d in (("d_score", 2), ("z_score", 2), ("d_slope", 0), ("z_slope", 2))),
    )
    weak = pl.when(pl.col("fiscal_status") == "degraded").then(pl.lit("fiscal view is degraded"))
    confidence = fill_share(pl.col("n"), window) * pl.col("fiscal_confidence").fill_null(0.0)
    return judged(
        frame, params, words=words, missing=states_reason([("curve", "DI curve"), ("score", "fiscal view")]),
        weak=weak, confidence=confidence, short="history too short for the z of a change",
    )  # fmt: skip


@register(
    "FISC-01",
    hypothesis="The long end of the DI curve under-reacts to fiscal news.",
    falsified_by="no response of the slope after fiscal events, or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", "silver/di_curve", VIEW),
    series=(),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/fisc_01: a steepener, receive one year / pay five with equal DV01; > 0 owns it."""
    grid = panel.grid(sessions)
    frame = _frame(panel, params, grid)
    short, long = params.instruments
    legs = [Leg(short), Leg(long, -1.0)]
    return table_rows([trade_rows(frame, panel, params, legs, trade="1s5s")], params, sessions)
