"""How the FX agent did: the equilibrium's forecasts of USDBRL against a random walk and the forward, and the score
against what holding the real earned.

Belongs here: pairing what was said at a session with what followed. Does not belong here: the statistics (evaluate.py).
The cases are the first sessions of months, so horizons of several months overlap; the Diebold-Mariano statistics allow
for it. Changes are log changes of reais per dollar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from macro_fund.agents.evaluate import score_table
from macro_fund.agents.model import in_force

MONTH_SESSIONS = 21
MONTHS = 12


@dataclass(frozen=True)
class Record:
    """forecasts: score_table of `model` against each benchmark with the horizon in months. links: what was said against
    what followed, by horizon: name, months, n, correlation, same_sign (share of cases)."""

    forecasts: pl.DataFrame
    links: pl.DataFrame


def fx_cases(view: pl.DataFrame, model: pl.DataFrame, spot: pl.DataFrame, months: int) -> pl.DataFrame:
    """One row per first session of a month: what the agent said and the dollar's move over `months` x 21 sessions.

    view: agents/fx_view; model: agents/fx_model; spot: session and value (newest PTAX known), one row per session.
    Columns: session, misalignment, state_score, beer, random_walk, forward (forecast changes), change (null while the
    horizon is not over), brl_return (of holding the real with its carry). beer lets a misalignment shrink at the
    loading in force, if that corrects, with or without the weight that the tests gave it.
    """
    sessions = view["session"].to_list()
    ahead = pl.col("value").log().shift(-months * MONTH_SESSIONS) - pl.col("value").log()
    moved = spot.sort("session").select("session", ahead.alias("change"))
    forced = in_force(model, sessions, ["loading"]).select("session", "loading")
    rows = view.sort("session").join(moved, on="session", how="left").join(forced, on="session", how="left")
    first = pl.col("session").dt.truncate("1mo") != pl.col("session").shift(1).dt.truncate("1mo")
    left = (1.0 + pl.col("loading").clip(-1.0, 0.0)) ** months
    forward = pl.col("carry") * (months / MONTHS)
    rows = rows.with_columns(
        (pl.col("misalignment") * (left - 1.0)).alias("beer"),
        pl.lit(0.0).alias("random_walk"),
        forward.alias("forward"),
        (forward - pl.col("change")).alias("brl_return"),
    )
    names = ["misalignment", "state_score", "beer", "random_walk", "forward", "change", "brl_return"]
    return rows.filter(first).select("session", *names)


def _link(cases: pl.DataFrame, said: str, followed: str) -> tuple[int, float | None, float | None]:
    both = cases.drop_nulls([said, followed])
    if both.height < 3:
        return both.height, None, None
    x, y = both[said].to_numpy(), both[followed].to_numpy()
    return both.height, float(np.corrcoef(x, y)[0, 1]), float(np.mean(np.sign(x) == np.sign(y)))


def fx_record(view: pl.DataFrame, model: pl.DataFrame, spot: pl.DataFrame) -> Record:
    """Forecasts of 6 and 12 months, misalignment against the real's move, the score against its excess return.

    The arguments are those of `fx_cases`.
    """
    tables, links = [], []
    for months in (6, 12):
        cases = fx_cases(view, model, spot, months)
        held = cases.drop_nulls("beer")
        forecasts = {
            n: held[n].cast(pl.Float64).fill_null(np.nan).to_numpy() for n in ("beer", "random_walk", "forward")
        }
        outcome = held["change"].fill_null(np.nan).to_numpy()
        tables.append(score_table(outcome, forecasts, "beer", months).insert_column(0, pl.lit(months).alias("months")))
        fell = cases.with_columns((-pl.col("change")).alias("appreciation"))
        links.append(("misalignment and appreciation", months, *_link(fell, "misalignment", "appreciation")))
    for months in (1, 3, 6):
        cases = fx_cases(view, model, spot, months)
        links.append(("score and return of the real", months, *_link(cases, "state_score", "brl_return")))
    schema = {"link": pl.String, "months": pl.Int64, "n": pl.Int64, "correlation": pl.Float64, "same_sign": pl.Float64}
    return Record(pl.concat(tables), pl.DataFrame(links, schema=schema, orient="row"))
