"""VaR and expected shortfall formulas against published and typed-in numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from macro_fund.risk.measures import (
    gaussian_es,
    gaussian_var,
    historical_es,
    historical_parts,
    historical_var,
    sigma_parts,
)

EDHEC = Path(__file__).resolve().parents[2] / "../shared/oracles/data/edhec.csv"


def _edhec(*columns):
    if not EDHEC.exists():
        pytest.skip(f"reference data {EDHEC.name} is not on this machine")
    return pl.read_csv(EDHEC).head(100).select(columns).to_numpy()


def test_published_numbers_of_one_hedge_fund_index():
    """PerformanceAnalytics baseline: population deviation, R type 7 quantile; it prints returns, we print losses."""
    x = _edhec("Convertible Arbitrage")[:, 0]
    assert gaussian_var(x.std(), 0.95, x.mean()) == pytest.approx(0.012133, abs=6e-7)
    assert gaussian_es(x.std(), 0.95, x.mean()) == pytest.approx(0.017133, abs=6e-7)
    assert historical_var(x, 0.95) == pytest.approx(0.014095, abs=6e-7)


def test_published_portfolio_var_and_its_parts():
    x = _edhec("Convertible Arbitrage", "CTA Global", "Distressed Securities")
    w = np.array([0.3, 0.4, 0.3])
    sigma, parts = sigma_parts(w, np.cov(x.T))
    assert gaussian_var(sigma, 0.95, float(x.mean(axis=0) @ w)) == pytest.approx(0.012916, abs=6e-7)
    assert parts.sum() == pytest.approx(sigma, rel=1e-12)


@pytest.mark.parametrize(
    ("level", "z", "tail"),
    [(0.95, 1.6448536269514722, 2.0627128075074253), (0.99, 2.3263478740408408, 2.665214220345808)],
)
def test_standard_normal(level, z, tail):
    assert gaussian_var(1.0, level) == pytest.approx(z, abs=1e-12)
    assert gaussian_es(1.0, level) == pytest.approx(tail, abs=1e-12)
    assert gaussian_var(2.0, level, mean=0.5) == pytest.approx(2 * z - 0.5, abs=1e-12)


def test_two_assets_by_hand():
    """w = (1, 2), sigma = (3, 1), rho = 0.5: variance 9 + 4 + 6 = 19, parts (9 + 3, 3 + 4) / sqrt(19)."""
    sigma, parts = sigma_parts(np.array([1.0, 2.0]), np.array([[9.0, 1.5], [1.5, 1.0]]))
    assert sigma == pytest.approx(np.sqrt(19))
    np.testing.assert_allclose(parts, np.array([12.0, 7.0]) / np.sqrt(19), rtol=1e-14)


def test_historical_quantile_lies_between_order_statistics():
    """(n - 1) x 5% = 4.95: VaR is 0.05 x the 5th and 0.95 x the 6th worst, ES the mean of the 5 worst."""
    pnl = np.arange(100.0) - 50
    assert historical_var(pnl, 0.95) == pytest.approx(-(0.05 * -46 + 0.95 * -45))
    assert historical_es(pnl, 0.95) == pytest.approx(48.0)


def test_historical_quantile_on_an_order_statistic():
    pnl = np.arange(101.0) - 50
    assert historical_var(pnl, 0.95) == pytest.approx(45.0)
    assert historical_es(pnl, 0.95) == pytest.approx(47.5)


def test_historical_parts_are_the_losses_of_the_scenarios():
    parts = np.array([[-10.0, 1.0], [-5.0, -2.0], [3.0, 1.0], [4.0, -1.0], [9.0, 1.0]])
    var, es, var_parts, es_parts = historical_parts(parts, 0.75)
    assert (var, es) == (7.0, 8.0)
    np.testing.assert_array_equal(var_parts, [5.0, 2.0])
    np.testing.assert_array_equal(es_parts, [7.5, 0.5])


@pytest.mark.parametrize("level", [0.05, 1.0, 95])
def test_a_level_that_is_not_a_confidence_is_refused(level):
    with pytest.raises(ValueError, match=r"0\.95 is 95%"):
        gaussian_var(1.0, level)


def test_no_scenarios_is_an_error():
    with pytest.raises(ValueError, match="scenario"):
        historical_var(np.array([]), 0.95)


SAMPLES = arrays.arrays(np.float64, st.tuples(st.integers(2, 120), st.integers(1, 5)), elements=st.floats(-1e4, 1e4))


@limited(max_examples=60)
@given(SAMPLES, st.sampled_from([0.95, 0.99]), st.floats(0.01, 100))
def test_parts_sum_es_is_not_below_var_and_both_scale_with_the_book(parts, level, scale):
    var, es, var_parts, es_parts = historical_parts(parts, level)
    size = max(np.abs(parts).max(), 1e-300)
    assert var_parts.sum() == pytest.approx(var, abs=1e-9 * size)
    assert es_parts.sum() == pytest.approx(es, abs=1e-9 * size)
    assert es >= var - 1e-9 * size
    assert var == pytest.approx(-np.quantile(parts.sum(axis=1), 1 - level), abs=1e-9 * size)
    assert historical_var(scale * parts.sum(axis=1), level) == pytest.approx(scale * var, abs=1e-9 * size * scale)
