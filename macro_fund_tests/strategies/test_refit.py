"""Monthly refits and monthly vectors: hand sums, what was known when, no look ahead."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.strategies.monthly import as_published, common, month_means
from macro_fund.strategies.refit import fitted, in_force, month_starts, monthly_ols
from macro_fund_tests.strategies.frames import observed, weekdays

DAYS = pl.Series(weekdays(date(2012, 1, 3), date(2013, 12, 31)))


def test_months_start_on_their_first_session() -> None:
    days = pl.Series([date(2020, 1, 30), date(2020, 2, 3), date(2020, 2, 4), date(2020, 4, 1)])
    assert month_starts(days).tolist() == [0, 1, 3]
    assert in_force(month_starts(days), np.arange(4)).tolist() == [0, 1, 1, 2]


def test_the_fit_of_a_month_is_least_squares_on_what_it_knew() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(DAYS.len(), 2))
    y = 1.0 + x @ [2.0, -0.5] + rng.normal(0, 0.1, DAYS.len())
    found = monthly_ols(DAYS, y, x, minimum=100, lag=3)
    start = int(month_starts(DAYS)[-1])
    used = slice(0, start + 1 - 3)
    own = np.linalg.lstsq(np.column_stack([np.ones(start - 2), x[used]]), y[used], rcond=None)[0]
    assert found[-1] == pytest.approx(own, rel=1e-9)
    assert np.array_equal(found[start], found[-1])
    assert np.isnan(found[:100]).all()
    assert fitted(found, x)[-1] == pytest.approx(own[0] + own[1:] @ x[-1])


@settings(max_examples=15)
@given(st.integers(150, DAYS.len() - 1))
def test_what_comes_later_changes_no_coefficient(end: int) -> None:
    rng = np.random.default_rng(2)
    x, noise = rng.normal(size=(DAYS.len(), 1)), rng.normal(size=DAYS.len())
    whole = monthly_ols(DAYS, noise, x, minimum=100)
    part = monthly_ols(DAYS[:end], noise[:end], x[:end], minimum=100)
    assert np.array_equal(whole[:end], part, equal_nan=True)


def test_a_month_mean_is_known_when_the_next_month_has_a_day() -> None:
    days = weekdays(date(2012, 1, 2), date(2012, 3, 9))
    rows = observed("x", days, np.arange(float(len(days))), 1)
    means = month_means(rows, "x", date(2012, 12, 28))
    # A day is known the morning after: 1 February on the 2nd, 1 March on the 2nd.
    assert means.rows["session"].to_list() == [date(2012, 2, 2), date(2012, 3, 2)]
    first_of_march, before = date(2012, 3, 2), date(2012, 3, 1)
    months, values, _ = means.known(first_of_march)
    assert months.astype(str).tolist() == ["2012-01-01", "2012-02-01"]
    january = [k for k, d in enumerate(days) if d.month == 1]
    assert values[0] == np.mean(january)
    assert means.known(before)[0].size == 1


def test_a_revision_counts_from_its_session_and_keeps_the_first_hour() -> None:
    first = observed("m", [date(2012, 1, 1), date(2012, 2, 1)], np.array([1.0, 2.0]), 40)
    revised = observed("m", [date(2012, 1, 1)], np.array([1.5]), 100)
    series = as_published(pl.concat([first, revised]), "m", date(2012, 12, 28))
    early, late = (series.known(d) for d in (date(2012, 3, 30), date(2012, 6, 29)))
    assert early[1].tolist() == [1.0, 2.0]
    assert late[1].tolist() == [1.5, 2.0]
    assert late[2][0] == early[2][0]


def test_common_months() -> None:
    a = (np.array(["2012-01-01", "2012-02-01"], dtype="datetime64[D]"), np.array([1.0, 2.0]))
    b = (np.array(["2012-02-01", "2012-03-01"], dtype="datetime64[D]"), np.array([5.0, 6.0]))
    months, table = common([a, b])
    assert months.astype(str).tolist() == ["2012-02-01"]
    assert table.tolist() == [[2.0, 5.0]]
