"""Several sessions in one run give the same files as one run a session: every table of every job."""

from __future__ import annotations

from datetime import date

import pytest

from macro_fund.home import Home
from macro_fund.orchestration.demonstration import approve_all
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome
from macro_fund_tests.graph.harness import MISSING

pytestmark = pytest.mark.graph

SESSIONS = 2


def run_each_job(home: Home, slices: list[list[date]]) -> None:
    """The morning, the proposals and, when people have approved all of them, the orders: a run for each slice of keys.

    People decide once all sessions are computed, so that both ways of running see the same decisions.
    """
    for name in ("morning", "propose"):
        for keys in slices:
            harness.run_job(home, name, keys)
    with harness.own_environment():
        for keys in slices:
            for key in keys:
                approve_all(home, key)
    for keys in slices:
        harness.run_job(home, "order", keys)


def test_a_range_writes_what_single_days_write(opened_home: Home, copy_home: CopyHome, more_keys: list[date]) -> None:
    keys = more_keys[:SESSIONS]
    at_once, day_by_day = copy_home(opened_home), copy_home(opened_home)
    run_each_job(at_once, [keys])
    run_each_job(day_by_day, [[key] for key in keys])

    ours, theirs = harness.digests(at_once, keys), harness.digests(day_by_day, keys)

    harness.assert_same(ours, theirs)
    absent = [f"{asset} {key}" for (asset, key), digest in ours.items() if asset in TABLES and digest == MISSING]
    assert not absent, f"no job wrote {absent}"
    traded = at_once.lake.read("pms/trade_proposals", only=keys)
    assert traded.height, "nothing was proposed in these sessions, so proposals and orders were not compared"
