"""kill -9 at any moment, then run again: the fund ends where one that was never interrupted ends.

A real process of the command line runs two sessions and is killed as soon as a file of the lake, or a row of the
ledger, is there. Each chain kills the same fund several times, further down the graph each time.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest

from macro_fund.cli import wanted_keys
from macro_fund.home import Home
from macro_fund.store.ledger_tables import KINDS
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome

pytestmark = pytest.mark.graph

PATIENCE_S = 180
POLL_S = 0.002

# Where the process dies: a table of the lake (its first new partition), or a kind of row of the ledger (the first).
CHAINS = {
    "market": ("bronze/fred", "silver/as_known", "portfolio/targets"),
    "books": ("ledger fill", "pms/nav", "ledger proposal", "pms/trade_proposals"),
    "people": ("reports/morning_pack", "ledger decision", "ledger order"),
}

Probe = Callable[[], object]


def probe_of(home: Home, moment: str, key: date) -> Probe:
    """Something that changes at the moment: the file's inode, or the number of rows."""
    if moment.startswith("ledger "):
        table = KINDS[moment.removeprefix("ledger ")][0].name
        return lambda: _count_rows(home, table)
    path = home.lake.path(moment, key)
    return lambda: path.stat().st_ino if path.exists() else None


def _count_rows(home: Home, table: str) -> int:
    with sqlite3.connect(f"file:{home.path / 'ledger.sqlite'}?mode=ro", uri=True, timeout=30) as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def run_and_kill(home: Home, last: date, moment: str, key: date) -> None:
    """Start `macro-fund run` on the home and kill it, and all it started, when the moment has come."""
    changed = probe_of(home, moment, key)
    before = changed()
    with harness.own_environment():
        environment = {**os.environ, "MACRO_FUND_HOME": str(home.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "macro_fund.cli", "run", "--demo-pm", "--json", "--to", last.isoformat()],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + PATIENCE_S
    try:
        while changed() == before:
            ended = process.poll()
            assert ended is None, f"the run ended with {ended} before there was a new {moment}"
            assert time.monotonic() < deadline, f"no new {moment} within {PATIENCE_S} s"
            time.sleep(POLL_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL, f"the run ended by itself at {moment}, before it could be killed"


def run_to_the_end(home: Home, last: date) -> None:
    """What `macro-fund run --demo-pm` does, in this process."""
    harness.catch_up(home, wanted_keys(home, None, None, last))


def ledger_rows(home: Home, upto: date) -> list[tuple[object, ...]]:
    """Everything recorded up to the session, as (time, kind, id, content), in an order of its own."""
    end = home.sessions.as_of(upto) + timedelta(hours=1)
    entries = home.ledger.journal().filter(pl.col("at") <= end).select("at", "kind", "ref", "body")
    return sorted(entries.rows())


@pytest.mark.parametrize("chain", list(CHAINS))
def test_a_killed_run_is_run_again(
    chain: str, opened_home: Home, running_home: Home, copy_home: CopyHome, more_keys: list[date]
) -> None:
    keys = more_keys[:2]
    home = copy_home(opened_home)
    for moment in CHAINS[chain]:
        run_and_kill(home, keys[-1], moment, keys[0])
    run_to_the_end(home, keys[-1])

    changed = harness.differences(harness.digests(running_home, keys), harness.digests(home, keys))
    assert not changed, "\n".join(changed)
    assert home.ledger.verify_journal() == []
    ours, theirs = ledger_rows(home, keys[-1]), ledger_rows(running_home, keys[-1])
    assert [r[1:3] for r in ours] == [r[1:3] for r in theirs], "the ledger holds other rows than an uninterrupted run's"
    assert ours == theirs
    ids = [r[1:3] for r in ours]
    assert len(set(ids)) == len(ids), "an id is in the ledger twice"
    assert {kind for kind, _ in ids} == set(KINDS), "some kind of row was never written, so it was not compared"
