"""European options: Haug's values, numerical derivatives, parity, and parts that sum to the change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.instruments.options import PARTS, Option
from macro_fund.instruments.options import option as an_option


@pytest.mark.parametrize(
    ("side", "spot", "strike", "expiry", "rate", "carry", "sigma", "value"),
    [
        (1, 60, 65, 0.25, 0.08, 0.0, 0.30, 2.1334),
        (-1, 100, 95, 0.5, 0.10, 0.05, 0.20, 2.4648),
        (-1, 75, 70, 0.5, 0.10, 0.05, 0.35, 4.0870),
        (1, 42, 40, 0.75, 0.04, 0.08, 0.35, 5.0975),
        (1, 19, 19, 0.75, 0.10, 0.10, 0.28, 1.7011),  # on a future: its yield is the rate
        (-1, 19, 19, 0.75, 0.10, 0.10, 0.28, 1.7011),
        (1, 1.56, 1.6, 0.5, 0.06, 0.08, 0.12, 0.0291),  # on a currency
    ],
)
def test_haugs_prices(
    side: int, spot: float, strike: float, expiry: float, rate: float, carry: float, sigma: float, value: float
) -> None:
    assert float(an_option(side, strike, expiry, rate, carry).price(spot, sigma)) == pytest.approx(value, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "option", "spot", "sigma", "value"),
    [
        ("delta", an_option(1, 100, 0.5, 0.1, 0.1), 105, 0.36, 0.5946),
        ("delta", an_option(-1, 100, 0.5, 0.1, 0.1), 105, 0.36, -0.3566),
        ("gamma", an_option(1, 60, 0.75, 0.1), 55, 0.3, 0.0278),
        ("vega", an_option(1, 60, 0.75, 0.1), 55, 0.3, 18.9358),
        ("theta", an_option(-1, 405, 1 / 12, 0.07, 0.05), 430, 0.2, -31.1924),
    ],
)
def test_haugs_greeks(name: str, option: Option, spot: float, sigma: float, value: float) -> None:
    assert float(option.greeks(spot, sigma)[name]) == pytest.approx(value, abs=1e-4)


OPTIONS = st.builds(
    an_option,
    side=st.sampled_from([1.0, -1.0]),
    strike=st.floats(4.0, 7.0),
    expiry=st.floats(0.1, 2.0),
    rate=st.floats(0.02, 0.16),
    carry=st.floats(0.0, 0.08),
)
SPOT, SIGMA = st.floats(4.5, 6.5), st.floats(0.08, 0.4)


@given(OPTIONS, SPOT, SIGMA)
def test_greeks_are_the_derivatives_of_the_price(option: Option, spot: float, sigma: float) -> None:
    g, h = option.greeks(spot, sigma), 1e-4
    up, down = option.price(spot + h, sigma), option.price(spot - h, sigma)
    rich, cheap = option.price(spot, sigma + h), option.price(spot, sigma - h)
    assert float((up - down) / (2 * h)) == pytest.approx(float(g["delta"]), abs=1e-5)
    assert float((rich - cheap) / (2 * h)) == pytest.approx(float(g["vega"]), abs=1e-4)
    passed = (option.price(spot, sigma, h) - option.price(spot, sigma, -h)) / (2 * h)
    assert float(passed) == pytest.approx(float(g["theta"]), abs=1e-4)
    near = [option.greeks(spot + d, sigma) for d in (h, -h)]
    assert float((near[0]["delta"] - near[1]["delta"]) / (2 * h)) == pytest.approx(float(g["gamma"]), abs=1e-3)
    assert float((near[0]["vega"] - near[1]["vega"]) / (2 * h)) == pytest.approx(float(g["vanna"]), abs=1e-2)
    apart = [option.greeks(spot, sigma + d)["vega"] for d in (h, -h)]
    assert float((apart[0] - apart[1]) / (2 * h)) == pytest.approx(float(g["volga"]), abs=1e-2)


@given(OPTIONS, SPOT, SIGMA)
def test_call_less_put_is_the_forward(option: Option, spot: float, sigma: float) -> None:
    call, put = (
        an_option(s, option.strike, option.expiry, option.rate, option.carry).price(spot, sigma) for s in (1, -1)
    )
    forward = spot * np.exp(-option.carry * option.expiry) - option.strike * np.exp(-option.rate * option.expiry)
    assert float(call - put) == pytest.approx(float(forward), abs=1e-12)


def test_the_published_explain_and_its_residual() -> None:
    """at_greeks_explain: a call at 100, spot +2, volatility +1 point, one day of 252; py_vollib."""
    parts = an_option(1, 100, 0.25, 0.05).explain((100, 102), (0.20, 0.21), 1 / 252)
    expected = {
        "delta": 1.1389203664,
        "gamma": 0.0785760019,
        "vega": 0.1964400047,
        "theta": -0.0415640923,
        "vanna": -0.0029466001,
        "volga": 6.44569e-05,
        "residual": -0.0070934126,
    }
    assert {k: float(v) for k, v in parts.items()} == pytest.approx(expected, abs=1e-9)
    assert float(sum(parts.values())) == pytest.approx(1.362396725, abs=1e-9)


@given(OPTIONS, SPOT, SPOT, SIGMA, SIGMA, st.floats(0.0, 0.05))
def test_parts_sum_to_the_change(option: Option, s0: float, s1: float, v0: float, v1: float, passed: float) -> None:
    parts = option.explain((s0, s1), (v0, v1), passed)
    assert tuple(parts) == PARTS
    change = option.price(s1, v1, passed) - option.price(s0, v0)
    assert float(sum(parts.values())) == pytest.approx(float(change), abs=1e-12)


def test_many_at_once_are_each_alone() -> None:
    spots, sigmas = np.array([5.0, 5.5, 6.0]), np.array([0.1, 0.2, 0.3])
    option = an_option(np.array([1.0, -1.0, 1.0]), 5.4, np.array([0.1, 0.5, 1.0]), 0.12, 0.04)
    rows = zip(option.side, option.expiry, spots, sigmas, strict=True)
    alone = [an_option(s, 5.4, t, 0.12, 0.04).price(x, v) for s, t, x, v in rows]
    assert option.price(spots, sigmas).tolist() == pytest.approx([float(x) for x in alone], rel=1e-14)


@pytest.mark.parametrize(
    ("spot", "sigma", "passed", "words"),
    [
        (0.0, 0.2, 0.0, "positive spot"),
        (5.0, 0.0, 0.0, "positive volatility"),
        (5.0, 0.2, 0.5, "positive time left, got 0"),
    ],
)
def test_what_has_no_price_is_told(spot: float, sigma: float, passed: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        an_option(1, 5.4, 0.5, 0.12).price(spot, sigma, passed)
