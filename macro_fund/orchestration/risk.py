"""Risk of the target book as assets. Belongs here: inputs and checks, not the arithmetic (risk/)."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.orchestration.checks import every_session, key_by_key, reasons_given
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.portfolio.checks import Verdict
from macro_fund.reports.plots import limits_picture, stress_picture, var_picture
from macro_fund.risk import checks as risk_checks
from macro_fund.risk.limits import limit_use
from macro_fund.risk.stress import stress
from macro_fund.risk.var import value_at_risk

PYTHON = frozenset({"python", "parquet"})
TARGETS, RETURNS = "portfolio/targets", "silver/instrument_returns"


def _var(run: Run) -> pl.DataFrame:
    return value_at_risk(run.read(TARGETS), run.read(RETURNS), run.sessions)


def _stress(run: Run) -> pl.DataFrame:
    return stress(run.read(TARGETS), run.read(RETURNS), run.home.settings.scenarios, run.sessions)


def _limits(run: Run) -> pl.DataFrame:
    return limit_use(run.read(TARGETS), run.read("risk/var"), run.read("risk/stress"), run.home.settings, run.sessions)


def _components(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return key_by_key(run, frame, lambda part, _: risk_checks.components_sum(part))


def _recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    targets, returns = (run.home.lake.read(k, run.last) for k in (TARGETS, RETURNS))

    def test(part: pl.DataFrame, sessions: list[date]) -> Verdict:
        return risk_checks.total_recomputed(part, targets, returns, sessions)

    return key_by_key(run, frame, test)


def _stress_signs(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    targets, scenarios = run.home.lake.read(TARGETS, run.last), run.home.settings.scenarios
    return key_by_key(run, frame, lambda part, _: risk_checks.stress_signs(part, targets, scenarios))


def _measured(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    warn_at = run.home.settings.limits.warn_at
    return key_by_key(run, frame, lambda part, _: risk_checks.every_limit_measured(part, warn_at))


def _breaches(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    rows = frame.filter(pl.col("status") == "breach")
    return [(s, f"{limit}: {reason}") for s, limit, reason in rows.select("session", "limit", "reason").rows()]


NODES = (
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
    Node(
        "risk/limits",
        PYTHON,
        (TARGETS, "risk/var", "risk/stress"),
        _limits,
        (
            Check("measured", "status follows from value and limit; a missing value is never ok", _measured),
            Check("no_breach", "no limit is breached by the target book", _breaches, gate=False),
            every_session(),
        ),
        plot=limits_picture,
    ),
)
