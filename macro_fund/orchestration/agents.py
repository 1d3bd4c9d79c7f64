"""Economists' views as assets. Belongs here: inputs and checks. Does not belong here: the models (agents/)."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.agents.monetary import monetary_view
from macro_fund.agents.regime import regime_view
from macro_fund.orchestration.checks import bounded, every_session, reasons_given, sums_to_one
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import score_picture

PYTHON = frozenset({"python", "parquet"})
REGIMES = ("p_goldilocks", "p_reflation", "p_stagflation", "p_deflation")


def max_age(run: Run) -> dict[str, int]:
    return {s.id: s.max_age_days for s in run.home.settings.series}


def _monetary(run: Run) -> pl.DataFrame:
    return monetary_view(
        run.read("silver/observations"),
        run.read("silver/di_curve"),
        run.sessions,
        run.home.sessions,
        max_age=max_age(run),
    )


def _regime(run: Run) -> pl.DataFrame:
    return regime_view(run.read("silver/observations"), run.sessions, run.home.sessions, max_age=max_age(run))


def _contributions(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Drivers' contributions sum to the state score (before it is clipped to [-1, 1])."""
    rows = frame.filter(pl.col("state_score").is_not_null()).with_columns(
        total=pl.col("drivers").list.eval(pl.element().struct.field("contribution")).list.sum().clip(-1.0, 1.0)
    )
    bad = rows.filter((pl.col("total") - pl.col("state_score")).abs() > 1e-9)
    return [
        (s, f"contributions {t:.12g}, score {x:.12g}")
        for s, t, x in bad.select("session", "total", "state_score").rows()
    ]


CONTRIBUTIONS = Check("contributions_sum", "drivers' contributions sum to the score", _contributions)

NODES = (
    Node(
        "agents/monetary_view",
        PYTHON,
        ("silver/observations", "silver/di_curve"),
        _monetary,
        (CONTRIBUTIONS, every_session(), bounded(["state_score"], -1.0, 1.0), reasons_given()),
        plot=score_picture,
    ),
    Node(
        "agents/regime_view",
        PYTHON,
        ("silver/observations",),
        _regime,
        (CONTRIBUTIONS, every_session(), sums_to_one(REGIMES), reasons_given()),
        plot=score_picture,
    ),
)
