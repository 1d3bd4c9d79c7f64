"""Real zeros and breakevens: Fisher, repricing, what is null, and what a session knew."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.curves.tips import REAL_TENORS, breakeven, real_zeros, us_real_curve
from macro_fund.curves.ust import bootstrap, par_grid
from macro_fund.store.tables import TABLES
from macro_fund_tests.curves import test_ust
from macro_fund_tests.curves.test_ust import CALENDARS, DAY, KEYS, SESSION, at
from macro_fund_tests.instruments import market

TENORS = list(REAL_TENORS.values())
QUOTES = [0.0045, 0.0048, 0.0055, 0.0078, 0.0088]  # 2019-03-28


def observations() -> pl.DataFrame:
    """Real par yields of the days of test_ust, known the next session; they move and fall below zero at five years."""
    keys = market.keys(date(2019, 1, 2), date(2019, 5, 3))
    shift = np.random.default_rng(5).normal(scale=8e-4, size=(len(keys) - 1, 1)).cumsum(axis=0)
    names = list(REAL_TENORS)
    return pl.DataFrame(
        {
            "session": np.repeat(np.array(keys[1:], dtype="datetime64[D]"), len(names)),
            "series_id": names * (len(keys) - 1),
            "event_date": np.repeat(np.array(keys[:-1], dtype="datetime64[D]"), len(names)),
            "value": np.round(np.array(QUOTES) + shift, 4).ravel(),
        }
    )


def real_curve(quotes: pl.DataFrame, nominal: pl.DataFrame, keys: list[date]) -> pl.DataFrame:
    return us_real_curve(quotes, nominal, keys, CALENDARS)


@pytest.fixture(scope="module")
def nominal() -> pl.DataFrame:
    return test_ust.ust_curve(test_ust.observations(), KEYS)


def test_shape(nominal: pl.DataFrame) -> None:
    curve, table = real_curve(observations(), nominal, KEYS), TABLES["silver/us_real_curve"]
    assert curve.schema == table.schema
    assert curve.equals(curve.sort(table.sort))
    assert curve.height == len(KEYS) * len(TENORS)
    assert curve["zero_rate"].min() < 0
    today = observations().filter(pl.col("event_date") == DAY)
    assert at(curve)["par_yield"].to_list() == today["value"].to_list()
    assert at(curve)["quality"].unique().to_list() == [1.0]


def test_breakeven_is_fishers() -> None:
    # 13.5% nominal and 7.5% real are 5.58% of inflation, not 6.00%.
    rates = pl.DataFrame({"n": [np.log(1.135)], "r": [np.log(1.075)]})
    found = rates.select(breakeven(pl.col("n"), pl.col("r"))).item()
    assert found == pytest.approx(1.135 / 1.075 - 1, abs=1e-15)
    assert round(found, 4) == 0.0558


def test_breakevens_and_spans_compound(nominal: pl.DataFrame) -> None:
    rows = at(real_curve(observations(), nominal, KEYS))
    both = rows.join(at(nominal).select("tenor_years", nominal="zero_rate"), on="tenor_years")
    np.testing.assert_allclose(
        (1 + both["breakeven"].to_numpy()), np.exp((both["nominal"] - both["zero_rate"]).to_numpy()), rtol=1e-13
    )
    five, ten = (rows.row(by_predicate=pl.col("tenor_years") == t, named=True) for t in (5, 10))
    assert five["breakeven_5y"] == pytest.approx(five["breakeven"], abs=1e-14)
    assert (1 + five["breakeven"]) * (1 + ten["breakeven_5y"]) == pytest.approx((1 + ten["breakeven"]) ** 2, abs=1e-13)
    growth = (1 + five["forward_5y"]) ** 5 * (1 + ten["forward_5y"]) ** 5
    assert growth == pytest.approx(np.exp(ten["zero_rate"] * 10), abs=1e-12)


def test_span_that_begins_before_the_first_quote_is_null(nominal: pl.DataFrame) -> None:
    rows = at(real_curve(observations(), nominal, KEYS))
    assert rows.filter(pl.col("forward_5y").is_null())["tenor_years"].to_list() == [7.0]
    assert rows.filter(pl.col("breakeven_5y").is_null())["tenor_years"].to_list() == [7.0]
    assert rows["breakeven"].null_count() == 0


def test_without_the_nominal_curve_of_the_day_there_is_no_breakeven(nominal: pl.DataFrame) -> None:
    other = nominal.filter(pl.col("session") != SESSION)
    rows = at(real_curve(observations(), other, KEYS))
    assert rows["breakeven"].null_count() == rows["breakeven_5y"].null_count() == len(TENORS)
    assert rows["zero_rate"].null_count() == 0
    old = observations().filter(pl.col("event_date") != DAY)
    stale = at(real_curve(old, nominal, KEYS))
    assert stale["curve_date"].unique().to_list() == [date(2019, 3, 27)]
    assert stale["breakeven"].null_count() == len(TENORS)
    assert stale["quality"].unique().to_list() == [0.5]
    short = nominal.filter(pl.col("tenor_years") <= 3)
    assert at(real_curve(observations(), short, KEYS))["breakeven"].null_count() == len(TENORS)


@pytest.mark.parametrize("gone", [["us_real_par_7y"], ["us_real_par_30y"], ["us_real_par_5y", "us_real_par_20y"]])
def test_missing_tenors_are_absent_and_the_others_stay(nominal: pl.DataFrame, gone: list[str]) -> None:
    hole = observations().filter(~((pl.col("event_date") == DAY) & pl.col("series_id").is_in(gone)))
    rows = at(real_curve(hole, nominal, KEYS))
    assert rows["tenor_years"].to_list() == [t for s, t in REAL_TENORS.items() if s not in gone]
    assert rows["breakeven"].null_count() == 0


def test_nothing_known_gives_no_row(nominal: pl.DataFrame) -> None:
    assert real_curve(observations(), nominal, [date(2019, 1, 2)]).equals(TABLES["silver/us_real_curve"].empty())
    assert real_curve(observations().clear(), nominal, KEYS).is_empty()


def test_window_of_sessions_never_changes_a_row(nominal: pl.DataFrame) -> None:
    quotes = observations()
    quotes = quotes.filter(~((pl.col("event_date").dt.day() % 5 == 0) & (pl.col("series_id") == "us_real_par_7y")))
    curve = real_curve(quotes, nominal, KEYS)
    for day in KEYS[20:50]:
        alone = real_curve(market.known_at(quotes, day), market.known_at(nominal, day), [day])
        assert alone.equals(at(curve, day))


@settings(max_examples=40)
@given(st.floats(-0.02, 0.04), st.lists(st.floats(-0.003, 0.003), min_size=5, max_size=5))
def test_real_par_bonds_reprice_to_100(level: float, steps: list[float]) -> None:
    par = (level + np.array(steps))[None, :]
    zeros, factors = real_zeros(TENORS, par)[0], bootstrap(par_grid(TENORS, par))[0]
    for tenor, coupon, zero in zip(TENORS, par[0], zeros, strict=True):
        n = round(tenor * 2)
        price = coupon / 2 * factors[: n - 1].sum() + (1 + coupon / 2) * np.exp(-zero * tenor)
        assert 100 * price == pytest.approx(100.0, abs=1e-8)


@given(st.floats(-0.03, 0.2), st.floats(-0.03, 0.2))
def test_breakeven_has_the_sign_of_the_difference(nominal_rate: float, real_rate: float) -> None:
    rates = pl.DataFrame({"n": [nominal_rate], "r": [real_rate]})
    found = rates.select(breakeven(pl.col("n"), pl.col("r"))).item()
    assert np.sign(round(found, 12)) == np.sign(round(nominal_rate - real_rate, 12))
