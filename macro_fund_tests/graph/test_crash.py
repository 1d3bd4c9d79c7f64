"""kill -9 at any moment, then run again: the fund ends where one that was never interrupted ends.

A process that runs a session or two is killed as soon as a file of the lake, or a row of the ledger, is there. The same
fund is killed several times, each time further down the graph, before it may run to the end.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from macro_fund.cli import wanted_keys
from macro_fund.home import Home
from macro_fund.orchestration.sensors import targets_without_proposals
from macro_fund.store.ledger_tables import KINDS
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.books_only import run_books
from macro_fund_tests.graph.conftest import CopyHome

pytestmark = pytest.mark.graph

PATIENCE_S = 600  # a process that hangs, and none that is slow on a busy machine
POLL_S = 0.002
REPOSITORY = Path(__file__).resolve().parents[2]

# Where a process dies: a table of the lake (its first new partition), or a kind of row of the ledger (the first).
BY_HAND = {"trial", "promotion", "switch", "confirmation", "refusal"}  # recorded when people act, by none of these runs
BY_HAND |= {"statement", "override", "override_step", "calendar_event", "note"}
MARKET_MOMENTS = ("bronze/fred", "portfolio/targets")
BOOKS_MOMENTS = ("ledger fill", "ledger proposal", "reports/morning_pack", "ledger order", "ledger order_event")


def probe_of(home: Home, moment: str, key: date) -> Callable[[], object]:
    """Something that changes at the moment: the file's inode, or the number of rows."""
    if moment.startswith("ledger "):
        table = KINDS[moment.removeprefix("ledger ")][0].name
        return lambda: _count_rows(home, table)
    path = home.lake.path(moment, key)
    return lambda: path.stat().st_ino if path.exists() else None


def _count_rows(home: Home, table: str) -> int:
    with sqlite3.connect(f"file:{home.path / 'ledger.sqlite'}?mode=ro", uri=True, timeout=30) as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def run_and_kill(command: Sequence[str], home: Home, moment: str, key: date) -> None:
    """Start the program on the home and kill it, and all it started, when the moment has come."""
    changed = probe_of(home, moment, key)
    before = changed()
    with harness.own_environment():
        environment = {**os.environ, "MACRO_FUND_HOME": str(home.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=REPOSITORY,
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


def ledger_rows(home: Home, upto: date) -> list[tuple[object, ...]]:
    """Everything recorded up to the session, as (kind, id, time, content), in an order of its own."""
    end = home.sessions.as_of(upto) + timedelta(hours=1)
    return sorted(home.ledger.journal().filter(pl.col("at") <= end).select("kind", "ref", "at", "body").rows())


def assert_same_fund(home: Home, uninterrupted: Home, keys: list[date]) -> None:
    """Every table of the keys, and the ledger up to the last of them, are those of the uninterrupted fund."""
    harness.assert_same(harness.digests(uninterrupted, keys), harness.digests(home, keys))
    assert home.ledger.verify_journal() == []
    ours, theirs = ledger_rows(home, keys[-1]), ledger_rows(uninterrupted, keys[-1])
    ids = [row[:2] for row in ours]
    assert ids == [row[:2] for row in theirs], "the ledger holds other rows than an uninterrupted run's"
    assert ours == theirs, "a row of the ledger has other content than an uninterrupted run's"
    assert len(set(ids)) == len(ids), "an id is in the ledger twice"
    silent = sorted(set(KINDS) - {kind for kind, _ in ids} - BY_HAND)
    assert not silent, f"not compared: the ledger has no {silent} recorded at the time of {keys[-1]} or before"


def test_killed_among_the_market_tables(
    opened_home: Home, running_home: Home, copy_home: CopyHome, more_keys: list[date]
) -> None:
    keys, home = more_keys[:1], copy_home(opened_home)
    command = ("macro_fund.cli", "run", "--demo-pm", "--json", "--to", keys[-1].isoformat())
    for moment in MARKET_MOMENTS:
        run_and_kill(command, home, moment, keys[0])
    with harness.operator(home, durable=True) as op:
        for report in op.catch_up(wanted_keys(home, None, None, keys[-1]), demo_pm=True):
            harness.succeeded(report)

    assert_same_fund(home, running_home, keys)


def test_killed_among_the_books(
    opened_home: Home, running_home: Home, copy_home: CopyHome, more_keys: list[date]
) -> None:
    keys, home = more_keys[:2], copy_home(opened_home)
    take_market_tables(home, running_home, keys)
    command = ("macro_fund_tests.graph.books_only", str(home.path), keys[-1].isoformat())
    for moment in BOOKS_MOMENTS:
        run_and_kill(command, home, moment, keys[0])
    run_books(home, keys[-1])

    assert_same_fund(home, running_home, keys)


def test_killed_between_new_proposals_and_their_pack(
    running_home: Home, copy_home: CopyHome, more_keys: list[date]
) -> None:
    """A session is computed again with other targets, and the run dies when the pack on disk is still the old one."""
    home, session = copy_home(running_home), more_keys[-1]
    targets = home.lake.read("portfolio/targets", only=[session])
    home.lake.write(TABLES["portfolio/targets"], session, targets.with_columns(pl.col("target_contracts") * 2))
    assert targets_without_proposals(home), "new targets were not noticed"

    assert harness.run_assets(home, ["pms/trade_proposals"], session).success
    assert [s for s, _ in targets_without_proposals(home)] == [session], f"the pack of {session} would stay the old one"

    harness.run_job(home, "propose", [session])
    assert not targets_without_proposals(home)


def take_market_tables(home: Home, source: Home, keys: Sequence[date]) -> None:
    """Link the other fund's partitions of the market half, the tables beside it and its page into this home."""
    market = harness.upstream_of_books()
    tables = [t for t in harness.tables_of(source) if t in market or t.split("/", 2)[-1] in market]
    pages = [source.path / "reports" / key.isoformat() / "data_quality.html" for key in keys]
    for path in [*(source.lake.path(table, key) for table in tables for key in keys), *pages]:
        target = home.path / path.relative_to(source.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)
