"""silver/retail_real_curve as an asset. Belongs here: its inputs and checks. Does not belong here: the arithmetic
(curves/retail_real.py)."""

from __future__ import annotations

import polars as pl

from macro_fund.curves.retail_real import SERIES, retail_real_curve
from macro_fund.curves.retail_real_checks import breakeven_not_of_rates, not_between_bonds
from macro_fund.orchestration.checks import Problems, bounded, every_session, located, reasons_given, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import real_picture

PYTHON = frozenset({"python", "polars", "parquet"})
IPCA = pl.col("series_id") == SERIES


def _curve(run: Run) -> pl.DataFrame:
    bonds = run.read("bronze/tesouro_direto", where=IPCA)
    return retail_real_curve(bonds, run.read("silver/di_curve"), run.sessions, run.home.calendar("anbima"))


def _between_bonds(run: Run, frame: pl.DataFrame) -> Problems:
    bonds = run.home.lake.read("bronze/tesouro_direto", run.last, where=IPCA)
    return located(not_between_bonds(frame, bonds, run.home.calendar("anbima")))


def _breakevens(run: Run, frame: pl.DataFrame) -> Problems:
    return located(breakeven_not_of_rates(frame))


NODES = (
    Node(
        "silver/retail_real_curve",
        PYTHON,
        ("bronze/tesouro_direto", "silver/di_curve"),
        _curve,
        (
            Check("between_bonds", "each real rate lies between the bonds of its day", _between_bonds),
            Check("breakevens", "breakevens are those of the two rates", _breakevens),
            bounded(["real_rate", "breakeven"], -0.05, 0.25, gate=False),
            reasons_given(),
            every_session(),
            sessions_inside(),
        ),
        plot=real_picture,
    ),
)
