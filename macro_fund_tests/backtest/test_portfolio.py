"""The book of all strategies: equal risk, the volatility target, and weights from the past alone."""

from __future__ import annotations

import numpy as np
import pytest

from macro_fund.backtest.portfolio import MAX_SCALE, MIN_DAYS, allocate

CAPITAL, TARGET = 1e8, 0.10


def noise(days: int, *scales: float, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(days, len(scales))) * np.array(scales)


def monthly(days: int) -> np.ndarray:
    return np.arange(days) % 21 == 0


def test_strategies_of_any_size_get_the_same_risk() -> None:
    net = noise(1000, 1e5, 4e5)
    weights = allocate(net, monthly(1000), CAPITAL, TARGET).weights[-1]
    # Each alone would make 10% / 2 of the capital; together, uncorrelated, they are scaled up to 10%.
    spread = net[-504:].std(axis=0, ddof=1)
    assert weights[0] * spread[0] == pytest.approx(weights[1] * spread[1], rel=0.05)


def test_the_book_meets_the_target_out_of_sample() -> None:
    net = noise(3000, 4e5, 6e5, 5e5)
    made = allocate(net, monthly(3000), CAPITAL, TARGET).net[600:]
    assert made.std() * np.sqrt(252) / CAPITAL == pytest.approx(TARGET, rel=0.05)


def test_nothing_is_held_before_a_year_and_weights_hold_from_the_day_after() -> None:
    net = noise(600, 4e5)
    weights = allocate(net, monthly(600), CAPITAL, TARGET).weights[:, 0]
    first = np.flatnonzero(weights)[0]
    assert first == 21 * 12 + 1 > MIN_DAYS
    assert np.count_nonzero(np.diff(weights)) <= 600 / 21


def test_a_multiple_is_bounded_and_a_strategy_that_never_trades_is_left_out() -> None:
    net = noise(600, 10.0, 0.0)
    weights = allocate(net, monthly(600), CAPITAL, TARGET).weights[-1]
    assert weights.tolist() == [MAX_SCALE, 0.0]


def test_the_future_does_not_move_a_weight() -> None:
    net = noise(900, 4e5, 6e5)
    later = net.copy()
    later[700:] *= 50
    one, two = (allocate(x, monthly(900), CAPITAL, TARGET) for x in (net, later))
    assert np.array_equal(one.weights[:701], two.weights[:701])


def test_contributions_are_the_book() -> None:
    found = allocate(noise(600, 4e5, 6e5), monthly(600), CAPITAL, TARGET)
    assert found.net == pytest.approx((found.weights * noise(600, 4e5, 6e5)).sum(axis=1))


def test_a_refused_strategy_has_no_weight() -> None:
    weights = allocate(noise(600, 4e5, 6e5), monthly(600), CAPITAL, TARGET, refused=np.array([0.0, 1.0])).weights
    assert (weights[:, 1] == 0).all()
    assert weights[-1, 0] > 0
