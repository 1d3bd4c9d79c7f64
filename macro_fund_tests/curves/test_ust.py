"""Treasury bootstrap against the Federal Reserve's curve, a textbook bond, QuantLib and its own quotes."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.curves import ust
from macro_fund.curves.ust import TENORS, bond_price, bootstrap, par_grid, zero_rates
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import load_calendar
from macro_fund_tests.instruments import market

STEPS = st.floats(-0.004, 0.004)
CALENDARS = (load_calendar("nyse"), load_calendar("us_federal"))
QUOTES = [0.0244, 0.0248, 0.0240, 0.0223, 0.0218, 0.0220, 0.0229, 0.0239, 0.0263, 0.0281]  # 2019-03-28


def svensson(years: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Zero rates (%, continuously compounded) of the Federal Reserve's parameters of 2024-08-30."""
    b0, b1, b2, b3 = 4.77055671441905, 0.729178277946686, -1.9426462553785, -2.86579891708572
    one, two = years / 0.902377839254897, years / 3.16069975337781
    f1, f2 = (1 - np.exp(-one)) / one, (1 - np.exp(-two)) / two
    return b0 + b1 * f1 + b2 * (f1 - np.exp(-one)) + b3 * (f2 - np.exp(-two))


def test_bootstrap_returns_the_published_zeros() -> None:
    grid = np.arange(1, 61) / 2
    factors = np.exp(-svensson(grid) / 100 * grid)
    par = 2 * (1 - factors) / np.cumsum(factors)
    years = np.array([1, 2, 5, 10, 20, 30])
    found = -np.log(bootstrap(par)[years * 2 - 1]) / years * 100
    np.testing.assert_allclose(found, [4.3103, 3.893, 3.71, 3.9147, 4.2688, 4.4324], atol=6e-5)


def test_textbook_bond() -> None:
    price, up, down = (float(bond_price(0.06, 25, 0.09 + h)) for h in (0, 1e-4, -1e-4))
    assert price == pytest.approx(70.357, abs=5e-5)
    assert (down - up) / 2e-4 / price == pytest.approx(10.62, abs=0.005)
    assert (up + down - 2 * price) / 1e-8 / price == pytest.approx(182.92, abs=0.02)
    assert (down - up) / 2 == pytest.approx(0.0747018843, abs=2e-6)


@settings(max_examples=25)
@given(st.floats(0.0, 0.12), st.integers(1, 60), st.floats(0.0001, 0.15))
def test_quantlib_prices_the_same_bond(coupon: float, periods: int, ytm: float) -> None:
    start = ql.Date(15, 2, 2019)
    end = start + ql.Period(6 * periods, ql.Months)
    schedule = ql.Schedule(
        start, end, ql.Period(ql.Semiannual), ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted,
        ql.DateGeneration.Backward, False,
    )  # fmt: skip
    basis = ql.ActualActual(ql.ActualActual.Bond, schedule)
    bond = ql.FixedRateBond(0, 100.0, schedule, [coupon], basis)
    expected = ql.BondFunctions.cleanPrice(bond, ytm, basis, ql.Compounded, ql.Semiannual, start)
    assert float(bond_price(coupon, periods / 2, ytm)) == pytest.approx(expected, abs=1e-8)


def test_zero_yield_bond_is_the_sum_of_its_flows() -> None:
    np.testing.assert_allclose(bond_price([0.06, 0.0], [10, 5], 0.0), [160.0, 100.0], rtol=1e-12)


@settings(max_examples=60)
@given(
    st.floats(0.005, 0.09), st.lists(STEPS, min_size=10, max_size=10), st.sets(st.sampled_from(range(10)), max_size=5)
)
def test_par_bonds_reprice_to_100_at_the_quoted_tenors(level: float, steps: list[float], missing: set[int]) -> None:
    kept = [i for i in range(10) if i not in missing]
    tenors = np.array(list(TENORS.values()))[kept]
    quotes = (level + np.array(steps))[kept][None, :]
    zeros = zero_rates(list(tenors), quotes)[0]
    factors = bootstrap(par_grid(list(tenors), quotes))[0]
    for tenor, coupon, zero in zip(tenors, quotes[0], zeros, strict=True):
        discount, n = np.exp(-zero * tenor), round(tenor * 2)
        bill = discount * (1 + coupon * tenor)
        bond = coupon / 2 * factors[: max(n - 1, 0)].sum() + (1 + coupon / 2) * discount
        assert 100 * (bill if tenor < 0.5 else bond) == pytest.approx(100.0, abs=1e-8)


