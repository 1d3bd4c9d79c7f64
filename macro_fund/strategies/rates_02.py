"""RATES-02: the DI curve prices another reaction function than the rules': receive where it prices too much.

Belongs here: the measure. Does not belong here: the rules (agents/taylor.py), hysteresis and levels (rows.py). Claim,
data and what falsifies it: docs/strategies.md.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from macro_fund.settings import Strategy
from macro_fund.strategies.curve import TO_BP
from macro_fund.strategies.judge import half_z, judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.policy import modelled_in_a_year
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import BP, Leg, Vector, parameter, table_rows, trade_rows

VIEW = "agents/monetary_view"


def taylor_gap(implied: Vector, premium: Vector, model: Vector, unit_bp: float) -> Vector:
    """z = (priced Selic less term premium - model Selic) / unit: + = the curve prices too much, receive."""
    return (implied - premium - model) / (unit_bp * BP)


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    frame = panel.view(VIEW, ["confidence", "reason"], grid, "agent").join(
        modelled_in_a_year(panel, grid), on="session", how="left", maintain_order="left"
    )
    implied, premium, model = (
        frame[c].fill_null(float("nan")).to_numpy().astype(np.float64) for c in ("implied", "premium", "model")
    )
    z = taylor_gap(implied, premium, model, parameter(params, "unit_bp"))
    frame = frame.with_columns(pl.Series("z", z).fill_nan(None)).with_columns(half_z(pl.col("z")).alias("s"))
    why = (
        pl.when(pl.col("agent_reason").fill_null("") != "")
        .then(pl.format(": {}", "agent_reason"))
        .otherwise(pl.lit(""))
    )
    missing = (
        pl.when(pl.col("agent_status") == "no_view")
        .then(pl.format("monetary view has no view{}", why))
        .when(pl.col("z").is_null())
        .then(pl.lit("monetary path does not reach a year ahead"))
    )
    words = pl.format(
        "in a year DI1 prices {}% (premium {} bp off), the rules {}%",
        (pl.col("implied") * 100).round(2),
        (pl.col("premium") * TO_BP).round(0),
        (pl.col("model") * 100).round(2),
    )
    weak = pl.when(pl.col("agent_status") == "degraded").then(pl.format("monetary view is degraded{}", why))
    confidence = pl.col("agent_confidence").fill_null(0.0)
    return judged(frame, params, words=words, missing=missing, weak=weak, confidence=confidence)


@register(
    "RATES-02",
    hypothesis="The DI curve misprices the central bank's reaction function, and decisions correct it.",
    falsified_by="the slope of later decisions on the gap has t < 1 (Newey-West), or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", "agents/monetary_path", VIEW),
    series=(),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/rates_02: one row per session and tenor, the same signal on each; > 0 receives.

    z is the gap in units of `unit_bp`, not a statistic of its own past: the rules say what is normal.
    """
    grid = panel.grid(sessions)
    frame = _frame(panel, params, grid)
    return table_rows([trade_rows(frame, panel, params, [Leg(i)]) for i in params.instruments], params, sessions)
