"""What the target book loses in scenarios, how far its stress loss is away and what closing it takes, as assets.

Belongs here: inputs and checks. Does not belong here: the arithmetic (risk/).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from macro_fund.instruments.contracts import load_specs
from macro_fund.orchestration.checks import every_session, key_by_key, reasons_given
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.pms.costs import trade_cost
from macro_fund.portfolio.checks import Verdict
from macro_fund.reports.plots_stress import reverse_picture, stress_picture
from macro_fund.risk import checks as risk_checks
from macro_fund.risk import scenario_checks, stress_checks
from macro_fund.risk.liquidity import liquidity
from macro_fund.risk.reverse_table import reverse_stress
from macro_fund.risk.scenarios import scenario_moves
from macro_fund.risk.stress import stress
from macro_fund.risk.stress_checks import Inputs
from macro_fund.settings import Settings

PYTHON = frozenset({"python", "parquet"})
TARGETS, RETURNS = "portfolio/targets", "silver/instrument_returns"
EXPOSURES, SHOCKS, SCENARIOS = "risk/exposures", "silver/factor_shocks", "risk/scenarios"


def _crises(run: Run) -> Settings:
    """The settings whose scenarios have windows to measure: a made world had no crisis when the real one had."""
    settings = run.home.settings
    if settings.fund.source != "sample":
        return settings
    judged = tuple(s.model_copy(update={"start": None, "end": None}) for s in settings.scenarios)
    return settings.model_copy(update={"scenarios": judged})


def _scenarios(run: Run) -> pl.DataFrame:
    return scenario_moves(run.read(SHOCKS), _crises(run), run.fund_sessions)


def _stress(run: Run) -> pl.DataFrame:
    targets, returns, exposures, moves, shocks = (run.read(k) for k in (TARGETS, RETURNS, EXPOSURES, SCENARIOS, SHOCKS))
    return stress(targets, returns, exposures, moves, shocks, run.home.settings, run.fund_sessions)


def _reverse(run: Run) -> pl.DataFrame:
    targets, returns, exposures, shocks = (run.read(k) for k in (TARGETS, RETURNS, EXPOSURES, SHOCKS))
    return reverse_stress(targets, returns, exposures, shocks, run.home.settings, run.fund_sessions, trade_cost)


def _liquidity(run: Run) -> pl.DataFrame:
    return liquidity(
        run.read(TARGETS), run.read(RETURNS), run.home.settings, load_specs(), run.fund_sessions, trade_cost
    )


def _newest(run: Run, frame: pl.DataFrame, test: Callable[[pl.DataFrame, Inputs], Verdict]) -> list[tuple[date, str]]:
    """Problems of a check of the newest session of each key, with the tables that its book is valued from."""
    targets, returns, exposures, shocks = (
        run.home.lake.read(k, run.last) for k in (TARGETS, RETURNS, EXPOSURES, SHOCKS)
    )

    def of_key(part: pl.DataFrame, sessions: list[date]) -> Verdict:
        return test(part, Inputs(targets, returns, exposures, shocks, sessions[-1]))

    return key_by_key(run, frame, of_key)


def _moves_recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    shocks = run.home.lake.read(SHOCKS, run.last)

    def test(part: pl.DataFrame, sessions: list[date]) -> Verdict:
        return scenario_checks.moves_recomputed(part, shocks, _crises(run), sessions[-1])

    return key_by_key(run, frame, test)


def _published(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    def test(part: pl.DataFrame, sessions: list[date]) -> Verdict:
        return scenario_checks.published_near(part.filter(pl.col("session") == sessions[-1]), run.home.settings)

    return key_by_key(run, frame, test)


def _stress_signs(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    targets, scenarios = run.home.lake.read(TARGETS, run.last), run.home.settings.scenarios

    def test(part: pl.DataFrame, _: list[date]) -> Verdict:
        return risk_checks.stress_signs(part.filter(pl.col("kind") == "scenario"), targets, scenarios)

    return key_by_key(run, frame, test)


def _stress_recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return _newest(run, frame, stress_checks.stress_recomputed)


def _replays_recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    settings = run.home.settings
    return _newest(run, frame, lambda part, inputs: stress_checks.replays_recomputed(part, inputs, settings))


def _reverse_recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return _newest(run, frame, stress_checks.reverse_recomputed)


def _margins(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    targets = run.home.lake.read(TARGETS, run.last)
    rates = {root: spec.margin.value for root, spec in load_specs().items()}

    def test(part: pl.DataFrame, _: list[date]) -> Verdict:
        return stress_checks.margins_recomputed(part, targets, run.home.settings, rates)

    return key_by_key(run, frame, test)


NODES = (
    Node(
        SCENARIOS,
        PYTHON,
        (SHOCKS,),
        _scenarios,
        (
            Check("recomputed", "measured moves are the sums of the shocks known in the session", _moves_recomputed),
            Check("published", "measured moves agree with published ones within 10%", _published, gate=False),
            every_session(),
        ),
    ),
    Node(
        "risk/stress",
        PYTHON,
        (TARGETS, RETURNS, EXPOSURES, SCENARIOS, SHOCKS),
        _stress,
        (
            Check("signs", "a receiver loses when rates rise, a long loses when prices fall", _stress_signs),
            Check(
                "recomputed", "P&L of every shock and VaR of every correlation case, computed again", _stress_recomputed
            ),
            Check("replays_recomputed", "window sums and worst days of the replays, found again", _replays_recomputed),
            every_session(),
            reasons_given(),
        ),
        plot=stress_picture,
        plot_sessions=1,
    ),
    Node(
        "risk/reverse_stress",
        PYTHON,
        (TARGETS, RETURNS, EXPOSURES, SHOCKS),
        _reverse,
        (
            Check("recomputed", "the moves lose the loss, at a distance of loss over sigma", _reverse_recomputed),
            every_session(),
            reasons_given(),
        ),
        plot=reverse_picture,
        plot_sessions=1,
    ),
    Node(
        "risk/liquidity",
        PYTHON,
        (TARGETS, RETURNS),
        _liquidity,
        (
            Check("recomputed", "margin within the rates of its root; half-spread and fee of every contract", _margins),
            every_session(),
            reasons_given(),
        ),
    ),
)
