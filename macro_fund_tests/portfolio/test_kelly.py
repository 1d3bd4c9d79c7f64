"""Kelly's closed forms against Thorp (2006), and leverage for a volatility target."""

from __future__ import annotations

import numpy as np
import pytest

from macro_fund.portfolio import kelly


def test_thorp_2006():
    assert kelly.kelly_fraction(0.11, 0.15, 0.06) == pytest.approx(2.2222222222, abs=1e-8)
    assert kelly.kelly_growth(0.11, 0.15, 0.06) == pytest.approx(0.1155555556, abs=1e-8)
    assert kelly.coin_fraction(0.6) == pytest.approx(0.2, abs=1e-8)
    assert kelly.coin_growth(0.6) == pytest.approx(0.0201355136, abs=1e-8)


def test_half_kelly_keeps_three_quarters_of_the_growth():
    whole = kelly.kelly_growth(0.11, 0.15, 0.06) - 0.06
    half = kelly.kelly_growth(0.11, 0.15, 0.06, part=0.5) - 0.06
    assert half / whole == pytest.approx(0.75, abs=1e-12)


def test_a_coin_that_is_not_fair_is_not_played_and_a_sure_one_doubles():
    assert (kelly.coin_fraction(0.4), kelly.coin_growth(0.4)) == (0.0, 0.0)
    assert kelly.coin_growth(1.0) == pytest.approx(np.log(2))


def test_half_kelly_volatility():
    """A Sharpe ratio of 0.5 allows half Kelly a volatility of 25% a year."""
    assert kelly.kelly_volatility(0.5, 0.5) == 0.25
    assert kelly.kelly_volatility(-0.5, 0.5) == 0.0


def test_leverage_for_a_volatility_target():
    """RiskMetrics (1996): decay 0.94 from the first squared return, target over volatility, for the next day."""
    found = kelly.vol_target_leverage(np.array([0.01, -0.02, 0.015, 0.005]), 0.1)
    worked = [0.629940788348712, 0.5799075005326843, 0.5647479083522693, 0.578793170114353]
    np.testing.assert_allclose(found, worked, rtol=0, atol=1e-12)
