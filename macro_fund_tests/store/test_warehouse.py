"""The warehouse: views over the lake that nobody's open file can block."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from macro_fund.store.lake import Lake
from macro_fund.store.tables import TABLES
from macro_fund.store.warehouse import build_warehouse

CURVE = TABLES["silver/ust_curve"]
MONDAY, TUESDAY = date(2024, 4, 1), date(2024, 4, 2)


def curve(day: date, rate: float) -> pl.DataFrame:
    rates = {name: [rate] for name in ("par_yield", "zero_rate", "forward_rate")}
    row = {"session": [day], "curve_date": [day], "tenor_years": [10.0], **rates, "quality": [1.0]}
    return pl.DataFrame(row, schema=CURVE.schema)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "it's a lake")
    lake.write(CURVE, MONDAY, curve(MONDAY, 0.042))
    return lake


def test_a_view_reads_every_partition_that_comes_later(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    assert build_warehouse(lake, path) == 1
    lake.write(CURVE, TUESDAY, curve(TUESDAY, 0.043))
    with duckdb.connect(str(path), read_only=True) as db:
        found = db.sql("select session, par_yield from silver.ust_curve order by 1").fetchall()
    assert found == [(MONDAY, 0.042), (TUESDAY, 0.043)]


def test_an_open_reader_does_not_block_a_rebuild_and_keeps_reading(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    build_warehouse(lake, path)
    with duckdb.connect(str(path), read_only=True) as analyst:
        lake.write(TABLES["pms/nav"], MONDAY, TABLES["pms/nav"].empty())
        assert build_warehouse(lake, path) == 2
        assert analyst.sql("select count(*) from silver.ust_curve").fetchall() == [(1,)]
    with duckdb.connect(str(path), read_only=True) as db:
        assert db.sql("select count(*) from pms.nav").fetchall() == [(0,)]


def test_it_holds_no_data(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    build_warehouse(lake, path)
    with duckdb.connect(str(path), read_only=True) as db:
        kinds = db.sql("select distinct table_type from information_schema.tables").fetchall()
    assert kinds == [("VIEW",)]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
