"""Phillips curve, bottom-up forecast and their record: planted truth, properties, and the same numbers elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents import inflation_bottom_up as bottom_up
from macro_fund.agents import inflation_phillips as phillips
from macro_fund.agents.inflation_inputs import FREE, GROUP_SERIES, HEADLINE, economy_at
from macro_fund.agents.inflation_model import total
from macro_fund.agents.inflation_record import curve_prices, layout_of, record
from macro_fund_tests.agents.inflation_world import A1, A2, A3, SHARE_FREE, SLOPE, WEIGHTS, world
from macro_fund_tests.strategies.frames import table

SESSION = table().keys(table().start, world().observations["session"].max())[-1]


def rows_of(seed: int, n: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.012, 0.006, (n, 5))


def test_twelve_months_compound() -> None:
    assert total(np.full((1, 12), 0.005), 12)[0] == pytest.approx(0.0616778118644995, abs=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_weights_are_a_mixture_and_no_mixture_fits_better(seed: int) -> None:
    rows = rows_of(seed)
    found = phillips.estimate(rows, {})
    assert (found >= 0).all()
    assert found[:3].sum() == pytest.approx(1.0, abs=1e-6)

    def loss(a: np.ndarray) -> float:
        return float(((rows[:, 0] - rows[:, 1:] @ a) ** 2).sum())

    others = np.random.default_rng(seed + 1).dirichlet([1, 1, 1], 40)
    slopes = np.abs(np.random.default_rng(seed + 2).normal(0, 0.3, 40))
    assert all(loss(found) <= loss(np.append(a, b)) * (1 + 1e-9) for a, b in zip(others, slopes, strict=True))


@given(st.integers(0, 1000), st.floats(-0.01, 0.02))
@settings(max_examples=20)
def test_the_long_run_is_vertical(seed: int, level: float) -> None:
    """All inflation rates higher by the same: the same curve."""
    rows = rows_of(seed)
    moved = rows + level * np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    np.testing.assert_allclose(phillips.estimate(moved, {}), phillips.estimate(rows, {}), atol=2e-4)


def test_the_planted_curve_is_found() -> None:
    economy = economy_at(world().observations, SESSION)
    assert economy is not None
    found = phillips.fit(economy, economy.prices[FREE], {})
    assert found is not None
    planted = np.array([A1, A2, A3, SLOPE])
    assert (np.abs(found.weights - planted) < 3.0 * found.std_errors).all(), (found.weights, found.std_errors)
    assert (found.std_errors < [0.15, 0.15, 0.03, 0.06]).all()
    np.testing.assert_allclose(found.weights, planted, atol=0.12)


def test_a_long_forecast_goes_to_what_is_expected() -> None:
    """No gap, import prices at the expected rate: prices converge on the survey."""
    economy = economy_at(world().observations, SESSION)
    assert economy is not None
    n = economy.months.size
    anchored = np.array([0.3, 0.65, 0.05, 0.1])
    path = phillips.forecast(economy, economy.prices[FREE], n, anchored, 0.2, 0.09, {})
    low = phillips.forecast(economy, economy.prices[FREE], n, anchored, 0.2, 0.02, {})
    assert (path > low).all()
    assert total(path[None, -3:] - 0.0, 3)[0] > total(low[None, -3:], 3)[0] + 0.01


def test_same_month_means_by_hand() -> None:
    rates = np.random.default_rng(1).normal(0.004, 0.002, 100)
    found = bottom_up.same_month_means(rates, 12)
    assert found.size == 112
    for t in (24, 40, 75, 99, 111):
        before = [rates[t - 12 * k] for k in range(1, 6) if 0 <= t - 12 * k < 100]
        assert found[t] == pytest.approx(np.mean(before), rel=1e-12)
    assert np.isnan(found[:24]).all()


def test_memory_is_an_autoregression() -> None:
    """The expanding slopes are statsmodels' AutoReg of one lag without a constant, origin by origin."""
    from statsmodels.tsa.ar_model import AutoReg

    rng = np.random.default_rng(2)
    x = np.zeros((140, 2))
    for t in range(1, 140):
        x[t] = [0.7, -0.2] * x[t - 1] + rng.normal(0, 1, 2)
    found = bottom_up.memories(x, 60)
    assert found.shape == (81, 2)
    for k in (60, 97, 140):
        fits = [AutoReg(x[:k, g], 1, trend="n").fit().params[0] for g in range(2)]
        np.testing.assert_allclose(found[k - 60], fits, rtol=1e-8)


def test_weights_are_those_that_built_the_whole() -> None:
    economy = economy_at(world().observations, SESSION)
    assert economy is not None
    parts = np.column_stack([economy.prices[g] for g in GROUP_SERIES])
    weights, error = bottom_up.weights_of(parts, economy.prices[HEADLINE])
    np.testing.assert_allclose(weights, WEIGHTS, atol=1e-6)
    assert error < 1e-8
    layout = layout_of(economy)
    assert layout.phillips_on_free
    assert layout.groups == GROUP_SERIES
    assert layout.reasons() == []


def test_a_past_forecast_does_not_know_what_came_later() -> None:
    """Origins' forecasts from the full vintage equal those of an economy that ends there."""
    full = economy_at(world().observations, SESSION)
    cut = next(s for s in table().keys(SESSION.replace(year=2014), SESSION) if s.month == 3)
    early = economy_at(world().observations, cut)
    assert full is not None
    assert early is not None
    layout = layout_of(full)
    late, then = record(full, layout, {}), record(early, layout, {})
    n = then.origins.size
    np.testing.assert_array_equal(late.bottom_up[:n], then.bottom_up)
    np.testing.assert_allclose(late.phillips[: n - 3], then.phillips[: n - 3], rtol=1e-9, equal_nan=True)
    np.testing.assert_allclose(late.bottom_weight[:n], then.bottom_weight, rtol=1e-9)
    assert np.isnan(then.outcome[-1]).all()


def test_the_blend_moves_from_the_groups_to_the_curve() -> None:
    economy = economy_at(world().observations, SESSION)
    assert economy is not None
    past = record(economy, layout_of(economy), {})
    weight = past.bottom_weight[-1]
    assert (weight[:3] == 1.0).all()
    assert (weight[5:] == 0.0).all()
    for h in (3, 4):
        errors = [
            np.nanmean((f[:, h] - past.outcome[:, h])[np.isfinite(past.phillips[:, h])] ** 2)
            for f in (past.phillips, past.bottom_up)
        ]
        assert weight[h] == pytest.approx(errors[0] / sum(errors), rel=1e-9)
    assert curve_prices(economy, layout_of(economy)) is economy.prices[FREE]
    assert SHARE_FREE == 0.75


def test_ipca15_is_worth_its_news() -> None:
    """It halves the error of the month in a world where it is half of the month."""
    economy = economy_at(world().observations, SESSION)
    assert economy is not None
    past = record(economy, layout_of(economy), {})
    known = np.isfinite(past.outcome[:, 0])
    plain = np.std((past.bottom_up[:, 0] - past.outcome[:, 0])[known][-60:])
    informed = np.std((past.mid - past.outcome[:, 0])[known][-60:])
    assert informed < 0.5 * plain
    assert 1.0 < past.mid_slope <= 2.0
