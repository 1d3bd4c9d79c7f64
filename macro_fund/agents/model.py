"""What is estimated and then kept: refits on the first session of a month, frozen until the next.

Belongs here: when a model is refitted, the rows that a refit leaves, and how a session finds the parameters in force.
Does not belong here: any model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

import numpy as np
import polars as pl

from macro_fund.store.agent_tables import model_table
from macro_fund.time.sessions import Sessions

SCHEMA = model_table("any", "").schema


@dataclass(frozen=True)
class Estimate:
    """A parameter or statistic of one refit; None when it could not be estimated."""

    parameter: str
    value: float | None
    std_error: float | None = None
    n_obs: int = 0


def refit_sessions(sessions: Sequence[date], table: Sessions) -> list[date]:
    """Those of `sessions` (ascending) that are the first session of their calendar month."""
    if not sessions:
        return []
    # The first session of the table has none before it.
    opening = sessions[0] == table.keys(table.start, sessions[0])[0]
    before = date.min if opening else table.offset(sessions[0], -1)
    return [b for a, b in pairwise([before, *sessions]) if (a.year, a.month) != (b.year, b.month)]


def model_rows(
    session: date,
    estimates: Sequence[Estimate],
    *,
    data_to: date | None,
    knowledge_time: datetime | None,
    status: str = "ok",
    reason: str = "",
) -> list[dict[str, object]]:
    """Rows of an agents/*_model table for one refit; a value that is not finite is stored as null."""
    common = {"session": session, "data_to": data_to, "knowledge_time": knowledge_time}
    return [
        {
            **common,
            "parameter": e.parameter,
            "value": _finite(e.value),
            "std_error": _finite(e.std_error),
            "n_obs": e.n_obs,
            "status": status,
            "reason": reason,
        }
        for e in estimates
    ]


def model_frame(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """The rows as a table, sorted by its key."""
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("session", "parameter")


def in_force(model: pl.DataFrame, sessions: Sequence[date], parameters: Sequence[str]) -> pl.DataFrame:
    """One row per session of `sessions`: `refit` (its session, null before the first), the named parameters of that
    refit as columns, `model_knowledge`, `model_status` and `model_reason`.

    A parameter that the refit does not have is null.
    """
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    wide = model.group_by("session", maintain_order=True).agg(
        pl.col("session").first().alias("refit"),
        *(pl.col("value").filter(pl.col("parameter") == p).first().alias(p) for p in parameters),
        pl.col("knowledge_time").max().alias("model_knowledge"),
        pl.col("status").first().alias("model_status"),
        pl.col("reason").first().alias("model_reason"),
    )
    return grid.join_asof(wide.sort("session"), on="session", strategy="backward")


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
