"""RATES-06: the COPOM decision that DI1 implies against the one that the monetary agent's rules give.

Belongs here: the decision of one meeting by the rules. Does not belong here: windows (events.py), the rules and the
priced path themselves (agents/monetary_path.py). Claim, data, the stand-ins and what falsifies it: docs/strategies.md.

The decision comes after 18:30 on T and moves the settlement of T+1. In at the settlements of T-5 to T-1, out at that of
T+1: rows up to T hold, the row of T+1, which knows the decision, does not.
Signal > 0 is receive the nearer contract and pay the next: DI1 prices more than the rules decide.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.settings import Strategy
from macro_fund.strategies.curve import CURVE_MAX_AGE_DAYS, newest_curve
from macro_fund.strategies.events import event_positions, outside, phases
from macro_fund.strategies.judge import judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import BP, Leg, parameter, table_rows, trade_rows

VIEW, PATH = "agents/monetary_view", "agents/monetary_path"
FIRST, LAST = 5, 1  # T-5 to T-1
Z_CLIP = 3.0
RULES = ("t1_rate", "t2_rate", "t3_rate")


def moves(path: pl.DataFrame) -> pl.DataFrame:
    """session, curve_date, event, implied_move, model_move (decimal) of the next meeting, from agents/monetary_path.

    implied: the priced rate less its mean past excess over decisions, less today's Selic. model: median over the rules
    of what each moves from one meeting to the next. T2 and T3 adjust with time, and a day before a meeting the path has
    moved by a day's worth: a decision makes up for all the time between two meetings, so theirs is the second meeting's
    rate less the first's. T1 moves at once: its rate less today's Selic.
    """
    path = newest_curve(path, None)
    first = path.filter(pl.col("horizon") == 1)
    second = path.filter(pl.col("horizon") == 2).select("session", *(pl.col(r).alias(f"{r}_next") for r in RULES[1:]))
    both = first.join(second, on="session", how="left", maintain_order="left")
    at_once = pl.col("t1_rate") - pl.col("policy_rate")
    steps = [pl.col(f"{r}_next") - pl.col(r) for r in RULES[1:]]
    middle = pl.concat_list(at_once, *steps).list.median()
    known = pl.all_horizontal(c.is_finite() for c in (at_once, *steps)).fill_null(value=False)
    return both.select(
        "session",
        "curve_date",
        pl.col("meeting").alias("event"),
        (pl.col("implied_rate") - pl.col("term_premium") - pl.col("policy_rate")).alias("implied_move"),
        pl.when(known).then(middle).alias("model_move"),
    )


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    view = panel.view(VIEW, ("confidence", "reason"), grid, "view")
    frame = view.join(moves(panel.table(PATH)), on="session", how="left", maintain_order="left")
    frame = frame.with_columns(phases(frame, FIRST, LAST))
    unit = parameter(params, "unit_bp") * BP
    z = ((pl.col("implied_move") - pl.col("model_move")) * (1 / unit)).fill_nan(None)
    age = (pl.col("session") - pl.col("curve_date")).dt.total_days()
    missing = (
        pl.when(pl.col("view_status") == "no_view")
        .then(pl.format("monetary view has no view: {}", pl.col("view_reason").fill_null("no row")))
        .when(pl.col("event").is_null())
        .then(pl.lit("no meeting on the monetary agent's path"))
        .when(age > CURVE_MAX_AGE_DAYS)
        .then(pl.lit("policy path is older than a week"))
    )
    weak = pl.when(pl.col("view_status") == "degraded").then(pl.format("monetary view is degraded: {}", "view_reason"))
    frame = judged(
        frame.with_columns(z.clip(-1.0, 1.0).alias("s"), z.clip(-Z_CLIP, Z_CLIP).alias("z")),
        params,
        words=pl.format(
            "meeting of {}: DI1 implies {} bp, the rules {} bp",
            "event",
            *((pl.col(c) * (1 / BP)).round(0) for c in ("implied_move", "model_move")),
        ),
        missing=missing,
        weak=weak,
        gate=outside("COPOM meeting", FIRST, LAST),
        confidence=pl.col("view_confidence"),
        short="the path has no second meeting to measure the rules' decision by",
    )
    signal = frame["signal"].fill_null(float("nan")).to_numpy()
    return frame.with_columns(event_positions(frame, signal, params.enter, params.exit))


@register(
    "RATES-06",
    hypothesis="DI1 misprices a COPOM decision that a reaction function tells better.",
    falsified_by="right on less than 55% of 30 meetings, or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", VIEW, PATH),
    series=(),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/rates_06: one trade, the nearer DI1 against the next with equal DV01, around COPOM meetings.

    z = (implied move - modelled move) / 15 bp. The contracts of 3 and 6 months stand in for the first one that spans
    the decision and the one after it.
    """
    near, far = params.instruments
    frame = _frame(panel, params, panel.grid(sessions))
    trade = trade_rows(frame, panel, params, [Leg(near), Leg(far, -1.0)], trade="copom")
    return table_rows([trade], params, sessions)
