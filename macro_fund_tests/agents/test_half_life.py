"""Half-lives in short samples: no bias in the median, intervals that hold the truth, gaps that never close."""

from __future__ import annotations

import numpy as np
import pytest

from macro_fund.agents import half_life as module
from macro_fund.agents.beer import Correction, dols, error_correction
from macro_fund.agents.half_life import HalfLife, half_life
from macro_fund_tests.agents.test_beer import planted

MONTHS = 180


def found(y: np.ndarray, x: np.ndarray) -> tuple[HalfLife, Correction]:
    relation = dols(y, x, robust=False)
    correction = error_correction(y, x, relation)
    return half_life(y, x, relation, correction), correction


def months(value: float | None) -> float:
    return np.inf if value is None else value


@pytest.mark.parametrize("truth", [6.0, 12.0, 18.0])
def test_half_of_the_samples_read_more_and_the_interval_holds_nine_of_ten(truth: float) -> None:
    """Shares of 120 draws of 15 years: their own standard errors are 5% and 3%."""
    lives = [found(*planted(seed, MONTHS, truth))[0] for seed in range(1000, 1120)]
    assert np.mean([months(f.months) < truth for f in lives]) == pytest.approx(0.5, abs=0.12)
    assert np.mean([months(f.low) < truth < months(f.high) for f in lives]) == pytest.approx(0.9, abs=0.08)


def test_least_squares_alone_reads_too_little() -> None:
    """Why this module is there: the speed by itself says seven months where a year was planted."""
    plain = [np.log(0.5) / np.log1p(found(*planted(seed, MONTHS, 12.0))[1].loading) for seed in range(60)]
    assert 5.0 < np.median(plain) < 9.0


def test_a_walk_of_its_own_has_no_half_life_half_of_the_time() -> None:
    lives = [found(*planted(seed, MONTHS, np.inf))[0] for seed in range(2000, 2100)]
    assert np.mean([f.months is None for f in lives]) == pytest.approx(0.5, abs=0.15)
    assert np.mean([f.high is None for f in lives]) > 0.85


def test_the_draws_are_estimated_as_the_sample_is() -> None:
    """The fast estimate of many draws is the one that dols and error_correction give to each."""
    y, x = planted(7, MONTHS, 9.0)
    relation = dols(y, x, robust=False)
    gaps = np.random.default_rng(3).standard_normal((MONTHS, 5)).cumsum(axis=0) / 50
    fast = module._estimator(x, relation)(gaps)
    for k in range(5):
        drawn = relation.fair(x) + gaps[:, k]
        assert fast[k] == pytest.approx(error_correction(drawn, x, dols(drawn, x, robust=False)).loading, abs=1e-10)


def test_a_quicker_correction_never_has_a_longer_half_life() -> None:
    y, x = planted(8, MONTHS, 9.0)
    relation = dols(y, x, robust=False)
    speeds = np.linspace(-0.6, 0.01, 40)
    lives = [half_life(y, x, relation, Correction(float(v), 0.01, MONTHS)) for v in speeds]
    mid = [months(f.months) for f in lives]
    assert mid == sorted(mid)
    assert mid[-1] == np.inf
    assert all(months(f.low) <= months(f.months) <= months(f.high) for f in lives)


def test_twice_the_same_is_the_same() -> None:
    assert found(*planted(9, MONTHS, 9.0)) == found(*planted(9, MONTHS, 9.0))
