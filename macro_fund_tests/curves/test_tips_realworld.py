"""Nominal forwards, real curves and breakevens of 2010-2021 from the published par yields; skipped without the data."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.curves import checks
from macro_fund.curves.tips import REAL_TENORS, us_real_curve
from macro_fund.curves.ust import NODES, TENORS, constant_maturity, ust_curve
from macro_fund_tests.curves.test_ust import CALENDARS
from macro_fund_tests.realworld import FOLDER

DATA = FOLDER / "data"
NAMES = {"m3": "us_par_3mo", "m6": "us_par_6mo"} | {f"y{t:g}": s for s, t in TENORS.items() if t >= 1}

pytestmark = [
    pytest.mark.realworld,
    pytest.mark.skipif(not (DATA / "us_treasury_real.parquet").is_file(), reason=f"no real par yields in {DATA}"),
]


def par(file: str, names: dict[str, str]) -> pl.DataFrame:
    rows = pl.read_parquet(DATA / file).filter(pl.col("date") >= date(2010, 1, 4)).rename(names)
    rows = rows.unpivot(on=list(names.values()), index="date", variable_name="series_id").drop_nulls()
    return rows.with_columns(pl.col("value") / 100, event_date="date", session=pl.col("date").dt.offset_by("1d"))


@pytest.fixture(scope="module")
def nominal() -> pl.DataFrame:
    rows = par("us_treasury_par.parquet", NAMES)
    return ust_curve(rows, rows["session"].unique().to_list(), CALENDARS)


@pytest.fixture(scope="module")
def quotes() -> pl.DataFrame:
    return par("us_treasury_real.parquet", {f"y{t:g}": s for s, t in REAL_TENORS.items()})


@pytest.fixture(scope="module")
def real(quotes: pl.DataFrame, nominal: pl.DataFrame) -> pl.DataFrame:
    return us_real_curve(quotes, nominal, quotes["session"].unique().to_list(), CALENDARS)


def test_every_nominal_curve_has_forwards_that_are_not_negative_and_full_quality(nominal: pl.DataFrame) -> None:
    assert nominal["session"].n_unique() == 3003
    assert checks.ust_forwards(nominal).is_empty()
    assert (nominal["quality"] == 1.0).all()
    nodes = constant_maturity(nominal)
    assert nodes.height == 3003 * len(NODES)
    assert not nodes["interpolated"].any()


def test_every_real_curve_reprices_and_each_alone_is_the_same(
    quotes: pl.DataFrame, nominal: pl.DataFrame, real: pl.DataFrame
) -> None:
    assert real["session"].n_unique() == 3003
    assert checks.tips_repricing(real).is_empty()
    assert checks.breakevens(real, nominal).is_empty()
    assert real["breakeven"].null_count() == 0
    assert real["quality"].min() >= 0.8
    for key in real["session"].unique().sort().to_list()[::150]:
        alone = us_real_curve(quotes.filter(pl.col("session") <= key), nominal, [key], CALENDARS)
        assert alone.equals(real.filter(pl.col("session") == key))


@pytest.mark.parametrize(
    ("series", "tenor", "column", "mean_bp", "worst_bp"),
    [
        ("T5YIE", 5, "breakeven", 3.0, 7.0),
        ("T10YIE", 10, "breakeven", 7.0, 17.0),
        ("T5YIFR", 10, "breakeven_5y", 11.0, 28.0),
    ],
)
def test_breakevens_are_near_freds_which_are_on_par_yields(
    real: pl.DataFrame, series: str, tenor: float, column: str, mean_bp: float, worst_bp: float
) -> None:
    fred = pl.read_parquet(DATA / "us_fred_obs.parquet").filter(pl.col("series_id") == series)
    rows = real.filter(pl.col("tenor_years") == tenor).join(
        fred.select(curve_date="date", fred=pl.col("value") / 100), on="curve_date"
    )
    error = (rows[column] - rows["fred"]).abs() * 1e4
    assert rows.height == 3003
    assert error.mean() < mean_bp
    assert error.max() < worst_bp


def test_freds_rule_on_our_par_yields_is_freds_number(nominal: pl.DataFrame, real: pl.DataFrame) -> None:
    both = nominal.join(real, on=["curve_date", "tenor_years"], suffix="_real")
    both = both.with_columns(gap=pl.col("par_yield") - pl.col("par_yield_real"))
    fred = pl.read_parquet(DATA / "us_fred_obs.parquet").filter(pl.col("series_id") == "T10YIE")
    rows = both.filter(pl.col("tenor_years") == 10).join(fred.select(curve_date="date", fred="value"), on="curve_date")
    assert ((rows["gap"] * 100 - rows["fred"]).abs() < 0.0051).mean() > 0.99
