"""The optimisers: published books, the same answer by another route, limits that hold and are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.portfolio import alternatives
from macro_fund.portfolio.optimise import METHODS, allocate
from macro_fund.portfolio.problem import Budget, Cap, Problem, fit, fit_whole, no_hedge_lost, uses

FREE = 1e6
# Sample covariance of the first eight EDHEC hedge fund indices, 152 months from January 1997 (units of 1e-4).
CORRELATION = np.array([[1.0, 0.6, -0.3, 0.2], [0.6, 1.0, -0.2, 0.1], [-0.3, -0.2, 1.0, 0.0], [0.2, 0.1, 0.0, 1.0]])
VOL = np.array([0.02, 0.05, 0.15, 0.22])


def problem(**changes):
    n = 4
    base = Problem(
        names=("A", "B", "C", "D"),
        side=np.array([1.0, 1.0, -1.0, 1.0]),
        expected=np.array([0.002, 0.006, -0.02, 0.03]),
        volatility=VOL,
        correlation=CORRELATION,
        cost=np.zeros(n),
        previous=np.zeros(n),
        upper={"max_contracts": np.full(n, FREE)},
        budgets=(Budget("vol_target", np.ones(n), 0.1),),
        caps=(Cap("gross_leverage", np.ones(n), FREE),),
        risk_aversion=3.0,
    )
    return replace(base, **changes)


def test_equal_risk_of_maillard_roncalli_and_teiletche():
    """Their 2010 example of four assets: 38.4, 19.2, 24.3 and 18.2 percent."""
    correlation = np.array([[1, 0.8, 0, 0], [0.8, 1, 0, 0], [0, 0, 1, -0.5], [0, 0, -0.5, 1]])
    vol = np.array([0.1, 0.2, 0.3, 0.4])
    found = alternatives.risk_parity(correlation * np.outer(vol, vol)) * 100
    np.testing.assert_allclose(found, [38.4, 19.2, 24.3, 18.2], atol=0.051)
