"""What the target book loses in scenarios, as assets: inputs and checks, not the arithmetic (risk/)."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.orchestration.checks import every_session, key_by_key
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import stress_picture
from macro_fund.risk import checks as risk_checks
from macro_fund.risk.stress import stress

PYTHON = frozenset({"python", "parquet"})
TARGETS, RETURNS = "portfolio/targets", "silver/instrument_returns"


def _stress(run: Run) -> pl.DataFrame:
    return stress(run.read(TARGETS), run.read(RETURNS), run.home.settings.scenarios, run.sessions)


def _stress_signs(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    targets, scenarios = run.home.lake.read(TARGETS, run.last), run.home.settings.scenarios
    return key_by_key(run, frame, lambda part, _: risk_checks.stress_signs(part, targets, scenarios))


NODES = (
    Node(
        "risk/stress",
        PYTHON,
        (TARGETS, RETURNS),
        _stress,
        (
            Check("signs", "a receiver loses when rates rise, a long loses when prices fall", _stress_signs),
            every_session(),
        ),
        plot=stress_picture,
    ),
)
