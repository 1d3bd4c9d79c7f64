"""The picture of the allocations: bytes that repeat, a chosen method, and nothing where nothing is held."""

from __future__ import annotations

import polars as pl

from macro_fund.reports.figure import empty
from macro_fund.reports.plots_book import _chosen, efficient_picture
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import weekdays

TABLE = TABLES["portfolio/allocations"]
MONDAY, TUESDAY = weekdays(2)


def _frame(chosen="black_litterman"):
    rows = []
    for day, methods in (
        (MONDAY, ("black_litterman", "hrp", "mean_risk", "risk_parity")),
        (TUESDAY, tuple(sorted({"black_litterman", chosen}))),
    ):
        for method in methods:
            for k, name in enumerate(("DOL_1M", "IND_2M")):
                numbers = {"view": 0.02, "expected": 0.02, "weight": 0.1 + 0.1 * k, "volatility": 0.15}
                words = {"binding_constraint": "view", "status": "ok", "reason": ""}
                rows.append({"session": day, "method": method, "instrument": name} | numbers | words)
    return pl.DataFrame(rows, schema=TABLE.schema)


def test_the_same_table_gives_the_same_picture():
    assert efficient_picture(_frame()) == efficient_picture(_frame())
    assert efficient_picture(_frame()) != efficient_picture(_frame().with_columns(pl.col("weight") * 2))


def test_the_method_of_every_session_is_the_chosen_one():
    assert _chosen(_frame()) == "black_litterman"
    assert _chosen(_frame("hrp")) == "hrp"


def test_nothing_held_is_said():
    flat = _frame().with_columns(pl.lit(0.0).alias("weight"))
    assert efficient_picture(flat) == empty("allocations: no positions") == efficient_picture(flat.clear())
