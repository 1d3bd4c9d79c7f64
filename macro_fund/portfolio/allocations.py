"""What each optimiser would hold, session after session: portfolio/allocations.

Belongs here: the walk through the sessions and the table. Does not belong here: one session's optimum (optimise), its
inputs (inputs), or whole contracts (targets).

The walk has a memory: a trade costs, so the programme of a session starts from the weights before it, and an input that
is missing leaves them. It begins with the newest weights of earlier partitions, or with an empty book at the first
session of history. The methods that the mandate did not choose are asked in the first session of each month.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from macro_fund.portfolio.inputs import Inputs, inputs
from macro_fund.portfolio.optimise import METHODS, allocate
from macro_fund.portfolio.problem import Allocation, Array, Method
from macro_fund.settings import Settings
from macro_fund.store.tables import TABLES

TABLE = TABLES["portfolio/allocations"]
PRIMARY: Method = "black_litterman"
Row = tuple[Any, ...]


def allocations(
    conviction: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    edges: pl.DataFrame,
    settings: Settings,
    sessions: Sequence[date],
    history: Sequence[date],
    earlier: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """portfolio/allocations of `sessions`, which follow each other without a gap.

    conviction, instrument_returns, edges: full history up to the last session. history: every session up to it (it says
    where months begin). earlier: this table's rows of the sessions before; None or empty: nothing was held.
    """
    known = inputs(conviction, instrument_returns, edges, settings, sessions)
    weights = _last(earlier, known.names)
    monthly = first_of_month(history)
    rows: list[Row] = []
    for k, session in enumerate(sessions):
        for method in METHODS:
            if method in (PRIMARY, settings.fund.sizing.method) or session in monthly:
                found, weights[method] = _session(known, k, method, weights[method])
                rows += found
    return pl.DataFrame(rows, schema=TABLE.schema, orient="row").sort(TABLE.sort)


def first_of_month(history: Sequence[date]) -> set[date]:
    """The first session of each month."""
    return {d for k, d in enumerate(history) if k == 0 or d.month != history[k - 1].month}


def _last(earlier: pl.DataFrame | None, names: Sequence[str]) -> dict[Method, Array]:
    """Newest weights by method, in the order of `names`; NaN: never had one."""
    found: dict[Method, Array] = {m: np.full(len(names), np.nan) for m in METHODS}
    if earlier is None:
        return found
    rows = earlier.drop_nulls("weight").sort("session").unique(["method", "instrument"], keep="last")
    for method, instrument, weight in rows.select("method", "instrument", "weight").iter_rows():
        if method in found and instrument in names:
            found[method][list(names).index(instrument)] = weight
    return found


def _session(known: Inputs, k: int, method: Method, before: Array) -> tuple[list[Row], Array]:
    """Rows of one session and method, and the weights after it."""
    session, held = known.sessions[k], np.nan_to_num(before)
    problem = known.problem(k, held)
    if session in known.records:
        answer = allocate(method, problem)
    else:
        answer = Allocation(held, ("previous",) * len(held), "degraded", "no record of strategies (portfolio/edges)")
    stands = answer.status != "ok"
    # Weights that stand for want of an answer are only known where there were any.
    shown = known.sizable[k] & ~(stands & np.isnan(before))
    rows: list[Row] = []
    for i, name in enumerate(known.names):
        status, said = known.cell(k, i)
        reason = _reason(known, k, i, answer, said) if known.sizable[k, i] else said
        numbers: tuple[float | None, ...] = (None,) * 4
        if shown[i]:
            view = known.view[k, i] if known.side[k, i] else 0.0
            numbers = tuple(
                float(x) + 0.0 for x in (view, problem.expected[i], answer.weights[i], problem.volatility[i])
            )
            status = "degraded" if stands else status
        else:
            status = "no_view"
        binding = answer.binding[i] if shown[i] else "none"
        rows.append((session, method, name, *numbers, binding, status, reason))
    return rows, np.where(known.sizable[k] & ~stands, answer.weights, before)


def _reason(known: Inputs, k: int, i: int, answer: Allocation, said: str) -> str:
    """Why the weight is what it is: `sized by NAME`, what keeps it at zero, or what made the previous one stand."""
    if answer.status != "ok":
        return f"previous weight: {answer.reason}"
    if known.side[k, i] != 0:
        words = f"sized by {answer.binding[i]}"
    elif known.banded[k, i] != 0:
        words = "no strategy in position pushes the score"
    else:
        rules = known.settings.fund.sizing
        band = f"in above {rules.enter:.2f}, out below {rules.leave:.2f}"
        words = f"score {known.score[k, i]:+.2f} is not in the band ({band})"
    return f"{words}; {said}" if said else words
