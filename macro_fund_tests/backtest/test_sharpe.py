"""The Sharpe ratio and its errors: published numbers, simulated truths, and what many trials cost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, stats

from macro_fund.backtest.sharpe import (
    annualised,
    deflated_sharpe,
    deflated_sharpe_of,
    expected_max,
    minimum_backtest_length,
    moments,
    probabilistic_sharpe,
    sharpe,
    sharpe_deviation,
    sharpes,
)

ratios = st.floats(-1, 1)


@pytest.mark.parametrize(
    ("sr", "skew", "kurt", "expected", "within"),
    [
        (0.458, 0, 3, 0.982, 0.00051),
        (0.458, -2.448, 10.164, 0.913, 0.00051),
        (0.45755008833277844, -2.448, 10.164, 0.9132343068848602, 1e-9),
    ],
)
def test_probability_published(sr: float, skew: float, kurt: float, expected: float, within: float) -> None:
    """Bailey and Lopez de Prado, The Sharpe Ratio Efficient Frontier: 24 months; package pypbo for the exact one."""
    assert probabilistic_sharpe(sr, 24, skew, kurt) == pytest.approx(expected, abs=within)


@pytest.mark.parametrize(
    ("sr", "skew", "kurt", "expected"), [(0.7079, -0.225, 2.957, 0.1028), (0.8183, -1.4455, 7.0497, 0.155)]
)
def test_deviation_published(sr: float, skew: float, kurt: float, expected: float) -> None:
    """The same paper, 134 months of two hedge fund indices."""
    assert sharpe_deviation(sr, 134, skew, kurt) == pytest.approx(expected, abs=5.1e-5)


def test_trials_published() -> None:
    """The Deflated Sharpe Ratio, numerical example; package pypbo; the backtest length of figure 2 of the PBO paper."""
    assert expected_max(100) == pytest.approx(2.5306028932016846, abs=1e-9)
    found = deflated_sharpe(0.15811388300841897, 1250, -3, 10, trial_variance=0.002, trials=100)
    assert found == pytest.approx(0.9003968344493903, abs=1e-8)
    assert minimum_backtest_length(45, 1.0) == pytest.approx(4.998087004443404, abs=1e-6)


@pytest.mark.parametrize(("trials", "within"), [(2, 0.08), (10, 0.024), (100, 0.011), (10_000, 0.011)])
def test_expected_largest_of_normals(trials: int, within: float) -> None:
    def density(x: float) -> float:
        return x * trials * stats.norm.pdf(x) * stats.norm.cdf(x) ** (trials - 1)

    exact = integrate.quad(density, -8, 9, limit=200)[0]
    assert expected_max(trials) == pytest.approx(exact, rel=within)


def test_one_trial_costs_nothing() -> None:
    assert expected_max(1) == 0.0
    assert minimum_backtest_length(1) == 0.0
    with pytest.raises(ValueError, match="at least one trial"):
        expected_max(0)


def test_ratio_of_a_few_numbers() -> None:
    # Mean 2, squared deviations 1, 0, 1 over n - 1 = 2.
    assert sharpe([1.0, 2.0, 3.0]) == pytest.approx(2.0)
    assert annualised(0.1) == pytest.approx(0.1 * math.sqrt(252))
    assert np.isnan(sharpe([0.1, 0.1, 0.1]))
    found = sharpes(np.column_stack([[1.0, 2.0, 3.0], [0.1] * 3, [-1.0, -2.0, -3.0]]))
    np.testing.assert_allclose(found, [2.0, np.nan, -2.0])


def test_moments_are_scipys() -> None:
    x = np.random.default_rng(1).standard_t(5, 500)
    m = moments(x)
    assert (m.sharpe, m.n) == (pytest.approx(x.mean() / x.std(ddof=1)), 500)
    assert m.skew == pytest.approx(stats.skew(x), rel=1e-12)
    assert m.kurt == pytest.approx(stats.kurtosis(x, fisher=False), rel=1e-12)
    assert np.isnan(moments([0.1] * 5).sharpe)


@pytest.mark.parametrize("sign", [1, -1])
def test_deviation_is_that_of_simulated_ratios(sign: int) -> None:
    """Returns as skewed as an exponential, turned both ways: the normal formula would be off by a third."""
    x = sign * (np.random.default_rng(2).exponential(size=(250, 8000)) - 1.0) + 0.5
    formula = sharpe_deviation(0.5, 250, skew=2.0 * sign, kurt=9.0)
    assert sharpes(x).std() == pytest.approx(formula, rel=0.05)
    assert abs(sharpe_deviation(0.5, 250) / formula - 1) > 0.15


@given(ratios, ratios, st.integers(10, 3000), st.floats(-2, 2), st.floats(0, 20))
def test_probability_grows_with_the_estimate(sr: float, benchmark: float, n: int, skew: float, extra: float) -> None:
    kurt = 1.0 + skew * skew + extra  # No distribution has less.
    p = probabilistic_sharpe(sr, n, skew, kurt, benchmark)
    assert 0 <= p <= 1
    assert probabilistic_sharpe(sr, n, skew, kurt, sr) == 0.5
    assert probabilistic_sharpe(sr, n, skew, kurt, benchmark - 0.1) >= p
    assert probabilistic_sharpe(-sr, n, -skew, kurt, -benchmark) == pytest.approx(1 - p, abs=1e-12)
    assume(abs(sr - benchmark) > 1e-3)
    # More of the same history moves the probability away from one half.
    assert (probabilistic_sharpe(sr, 2 * n, skew, kurt, benchmark) - p) * (sr - benchmark) >= 0


@given(ratios, st.floats(0, 0.01), st.integers(1, 10_000))
def test_trials_only_lower_it(sr: float, variance: float, trials: int) -> None:
    one = deflated_sharpe(sr, 1250, trial_variance=variance, trials=1)
    assert one == probabilistic_sharpe(sr, 1250)
    many = deflated_sharpe(sr, 1250, trial_variance=variance, trials=trials)
    assert deflated_sharpe(sr, 1250, trial_variance=variance, trials=trials + 1) <= many <= one


def worlds(seeds: int, planted: float) -> tuple[int, int, int]:
    """Of `seeds` worlds with 100 strategies of 5 years: how many promote noise (DSR, PSR), how many the planted.

    planted: annual ratio of the first strategy; the others have none.
    """
    false, naive, found = 0, 0, 0
    for seed in range(seeds):
        x = np.random.default_rng(seed).standard_normal((1260, 100)) * 0.01
        x[:, 0] += planted / math.sqrt(252) * 0.01
        trials = sharpes(x)
        noise = x[:, 1 + int(trials[1:].argmax())]
        false += deflated_sharpe_of(noise, trials) >= 0.95
        m = moments(noise)
        naive += probabilistic_sharpe(m.sharpe, m.n, m.skew, m.kurt) >= 0.95
        found += deflated_sharpe_of(x[:, 0], trials) >= 0.95
    return false, naive, found


def test_best_of_a_hundred_noises_is_not_promoted() -> None:
    false, naive, _ = worlds(100, planted=0.0)
    assert false <= 3
    assert naive >= 95  # Without the trials nearly every world has its discovery.


def test_planted_skill_is_found() -> None:
    false, _, found = worlds(100, planted=3.0)
    assert found >= 95
    assert false <= 3


def test_deflation_uses_the_trials_own_spread() -> None:
    x = np.random.default_rng(3).standard_normal(1260) * 0.01 + 0.0006
    trials = np.array([sharpe(x), 0.01, -0.02, 0.03])
    m = moments(x)
    expected = probabilistic_sharpe(m.sharpe, m.n, m.skew, m.kurt, math.sqrt(np.var(trials, ddof=1)) * expected_max(4))
    assert deflated_sharpe_of(x, trials) == pytest.approx(expected, abs=1e-12)
    assert deflated_sharpe_of(x, [sharpe(x)]) == pytest.approx(probabilistic_sharpe(m.sharpe, m.n, m.skew, m.kurt))
    assert np.isnan(deflated_sharpe_of([0.1] * 9, [0.1, 0.2]))


def test_refuses() -> None:
    with pytest.raises(ValueError, match="2 missing"):
        sharpe([0.1, np.nan, np.nan, 0.3])
    with pytest.raises(ValueError, match="one dimension"):
        sharpe([[0.1, 0.2]])
    with pytest.raises(ValueError, match="at least 2"):
        sharpe([0.1])
    with pytest.raises(ValueError, match="not in excess"):
        sharpe_deviation(1.0, 100, skew=3.0, kurt=0.0)
    with pytest.raises(ValueError, match="variance"):
        deflated_sharpe(0.1, 100, trial_variance=-1.0, trials=3)
    with pytest.raises(ValueError, match="missing"):
        deflated_sharpe_of([0.1, 0.2, 0.1], [0.1, np.nan])
    with pytest.raises(ValueError, match="above 0"):
        minimum_backtest_length(10, 0.0)
    with pytest.raises(ValueError, match="2 periods"):
        sharpe_deviation(0.1, 1)
