"""Risk of the target book as assets. Belongs here: inputs and checks, not the arithmetic (risk/)."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.orchestration.checks import bounded, every_session, key_by_key, reasons_given, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.portfolio.checks import Verdict
from macro_fund.reports.plots_risk import exposures_picture, record_picture, var_picture
from macro_fund.risk import var_checks
from macro_fund.risk.exposures import MAPPED, exposures, sums_to_targets
from macro_fund.risk.record import recounted, var_record
from macro_fund.risk.var import value_at_risk

PYTHON = frozenset({"python", "parquet"})
TARGETS, RETURNS = "portfolio/targets", "silver/instrument_returns"
EXPOSURES, SHOCKS = "risk/exposures", "silver/factor_shocks"
OF_BOOK = pl.col("factor").is_in(list(MAPPED))


def _exposures(run: Run) -> pl.DataFrame:
    return exposures(run.read(TARGETS), run.read(RETURNS), run.home.settings.instruments, run.sessions)


def _sums_to_targets(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return sums_to_targets(frame, run.home.lake.read(TARGETS, run.last, where=run.inside))


def _var(run: Run) -> pl.DataFrame:
    return value_at_risk(
        run.read(TARGETS, where=run.inside),
        run.read(EXPOSURES, where=run.inside),
        run.read(SHOCKS, where=OF_BOOK),
        run.read(RETURNS),
        run.home.settings.instruments,
        run.sessions,
    )


def _components(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return key_by_key(run, frame, lambda part, _: var_checks.components_sum(part))


def _recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    targets, exposed = (run.home.lake.read(k, run.last, where=run.inside) for k in (TARGETS, EXPOSURES))
    shocks = run.home.lake.read(SHOCKS, run.last, where=OF_BOOK)

    def test(part: pl.DataFrame, sessions: list[date]) -> Verdict:
        return var_checks.total_recomputed(part, targets, exposed, shocks, sessions)

    return key_by_key(run, frame, test)


def _record(run: Run) -> pl.DataFrame:
    totals = run.read("risk/var", where=pl.col("scope") == "total")
    return var_record(totals, run.read(TARGETS), run.read(RETURNS), run.history, run.sessions)


def _recounted(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    inside = set(run.sessions)
    return [(s, text) for s, text in recounted(run.read_own(frame)) if s in inside]


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
        (TARGETS, EXPOSURES, SHOCKS, RETURNS),
        _var,
        (
            Check("components_sum", "parts by instrument, strategy, class and factor sum to the total", _components),
            Check("recomputed", "totals agree with an independent computation", _recomputed),
            every_session(),
            reasons_given(),
        ),
        plot=var_picture,
    ),
    Node(
        "risk/var_record",
        PYTHON,
        ("risk/var", TARGETS, RETURNS),
        _record,
        (
            Check("recounted", "exceptions and counts follow from the stored VaR and P&L", _recounted),
            bounded(["kupiec_p", "christoffersen_p"], 0.0, 1.0),
            sessions_inside(),
        ),
        plot=record_picture,
    ),
)