def test_flat_curve_has_flat_zeros() -> None:
    zeros = zero_rates(list(TENORS.values()), np.full((1, 10), 0.04))[0]
    np.testing.assert_allclose(zeros[1:], 2 * np.log(1.02), rtol=1e-12)
    assert zeros[0] == pytest.approx(np.log(1 + 0.01) / 0.25)


def test_par_between_quotes_stays_between_them() -> None:
    grid = par_grid(list(TENORS.values()), np.array([QUOTES]))[0]
    years = np.arange(1, 61) / 2
    for (a, b), (low, high) in zip(pairwise(TENORS.values()), pairwise(QUOTES), strict=True):
        inside = grid[(years >= a) & (years <= b)]
        assert np.all((inside >= min(low, high) - 1e-12) & (inside <= max(low, high) + 1e-12))


def test_before_the_first_quote_its_yield_holds() -> None:
    grid = par_grid([1.0, 2.0, 5.0], np.array([[0.03, 0.02, 0.04]]))[0]
    assert grid[:2].tolist() == [0.03, 0.03]
    assert par_grid([2.0], np.array([[0.03]])).tolist() == [[0.03] * 4]


@pytest.mark.parametrize("tenors", [[1.0, 0.5], [0.5, 0.5], [0.75], [0.0, 1.0]])
def test_bad_tenors_are_refused(tenors: list[float]) -> None:
    with pytest.raises(ValueError, match="par tenors must ascend"):
        zero_rates(tenors, np.full((1, len(tenors)), 0.03))


# The table


def observations() -> pl.DataFrame:
    """Eighty days of quotes that move, known the next session."""
    keys = market.keys(date(2019, 1, 2), date(2019, 5, 3))
    rng = np.random.default_rng(3)
    shift = rng.normal(scale=5e-4, size=(len(keys) - 1, 1)).cumsum(axis=0)
    noise = rng.normal(scale=1e-4, size=(len(keys) - 1, len(TENORS)))
    values = np.round(np.array(QUOTES) + shift + noise, 4)
    return pl.DataFrame(
        {
            "session": np.repeat(np.array(keys[1:], dtype="datetime64[D]"), len(TENORS)),
            "series_id": list(TENORS) * (len(keys) - 1),
            "event_date": np.repeat(np.array(keys[:-1], dtype="datetime64[D]"), len(TENORS)),
            "value": values.ravel(),
        }
    )


KEYS = market.keys(date(2019, 1, 3), date(2019, 5, 3))
SESSION, DAY = date(2019, 3, 29), date(2019, 3, 28)


def ust_curve(quotes: pl.DataFrame, keys: list[date]) -> pl.DataFrame:
    return ust.ust_curve(quotes, keys, CALENDARS)


def at(curve: pl.DataFrame, session: date = SESSION) -> pl.DataFrame:
    return curve.filter(pl.col("session") == session)


def test_shape_and_quotes_are_kept() -> None:
    quotes = observations()
    curve = ust_curve(quotes, KEYS)
    table = TABLES["silver/ust_curve"]
    assert curve.schema == table.schema
    assert curve.equals(curve.sort(table.sort))
    assert curve.height == len(KEYS) * len(TENORS)
    today = quotes.filter(pl.col("event_date") == DAY)
    assert at(curve)["par_yield"].to_list() == today["value"].to_list()
    assert at(curve)["tenor_years"].to_list() == list(TENORS.values())
    assert at(curve)["curve_date"].unique().to_list() == [DAY]
    np.testing.assert_array_equal(
        at(curve)["zero_rate"].to_numpy(), zero_rates(list(TENORS.values()), today["value"].to_numpy()[None, :])[0]
    )


