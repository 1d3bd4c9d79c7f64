"""Neutral rate: a published fit, planted rates recovered, and what the filter may not do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents.neutral import AR_RANGE, fit_neutral


def simulated(seed: int, n: int, level_sd: float, ar: float, stance_sd: float) -> tuple[np.ndarray, np.ndarray]:
    """(r*, real rate)."""
    rng = np.random.default_rng(seed)
    star = 5.0 + np.cumsum(rng.normal(0, level_sd, n))
    stance = np.zeros(n)
    stance[0] = rng.normal(0, stance_sd / np.sqrt(1 - ar**2)) if ar else rng.normal(0, stance_sd)
    for k in range(1, n):
        stance[k] = ar * stance[k - 1] + rng.normal(0, stance_sd)
    return star, star + stance


def test_ts_nile_local_level():
    # Durbin and Koopman (2012), section 2.10: variances 15,099 and 1,469.1; diffuse log likelihood -632.54.
    nile = pytest.importorskip("statsmodels.datasets.nile").load().data["volume"].to_numpy(dtype=float)
    found = fit_neutral(nile, persistent=False)
    assert found.converged
    assert found.parameters["stance_sd"] ** 2 == pytest.approx(15099, abs=30)
    assert found.parameters["level_sd"] ** 2 == pytest.approx(1469.1, abs=15)
    assert found.log_likelihood == pytest.approx(-632.54, abs=0.01)


def test_a_planted_local_level_is_recovered_within_its_standard_error():
    """The truth lies within one standard error about two times in three, and within two nineteen in twenty."""
    misses = []
    for seed in range(8):
        star, real = simulated(seed, 200, 0.15, 0.0, 0.6)
        found = fit_neutral(real, persistent=False)
        misses.append((found.path - star)[24:] / found.std_error[24:])
    within = np.abs(np.concatenate(misses))
    assert 0.55 < (within < 1).mean() < 0.80
    assert (within < 2).mean() > 0.88


def test_a_planted_rate_under_a_persistent_stance_is_recovered_within_its_standard_error():
    ends, ars = [], []
    for seed in range(20):
        star, real = simulated(100 + seed, 240, 0.15, 0.9, 0.3)
        found = fit_neutral(real, level_sd=0.15)
        ends.append((found.path[-1] - star[-1]) / found.std_error[-1])
        ars.append(found.parameters["ar"])
    assert (np.abs(ends) < 2).mean() >= 0.85
    assert abs(np.median(ars) - 0.9) < 0.06


def test_free_variances_make_the_real_rate_its_own_neutral_rate():
    """Why the step is stated: nothing tells a slow stance from a moving r*, and then the rule is always right."""
    rate = 6.0 + np.cumsum(np.random.default_rng(3).normal(0, 0.4, 150))
    free, stated = fit_neutral(rate, persistent=False), fit_neutral(rate, level_sd=0.15)
    assert np.abs(free.path - rate)[12:].max() < 0.3
    assert np.abs(stated.path - rate)[12:].mean() > 5 * np.abs(free.path - rate)[12:].mean()


def test_a_published_value_pulls_and_narrows():
    _, real = simulated(5, 150, 0.15, 0.95, 0.4)
    published = np.full(150, np.nan)
    published[138:] = 9.0
    before, after = fit_neutral(real, level_sd=0.15), fit_neutral(real, published=published, level_sd=0.15)
    assert abs(after.path[-1] - 9.0) < abs(before.path[-1] - 9.0) / 2
    assert after.std_error[-1] < before.std_error[-1] / 2
    assert np.abs(after.path[:138] - before.path[:138]).max() < 1.0


def test_months_without_a_real_rate_leave_the_rate_and_widen_its_error():
    _, real = simulated(6, 150, 0.15, 0.9, 0.3)
    blind = real.copy()
    blind[120:] = np.nan
    found = fit_neutral(blind, level_sd=0.15)
    assert np.ptp(found.path[120:]) < 1e-9
    assert (np.diff(found.std_error[119:]) > 0).all()


def test_it_is_filtered_not_smoothed():
    """With the parameters held, later months change no earlier number: only the estimates of the parameters move."""
    _, real = simulated(7, 120, 0.15, 0.0, 0.6)
    whole, part = fit_neutral(real, level_sd=0.15, persistent=False), None
    spliced = np.concatenate([real[:60], np.full(60, np.nan)])
    part = fit_neutral(spliced, level_sd=0.15, persistent=False)
    ratio = whole.parameters["stance_sd"] / part.parameters["stance_sd"]
    assert 0.8 < ratio < 1.25
    assert np.abs(whole.path[:60] - part.path[:60]).max() < 0.1
    assert part.std_error[59] == pytest.approx(whole.std_error[59], rel=0.2)


@given(st.integers(0, 1000), st.floats(0.1, 20.0))
@settings(max_examples=10)
def test_in_bounds_and_in_any_unit(seed: int, scale: float):
    _, real = simulated(seed, 80, 0.15, 0.9, 0.4)
    one, other = fit_neutral(real, level_sd=0.15), fit_neutral(real * scale, level_sd=0.15 * scale)
    assert AR_RANGE[0] <= one.parameters["ar"] <= AR_RANGE[1]
    assert one.parameters["stance_sd"] > 0
    assert other.path[-1] == pytest.approx(scale * one.path[-1], rel=0.02, abs=0.02 * scale)


def test_bad_arguments():
    with pytest.raises(ValueError, match="3 real rates or more"):
        fit_neutral(np.array([1.0, np.nan, 2.0]))
    with pytest.raises(ValueError, match="one value a period"):
        fit_neutral(np.ones(5), published=np.ones(4))
