"""FX-03: flows into the real persist, and reverse once they are extreme.

Belongs here: the strategy's reading of the flow. Does not belong here: the parts of the flow, their z and the rule that
turns an extreme (agents/fx_inputs.py). Claim, data and what falsifies it: docs/strategies.md.
Signal > 0 is long BRL, which is short DOL.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.agents.fx_inputs import EXTREME, FLOW, POSITIONS, flow_inputs
from macro_fund.settings import Strategy
from macro_fund.strategies.judge import judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, parameter, table_rows, trade_rows

OBSERVATIONS, POSITIONING = "silver/observations", "silver/positioning"
# Banco Central's contracted flow, CFTC positions, and B3's non-resident positions, which have no series.
PARTS = 3


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    """Flow, its score and the words of each session. Several days of flow become known at once, so the 20-day sum runs
    on every day of silver/observations, not on the newest value of each session."""
    ages = {
        FLOW: int(parameter(params, "flow_max_age_days")),
        POSITIONS: int(parameter(params, "positions_max_age_days")),
    }
    frame = flow_inputs(panel.table(OBSERVATIONS), panel.table(POSITIONING), grid, ages)
    # What agrees with the flow has its sign; an extreme one is read against until it is below the re-arming level.
    extreme = pl.col("flow_score").sign() * pl.col("flow").sign() < 0
    against = pl.when(extreme).then(pl.lit(" (extreme: read against)")).otherwise(pl.lit(""))
    words = pl.format("flow {} of {} parts{}", pl.col("flow").round(2), "flow_parts", against)
    lacks = [
        pl.when(pl.col(f"{name}_z").is_null()).then(pl.lit(text))
        for name, text in (
            ("contracted", "contracted flow of the Banco Central is missing, stale or too short"),
            ("futures", "CFTC positions in BRL are missing, stale or too short"),
        )
    ]
    lacking = pl.concat_str(lacks, separator="; ", ignore_nulls=True)
    frame = frame.with_columns(pl.col("flow_score").alias("s"), pl.col("flow").alias("z"), lacking.alias("lacking"))
    known = pl.col("flow").is_not_null()
    return judged(
        frame,
        params,
        words=words,
        missing=pl.when(~known).then("lacking"),
        weak=pl.when(known).then("lacking"),
        confidence=pl.col("flow_parts") * (1 / PARTS),
    )


@register(
    "FX-03",
    hypothesis=f"Flows into the real persist; beyond {EXTREME:g} standard deviations they reverse.",
    falsified_by="the return after a flow beyond 2 is not against it, or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", OBSERVATIONS, POSITIONING),
    series=(FLOW,),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/fx_03: one row per session; z is the flow F, the mean z of the parts that are known.

    |F| <= 2: s = F / 2. Beyond it s = -sign(F) min(1, |F| - 1.5), which stays so until |F| is below 1.5: the state is
    walked from the start of history.
    """
    frame = _frame(panel, params, panel.grid(sessions))
    trades = [trade_rows(frame, panel, params, [Leg(i)]) for i in params.instruments]
    return table_rows(trades, params, sessions)