@pytest.mark.parametrize("gone", [["us_par_20y"], ["us_par_30y"], ["us_par_20y", "us_par_30y"], ["us_par_3mo"]])
def test_tenor_that_is_not_quoted_is_absent_and_the_others_stay(gone: list[str]) -> None:
    quotes = observations()
    hole = quotes.filter(~((pl.col("event_date") == DAY) & pl.col("series_id").is_in(gone)))
    curve = ust_curve(hole, KEYS)
    assert at(curve)["tenor_years"].to_list() == [t for s, t in TENORS.items() if s not in gone]
    day_before = date(2019, 3, 28)
    assert at(curve, day_before).equals(at(ust_curve(quotes, KEYS), day_before))
    short = pl.col("tenor_years").is_between(0.5, 10) & (pl.col("tenor_years") != 10)
    if "us_par_3mo" not in gone:
        # A monotone cubic is local: only the neighbour of the hole feels it.
        kept = at(curve).filter(short)["zero_rate"].to_numpy()
        np.testing.assert_array_equal(kept, at(ust_curve(quotes, KEYS)).filter(short)["zero_rate"].to_numpy())


def test_other_series_one_month_bills_and_missing_values_are_ignored() -> None:
    quotes = observations()
    other = quotes.filter(pl.col("series_id") == "us_par_2y").with_columns(value=pl.lit(9.0))
    extra = [other.with_columns(series_id=pl.lit(s)) for s in ("us_par_1mo", "us_vix")]
    assert ust_curve(pl.concat([quotes, *extra]), KEYS).equals(ust_curve(quotes, KEYS))
    at_five = (pl.col("event_date") == DAY) & (pl.col("series_id") == "us_par_5y")
    nan = quotes.with_columns(value=pl.when(at_five).then(float("nan")).otherwise("value"))
    assert ust_curve(nan, KEYS).equals(ust_curve(quotes.filter(~at_five), KEYS))


def test_day_with_fewer_than_four_quotes_is_not_a_curve() -> None:
    quotes = observations()
    few = quotes.filter(
        ~((pl.col("event_date") == DAY) & ~pl.col("series_id").is_in(["us_par_2y", "us_par_10y", "us_par_30y"]))
    )
    rows = at(ust_curve(few, KEYS))
    assert rows["curve_date"].unique().to_list() == [date(2019, 3, 27)]
    changes = ("session", "quality")
    assert rows.drop(changes).equals(at(ust_curve(quotes, KEYS), date(2019, 3, 28)).drop(changes))


def test_us_holiday_repeats_the_last_curve_and_nothing_known_gives_no_row() -> None:
    quotes = observations()
    closed = quotes.filter(pl.col("event_date") != DAY)
    assert at(ust_curve(closed, KEYS))["curve_date"].unique().to_list() == [date(2019, 3, 27)]
    assert ust_curve(quotes, [date(2019, 1, 2)]).equals(TABLES["silver/ust_curve"].empty())
    assert ust_curve(quotes.clear(), KEYS).is_empty()


def test_correction_counts_from_its_session_on() -> None:
    quotes = observations().filter(pl.col("event_date") != date(2019, 3, 29))
    fix = quotes.filter((pl.col("event_date") == DAY) & (pl.col("series_id") == "us_par_10y")).with_columns(
        session=pl.lit(date(2019, 4, 1)), value=pl.lit(0.0301)
    )
    curve = ust_curve(pl.concat([fix, quotes]), KEYS)
    assert at(curve).equals(at(ust_curve(quotes, KEYS)))
    assert at(curve, date(2019, 4, 1)).filter(pl.col("tenor_years") == 10)["par_yield"].item() == 0.0301


def test_window_of_sessions_never_changes_a_row() -> None:
    quotes = observations()
    quotes = quotes.filter(~((pl.col("event_date").dt.day() % 7 == 0) & (pl.col("series_id") == "us_par_20y")))
    curve = ust_curve(quotes, KEYS)
    for day in KEYS[20:50]:
        assert ust_curve(market.known_at(quotes, day), [day]).equals(at(curve, day))


# Forwards, constant maturities and quality


def test_forward_compounds_to_the_longer_zero() -> None:
    curve = at(ust_curve(observations(), KEYS))
    spans = np.diff(curve["tenor_years"].to_numpy(), prepend=0.0)
    growth = np.cumprod((1 + curve["forward_rate"].to_numpy()) ** spans)
    np.testing.assert_allclose(growth, np.exp((curve["zero_rate"] * curve["tenor_years"]).to_numpy()), rtol=1e-13)
    assert float(ust.forward_rate(5, 10, np.log(1.02), np.log(1.03))) == pytest.approx(1.03**2 / 1.02 - 1, abs=1e-15)


