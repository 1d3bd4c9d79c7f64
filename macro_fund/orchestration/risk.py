"""Risk of the target book as assets. Belongs here: inputs and checks, not the arithmetic (risk/)."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.orchestration.checks import every_session, key_by_key, reasons_given, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.portfolio.checks import Verdict
from macro_fund.reports.plots import var_picture
from macro_fund.reports.plots_risk import exposures_picture
from macro_fund.risk import checks as risk_checks
from macro_fund.risk.exposures import exposures, sums_to_targets
from macro_fund.risk.var import value_at_risk

PYTHON = frozenset({"python", "parquet"})
TARGETS, RETURNS = "portfolio/targets", "silver/instrument_returns"


def _exposures(run: Run) -> pl.DataFrame:
    return exposures(run.read(TARGETS), run.read(RETURNS), run.home.settings.instruments, run.sessions)


def _sums_to_targets(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return sums_to_targets(frame, run.home.lake.read(TARGETS, run.last, where=run.inside))


def _var(run: Run) -> pl.DataFrame:
    return value_at_risk(run.read(TARGETS), run.read(RETURNS), run.sessions)


def _components(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return key_by_key(run, frame, lambda part, _: risk_checks.components_sum(part))


def _recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    targets, returns = (run.home.lake.read(k, run.last) for k in (TARGETS, RETURNS))

    def test(part: pl.DataFrame, sessions: list[date]) -> Verdict:
        return risk_checks.total_recomputed(part, targets, returns, sessions)

    return key_by_key(run, frame, test)


NODES = (
    Node(
        "risk/exposures",
        PYTHON,
        (TARGETS, RETURNS),
        _exposures,
        (
            Check("sums_to_targets", "factors sum to the DV01 and delta of the target", _sums_to_targets),
            sessions_inside(),
        ),
        plot=exposures_picture,
        plot_sessions=1,
    ),
    Node(
        "risk/var",
        PYTHON,
        (TARGETS, RETURNS),
        _var,
        (
            Check("components_sum", "instrument and strategy components sum to the total", _components),
            Check("recomputed", "totals agree with an independent computation", _recomputed),
            every_session(),
            reasons_given(),
        ),
        plot=var_picture,
    ),
)
