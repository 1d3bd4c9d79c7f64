"""Debt arithmetic: published numbers, the identity and its inverse, and the primary balance that holds debt still."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.agents.debt import (
    implied_primary,
    next_ratio,
    nominal_growth,
    paths,
    snowball,
    stabilising_primary,
)

rates = st.floats(-0.05, 0.30)
ratios = st.floats(0.1, 2.0)
shares = st.floats(0.0, 0.6)


def test_stabilising_primary_of_a_textbook() -> None:
    """Debt 50%, real rate 4%, growth 2% (Dolan): 1% by the difference, 0.98039% by the exact ratio."""
    assert stabilising_primary(0.5, 0.04, 0.02) == pytest.approx(0.00980392156862745, abs=1e-12)
    assert stabilising_primary(0.5, 0.04, 0.02) * 1.02 == pytest.approx(0.01, abs=1e-12)


def test_stabilising_primary_of_brazil() -> None:
    """d 78.5%, i 11%, g 2%, pi 4.5%: 3.25% of GDP."""
    assert stabilising_primary(0.785, 0.11, nominal_growth(0.02, 0.045)) == pytest.approx(0.0325, abs=5e-5)


def test_three_years_of_debt() -> None:
    """d 80%, i 10%, nominal growth 6%, primary 1%."""
    factors = np.full((1, 3), snowball(0.10, 0.06, 0.0, 0.0, 0.0, 0.0))
    found = paths(0.8, factors, np.full((1, 3), 0.01))[0]
    assert found == pytest.approx([0.820188679245283, 0.8411391954432182, 0.8628802971580567], abs=1e-12)


def test_foreign_debt_grows_with_its_rate_and_the_currency() -> None:
    """By hand: 80% at 10%, 20% at 5% with BRL 20% weaker, growth 2%, inflation 4%."""
    assert snowball(0.10, 0.02, 0.04, 0.2, 0.05, 0.20) == pytest.approx((0.8 * 1.1 + 0.2 * 1.05 * 1.2) / (1.02 * 1.04))


@given(d=ratios, i=rates, g=rates, pi=rates)
def test_the_stabilising_primary_stabilises(d: float, i: float, g: float, pi: float) -> None:
    primary = stabilising_primary(d, i, nominal_growth(g, pi))
    assert next_ratio(d, snowball(i, g, pi, 0.0, 0.0, 0.0), primary, 0.0) == pytest.approx(d, abs=1e-12)


@given(d=ratios, i=rates, g=rates, pi=rates, a=shares, f=rates, e=st.floats(-0.4, 1.0), pb=rates)
def test_the_identity_gives_back_the_primary(
    d: float, i: float, g: float, pi: float, a: float, f: float, e: float, pb: float
) -> None:
    factor = snowball(i, g, pi, a, f, e)
    assert implied_primary(d, next_ratio(d, factor, pb, 0.0), factor) == pytest.approx(pb, abs=1e-12)


@given(d=ratios, i=rates, g=rates, pi=rates, a=shares, up=st.floats(1e-4, 0.1))
def test_signs(d: float, i: float, g: float, pi: float, a: float, up: float) -> None:
    """Dearer interest and depreciation raise debt; growth, inflation and a better balance lower it."""
    base = next_ratio(d, snowball(i, g, pi, a, 0.05, 0.0), 0.01, 0.0)
    assert next_ratio(d, snowball(i + up, g, pi, a, 0.05, 0.0), 0.01, 0.0) > base
    assert next_ratio(d, snowball(i, g, pi, a, 0.05, up), 0.01, 0.0) >= base
    assert next_ratio(d, snowball(i, g + up, pi, a, 0.05, 0.0), 0.01, 0.0) < base
    assert next_ratio(d, snowball(i, g, pi + up, a, 0.05, 0.0), 0.01, 0.0) < base
    assert next_ratio(d, snowball(i, g, pi, a, 0.05, 0.0), 0.01 + up, 0.0) < base
    assert next_ratio(d, snowball(i, g, pi, a, 0.05, 0.0), 0.01, up) > base


def test_paths_are_the_recursion_and_refuse_other_shapes() -> None:
    rng = np.random.default_rng(1)
    factors, primary = 1 + 0.05 * rng.standard_normal((7, 10)), 0.02 * rng.standard_normal((7, 10))
    adjustment = 0.01 * rng.standard_normal((7, 10))
    found = paths(0.7, factors, primary, adjustment)
    for k in range(7):
        debt = 0.7
        for year in range(10):
            debt = next_ratio(debt, float(factors[k, year]), float(primary[k, year]), float(adjustment[k, year]))
            assert found[k, year] == pytest.approx(debt, abs=1e-12)
    with pytest.raises(ValueError, match="shape"):
        paths(0.7, factors, primary[:, :5])
