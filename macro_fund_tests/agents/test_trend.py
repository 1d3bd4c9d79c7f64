"""HP end point: against our own one-sided filter, and what any trend must do."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.agents.trend import trend_end
from macro_fund.features.stats import one_sided_hp


def test_a_straight_line_is_its_own_trend() -> None:
    assert trend_end(0.5 + 0.01 * np.arange(100)) == pytest.approx(0.5 + 0.01 * 99, abs=1e-9)


def test_same_end_point_as_the_one_sided_filter() -> None:
    y = np.cumsum(np.random.default_rng(4).normal(0, 0.01, 120)) + 4.0
    assert trend_end(y) == pytest.approx(one_sided_hp(pl.Series(y))[-1], abs=1e-9)


def test_too_short() -> None:
    with pytest.raises(ValueError, match="3 values or more, got 2"):
        trend_end(np.array([1.0, 2.0]))
