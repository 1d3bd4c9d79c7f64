"""Targets as assets. Belongs here: inputs and checks, not the arithmetic (portfolio/)."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.orchestration.checks import every_session, key_by_key, reasons_given
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.portfolio import checks as portfolio_checks
from macro_fund.portfolio.targets import targets
from macro_fund.reports.plots import targets_picture

PYTHON = frozenset({"python", "parquet"})


def _targets(run: Run) -> pl.DataFrame:
    return targets(
        run.read("portfolio/conviction"), run.read("silver/instrument_returns"), run.home.settings, run.sessions
    )


def _shares(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return key_by_key(run, frame, lambda part, _: portfolio_checks.shares_sum(part))


def _signs(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return key_by_key(run, frame, lambda part, _: portfolio_checks.signs_follow_score(part, run.home.settings))


def _inside_limits(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return key_by_key(run, frame, lambda part, _: portfolio_checks.within_limits(part, run.home.settings))


NODES = (
    Node(
        "portfolio/targets",
        PYTHON,
        ("portfolio/conviction", "silver/instrument_returns"),
        _targets,
        (
            Check("shares_sum", "strategy shares sum to 1", _shares),
            Check("signs_follow_score", "a positive score holds the asset", _signs),
            Check("inside_limits", "position limits of the mandate hold", _inside_limits),
            every_session(),
            reasons_given(),
        ),
        plot=targets_picture,
    ),
)
