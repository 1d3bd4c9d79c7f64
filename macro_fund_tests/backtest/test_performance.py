"""Descriptions of returns: published and hand-worked numbers, slow references, identities."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from macro_fund.backtest.performance import (
    annual_return,
    annual_volatility,
    calmar,
    drawdowns,
    hit_rate,
    max_drawdown,
    monthly_table,
    sortino,
    total_return,
    turnover,
)

daily = hnp.arrays(np.float64, st.integers(2, 60), elements=st.floats(-0.2, 0.2, allow_subnormal=False))


def test_starting_capital_is_a_high() -> None:
    assert max_drawdown([-0.10, 0.05, 0.02]) == pytest.approx(-0.10)
    np.testing.assert_allclose(drawdowns([-0.10, 0.05, 0.02]), [-0.10, -0.055, -0.0361])
    assert max_drawdown([0.01, 0.02]) == 0.0
    assert max_drawdown([0.5, -1.0, 0.3]) == -1.0


@given(daily)
def test_drawdown_the_slow_way(x: np.ndarray) -> None:
    wealth = [1.0]
    for r in x:
        wealth.append(wealth[-1] * (1 + r))
    worst = min(wealth[j] / wealth[i] - 1 for i in range(len(wealth)) for j in range(i, len(wealth)))
    assert max_drawdown(x) == pytest.approx(worst, abs=1e-12)
    assert -1 <= max_drawdown(x) <= 0


def test_sortino_published() -> None:
    """Red Rock Capital, "Sortino: a sharper ratio": eight annual returns, target 0."""
    found = sortino([0.17, 0.15, 0.23, -0.05, 0.12, 0.09, 0.13, -0.04], periods=1)
    assert found == pytest.approx(4.417, abs=5e-4)


def test_sortino_of_a_target() -> None:
    # Mean 0 less 1; shortfalls 2, 0 (exactly at), 1: sqrt(5 / 3).
    assert sortino([-1.0, 1.0, 0.0], target=1.0, periods=4) == pytest.approx(-1.0 / math.sqrt(5 / 3) * 2)
    assert np.isnan(sortino([0.1, 0.2]))


def test_annual_numbers() -> None:
    assert total_return([0.1, -0.1]) == pytest.approx(-0.01)
    assert annual_return([0.1, -0.1], periods=4) == pytest.approx(0.99**2 - 1)
    assert annual_volatility([1.0, 2.0, 3.0], periods=9) == pytest.approx(3.0)
    assert calmar([0.1, -0.1, 0.2], periods=3) == pytest.approx((1.1 * 0.9 * 1.2 - 1) / 0.1)
    assert np.isnan(calmar([0.1, 0.2]))


def test_hit_rate_counts_days_that_moved() -> None:
    assert hit_rate([0.1, 0.0, -0.1, 0.2, 0.0]) == pytest.approx(2 / 3)
    assert np.isnan(hit_rate([0.0, 0.0]))


def test_turnover() -> None:
    """In with 1, reversed to -1, out: 1 + 2 + 1 over 3 days."""
    assert turnover([1.0, -1.0, 0.0], periods=3) == pytest.approx(4.0)
    assert turnover([[0.5, 0.0], [0.0, 0.5]], periods=2) == pytest.approx(1.5)
    assert turnover([0.0, 0.0]) == 0.0
    with pytest.raises(ValueError, match="without missing"):
        turnover([0.1, np.nan])


def days_of(x: np.ndarray, step: int) -> pl.Series:
    return pl.Series("date", [date(2019, 11, 20).toordinal() + i * step for i in range(x.size)]).map_elements(
        date.fromordinal, pl.Date
    )


@given(daily, st.integers(1, 40))
def test_months_compound_to_the_whole(x: np.ndarray, step: int) -> None:
    table = monthly_table(days_of(x, step), x)
    months = 1.0 + table.select(str(m) for m in range(1, 13)).to_numpy().astype(float)
    assert np.nanprod(months) == pytest.approx(1 + total_return(x), rel=1e-9)
    np.testing.assert_allclose(np.nanprod(months, axis=1), 1 + table["total"].to_numpy(), rtol=1e-9)
    assert table["year"].is_sorted()


def test_months_without_a_day_are_null() -> None:
    dates = pl.Series([date(2020, 1, 30), date(2020, 1, 31), date(2020, 3, 2), date(2021, 12, 1)])
    table = monthly_table(dates, [0.1, 0.1, -0.5, 0.02])
    assert table.columns == ["year", *[str(m) for m in range(1, 13)], "total"]
    assert table["year"].to_list() == [2020, 2021]
    assert table["1"].to_list() == [pytest.approx(0.21), None]
    assert table["2"].to_list() == [None, None]
    assert table["3"].to_list() == [pytest.approx(-0.5), None]
    assert table["12"].to_list() == [None, pytest.approx(0.02)]
    assert table["total"].to_list() == [pytest.approx(1.21 * 0.5 - 1), pytest.approx(0.02)]


def test_refuses() -> None:
    with pytest.raises(ValueError, match="more than the capital"):
        drawdowns([0.1, -1.2])
    with pytest.raises(ValueError, match="1 dates for 2"):
        monthly_table(pl.Series([date(2020, 1, 1)]), [0.1, 0.2])
    with pytest.raises(ValueError, match="increasing"):
        monthly_table(pl.Series([date(2020, 1, 2), date(2020, 1, 2)]), [0.1, 0.2])
