"""Sizing rules on arrays: hedges cut to whole contracts must not push the fund over its volatility."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.portfolio.covariance import YEAR
from macro_fund.portfolio.sizing import Book, ClassLimit, ask, size

SIGMA = np.array([[1_000.0, 9_000.0]])


def _book(score, budget=400_000.0):
    return Book(
        score=np.array([score]),
        sigma=SIGMA,
        sign=np.ones(2),
        budget=np.full(2, budget),
        classes=np.array(["rates", "fx"]),
        caps=np.full(2, 1e9),
    )


def _netted(_, contracts):
    """Volatility of two positions that hedge each other one for one."""
    return float(np.sqrt(YEAR) * abs(contracts @ SIGMA[0]))


def test_a_truncated_hedge_is_made_good():
    """25.2 contracts against 2.8 of nine times the risk net to nothing; 25 against 2 do not, and must shrink."""
    asked, whole, binding = size(_book([1.0, -1.0]), [], _netted, 60_000.0)
    np.testing.assert_allclose(asked, [[25.198, -2.7997]], atol=1e-3)
    assert _netted(0, np.trunc(asked[0])) > 60_000
    assert _netted(0, whole[0]) <= 60_000
    assert set(binding[0]) <= {"vol_target", "integer"}


def test_no_budget_share_without_a_score():
    np.testing.assert_array_equal(ask(_book([0.0, 0.0])), [[0.0, 0.0]])


@limited(max_examples=60)
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(1e3, 1e7), st.floats(1e3, 1e6), st.floats(1e3, 1e6))
def test_every_rule_only_reduces(first, second, budget, vol_cap, cap):
    limit = ClassLimit("br_dv01", "rates", np.full((1, 2), 20.0), cap)
    asked, whole, _ = size(_book([first, second], budget), [limit], _netted, vol_cap)
    assert np.all(np.abs(whole) <= np.abs(asked) + 1e-9)
    assert np.all(whole * asked >= 0)
    assert abs(whole[0, 0]) * 20 <= cap
    assert _netted(0, whole[0]) <= vol_cap
    np.testing.assert_array_equal(whole, np.trunc(whole))
