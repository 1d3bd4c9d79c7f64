"""A home whose lake holds a synthetic world, without running the graph."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from macro_fund.home import Home, create
from macro_fund.store.tables import TABLES
from macro_fund_tests.strategies.frames import START, world

READ = ("silver/as_known", "silver/leg_returns")  # by FX-02 and CROSS-02


def a_home(path: Path, days: int = 0, sessions: int = 1300) -> Home:
    """A sample fund that opened `days` sessions before the world ends, with a file a session since."""
    w = world(sessions)
    keys = w.keys[len(w.keys) - 1 - days :]
    home = create(path, source="sample", inception=keys[0], history_start=START)
    for key in READ:
        _write(home, key, w.panel.table(key), keys)
    return home


def _write(home: Home, key: str, rows: pl.DataFrame, keys: list[date]) -> None:
    home.lake.write(TABLES[key], keys[0], rows.filter(pl.col("session") <= keys[0]))
    for k in keys[1:]:
        home.lake.write(TABLES[key], k, rows.filter(pl.col("session") == k))
