"""What was priced or forecast for COPOM meetings against what was decided.

Belongs here: paths at the first session of each month, outcomes and when they became known, errors, the evaluation that
docs/agents/monetary.md shows. Does not belong here: the forecasts themselves (monetary_path.py).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.agents.evaluate import score_table

HORIZONS = tuple(range(1, 9))
"""Meetings ahead: eight are a year."""
SCORED = 4
"""The record is that of four meetings ahead."""
MIN_CASES = 12
# A decision is in force the business day after: three calendar days later the target is the new one, ten at most.
_IN_FORCE = "3d"
_LATEST = "10d"


def first_sessions(frame: pl.DataFrame, last: date) -> pl.DataFrame:
    """`session`: the first of each calendar month among the frame's sessions up to `last`."""
    days = frame.filter(pl.col("session") <= last).select(pl.col("session").unique().sort())
    return (
        days.group_by(pl.col("session").dt.truncate("1mo").alias("month"), maintain_order=True)
        .agg(pl.col("session").min())
        .select(pl.col("session").sort())
    )


def priced(policy_path: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """session, curve_date, meeting, horizon (1..8), effective_bd, implied_target of each session's newest curve."""
    rows = policy_path.join(sessions.select("session"), on="session", how="semi")
    newest = pl.col("curve_date") == pl.col("curve_date").max().over("session")
    rows = rows.filter(newest).sort("session", "meeting")
    rows = rows.with_columns(pl.int_range(1, pl.len() + 1).over("session").cast(pl.Int32).alias("horizon"))
    names = ("session", "curve_date", "meeting", "horizon", "effective_bd", "implied_target")
    return rows.filter(pl.col("horizon") <= HORIZONS[-1]).select(names)


def with_outcome(rows: pl.DataFrame, target: pl.DataFrame) -> pl.DataFrame:
    """Adds `outcome` (the Selic target after `meeting`) and `outcome_session` (when it was known); null until then.

    target: rows (session, event_date, value) of the Selic target.
    """
    first = target.sort("event_date", "session").unique("event_date", keep="first", maintain_order=True)
    found = first.select("event_date", outcome="value", outcome_session="session")
    joined = (
        rows.with_columns(pl.col("meeting").dt.offset_by(_IN_FORCE).alias("_from"))
        .sort("_from", maintain_order=True)
        .join_asof(found, left_on="_from", right_on="event_date", strategy="forward")
    )
    late = pl.col("event_date") > pl.col("meeting").dt.offset_by(_LATEST)
    kept = [pl.when(~late).then(c).alias(c) for c in ("outcome", "outcome_session")]
    return joined.with_columns(kept).drop("_from", "event_date").sort("session", "meeting")


def _errors(path: pl.DataFrame, target: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """Rows of agents/monetary_path at `horizon` on first sessions of months, with outcomes."""
    rows = path.filter(pl.col("horizon") == horizon)
    rows = rows.join(first_sessions(rows, date.max), on="session", how="semi")
    return with_outcome(rows, target).drop_nulls("outcome")


def track_record(path: pl.DataFrame, target: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """`sessions` with rmse (of the model four meetings ahead, decimal), rmse_ratio (over today's Selic) and
    rmse_ratio_implied (over the priced path), frozen within a month; null with fewer than MIN_CASES outcomes known.

    path: agents/monetary_path; target: rows of the Selic target. Only outcomes known before the month count.
    """
    squares = _errors(path, target, SCORED).select(
        "outcome_session",
        *(
            ((pl.col(c) - pl.col("outcome")) ** 2).alias(name)
            for c, name in (("model_rate", "model"), ("policy_rate", "naive"), ("implied_rate", "implied"))
        ),
    )
    totals = (
        squares.sort("outcome_session")
        .with_columns(*(pl.col(c).cum_sum() for c in ("model", "naive", "implied")), n=pl.int_range(1, pl.len() + 1))
        .unique("outcome_session", keep="last", maintain_order=True)
    )
    enough = pl.col("n") >= MIN_CASES

    def root(c: pl.Expr) -> pl.Expr:
        return pl.when(enough & c.is_finite()).then(c.sqrt())

    known = (
        sessions.select("session", pl.col("session").dt.truncate("1mo").alias("_month"))
        .sort("session")
        .join_asof(totals, left_on="_month", right_on="outcome_session", strategy="backward")
    )
    return known.select(
        "session",
        root(pl.col("model") / pl.col("n")).alias("rmse"),
        root(pl.col("model") / pl.col("naive")).alias("rmse_ratio"),
        root(pl.col("model") / pl.col("implied")).alias("rmse_ratio_implied"),
    )


def evaluation(path: pl.DataFrame, target: pl.DataFrame, horizons: tuple[int, ...] = (4, 8)) -> pl.DataFrame:
    """Out of sample: for each horizon (meetings ahead) the model against the priced path, the priced path less its
    premium, and today's Selic, on the first session of each month.

    path: agents/monetary_path; target: rows (session, event_date, value) of the Selic target. Columns: horizon and
    those of evaluate.score_table; errors are decimals, dm < 0 says that the model was better. The cases of
    neighbouring months overlap: the test's horizon is in months.
    """
    parts = []
    for h in horizons:
        rows = _errors(path, target, h)
        forecasts = {
            "model": rows["model_rate"],
            "priced path": rows["implied_rate"],
            "priced path less premium": rows["implied_rate"] - rows["term_premium"],
            "today's Selic": rows["policy_rate"],
        }
        scored = score_table(rows["outcome"], forecasts, "model", horizon=max(1, round(h * 1.5)))
        parts.append(scored.select(pl.lit(h).alias("horizon"), pl.all()))
    return pl.concat(parts)
