"""silver/leg_returns as an asset. Belongs here: its inputs and checks. Does not belong here: formulas (features/)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl

from macro_fund.features.legs import leg_returns
from macro_fund.features.proxies import SERIES, Known
from macro_fund.instruments.contracts import load_specs
from macro_fund.orchestration.checks import bounded, every_session, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import legs_picture

PYTHON = frozenset({"python", "polars", "parquet"})
DEPS = (
    "silver/instrument_returns",
    "silver/contract_marks",
    "silver/as_known",
    "silver/ust_curve",
    "silver/retail_real_curve",
)


def _leg_returns(run: Run) -> pl.DataFrame:
    known = Known(
        run.read("silver/as_known", where=pl.col("series_id").is_in(SERIES)),
        run.read("silver/ust_curve"),
        run.read("silver/retail_real_curve"),
        run.home.calendar("anbima"),
        run.home.calendar("b3"),
    )
    listed = run.read("silver/instrument_returns")
    marks = run.read("silver/contract_marks", where=pl.col("limit_locked"))
    return leg_returns(listed, marks, known, run.home.settings.instruments, load_specs(), run.sessions)


def _risk_prices_moves(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """P&L of a price is its excess return on the exposure; of a rate, DV01 times the move but for carry and convexity.

    A sign or unit that is wrong misses by more than half of a large move. Real rates are left out: a release of the
    index moves accrual and rate against each other on one day.
    """
    settings = run.home.settings
    of_rates = pl.col("instrument").is_in([i.id for i in settings.instruments if i.quoted_in_rates])
    risk = pl.when(of_rates).then(-pl.col("dv01_brl")).otherwise("delta_brl")
    large = (pl.col("shock").abs() > pl.when(of_rates).then(25.0).otherwise(0.03)) & ~pl.col("rolled")
    indexed = pl.col("instrument").is_in([i.id for i in settings.instruments if i.asset == "br_real"])
    rows = frame.drop_nulls(["shock", "pnl_brl"]).filter(large & ~indexed).with_columns(expected=risk * pl.col("shock"))
    bad = rows.filter((pl.col("pnl_brl") - pl.col("expected")).abs() > 0.5 * pl.col("expected").abs())
    columns = bad.select("session", "instrument", "trade_date", "pnl_brl", "expected")
    return [(s, f"{i} {d}: P&L {p:.2f}, its move is worth {e:.2f}") for s, i, d, p, e in columns.rows()]


NODES = (
    Node(
        "silver/leg_returns",
        PYTHON,
        DEPS,
        _leg_returns,
        (
            Check("risk_prices_moves", "P&L of a large move is what DV01 or delta say", _risk_prices_moves),
            bounded(["cost_brl", "margin_brl", "dv01_brl", "delta_brl"], 0.0, 1e7),
            replace(bounded(["shock"], -1000.0, 1000.0), name="shock_bounded"),
            every_session(gate=False),
            sessions_inside(),
        ),
        plot=legs_picture,
    ),
)
