"""The regime as assets. Belongs here: inputs and checks. Does not belong here: the model (agents/regime.py)."""

from __future__ import annotations

import polars as pl

from macro_fund.agents.regime import regime_view
from macro_fund.orchestration.agents_common import PYTHON, VIEW_CHECKS, max_age
from macro_fund.orchestration.checks import sums_to_one
from macro_fund.orchestration.node import Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import score_picture

REGIMES = ("p_goldilocks", "p_reflation", "p_stagflation", "p_deflation")


def _view(run: Run) -> pl.DataFrame:
    return regime_view(run.read("silver/observations"), run.sessions, run.home.sessions, max_age=max_age(run))


NODES = (
    Node(
        "agents/regime_view",
        PYTHON,
        ("silver/observations",),
        _view,
        (*VIEW_CHECKS, sums_to_one(REGIMES)),
        plot=score_picture,
    ),
)
