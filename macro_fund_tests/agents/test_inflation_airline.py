"""The airline model: the published estimates on its own series, planted parameters, and origins that know no more."""

from __future__ import annotations

import numpy as np
import pytest

from macro_fund.agents.inflation_airline import airline, airline_rates

# Box and Jenkins, series G: international airline passengers, thousands, January 1949 to December 1960.
PASSENGERS = [
    112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118, 115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114,
    140, 145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166, 171, 180, 193, 181, 183, 218, 230, 242, 209, 191,
    172, 194, 196, 196, 236, 235, 229, 243, 264, 272, 237, 211, 180, 201, 204, 188, 235, 227, 234, 264, 302, 293, 259,
    229, 203, 229, 242, 233, 267, 269, 270, 315, 364, 347, 312, 274, 237, 278, 284, 277, 317, 313, 318, 374, 413, 405,
    355, 306, 271, 306, 315, 301, 356, 348, 355, 422, 465, 467, 404, 347, 305, 336, 340, 318, 362, 348, 363, 435, 491,
    505, 404, 359, 310, 337, 360, 342, 406, 396, 420, 472, 548, 559, 463, 407, 362, 405, 417, 391, 419, 461, 472, 535,
    622, 606, 508, 461, 390, 432,
]  # fmt: skip


def test_series_g() -> None:
    found = airline(PASSENGERS)
    assert found.ma == pytest.approx(-0.4018, abs=3e-4)
    assert found.seasonal_ma == pytest.approx(-0.5569, abs=3e-4)
    assert found.variance == pytest.approx(0.001348, abs=1e-6)
    assert found.loglik == pytest.approx(244.7, abs=0.01)
    assert found.aic == pytest.approx(-483.39, abs=0.02)


def prices(n: int, seed: int) -> np.ndarray:
    """Monthly rates of a price level that follows the model (0,1,1)(0,1,1)12 with -0.5 and -0.7, errors of 0.2%."""
    rng = np.random.default_rng(seed)
    e = np.concatenate([np.zeros(13), 0.002 * rng.standard_normal(n)])
    w = e[13:] - 0.5 * e[12:-1] - 0.7 * e[1:-12] + 0.35 * e[:-13]
    rates = 0.005 + 0.002 * np.cos(np.arange(n) * np.pi / 6)
    for t in range(12, n):
        rates[t] = rates[t - 12] + w[t]  # logs, near enough
    return np.expm1(rates)


def test_planted_parameters_are_found() -> None:
    found = [airline(np.exp(np.cumsum(np.log1p(prices(300, s))))) for s in range(4)]
    assert np.mean([f.ma for f in found]) == pytest.approx(-0.5, abs=0.08)
    assert np.mean([f.seasonal_ma for f in found]) == pytest.approx(-0.7, abs=0.08)
    assert np.mean([f.variance**0.5 for f in found]) == pytest.approx(0.002, rel=0.1)


def test_origins_know_what_was_and_nothing_else() -> None:
    rates = prices(130, 1)
    changed = rates.copy()
    changed[100:] += 0.05
    origins = [50, 88, 94, 100]
    found, other = airline_rates(rates, origins), airline_rates(changed, origins)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()
    np.testing.assert_array_equal(found, other)
    np.testing.assert_allclose(airline_rates(rates, [100, 88, 94, 50])[[3, 1, 2, 0]], found)


def test_the_season_of_the_past_comes_back() -> None:
    months = np.arange(112)
    rates = 0.005 + 0.002 * np.cos(months * np.pi / 6) + 1e-4 * np.random.default_rng(2).standard_normal(112)
    found = airline_rates(rates[:100], [100])[0]
    np.testing.assert_allclose(found, 0.005 + 0.002 * np.cos(months[100:] * np.pi / 6), atol=3e-4)


def test_what_is_too_short_or_not_positive_is_refused() -> None:
    for values in (PASSENGERS[:40], [-1.0] * 80):
        with pytest.raises(ValueError, match="60 positive months"):
            airline(values)
