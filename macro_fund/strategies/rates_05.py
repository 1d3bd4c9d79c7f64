"""RATES-05: Treasury futures around FOMC meetings, and Brazilian rates at half their beta.

Belongs here: the score before a meeting and the beta of the DI leg. Does not belong here: windows (events.py), the view
on the policy of the United States (agents/monetary_us.py), texts (agents/policy_text.py). Claim: docs/strategies.md.

The statement comes at 14:00 in New York on T. In at the settlement of T-1, out at that of T+1: rows of T-1 and T hold.
Signal > 0 is receive: long the future, DI1 received.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from macro_fund.agents.policy_text import FEW
from macro_fund.settings import Strategy
from macro_fund.strategies.curve import recent
from macro_fund.strategies.events import event_positions, outside, phases
from macro_fund.strategies.judge import judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, Vector, fill_share, parameter, table_rows, trade_rows
from macro_fund.time.releases import load_meetings

MONETARY, TEXTS = "agents/monetary_view", "agents/policy_text"
SERIES = ("us_fomc_statements", "us_fomc_minutes")
POLICY_WEIGHT, TEXT_WEIGHT = 0.6, 0.4
HALF = 0.5
ENTRY_SESSION = 1  # T-1


def fomc_score(policy: pl.Expr, change: pl.Expr) -> pl.Expr:
    """s = -(0.6 policy + 0.4 change): policy + = tighter than priced, change + = the last text was more hawkish."""
    return -(POLICY_WEIGHT * policy + TEXT_WEIGHT * change.clip(-1.0, 1.0))


def rolling_beta(y: Vector, x: Vector, window: int) -> Vector:
    """Slope of y on x (with a constant) over the last `window` rows; NaN before as many and where x does not move."""
    out = np.full(y.size, np.nan)
    if y.size < window:
        return out
    parts = [np.lib.stride_tricks.sliding_window_view(v, window) for v in (y, x)]
    left, right = (p - p.mean(axis=1, keepdims=True) for p in parts)
    squares = (right * right).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        out[window - 1 :] = np.where(squares > 0, (left * right).sum(axis=1) / squares, np.nan)
    return out


def next_meetings(grid: pl.DataFrame) -> pl.DataFrame:
    """session, event: day of the next scheduled FOMC meeting from the session on (its last day).

    A year's meetings are announced in the year before. Unscheduled ones are known when they are over: no events here.
    """
    days = pl.DataFrame({"event": [m.date for m in load_meetings("fomc_meetings") if m.scheduled]}).sort("event")
    return grid.select("session").join_asof(days, left_on="session", right_on="event", strategy="forward")


def newest_text(panel: Panel, grid: pl.DataFrame, max_age: int) -> pl.DataFrame:
    """session, change, n_scored of the newest FOMC document with a score before it; null when none or too old.

    max_age: calendar days from the meeting that the document is about.
    """
    rows = (
        panel.table(TEXTS)
        .filter(pl.col("series_id").is_in(SERIES) & pl.col("change").is_finite())
        .sort("session", "knowledge_time", "event_date", maintain_order=True)
    )
    before = pl.col("knowledge_time").cum_max().shift(1)
    rows = rows.filter(before.is_null() | (pl.col("knowledge_time") >= before)).unique(
        "session", keep="last", maintain_order=True
    )
    known = grid.select("session").join_asof(
        rows.select("session", "event_date", "change", "n_scored"), on="session", strategy="backward"
    )
    fresh = (pl.col("session") - pl.col("event_date")).dt.total_days() <= max_age
    return known.select("session", *(pl.when(fresh).then(pl.col(c)).alias(c) for c in ("change", "n_scored")))


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    """The score of each session, whatever the calendar says; positions only inside the window."""
    view = panel.view(MONETARY, ("us_score", "us_reason"), grid, "us")
    text = newest_text(panel, grid, int(parameter(params, "text_max_age_days")))
    frame = view.join(text, on="session", how="left", maintain_order="left")
    frame = frame.join(next_meetings(grid), on="session", how="left", maintain_order="left")
    frame = frame.with_columns(phases(frame, ENTRY_SESSION, ENTRY_SESSION))
    policy = pl.col("us_us_score").fill_nan(None)
    blind = pl.lit("no view on the policy of the United States")
    why = pl.when(pl.col("us_us_reason") != "").then("us_us_reason")
    missing = pl.concat_str(
        pl.when(policy.is_null()).then(pl.concat_str(blind, why, separator=": ", ignore_nulls=True)),
        pl.when(pl.col("change").is_null()).then(pl.lit("no FOMC text that can be compared with the one before")),
        separator="; ",
        ignore_nulls=True,
    )
    s = fomc_score(policy, pl.col("change"))
    frame = judged(
        frame.with_columns(s.alias("s"), (2.0 * s).alias("z")),
        params,
        words=pl.format("policy score {}, change of the last FOMC text {}", policy.round(2), pl.col("change").round(2)),
        missing=missing,
        weak=pl.when(pl.col("n_scored") < FEW).then(pl.lit("the last FOMC text has few phrases of the lexicon")),
        gate=outside("FOMC meeting", ENTRY_SESSION, ENTRY_SESSION),
        confidence=pl.lit(1.0),
    )
    signal = frame["signal"].fill_null(float("nan")).to_numpy()
    return frame.with_columns(event_positions(frame, signal, params.enter, params.exit))


def _beta(panel: Panel, params: Strategy, grid: pl.DataFrame, ours: str, theirs: str) -> pl.DataFrame:
    """session, beta (bp of `ours` per bp of `theirs`, over days on which both are priced), n: such days so far."""
    last = grid["session"][-1]
    one, two = (
        panel.returns(i, last).select("session", "trade_date", pl.col("shock").fill_null(0.0).cum_sum().alias("sum"))
        for i in (ours, theirs)
    )
    both = one.join(two, on="trade_date", how="inner", maintain_order="left").with_columns(
        pl.max_horizontal("session", "session_right").alias("session"), pl.col("sum", "sum_right").diff()
    )
    both = both.drop_nulls("sum").sort("session", "trade_date")
    beta = rolling_beta(both["sum"].to_numpy(), both["sum_right"].to_numpy(), int(parameter(params, "beta_window")))
    rows = both.select("session", "trade_date", n=pl.int_range(1, pl.len() + 1)).with_columns(
        pl.Series("beta", beta, dtype=pl.Float64).fill_nan(None)
    )
    return recent(rows, grid, ["beta", "n"])


def _with_beta(frame: pl.DataFrame, beta: pl.DataFrame, params: Strategy) -> pl.DataFrame:
    """The frame as the DI leg sees it: signal x half the beta (in [0, 1]); without a beta above 0 nothing is held."""
    frame = frame.join(beta, on="session", how="left", maintain_order="left")
    share = HALF * pl.col("beta").clip(0.0, 1.0)
    unknown = pl.col("beta").is_null()
    viewed = (pl.col("status") != "no_view") & ~unknown
    told = pl.format("at half the beta of {}", pl.col("beta").round(2))
    return frame.with_columns(
        pl.when(viewed).then(pl.col("signal") * share).alias("signal"),
        pl.when(viewed & (pl.col("beta") > 0)).then("position").otherwise(0).cast(pl.Int8).alias("position"),
        pl.when(viewed).then("status").otherwise(pl.lit("no_view")).alias("status"),
        pl.min_horizontal("confidence", fill_share(pl.col("n"), int(parameter(params, "beta_window")))).alias(
            "confidence"
        ),
        pl.when(pl.col("status") == "no_view")
        .then("reason")
        .when(unknown)
        .then(pl.lit("beta to the Treasury future is unknown: too few days on which both are priced"))
        .otherwise(pl.concat_str(pl.col("reason"), told, separator="; "))
        .alias("reason"),
    )


@register(
    "RATES-05",
    hypothesis="Before a meeting of the FOMC rates price its guidance wrongly, and drift towards it.",
    falsified_by="mean return of 40 meetings with t < 2, or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", MONETARY, TEXTS),
    series=(),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/rates_05: two rows a session, the Treasury future and DI1, each a trade of its own.

    z is twice the score. The DI trade has the score x half the beta of its daily changes to the future's.
    """
    grid = panel.grid(sessions)
    future, local = params.instruments
    frame = _frame(panel, params, grid)
    here = _with_beta(frame, _beta(panel, params, grid, local, future), params)
    trades = [trade_rows(frame, panel, params, [Leg(future)]), trade_rows(here, panel, params, [Leg(local)])]
    return table_rows(trades, params, sessions)
