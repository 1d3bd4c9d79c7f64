"""Treasury curves of 2010-2021 from the published par yields; skipped where the data are not there."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.curves import checks
from macro_fund.curves.ust import TENORS, ust_curve
from macro_fund_tests.curves.test_ust import CALENDARS
from macro_fund_tests.realworld import FOLDER

FILE = FOLDER / "data/us_treasury_par.parquet"
COLUMNS = {"m1": "us_par_1mo", "m3": "us_par_3mo", "m6": "us_par_6mo"} | {
    f"y{n}": f"us_par_{n}y" for n in (1, 2, 3, 5, 7, 10, 20, 30)
}

pytestmark = [
    pytest.mark.realworld,
    pytest.mark.skipif(not FILE.is_file(), reason=f"no real par yields in {FILE.parent}"),
]


def test_all_days_reprice_and_each_alone_is_the_same() -> None:
    par = pl.read_parquet(FILE).filter(pl.col("date") >= date(2010, 1, 4)).rename(COLUMNS)
    rows = par.unpivot(on=list(COLUMNS.values()), index="date", variable_name="series_id").drop_nulls()
    rows = rows.with_columns(pl.col("value") / 100, event_date="date", session=pl.col("date").dt.offset_by("1d"))
    keys = rows["session"].unique().sort().to_list()
    curve = ust_curve(rows, keys, CALENDARS)
    assert curve.height == len(keys) * len(TENORS)
    assert checks.ust_repricing(curve).is_empty()
    assert (curve["zero_rate"] - curve["par_yield"]).abs().max() < 0.01
    for key in keys[::150]:
        alone = ust_curve(rows.filter(pl.col("session") <= key), [key], CALENDARS)
        assert alone.equals(curve.filter(pl.col("session") == key))
