"""What every agent's node shares. Belongs here: checks of a view. Does not belong here: any agent."""

from __future__ import annotations

import polars as pl

from macro_fund.orchestration.checks import Problems, bounded, every_session, public_by_as_of, reasons_given
from macro_fund.orchestration.node import Check
from macro_fund.orchestration.run import Run
from macro_fund.store.agent_tables import VIEW_ASSETS

PYTHON = frozenset({"python", "parquet"})


def _contributions(run: Run, frame: pl.DataFrame) -> Problems:
    """Drivers' contributions sum to the state score (before it is clipped to [-1, 1])."""
    rows = frame.filter(pl.col("state_score").is_not_null()).with_columns(
        total=pl.col("drivers").list.eval(pl.element().struct.field("contribution")).list.sum().clip(-1.0, 1.0)
    )
    bad = rows.filter((pl.col("total") - pl.col("state_score")).abs() > 1e-9)
    return [
        (s, f"contributions {t:.12g}, score {x:.12g}")
        for s, t, x in bad.select("session", "total", "state_score").rows()
    ]


def _excluded(run: Run, frame: pl.DataFrame) -> Problems:
    """No view is null, not zero: no score, no confidence, no view on any asset."""
    numbers = [pl.col(c) for c in ("state_score", "confidence", *(f"view_{a}" for a in VIEW_ASSETS))]
    bad = frame.filter((pl.col("status") == "no_view") & pl.any_horizontal(n.is_not_null() for n in numbers))
    return [(s, "no_view with a number") for s in bad["session"]]


CONTRIBUTIONS = Check("contributions_sum", "drivers' contributions sum to the score", _contributions)
EXCLUDED = Check("excluded_not_zero", "no_view rows hold no score, confidence or view", _excluded)
VIEW_CHECKS = (
    CONTRIBUTIONS,
    EXCLUDED,
    every_session(),
    bounded(["state_score", *(f"view_{a}" for a in VIEW_ASSETS)], -1.0, 1.0),
    reasons_given(),
    public_by_as_of(),
)
"""The checks of every agents/*_view."""
