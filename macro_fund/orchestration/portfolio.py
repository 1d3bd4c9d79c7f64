"""Allocations and targets as assets. Belongs here: inputs and checks, not the arithmetic (portfolio/)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import polars as pl

from macro_fund.orchestration.checks import every_session, key_by_key, reasons_given
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.portfolio import book_checks
from macro_fund.portfolio import checks as portfolio_checks
from macro_fund.portfolio.allocations import allocations
from macro_fund.portfolio.checks import Verdict
from macro_fund.portfolio.targets import targets
from macro_fund.reports.plots import targets_picture
from macro_fund.reports.plots_book import efficient_picture
from macro_fund.settings import Settings

PYTHON = frozenset({"python", "parquet"})
CONVICTION, RETURNS, EDGES = "portfolio/conviction", "silver/instrument_returns", "portfolio/edges"
ALLOCATIONS = "portfolio/allocations"


def walked(run: Run) -> tuple[Sequence[date], pl.DataFrame]:
    """(sessions to walk, own rows before them): from the newest stored session when it is the one before, else from the
    first session of history."""
    earlier = run.read_own(run.table.empty())
    before = run.history[: len(run.history) - len(run.sessions)]
    if before and before[-1] in earlier["session"]:
        return run.sessions, earlier
    return run.history, earlier.clear()


def _allocations(run: Run) -> pl.DataFrame:
    sessions, earlier = walked(run)
    return run.output(
        allocations(
            run.read(CONVICTION), run.read(RETURNS), run.read(EDGES), run.home.settings, sessions, run.history, earlier
        )
    )


def _targets(run: Run) -> pl.DataFrame:
    sessions, earlier = walked(run)
    asked = run.read(ALLOCATIONS, where=pl.col("session") >= sessions[0])
    return run.output(
        targets(run.read(CONVICTION), run.read(RETURNS), asked, run.home.settings, sessions, run.history, earlier)
    )


def _by_settings(test: Callable[[pl.DataFrame, Settings], Verdict]) -> Callable[..., list[tuple[date, str]]]:
    def problems(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
        return key_by_key(run, frame, lambda part, _: test(part, run.home.settings))

    return problems


def _by_returns(
    test: Callable[[pl.DataFrame, pl.DataFrame, Settings], Verdict],
) -> Callable[..., list[tuple[date, str]]]:
    def problems(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
        returns = run.home.lake.read(RETURNS, run.last)
        return key_by_key(run, frame, lambda part, _: test(part, returns, run.home.settings))

    return problems


def _shares(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return key_by_key(run, frame, lambda part, _: portfolio_checks.shares_sum(part))


NODES = (
    Node(
        ALLOCATIONS,
        PYTHON,
        (CONVICTION, RETURNS, EDGES),
        _allocations,
        (
            Check(
                "within_vol_target",
                "no method's book is above the volatility target",
                _by_returns(book_checks.allocations_within),
            ),
            Check(
                "inside_limits",
                "every method's book is inside the limits, on the side of its views",
                _by_settings(book_checks.allocations_inside),
            ),
            every_session(),
            reasons_given(),
        ),
        plot=efficient_picture,
        plot_sessions=10,
    ),
    Node(
        "portfolio/targets",
        PYTHON,
        (CONVICTION, RETURNS, ALLOCATIONS),
        _targets,
        (
            Check("shares_sum", "strategy shares sum to 1", _shares),
            Check(
                "signs_follow_score",
                "a positive score holds the asset",
                _by_settings(portfolio_checks.signs_follow_score),
            ),
            Check("inside_limits", "position limits of the mandate hold", _by_settings(portfolio_checks.within_limits)),
            Check(
                "inside_gross",
                "gross exposure and margin are inside the limits",
                _by_settings(book_checks.targets_gross),
            ),
            Check(
                "within_vol_target",
                "whole contracts are not above the volatility target",
                _by_returns(book_checks.targets_within),
            ),
            every_session(),
            reasons_given(),
        ),
        plot=targets_picture,
    ),
)
