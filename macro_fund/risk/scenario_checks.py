"""Checks on the moves of scenarios, as plain verdicts.

Belongs here: sums of shocks over the windows, taken again in polars, and published numbers. Does not belong here: when
checks run or what they block (orchestration).
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from macro_fund.mandate import Scenario
from macro_fund.portfolio.checks import Verdict, verdict
from macro_fund.settings import Settings

CLOSE = 1e-6
_TEN_DAYS = timedelta(days=10)


def published_near(scenarios: pl.DataFrame, settings: Settings) -> Verdict:
    """Measured moves of published numbers are within a tenth of them."""
    published = pl.DataFrame(
        [(s.id, f) for s in settings.scenarios for f in s.stated],
        schema={"scenario": pl.String, "factor": pl.String},
        orient="row",
    )
    both = scenarios.join(published, on=["scenario", "factor"], how="semi").drop_nulls(["stated", "measured"])
    apart = (pl.col("measured") - pl.col("stated")).abs() > 0.1 * pl.col("stated").abs()
    return verdict("published_near", both.filter(apart).select("scenario", "factor", "stated", "measured"), len(both))


def moves_recomputed(scenarios: pl.DataFrame, shocks: pl.DataFrame, settings: Settings, session: date) -> Verdict:
    """Measured moves of the session are the sums of the shocks known then; each move is its basis's number."""
    rows = scenarios.filter(pl.col("session") == session)
    known = (
        shocks.filter(pl.col("session") <= session)
        .sort("session")
        .unique(["trade_date", "factor"], keep="last", maintain_order=True)
    )
    wrong = [rows.clear()]
    for scenario in settings.scenarios:
        mine = rows.filter(pl.col("scenario") == scenario.id)
        moved = window_sums(known, scenario)
        both = mine.join(moved, on="factor", how="left")
        want = pl.when(pl.col("basis") == "measured").then("total").when(pl.col("basis") == "stated").then("stated")
        off = (pl.col("move") - want).abs() > CLOSE * (1 + pl.col("move").abs())
        odd = pl.col("total").is_not_null() & pl.col("measured").is_null()
        # A stated or imputed row of a factor that has no sum, or a measured one with another sum.
        lone = (pl.col("basis") != "imputed") & want.is_null()
        wrong.append(both.filter(off.fill_null(False) | lone | odd).select(rows.columns))
    return verdict("moves_recomputed", pl.concat(wrong).select("scenario", "factor", "move", "basis"), len(rows))


def window_sums(known: pl.DataFrame, scenario: Scenario) -> pl.DataFrame:
    """factor, total: sum of the shocks of the window times scale, of factors with closes at both ends."""
    empty = pl.DataFrame(schema={"factor": pl.String, "total": pl.Float64})
    if scenario.start is None or scenario.end is None:
        return empty
    before = known.filter(pl.col("trade_date").is_between(scenario.start - _TEN_DAYS, scenario.start, closed="left"))
    inside = known.filter(pl.col("trade_date").is_between(scenario.start, scenario.end))
    ended = inside.filter(pl.col("trade_date") == scenario.end)
    whole = inside.filter(pl.col("shock").is_null())
    return (
        inside.join(before, on="factor", how="semi")
        .join(ended, on="factor", how="semi")
        .join(whole, on="factor", how="anti")
        .sort("factor", "trade_date")
        .group_by("factor", maintain_order=True)
        .agg((pl.col("shock").sum() * scenario.scale).alias("total"))
    )
