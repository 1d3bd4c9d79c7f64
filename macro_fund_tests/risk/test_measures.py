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

from macro_fund.risk.copula import DRAWS, Joint, draws, fit_nu, nearest_correlation, rank_correlation
from macro_fund.risk.filtered import Garch, filtered_moves, fit_garch, volatility_path
from macro_fund.risk.measures import (
    cornish_fisher_parts,
    cornish_fisher_valid,
    gaussian_es,
    gaussian_var,
    historical_es,
    historical_parts,
    historical_var,
    sigma_parts,
    student_es,
    student_var,
    tail_parts,
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


def test_published_cornish_fisher():
    """PerformanceAnalytics baseline, modified VaR of the same index: population skewness and kurtosis."""
    x = _edhec("Convertible Arbitrage")
    values, parts = cornish_fisher_parts(x, 0.95)
    assert values[0] == pytest.approx(0.014674, abs=6e-7)
    assert parts.sum(axis=1) == pytest.approx(values, rel=1e-12)


def test_student_t_portfolio():
    """Deviations .01 and .02 as scales, correlation .5, weights .6 and .4, t(4) at 99%."""
    scale = np.sqrt((0.6 * 0.01) ** 2 + (0.4 * 0.02) ** 2 + 2 * 0.5 * 0.6 * 0.01 * 0.4 * 0.02)
    assert student_var(scale, 4, 0.99) == pytest.approx(0.045583582349197294, abs=1e-9)
    assert student_es(scale, 4, 0.99) == pytest.approx(0.06351114784904878, abs=1e-9)
    with pytest.raises(ValueError, match="nu > 1"):
        student_es(1.0, 1.0, 0.99)


def _simulated(nu, corr, weights, t_copula):
    unit = draws((4, 5), Joint(np.array(nu), np.array(corr)), t_copula=t_copula)
    parts = (unit * np.array(weights)[:, None]).T
    worst = np.argsort(parts.sum(axis=1), kind="stable")[:700]
    return [tail_parts(parts[worst], DRAWS, level) for level in (0.95, 0.99)]


CORR = [[1.0, 0.5], [0.5, 1.0]]


@pytest.mark.parametrize("weights", [(0.6, 0.8), (1.0, -0.7), (-2.0, 0.0)])
def test_a_simulated_normal_book_is_within_its_own_standard_error_of_the_closed_form(weights):
    """The error of a quantile is sqrt(p (1 - p) / n) over the density: 1.6% of VaR at 99% and 10,000 draws."""
    w = np.array(weights)
    sigma = float(np.sqrt(w @ np.array(CORR) @ w))
    for level, (var, es, var_parts, es_parts) in zip(
        (0.95, 0.99), _simulated([np.inf, np.inf], CORR, weights, False), strict=True
    ):
        z = gaussian_var(1.0, level)
        error = np.sqrt(level * (1 - level) / DRAWS) / (np.exp(-z * z / 2) / np.sqrt(2 * np.pi)) * sigma
        assert var == pytest.approx(gaussian_var(sigma, level), abs=2 * error)
        assert es == pytest.approx(gaussian_es(sigma, level), abs=3 * error)
        assert var_parts.sum() == pytest.approx(var, rel=1e-12)
        assert es_parts.sum() == pytest.approx(es, rel=1e-12)
        exact = w * (np.array(CORR) @ w) / sigma * z
        np.testing.assert_allclose(var_parts, exact, atol=0.12 * gaussian_var(sigma, level))


def test_a_t_copula_of_t_marginals_is_a_multivariate_t():
    """With 4 degrees of freedom everywhere the book is t(4): scale sigma x sqrt((4 - 2) / 4)."""
    w = np.array([0.6, 0.8])
    scale = float(np.sqrt(w @ np.array(CORR) @ w / 2))
    for level, (var, es, _, _) in zip((0.95, 0.99), _simulated([4.0, 4.0], CORR, w, True), strict=True):
        assert var == pytest.approx(student_var(scale, 4, level), rel=0.05)
        assert es == pytest.approx(student_es(scale, 4, level), rel=0.08)


def test_the_t_copula_has_the_fatter_joint_tail():
    (_, gauss, _, _), (_, far, _, _) = _simulated([5.0, 5.0], CORR, (1.0, 1.0), False)
    (_, student, _, _), (_, further, _, _) = _simulated([5.0, 5.0], CORR, (1.0, 1.0), True)
    assert further > 1.05 * far
    assert student > gauss


@pytest.mark.parametrize("nu", [3.0, 4.7, 12.0, 30.0])
@pytest.mark.parametrize("t_copula", [True, False])
def test_draws_have_unit_variance_and_the_quantiles_of_their_marginal(nu, t_copula):
    from scipy import stats

    unit = draws((6,), Joint(np.array([nu]), np.eye(1)), t_copula=t_copula)[0]
    law = stats.t(nu, scale=np.sqrt((nu - 2) / nu))
    for p in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert law.cdf(np.quantile(unit, p)) == pytest.approx(p, abs=3 * np.sqrt(p * (1 - p) / DRAWS))
    np.testing.assert_array_equal(np.sort(unit), -np.sort(unit)[::-1])


def test_degrees_of_freedom_are_found_and_bounded():
    rng = np.random.default_rng(2)
    assert fit_nu(rng.standard_t(5, 20_000) * 9) == pytest.approx(5, abs=0.5)
    assert fit_nu(rng.standard_normal(5000)) > 25
    assert fit_nu(rng.standard_t(1.5, 3000)) == pytest.approx(3.0, abs=0.01)


def test_rank_correlation_is_that_of_the_normals_and_bridges_days_without_a_close():
    rng = np.random.default_rng(6)
    x = rng.standard_normal((4000, 2)) @ np.linalg.cholesky(np.array(CORR)).T
    assert rank_correlation(x)[0, 1] == pytest.approx(0.5, abs=0.06)
    holed = x.copy()
    holed[1::10, 1] += holed[::10, 1]
    holed[::10, 1] = np.nan
    assert rank_correlation(holed)[0, 1] == pytest.approx(0.5, abs=0.08)


def test_an_impossible_correlation_becomes_the_nearest_possible_one():
    bad = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    near = nearest_correlation(bad)
    assert np.linalg.eigvalsh(near)[0] > 0
    np.testing.assert_allclose(np.diag(near), 1.0, rtol=1e-9)
    assert abs(near - bad).max() < 0.45
    assert nearest_correlation(np.array(CORR)) is not None
    np.testing.assert_array_equal(nearest_correlation(np.array(CORR)), CORR)


@pytest.mark.parametrize(
    ("skew", "kurtosis", "valid"), [(0, 0, True), (0, 3, True), (0, 9, False), (1.0, 0.2, False), (3.0, 7.0, False)]
)
def test_the_domain_of_cornish_fisher_is_where_its_quantiles_rise(skew, kurtosis, valid):
    assert cornish_fisher_valid(skew, kurtosis) is valid
    z = np.linspace(-8, 8, 4001)
    bent = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    assert bool((np.diff(bent) > 0).all()) is valid


def test_cornish_fisher_shortfall_is_the_mean_quantile_beyond_and_parts_are_derivatives():
    rng = np.random.default_rng(9)
    parts = np.column_stack([rng.standard_t(12, 4000), 2 * rng.standard_normal(4000)])
    values, of = cornish_fisher_parts(parts, 0.99)
    beyond = [cornish_fisher_parts(parts, p)[0][0] for p in 1 - (np.arange(400) + 0.5) / 400 * 0.01]
    assert values[1] == pytest.approx(np.mean(beyond), rel=5e-3)
    for k in range(2):
        up, down = parts.copy(), parts.copy()
        up[:, k] *= 1.0001
        down[:, k] *= 0.9999
        slope = (cornish_fisher_parts(up, 0.99)[0] - cornish_fisher_parts(down, 0.99)[0]) / 0.0002
        np.testing.assert_allclose(of[:, k], slope, rtol=1e-5)
    with pytest.raises(ValueError, match="outside Cornish-Fisher's domain"):
        cornish_fisher_parts(np.r_[rng.standard_normal(500), 40.0][:, None], 0.95)


def test_volatility_follows_its_recursion_and_rescales_the_past():
    rng = np.random.default_rng(1)
    x, model = rng.standard_normal(300) * 5, Garch(2.0, 0.1, 0.8, True)
    variance = [np.mean(x**2)]
    for move in x:
        variance.append(2.0 + 0.1 * move**2 + 0.8 * variance[-1])
    path = volatility_path(x, model)
    np.testing.assert_allclose(path, np.sqrt(variance), rtol=1e-12)
    holed = np.column_stack([np.insert(x, 50, np.nan), np.zeros(301)])
    out = filtered_moves(holed, [model, model])
    assert np.isnan(out[50, 0])
    np.testing.assert_allclose(np.delete(out[:, 0], 50), x / path[:-1] * path[-1], rtol=1e-12)
    np.testing.assert_array_equal(out[:, 1], 0.0)


def test_garch_is_found_and_what_does_not_fit_is_ewma():
    rng = np.random.default_rng(3)
    x, variance = np.zeros(6000), 1.0
    for k in range(1, len(x)):
        variance = 0.05 + 0.08 * x[k - 1] ** 2 + 0.87 * variance
        x[k] = np.sqrt(variance) * rng.standard_normal()
    found = fit_garch(x * 10)
    assert found.fitted
    assert (found.omega / 100, found.alpha, found.beta) == pytest.approx((0.05, 0.08, 0.87), abs=0.03)
    for odd in (np.zeros(300), np.array([1.0]), np.cumsum(np.abs(rng.standard_normal(400))) ** 4):
        assert not fit_garch(odd).fitted
    assert fit_garch(np.zeros(300))[:3] == (0.0, pytest.approx(0.06), 0.94)


def test_moves_without_clustering_have_no_garch_wherever_the_optimiser_ends():
    """Calm and wild days alternate strictly: the likelihood is highest without any effect of the day before, where the
    optimiser ends at 0 or a rounding beside it."""
    x = np.random.default_rng(5).standard_normal(400) * np.tile([0.5, 1.5], 200)
    ends = {fit_garch(x * k).fitted for k in (1.0, 1.0000001, 0.3, 7.0)}
    assert ends == {False}


def test_too_few_worst_scenarios_are_an_error():
    with pytest.raises(ValueError, match="worst scenarios"):
        tail_parts(np.full((50, 2), -1.0), 10_000, 0.95)
