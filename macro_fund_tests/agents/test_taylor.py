"""Policy rules: the published numbers, and that the terms are the rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents.taylor import (
    PHI_RANGE,
    RHO_RANGE,
    TERMS,
    THETA_RANGE,
    Economy,
    Smoothed,
    fit_smoothed,
    median_rule,
    rule_terms,
    taylor_rate,
)

small = st.floats(-0.2, 0.3, allow_nan=False)


def economy(**changes: float) -> Economy:
    base = {
        "neutral_rate": 0.045,
        "expected_inflation": 0.05,
        "inflation_target": 0.03,
        "output_gap": 0.01,
        "gap_change": 0.02,
        "policy_rate": 0.12,
    }
    return Economy(**{k: np.array([v]) for k, v in {**base, **changes}.items()})


@pytest.mark.parametrize(("inflation", "gap", "rate"), [(2, 0, 4.0), (3, 1, 6.0), (1, -2, 1.5)])
def test_mc_taylor_1993(inflation: float, gap: float, rate: float) -> None:
    # Taylor (1993): r = p + 0.5 y + 0.5 (p - 2) + 2, in percent.
    assert taylor_rate(inflation, gap, neutral_rate=2.0, inflation_target=2.0) == pytest.approx(rate, abs=1e-12)


def test_the_three_rules_by_hand() -> None:
    rates = rule_terms(economy()).sum(axis=1)[:, 0]
    star = 0.045 + 0.03 + 1.5 * 0.02 + 0.5 * 0.01  # 11.0%
    assert rates[0] == pytest.approx(star, abs=1e-15)
    assert rates[1] == pytest.approx(0.6561 * 0.12 + 0.3439 * star, abs=1e-15)
    assert rates[2] == pytest.approx(0.12 + 0.02 + 0.02, abs=1e-15)


def test_smoothing_is_the_quarterly_walk() -> None:
    rate = 0.12
    for _ in range(4):
        rate = 0.9 * rate + 0.1 * 0.11
    assert rule_terms(economy()).sum(axis=1)[1, 0] == pytest.approx(rate, abs=1e-15)


def test_the_median_rule_brings_its_own_terms() -> None:
    rates, middle, terms = median_rule(rule_terms(economy()))
    assert terms.shape == (len(TERMS), 1)
    assert terms.sum() == sorted(rates[:, 0])[1]
    assert middle[0] == 1


@given(st.tuples(small, small, small, small, small, small))
@settings(max_examples=60)
def test_first_rule_is_the_taylor_rate(inputs: tuple[float, ...]) -> None:
    r, pi, target, gap, change, i = inputs
    terms = rule_terms(
        economy(
            neutral_rate=r,
            expected_inflation=pi,
            inflation_target=target,
            output_gap=gap,
            gap_change=change,
            policy_rate=i,
        )
    )
    assert terms[0].sum() == pytest.approx(taylor_rate(pi, gap, r, target), abs=1e-12)


@pytest.mark.parametrize("name", ["neutral_rate", "expected_inflation", "output_gap", "policy_rate", "gap_change"])
def test_no_rule_falls_when_an_input_rises(name: str) -> None:
    base = getattr(economy(), name)[0]
    before, after = (rule_terms(economy(**{name: v})).sum(axis=1)[:, 0] for v in (base, base + 0.01))
    assert (after >= before).all()
    assert (after > before).any()


def test_a_higher_target_is_easier_policy() -> None:
    before, after = (rule_terms(economy(inflation_target=v)).sum(axis=1)[:, 0] for v in (0.03, 0.04))
    assert (after < before).all()


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_n_quarters_are_n_walks_of_one(quarters: int) -> None:
    smoothed = Smoothed(0.8, 2.0, 0.3)
    rates = rule_terms(economy(), quarters, smoothed).sum(axis=1)[:, 0]
    i, star = 0.12, 0.045 + 0.03 + 2.0 * 0.02 + 0.3 * 0.01
    for _ in range(quarters):
        i = 0.8 * i + 0.2 * star
    assert rates[1] == pytest.approx(i, abs=1e-15)
    assert rates[2] == pytest.approx(0.12 + quarters * 0.25 * (0.02 + 0.02), abs=1e-15)


@given(st.floats(0.6, 0.98), st.floats(1.0, 3.5), st.floats(0.1, 8.0))
@settings(max_examples=40)
def test_the_smoothed_rule_lies_between_today_and_its_target(rho: float, phi: float, quarters: float) -> None:
    rate = rule_terms(economy(), quarters, Smoothed(rho, phi, 0.5)).sum(axis=1)[1, 0]
    star = taylor_rate(0.05, 0.01, 0.045, 0.03, phi=phi, theta=0.5)
    assert min(0.12, star) - 1e-12 <= rate <= max(0.12, star) + 1e-12


def policy(seed: int, n: int, rho: float, phi: float, theta: float, noise: float = 0.002) -> tuple[np.ndarray, ...]:
    """(rate, neutral, expected, target, gap): a committee that follows the smoothed rule."""
    rng = np.random.default_rng(seed)
    neutral = 0.05 + np.cumsum(rng.normal(0, 5e-4, n))
    target = np.full(n, 0.04)
    expected, gap, rate = np.full(n, 0.045), np.zeros(n), np.full(n, 0.11)
    for t in range(1, n):
        expected[t] = 0.045 + 0.85 * (expected[t - 1] - 0.045) + rng.normal(0, 0.004)
        gap[t] = 0.8 * gap[t - 1] + rng.normal(0, 0.008)
        star = taylor_rate(expected[t], gap[t], neutral[t - 1], target[t], phi=phi, theta=theta)
        rate[t] = rho * rate[t - 1] + (1 - rho) * star + rng.normal(0, noise)
    return rate, neutral, expected, target, gap


@pytest.mark.parametrize(("rho", "phi", "theta"), [(0.85, 2.0, 0.6), (0.7, 1.5, 0.3), (0.92, 2.5, 1.0)])
def test_planted_rho_and_phi_are_recovered_within_their_errors(rho: float, phi: float, theta: float) -> None:
    far = []
    for seed in range(12):
        found = fit_smoothed(*policy(seed, 200, rho, phi, theta))
        assert found.n == 199
        planted = np.array([rho, phi, theta])
        far.append((np.array([found.rho, found.phi, found.theta]) - planted) / np.array(found.errors))
    assert (np.abs(far) < 2).mean() > 0.85
    assert np.abs(np.median(far, axis=0)).max() < 0.9


def test_estimates_stay_in_their_bounds_and_say_when_they_touch_them() -> None:
    found = fit_smoothed(*policy(1, 200, 0.3, 6.0, 0.0))
    assert found.rho == pytest.approx(RHO_RANGE[0], abs=1e-3)
    assert PHI_RANGE[0] <= found.phi <= PHI_RANGE[1]
    assert THETA_RANGE[0] <= found.theta <= THETA_RANGE[1]
    assert "rho" in found.at_bound


def test_a_missing_quarter_is_left_out_and_too_few_are_refused() -> None:
    rate, neutral, expected, target, gap = policy(2, 60, 0.85, 2.0, 0.5)
    expected[30] = np.nan
    assert fit_smoothed(rate, neutral, expected, target, gap).n == 58
    with pytest.raises(ValueError, match="8 complete quarters"):
        fit_smoothed(rate[:6], neutral[:6], expected[:6], target[:6], gap[:6])


def test_the_neutral_rate_of_the_quarter_before_counts() -> None:
    """Without noise the fit is exact only if each quarter's target has the r* that was known before its decision."""
    rate, neutral, expected, target, gap = policy(3, 80, 0.85, 2.0, 0.6, noise=0.0)
    neutral = neutral + np.where(np.arange(80) % 2, 0.01, -0.01)
    for t in range(1, 80):
        star = taylor_rate(expected[t], gap[t], neutral[t - 1], target[t], phi=2.0, theta=0.6)
        rate[t] = 0.85 * rate[t - 1] + 0.15 * star
    found = fit_smoothed(rate, neutral, expected, target, gap)
    assert found.rmse < 1e-9
    assert (found.rho, found.phi, found.theta) == pytest.approx((0.85, 2.0, 0.6), abs=1e-5)


def test_a_committee_that_changes_its_rule_is_seen_and_one_that_does_not_is_not() -> None:
    """From the middle on it sets the rate a point above the same rule's: the CUSUM test of the residuals rejects."""
    same, changed = [], []
    for seed in range(12):
        rate, neutral, expected, target, gap = policy(seed, 120, 0.8, 1.8, 0.5, noise=0.001)
        same.append(fit_smoothed(rate, neutral, expected, target, gap).break_p)
        later = np.where(np.arange(120) < 60, 0.0, 0.02)
        new = policy(seed, 120, 0.8, 1.8, 0.5, noise=0.001)[0] + later * (1 - 0.8 ** np.maximum(np.arange(120) - 59, 0))
        changed.append(fit_smoothed(new, neutral, expected, target, gap).break_p)
    assert np.mean(np.array(same) < 0.05) <= 0.2
    assert np.mean(np.array(changed) < 0.05) >= 0.9


def test_few_quarters_have_no_break_test() -> None:
    assert fit_smoothed(*policy(2, 18, 0.85, 2.0, 0.5)).break_p is None