@settings(max_examples=30)
@given(st.floats(0.0, 0.12), st.floats(0.0, 20.0), st.floats(0.1, 10.0))
def test_forwards_of_a_flat_zero_curve_are_its_rate(zero: float, start: float, span: float) -> None:
    assert float(ust.forward_rate(start, start + span, zero, zero)) == pytest.approx(np.expm1(zero), abs=1e-12)


def test_nodes_are_the_quotes_and_a_missing_one_is_read_off_the_curve() -> None:
    quotes = observations()
    gone = quotes.filter(~((pl.col("event_date") == DAY) & pl.col("series_id").is_in(["us_par_5y", "us_par_30y"])))
    full, hole = (at(ust.constant_maturity(ust_curve(q, KEYS))) for q in (quotes, gone))
    quoted = at(ust_curve(quotes, KEYS)).filter(pl.col("tenor_years").is_in(ust.NODES))
    assert full.drop("interpolated").equals(quoted.select(full.drop("interpolated").columns))
    assert full["interpolated"].to_list() == [False] * 4
    assert hole["tenor_years"].to_list() == [2.0, 5.0, 10.0]
    assert hole["interpolated"].to_list() == [False, True, False]
    five = [frame.filter(pl.col("tenor_years") == 5)["par_yield"].item() for frame in (full, hole)]
    assert abs(five[0] - five[1]) < 0.001
    empty = ust.constant_maturity(ust_curve(quotes, KEYS).clear())
    assert empty.schema == full.schema
    assert empty.is_empty()


def test_zeros_between_quotes_are_those_of_the_bootstrap() -> None:
    tenors, par = list(TENORS.values()), np.array([QUOTES])
    factors = bootstrap(par_grid(tenors, par))[0]
    years = [0.5, 15.0, 25.0, 30.0]
    np.testing.assert_allclose(np.exp(-ust.zeros_at(tenors, par, years)[0] * years), factors[[0, 29, 49, 59]])
    with pytest.raises(ValueError, match="multiples of half a year up to 30"):
        ust.zeros_at(tenors, par, [30.5])
    with pytest.raises(ValueError, match="the last quote is at 30"):
        ust.par_at(tenors, par, 31.0)
    with pytest.raises(ValueError, match="start < end"):
        ust.forward_rate(5, 5, 0.02, 0.02)


def quality(curve: pl.DataFrame, session: date = SESSION) -> float:
    found: float = at(curve, session)["quality"].unique().item()
    return found


def test_quality_falls_with_missing_tenors_and_with_age_but_not_over_a_holiday() -> None:
    quotes = observations()
    assert quality(ust_curve(quotes, KEYS)) == 1.0
    two = quotes.filter(~((pl.col("event_date") == DAY) & pl.col("series_id").is_in(["us_par_3mo", "us_par_20y"])))
    assert quality(ust_curve(two, KEYS)) == 0.8
    assert quality(ust_curve(quotes.filter(pl.col("event_date") != DAY), KEYS)) == 0.5
    # Presidents' Day, 2019-02-18: on the 19th the newest curve can only be Friday's.
    holiday = ust_curve(quotes.filter(pl.col("event_date") != date(2019, 2, 18)), KEYS)
    assert at(holiday, date(2019, 2, 19))["curve_date"].unique().to_list() == [date(2019, 2, 15)]
    assert quality(holiday, date(2019, 2, 19)) == 1.0


def test_quality_of_a_morning_does_not_change_when_old_days_arrive() -> None:
    arrives = pl.col("event_date").is_between(date(2019, 3, 1), date(2019, 3, 22))
    late = observations().filter(arrives | ~pl.col("series_id").is_in(["us_par_20y", "us_par_30y"]))
    late = late.with_columns(session=pl.when(arrives).then(pl.lit(date(2019, 4, 10))).otherwise("session"))
    curve = ust_curve(late, KEYS)
    for day in KEYS[30:]:
        assert ust_curve(market.known_at(late, day), [day]).equals(at(curve, day))
