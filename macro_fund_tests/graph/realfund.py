"""A fund on the replay server, its clock at the morning that is run.

Belongs here: what the tests on real data share. Does not belong here: any expectation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from macro_fund.home import Home, create
from macro_fund.orchestration.operate import Report
from macro_fund.store.table import Table
from macro_fund.store.tables import TABLES
from macro_fund.store.verdicts import side_table
from macro_fund_tests.graph import harness, planted
from macro_fund_tests.realworld import RealWorld

SETTLEMENT = ["contract", "event_date", "settle_price", "settle_rate"]
_FACT = ["series_id", "event_date", "value"]


@dataclass(frozen=True)
class Fund:
    """A fund on the replay server. `run` sets the server's clock to the morning of the last key."""

    home: Home
    server: RealWorld

    @classmethod
    def create(cls, path: Path, server: RealWorld, inception: date, history_start: date) -> Fund:
        with harness.own_environment():
            made = create(path / "home", source="replay", inception=inception, history_start=history_start)
            home = harness.plain_pack(made)
        return cls(home, server)

    def copy(self, tmp: pytest.TempPathFactory) -> Fund:
        return Fund(harness.copy_home(self.home, tmp.mktemp("copy") / "home"), self.server)

    def run(self, *keys: date) -> list[Report]:
        """Every job of the sessions, the demonstration's PM approving each proposal."""
        self._set_clock(keys[-1])
        return harness.catch_up(self.home, keys)

    def run_planted(self, wanted: Mapping[date, planted.Targets], *keys: date) -> None:
        """The same with the contracts of `wanted` as targets, whatever the strategies say."""
        self._set_clock(keys[-1])
        planted.catch_up(self.home, keys, wanted)

    def ask(self, assets: Mapping[str, str], key: date) -> Report:
        """Only the sources of one session."""
        self._set_clock(key)
        return harness.succeeded(harness.run_assets(self.home, assets, key))

    def _set_clock(self, key: date) -> None:
        self.server.set_now(self.home.sessions.as_of(key))

    def rows(self, table: str, *only: date) -> pl.DataFrame:
        return self.home.lake.read(table, only=only or None)

    def passed(self, asset: str, check: str, key: date) -> bool:
        verdicts = self.beside(TABLES["quality/verdicts"], asset, key)
        return bool(verdicts.filter(pl.col("check") == check)["passed"].item())

    def beside(self, kind: Table, asset: str, key: date) -> pl.DataFrame:
        table = side_table(kind, asset)
        return self.home.lake.read(table.key, only=[key], table=table)

    def facts(self, asset: str, upto: date) -> set[tuple[object, ...]]:
        """What the bronze table holds of the sessions to `upto`, whenever it was learnt."""
        rows = self.rows(asset).filter(pl.col("session") <= upto)
        return set(rows.select(SETTLEMENT if asset == "bronze/b3_settlements" else _FACT).rows())
