"""Limits as assets: inputs and checks, not the arithmetic (risk/)."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.orchestration.checks import every_session, key_by_key
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import limits_picture
from macro_fund.risk import checks as risk_checks
from macro_fund.risk.limits import limit_use

PYTHON = frozenset({"python", "parquet"})
TARGETS = "portfolio/targets"


def _limits(run: Run) -> pl.DataFrame:
    return limit_use(run.read(TARGETS), run.read("risk/var"), run.read("risk/stress"), run.home.settings, run.sessions)


def _measured(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    warn_at = run.home.settings.limits.warn_at
    return key_by_key(run, frame, lambda part, _: risk_checks.every_limit_measured(part, warn_at))


def _breaches(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    rows = frame.filter(pl.col("status") == "breach")
    return [(s, f"{limit}: {reason}") for s, limit, reason in rows.select("session", "limit", "reason").rows()]


NODES = (
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
