"""Each table at random past sessions (24 for the agents) has the bits of a run for which no later row exists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib import import_module

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.home import Home
from macro_fund.orchestration.node import Node, Output
from macro_fund.orchestration.run import Run
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph.harness import INCEPTION

pytestmark = pytest.mark.graph

AGENTS = tuple(f"agents_{m}" for m in ("inflation", "monetary", "fiscal", "fx", "regime", "policy_text", "desk"))
OTHERS = ("silver", "silver_features", "silver_legs", "silver_retail", "signals", "factors", "conviction", "portfolio")
# The sampler's refits take minutes; test_inflation_passthrough.py holds it to the same with fewer draws.
SLOW = {"agents/inflation_passthrough"}
NODES: dict[str, Node] = {
    node.key: node
    for module in (*AGENTS, *OTHERS)
    for node in import_module(f"macro_fund.orchestration.{module}").NODES
    if node.key not in SLOW
}


class Past(Run):
    """The run of one session that lies in the opening partition, in a lake that ends with it."""

    def __init__(self, home: Home, table: str, session: date) -> None:
        super().__init__(home, TABLES[table], (session,))
        self.sessions = [session]

    def read(self, table_key: str, columns: Sequence[str] | None = None, where: pl.Expr | None = None) -> pl.DataFrame:
        known = pl.col("session") <= self.last
        return self.home.lake.read(
            table_key, only=[INCEPTION], columns=columns, where=known if where is None else known & where
        )


def rows(found: Output | pl.DataFrame) -> pl.DataFrame:
    return found.frame if isinstance(found, Output) else found


@pytest.mark.parametrize("table", NODES)
def test_a_past_session_is_computed_without_what_came_later(opened_home: Home, table: str) -> None:
    whole = opened_home.lake.read(table, only=[INCEPTION])
    filled = whole.filter(pl.col("session") < INCEPTION)["session"].unique().sort().to_numpy()
    count = 24 if table.startswith("agents/") else 3
    rng = np.random.default_rng(len(table))
    drawn = np.sort(rng.choice(filled, min(count, filled.size), replace=False)).tolist()
    assert drawn
    for session in drawn:
        run = Past(opened_home, table, session)
        found = run.output(rows(NODES[table].compute(run)))
        expected = whole.filter(pl.col("session") == session)
        assert_frame_equal(found, expected, check_exact=True, check_row_order=False)
