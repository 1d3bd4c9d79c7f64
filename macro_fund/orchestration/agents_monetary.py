"""Monetary policy as assets. Belongs here: inputs and checks. Does not belong here: the model (agents/monetary.py)."""

from __future__ import annotations

import polars as pl

from macro_fund.agents.monetary import monetary_view
from macro_fund.orchestration.agents_common import PYTHON, VIEW_CHECKS, max_age
from macro_fund.orchestration.node import Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import score_picture


def _view(run: Run) -> pl.DataFrame:
    return monetary_view(
        run.read("silver/observations"),
        run.read("silver/di_curve"),
        run.sessions,
        run.home.sessions,
        max_age=max_age(run),
    )


NODES = (
    Node(
        "agents/monetary_view",
        PYTHON,
        ("silver/observations", "silver/di_curve"),
        _view,
        VIEW_CHECKS,
        plot=score_picture,
    ),
)
