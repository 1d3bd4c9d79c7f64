"""Statistics: published recursions, a two-sided filter as reference, and no look-ahead anywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.features import stats

WALK = pl.Series("x", np.random.default_rng(11).normal(size=900).cumsum())
STEPS = WALK.diff()
QUARTERS = pl.Series("y", 5 + 0.02 * np.arange(120) + np.random.default_rng(5).normal(scale=0.5, size=120))

FUNCTIONS: dict[str, tuple[Callable[[pl.Series], pl.Series], pl.Series]] = {
    "ewma_vol": (stats.ewma_vol, STEPS),
    "rolling_vol": (stats.rolling_vol, STEPS),
    "robust_z": (stats.robust_z, WALK),
    "robust_z_monthly": (partial(stats.robust_z, window=120, min_obs=60), WALK),
    "momentum": (stats.momentum, STEPS),
    "one_sided_hp": (stats.one_sided_hp, WALK),
    "frozen": (stats.frozen, WALK.round(0)),
}


def with_hole(series: pl.Series, rows: list[int], value: float | None = None) -> pl.Series:
    """A copy of the series with `value` in some rows."""
    at = pl.Series(np.isin(np.arange(len(series)), rows))
    return pl.select(pl.when(at).then(pl.lit(value, pl.Float64)).otherwise(series)).to_series().alias(series.name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_later_data_change_no_earlier_value(name: str) -> None:
    function, series = FUNCTIONS[name]
    holed = with_hole(series, list(range(7, len(series), 13)))
    for x in (series, holed):
        whole = function(x)
        assert len(whole) == len(x)
        assert whole.null_count() < len(x)
        for n in (1, 2, 64, 127, 252, 253, 300, 503, 504, 505, 700, 899):
            assert function(x.head(n)).equals(whole.head(n)), n


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_observation_gives_no_value_and_no_error(name: str) -> None:
    function, series = FUNCTIONS[name]
    for empty in (series.clear(), pl.Series("x", [None, None], dtype=pl.Float64), pl.Series("x", [float("nan")])):
        assert function(empty).null_count() == len(empty)
    holed = with_hole(series, [400, 401, 899])
    assert function(holed)[[400, 401, 899]].null_count() == 3
    nan = with_hole(series, [400, 401, 899], float("nan"))
    assert function(nan).equals(function(holed))


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "one_sided_hp"])
def test_windows_count_observations_not_rows(name: str) -> None:
    function, series = FUNCTIONS[name]
    dense = series.drop_nulls()
    spread = pl.Series("x", [v for x in dense for v in (None, x)], dtype=pl.Float64)
    assert function(spread).gather_every(2, offset=1).equals(function(dense))


def test_ewma_is_riskmetrics() -> None:
    vol = stats.ewma_vol(pl.Series([0.01, -0.02, 0.015, 0.005])).to_numpy()
    expected = [0.629940788348712, 0.5799075005326843, 0.5647479083522693, 0.578793170114353]
    np.testing.assert_allclose(0.1 / (vol * np.sqrt(252)), expected, atol=1e-12)


def test_rolling_vol_is_the_sample_deviation() -> None:
    vol = stats.rolling_vol(STEPS)
    assert vol.null_count() == 63  # one for the difference, 62 until the window is full
    assert vol[400] == pytest.approx(float(np.std(STEPS[338:401].to_numpy(), ddof=1)), rel=1e-12)


def test_robust_z_is_its_definition() -> None:
    z = stats.robust_z(WALK)
    x = WALK.to_numpy()
    for n in (252, 400, 504, 800):
        window = x[max(0, n - 504) : n]
        median = np.median(window)
        expected = (x[n - 1] - median) / (1.4826 * np.median(np.abs(window - median)))
        assert z[n - 1] == pytest.approx(float(np.clip(expected, -3, 3)), rel=1e-12)
    assert z.head(251).null_count() == 251
    assert z[251] is not None


def test_robust_z_is_clipped_and_a_still_series_has_none() -> None:
    jump = pl.concat([WALK, pl.Series("x", [1e6, -1e6])])
    assert stats.robust_z(jump).tail(2).to_list() == [3.0, -3.0]
    still = pl.Series([1.0] * 300 + [2.0])
    assert stats.robust_z(still).null_count() == 301


@given(st.floats(0.01, 100), st.floats(-1000, 1000))
@settings(max_examples=20)
def test_robust_z_does_not_depend_on_units(scale: float, shift: float) -> None:
    a, b = stats.robust_z(WALK).tail(50), stats.robust_z(WALK * scale + shift).tail(50)
    np.testing.assert_allclose(a.to_numpy(), b.to_numpy(), atol=1e-6)


def test_momentum_is_its_definition() -> None:
    value = stats.momentum(STEPS)
    x = STEPS.drop_nulls().to_numpy()
    sigma = np.std(x[-63:], ddof=1)
    expected = np.mean([x[-d:].sum() / (sigma * np.sqrt(d)) for d in (21, 63, 126, 252)])
    assert value[-1] == pytest.approx(float(np.clip(expected, -2, 2)), rel=1e-9)
    assert value.null_count() == 252  # the first difference and 251 days of the longest horizon
    assert value[252] is not None
    assert value.abs().max() <= 2.0


def test_momentum_signs_given_sigma_and_clip() -> None:
    up = pl.Series([0.01] * 300)
    sigma = pl.Series([0.02] * 300)
    expected = np.mean([0.5 * np.sqrt(d) for d in (21, 63, 126, 252)])
    assert stats.momentum(up, sigma, clip=99)[-1] == pytest.approx(expected, rel=1e-9)
    assert stats.momentum(-up, sigma)[-1] == -2.0
    assert stats.momentum(up, sigma * 0).null_count() == 300
    assert stats.momentum(up).null_count() == 300  # returns without any variation have no scale
    with pytest.raises(ValueError, match="one a day"):
        stats.momentum(up, sigma.head(3))


@pytest.mark.parametrize("smoothing", [stats.QUARTERLY_SMOOTHING, stats.MONTHLY_SMOOTHING])
def test_one_sided_trend_is_the_end_of_the_two_sided_filter(smoothing: float) -> None:
    from statsmodels.tsa.filters.hp_filter import hpfilter

    trend = stats.one_sided_hp(QUARTERS, smoothing)
    assert trend[:2].to_list() == [None, QUARTERS[1]]
    for n in (3, 4, 10, 40, 120):
        assert trend[n - 1] == pytest.approx(hpfilter(QUARTERS.head(n).to_numpy(), smoothing)[1][-1], abs=1e-8)


def test_one_sided_trend_keeps_a_line_and_predicts_through_a_hole() -> None:
    line = pl.Series(np.arange(60) * 0.5 + 3)
    np.testing.assert_allclose(stats.one_sided_hp(line)[1:].to_numpy(), line[1:].to_numpy(), atol=1e-9)
    holed = with_hole(line, [0, 2, 20, 21])
    found = stats.one_sided_hp(holed)
    assert found.is_null().arg_true().to_list() == [0, 1, 2, 3, 20, 21]  # 3 and 4 are the first two in a row
    np.testing.assert_allclose(
        found.drop_nulls().to_numpy(), line[[*range(4, 20), *range(22, 60)]].to_numpy(), atol=1e-9
    )


def test_frozen_price_is_found_after_three_still_days_and_not_before() -> None:
    prices = pl.Series([5.0, 5.1, 5.2, 5.2, 5.2, 5.2, 5.2, 5.3, 5.3])
    expected = [False, False, False, False, False, True, True, False, False]
    assert stats.frozen(prices).to_list() == expected
    assert stats.frozen(prices, days=1).to_list() == [False, False, False, True, True, True, True, False, True]
    holed = pl.Series([5.2, None, 5.2, 5.2, 5.2])
    assert stats.frozen(holed).to_list() == [False, None, False, False, True]


def test_frozen_price_gives_no_view_when_used_as_a_mask() -> None:
    rate = WALK.head(300).extend(pl.Series([WALK[299]] * 3))
    moving = ~stats.frozen(rate)
    vol = pl.select(pl.when(moving).then(stats.rolling_vol(rate.diff()))).to_series()
    assert vol[-1] is None
    assert vol[-2] is not None


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: stats.ewma_vol(STEPS, 1.0), "decay"),
        (lambda: stats.robust_z(WALK, window=10, min_obs=11), "min_obs"),
        (lambda: stats.one_sided_hp(WALK, 0.0), "smoothing"),
        (lambda: stats.frozen(WALK, 0), "days"),
    ],
)
def test_bad_parameters_are_named(call: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize("function", [stats.rolling_vol, stats.robust_z])
@pytest.mark.parametrize("last", [0, 1, 5, 300, 649, 5000])
def test_the_last_rows_alone_are_the_same_bit_by_bit(function: Callable[..., pl.Series], last: int) -> None:
    for x in (STEPS, with_hole(STEPS, list(range(7, len(STEPS), 13)))):
        whole, part = function(x), function(x, last=last)
        assert part.tail(last).equals(whole.tail(last))
        assert part.head(max(len(x) - last, 0)).null_count() == max(len(x) - last, 0)
