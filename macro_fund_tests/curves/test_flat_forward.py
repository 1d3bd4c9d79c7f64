"""Flat-forward interpolation against published examples, QuantLib and properties."""

from __future__ import annotations

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.curves.flat_forward import curves, flat_forward, forward_rate

NODES = st.dictionaries(st.integers(1, 4000), st.floats(0.001, 0.5), min_size=1, max_size=20)


def test_published_interpolation() -> None:
    found = flat_forward([30, 60, 90], [0.045, 0.05, 0.055], [15, 45, 75])
    np.testing.assert_allclose(found, [0.045, 0.04833068080970859, 0.052997], atol=5e-7)


def test_published_forward() -> None:
    assert float(forward_rate(10, 20, 0.05, 0.06)) == pytest.approx(0.0700952380952371, abs=1e-12)


@given(NODES)
def test_passes_through_its_nodes(nodes: dict[int, float]) -> None:
    np.testing.assert_allclose(
        flat_forward(list(nodes), list(nodes.values()), list(nodes)), list(nodes.values()), rtol=1e-10
    )


@given(NODES, st.integers(1, 5000), st.integers(1, 900))
def test_forwards_compound_to_the_spot_rate(nodes: dict[int, float], near: int, length: int) -> None:
    curve = curves(np.zeros(len(nodes)), list(nodes), list(nodes.values()))
    far = near + length
    years = np.array([near, length, far]) / 252
    growth = (1 + curve.rate(0, near)) ** years[0] * (1 + curve.forward(0, near, far)) ** years[1]
    assert float(growth) == pytest.approx(float((1 + curve.rate(0, far)) ** years[2]), rel=1e-9)


def test_forward_is_constant_between_nodes_and_beyond_the_last() -> None:
    curve = curves([0, 0, 0], [1, 252, 504], [0.10, 0.11, 0.12])
    inside = curve.forward(0, np.arange(252, 504), np.arange(253, 505))
    beyond = curve.forward(0, np.arange(504, 1000), np.arange(505, 1001))
    assert np.ptp(inside) < 1e-10
    np.testing.assert_allclose(beyond, inside[0], rtol=1e-9)
    assert float(curve.rate(0, 1)) == pytest.approx(0.10, abs=1e-14)
    np.testing.assert_allclose(curve.forward(0, 0, [1, 252]), [0.10, 0.11], rtol=1e-12)


@settings(max_examples=30)
@given(st.lists(NODES, min_size=2, max_size=6), st.lists(st.integers(1, 5000), min_size=1, max_size=8))
def test_many_curves_at_once_are_each_curve_alone(many: list[dict[int, float]], at: list[int]) -> None:
    number = np.repeat(np.arange(len(many)), [len(n) for n in many])
    days, rates = (np.array([x for n in many for x in part(n)]) for part in (list, lambda n: list(n.values())))
    shuffle = np.random.default_rng(1).permutation(number.size)
    together = curves(number[shuffle], days[shuffle], rates[shuffle])
    found = together.rate(np.arange(len(many))[:, None], at)
    for i, nodes in enumerate(many):
        assert np.array_equal(found[i], flat_forward(list(nodes), list(nodes.values()), at))
        assert together.last_bdays(i) == max(nodes)


def test_quantlib_log_linear_discounts_agree() -> None:
    start, days, rates = ql.Date(28, 3, 2019), [1, 200, 443, 943], [0.064, 0.0655, 0.0712, 0.082]
    brazil = ql.Brazil()
    dates = [brazil.advance(start, n, ql.Days) for n in days]
    factors = [1.0, *[(1 + r) ** (-n / 252) for r, n in zip(rates, days, strict=True)]]
    curve = ql.DiscountCurve([start, *dates], factors, ql.Business252(brazil))
    for n in (2, 63, 199, 201, 300, 442, 700, 942):
        expected = curve.discount(brazil.advance(start, n, ql.Days)) ** (-252 / n) - 1
        assert float(flat_forward(days, rates, n)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("number", "days", "rates", "text"),
    [
        ([0, 0], [1, 1], [0.1, 0.1], "same business day"),
        ([0], [0], [0.1], "drop expired"),
        ([0], [1], [-1.0], "above -100%"),
        ([0], [1], [np.nan], "above -100%"),
        ([1], [1], [0.1], "at least one node"),
    ],
)
def test_bad_nodes_name_the_remedy(number: list[int], days: list[int], rates: list[float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        curves(number, days, rates)


def test_bad_points_are_refused() -> None:
    curve = curves([0], [10], [0.1])
    with pytest.raises(ValueError, match="at least one business day"):
        curve.rate(0, 0)
    with pytest.raises(ValueError, match="start < end"):
        curve.forward(0, 21, 21)
    with pytest.raises(ValueError, match="start < end"):
        forward_rate(20, 10, 0.1, 0.1)
    with pytest.raises(ValueError, match=">= 0"):
        curve.log_capitalisation(0, -1)
