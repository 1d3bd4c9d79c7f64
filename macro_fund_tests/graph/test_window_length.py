"""A fund that opens later has the same rows for the sessions it shares with one that opened earlier.

Covers every table upstream of the fund's own trades, whatever the graph holds: bronze to risk. What a fund traded
depends on when it opened, so pms and what rests on it is left out. The providers of the later fund serve their whole
future, as garbage: an opening that read any of it would differ.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from macro_fund.home import Home
from macro_fund.store.lake import content_digest
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome
from macro_fund_tests.graph.future import graph_that_sees_the_future
from macro_fund_tests.graph.harness import INCEPTION, Digests

SESSIONS_LATER = 23  # the first session of a month is among them: agents are refitted
# The scores of the sources speak of mornings that were run, not of sessions.
OF_MORNINGS = {"quality/sources"}
# The COPOM does not meet in these sessions, no series is licensed, and pass-through is refitted in January.
WITHOUT_ROWS = {"bronze/copom", "bronze/licensed_prices", "agents/inflation_passthrough", "portfolio/edges_model"}

# ANBIMA keeps its free files for five days: a fund that opens later has no curve for the sessions before them.
FROM_FIVE_DAYS = {"silver/ettj", "silver/real_curve"}
# What the fund could lose is asked from its first morning on.
FROM_INCEPTION = {f"risk/{t}" for t in ("scenarios", "stress", "reverse_stress", "liquidity", "limits")}
# What rests on such a curve rests on another one until the curves of the earlier fund's first days are stale.
STALE_AFTER = timedelta(days=7)

pytestmark = [pytest.mark.graph, pytest.mark.long]


def digests_by_session(home: Home, sessions: pl.Series) -> Digests:
    """Digest of each session's rows of the tables upstream of the books, wherever the lake keeps them."""
    found: Digests = {}
    for asset in sorted(set(harness.upstream_of_books()) - OF_MORNINGS):
        rows = home.lake.read(asset).filter(pl.col("session").is_in(sessions.implode()))
        if asset == "silver/factor_shocks":  # real rates are among them
            rows = rows.filter(~pl.col("factor").str.starts_with("ntnb"))
        for (session,), part in rows.partition_by("session", as_dict=True).items():
            found[asset, session] = content_digest(TABLES[asset], part)
    return found


def test_length_of_the_opening_window_changes_no_row(
    opened_home: Home, copy_home: CopyHome, tmp_path_factory: pytest.TempPathFactory
) -> None:
    later = opened_home.sessions.offset(INCEPTION, SESSIONS_LATER)
    keys = opened_home.sessions.keys(INCEPTION, later)[1:]
    early_fund = copy_home(opened_home)
    harness.run_job(early_fund, "market", keys)
    late_fund = harness.open_fund(tmp_path_factory.mktemp("late") / "home", inception=later)
    harness.run_job(late_fund, "market", [later], graph_that_sees_the_future())

    common = pl.Series(keys, dtype=pl.Date)
    early, late = digests_by_session(early_fund, common), digests_by_session(late_fund, common)

    resting = harness.downstream(FROM_FIVE_DAYS) - FROM_FIVE_DAYS
    own_curve = {(a, s) for a in resting for s in keys if s <= INCEPTION + STALE_AFTER}
    young = FROM_FIVE_DAYS | FROM_INCEPTION
    comparable = {k: v for k, v in early.items() if (k[0] not in young or k in late) and k not in own_curve}
    harness.assert_same(comparable, {k: v for k, v in late.items() if k not in own_curve})
    assert {(a, later) for a in young} <= late.keys()
    silent = sorted(set(harness.upstream_of_books()) - {asset for asset, _ in early} - WITHOUT_ROWS - OF_MORNINGS)
    assert not silent, f"no row in {SESSIONS_LATER} sessions, so nothing was compared: {silent}"
