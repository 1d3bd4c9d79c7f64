"""FX-01: value and carry of the real: the misalignment corrects, and carry pays for the wait.

Belongs here: the mix of the two parts of the FX view. Does not belong here: the equilibrium and the carry themselves
(agents/fx.py). Claim, data and what falsifies it: docs/strategies.md. Signal > 0 is long BRL, which is short DOL.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.settings import Strategy
from macro_fund.strategies.judge import judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, table_rows, trade_rows

VIEW = "agents/fx_view"
COLUMNS = ("part_misalignment", "part_carry", "misalignment", "confidence", "reason")
VALUE_WEIGHT, CARRY_WEIGHT = 0.5, 0.5


def value_carry(misalignment: pl.Expr, carry: pl.Expr) -> pl.Expr:
    """s = 0.5 misalignment + 0.5 carry, each a part in [-1, 1]: misalignment / 15% and carry z / 2, clipped.

    misalignment > 0: the real is weaker than its equilibrium (log real exchange rate, BRL per foreign, above it).
    """
    return VALUE_WEIGHT * misalignment + CARRY_WEIGHT * carry


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    frame = panel.view(VIEW, COLUMNS, grid, "fx")
    s = value_carry(pl.col("fx_part_misalignment"), pl.col("fx_part_carry"))
    why = pl.when(pl.col("fx_reason").fill_null("") != "").then(pl.format(" ({})", "fx_reason")).otherwise(pl.lit(""))
    missing = (
        pl.when(pl.col("fx_status") == "no_view")
        .then(pl.format("FX view has no view{}", why))
        .when(pl.col("fx_part_misalignment").is_null())
        .then(pl.format("no equilibrium of the real exchange rate that holds: nothing for carry to wait for{}", why))
        .when(pl.col("fx_part_carry").is_null())
        .then(pl.format("carry to risk is unknown{}", why))
    )
    words = pl.format(
        "misalignment {}% (part {}), carry part {}",
        (pl.col("fx_misalignment") * 100).round(1),
        pl.col("fx_part_misalignment").round(2),
        pl.col("fx_part_carry").round(2),
    )
    weak = pl.when(pl.col("fx_status") == "degraded").then(pl.format("FX view is degraded{}", why))
    frame = frame.with_columns(s.alias("s"), (s * 2.0).alias("z"))
    return judged(frame, params, words=words, missing=missing, weak=weak, confidence=pl.col("fx_confidence"))


@register(
    "FX-01",
    hypothesis="A misaligned real corrects, and its carry pays for waiting.",
    falsified_by="the error-correction coefficient is >= 0, or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", VIEW),
    series=(),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/fx_01: one row per session; z is twice the mix of the two parts.

    Without an equilibrium that the FX agent gives weight to there is no view: carry alone is another strategy (FX-02).
    """
    frame = _frame(panel, params, panel.grid(sessions))
    trades = [trade_rows(frame, panel, params, [Leg(i)]) for i in params.instruments]
    return table_rows(trades, params, sessions)
