"""How the debt fan did: its forecasts against naive ones, and how often the outcome fell inside its bands.

Belongs here: the agent's forecasts on a fund's own history, put beside their outcomes. Does not belong here: statistics
that any agent uses (evaluate.py). Nothing in the graph reads this: it is for whoever judges the model
(docs/agents/fiscal.md shows its tables).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from macro_fund.agents.evaluate import score_table
from macro_fund.agents.fiscal_fan import QUANTILES, expected_path, fan
from macro_fund.agents.fiscal_model import Refit, refits, seed_of
from macro_fund.agents.model import refit_sessions

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

YEARS = (1, 2, 3, 5)
OUTER, INNER = (0.10, 0.90), (0.25, 0.75)
_SCHEMA = {
    "session": pl.Date,
    "data_to": pl.Date,
    "years": pl.Int64,
    **dict.fromkeys(("forecast", "random_walk", "drift", "p10", "p25", "p75", "p90", "outcome"), pl.Float64),
}


def debt_forecasts(
    observations: pl.DataFrame, sessions: Sequence[date], table: Sessions, years: Sequence[int] = YEARS
) -> pl.DataFrame:
    """Forecasts of gross debt on GDP at the refits among `sessions`, and what came: one row a newest month and year.

    forecast: the path without shocks; random_walk: the debt of data_to; drift: its change over the last twelve months
    repeated each year; p10..p90: the fan's; outcome: as known in the last session, null where not yet known.
    observations: rows of silver/observations with full history. Each forecast uses what was known at its refit only.
    """
    found = list(refits(observations, refit_sessions(sessions, table)))
    last = next((f.past for f in reversed(found) if f.past is not None and f.past.months.size), None)
    outcome = dict(zip(last.months.tolist(), last.debt.tolist(), strict=True)) if last is not None else {}
    rows: dict[tuple[date, int], tuple[object, ...]] = {}
    for refit in found:
        for row in _rows(refit, years, outcome):
            rows.setdefault((row[1], row[2]), row)
    return pl.DataFrame(list(rows.values()), schema=_SCHEMA, orient="row").sort("years", "data_to")


def _rows(refit: Refit, years: Sequence[int], outcome: dict[date, float]) -> list[tuple]:
    past, var, start = refit.past, refit.var, refit.start
    if past is None or var is None or start is None or past.data_to is None:
        return []
    drawn = fan(var, start, seed_of(refit.session), years=max(years))
    path = expected_path(var, start, max(years))
    change = start.debt - float(past.debt[-13]) if past.debt.size > 12 else None
    levels = [QUANTILES.index(q) for q in (OUTER[0], INNER[0], INNER[1], OUTER[1])]
    return [
        (
            refit.session,
            past.data_to,
            y,
            float(path[y - 1]),
            start.debt,
            None if change is None else start.debt + y * change,
            *drawn.quantiles[y - 1, levels].tolist(),
            outcome.get((past.months[-1] + 12 * y).item()),
        )
        for y in years
    ]


def accuracy(forecasts: pl.DataFrame) -> pl.DataFrame:
    """evaluate.score_table by years ahead, against the random walk and the drift; monthly cases overlap."""
    parts = []
    for (years,), part in forecasts.drop_nulls("outcome").group_by("years", maintain_order=True):
        named = {n: part[n] for n in ("forecast", "random_walk", "drift")}
        scores = score_table(part["outcome"], named, "forecast", horizon=12 * int(str(years)))
        parts.append(scores.select(pl.lit(years).alias("years"), pl.all()))
    return pl.concat(parts) if parts else pl.DataFrame()


def coverage(forecasts: pl.DataFrame) -> pl.DataFrame:
    """By years ahead: n, share of outcomes in p10..p90 (80% wanted) and p25..p75 (50%), mean width of the former."""
    inside = [
        pl.col("outcome").is_between(low, high).mean().alias(name)
        for low, high, name in (("p10", "p90", "inside_80"), ("p25", "p75", "inside_50"))
    ]
    width = (pl.col("p90") - pl.col("p10")).mean().alias("mean_width")
    return (
        forecasts.drop_nulls("outcome").group_by("years", maintain_order=True).agg(pl.len().alias("n"), *inside, width)
    )
