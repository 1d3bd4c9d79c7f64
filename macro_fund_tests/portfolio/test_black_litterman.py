"""Black-Litterman against the tables of He and Litterman (1999) and Idzorek (2005), and what one view must do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.portfolio.black_litterman import equilibrium, optimal_weights, posterior, view_variance

# He and Litterman (1999), table 1 and 2: Australia, Canada, France, Germany, Japan, UK, USA.
CORRELATION = np.array(
    [
        [1, 0.488, 0.478, 0.515, 0.439, 0.512, 0.491],
        [0.488, 1, 0.664, 0.655, 0.31, 0.608, 0.779],
        [0.478, 0.664, 1, 0.861, 0.355, 0.783, 0.668],
        [0.515, 0.655, 0.861, 1, 0.354, 0.777, 0.653],
        [0.439, 0.31, 0.355, 0.354, 1, 0.405, 0.306],
        [0.512, 0.608, 0.783, 0.777, 0.405, 1, 0.652],
        [0.491, 0.779, 0.668, 0.653, 0.306, 0.652, 1],
    ]
)
VOL = np.array([0.16, 0.203, 0.248, 0.271, 0.21, 0.2, 0.187])
SIGMA = CORRELATION * np.outer(VOL, VOL)
MARKET = np.array([0.016, 0.022, 0.052, 0.055, 0.116, 0.124, 0.615])
DELTA, TAU = 2.5, 0.05
GERMANY = [0, 0, -0.295, 1, 0, -0.705, 0]
CANADA = [0, 1, 0, 0, 0, 0, -1]


def test_equilibrium_returns_are_those_published():
    found = equilibrium(SIGMA, MARKET, DELTA) * 100
    np.testing.assert_allclose(found, [3.9, 6.9, 8.4, 9.0, 4.3, 6.8, 7.6], atol=0.051)


@pytest.mark.parametrize(
    ("picks", "views", "mean", "weights"),
    [
        ([GERMANY], [0.05], [4.3, 7.6, 9.3, 11.0, 4.5, 7.0, 8.1], [1.5, 2.1, -4.0, 35.4, 11.0, -9.5, 58.6]),
        (
            [GERMANY, CANADA],
            [0.05, 0.03],
            [4.4, 8.7, 9.5, 11.2, 4.6, 7.0, 7.5],
            [1.5, 41.9, -3.4, 33.6, 11.0, -8.2, 18.8],
        ),
    ],
)
def test_views_of_he_and_litterman(picks, views, mean, weights):
    """Tables 4 and 5. Their weights use the covariance about the posterior mean, Sigma + M, and sum to less than 1."""
    p = np.array(picks)
    variance = np.diag(p @ (TAU * SIGMA) @ p.T)
    found = posterior(SIGMA, p, np.array(views), variance, TAU, equilibrium(SIGMA, MARKET, DELTA))
    np.testing.assert_allclose(found.mean * 100, mean, atol=0.056)
    np.testing.assert_allclose(optimal_weights(found.mean, found.covariance, DELTA) * 100, weights, atol=0.056)


def test_idzorek_table_6():
    """Idzorek (2005): omega is diag(P tau Sigma P'), and weights use Sigma alone at the market's risk aversion."""
    sigma = np.array(
        [
            [0.001005, 0.001328, -0.000579, -0.000675, 0.000121, 0.000128, -0.000445, -0.000437],
            [0.001328, 0.007277, -0.001307, -0.00061, -0.002237, -0.000989, 0.001442, -0.001535],
            [-0.000579, -0.001307, 0.059852, 0.027588, 0.063497, 0.023036, 0.032967, 0.048039],
            [-0.000675, -0.00061, 0.027588, 0.029609, 0.026572, 0.021465, 0.020697, 0.029854],
            [0.000121, -0.002237, 0.063497, 0.026572, 0.102488, 0.042744, 0.039943, 0.065994],
            [0.000128, -0.000989, 0.023036, 0.021465, 0.042744, 0.032056, 0.019881, 0.032235],
            [-0.000445, 0.001442, 0.032967, 0.020697, 0.039943, 0.019881, 0.028355, 0.035064],
            [-0.000437, -0.001535, 0.048039, 0.029854, 0.065994, 0.032235, 0.035064, 0.079958],
        ]
    )
    market = np.array([0.1934, 0.2613, 0.1209, 0.1209, 0.0134, 0.0134, 0.2418, 0.0349])
    published = np.array([0.08, 0.67, 6.41, 4.08, 7.43, 3.7, 4.8, 6.6]) / 100
    delta = float((market @ published) / (market @ sigma @ market))
    picks = np.array([[0, 0, 0, 0, 0, 0, 1, 0], [-1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0.9, -0.9, 0.1, -0.1, 0, 0]])
    variance = np.diag(picks @ (0.025 * sigma) @ picks.T)
    found = posterior(
        sigma, picks, np.array([0.0525, 0.0025, 0.02]), variance, 0.025, equilibrium(sigma, market, delta)
    )
    np.testing.assert_allclose(found.mean * 100, [0.07, 0.5, 6.5, 4.32, 7.59, 3.94, 4.93, 6.84], atol=0.021)
    weights = optimal_weights(found.mean, sigma, delta) * 100
    np.testing.assert_allclose(weights, [29.88, 15.59, 9.35, 14.82, 1.04, 1.65, 27.81, 3.49], atol=0.021)


@given(
    confidence=st.floats(0.01, 1.0),
    view=st.floats(-0.5, 0.5),
    tau=st.floats(0.01, 1.0),
    pick=st.lists(st.floats(-1, 1), min_size=7, max_size=7).filter(lambda p: max(map(abs, p)) > 0.05),
)
def test_one_view_tilts_its_portfolio_by_exactly_its_confidence(confidence, view, tau, pick):
    p, c = np.array([pick]), np.array([confidence])
    prior = equilibrium(SIGMA, MARKET, DELTA)
    found = posterior(SIGMA, p, np.array([view]), view_variance(SIGMA, p, c, tau), tau, prior)
    before = (p @ prior).item()
    assert (p @ found.mean).item() == pytest.approx(before + confidence * (view - before), abs=1e-9)


def test_no_view_leaves_the_prior():
    none = np.zeros((0, 7))
    found = posterior(SIGMA, none, np.zeros(0), np.zeros(0), TAU)
    np.testing.assert_array_equal(found.mean, np.zeros(7))
    np.testing.assert_allclose(found.covariance, SIGMA * 1.05)


@pytest.mark.parametrize("confidence", [0.0, -0.1, 1.1])
def test_a_confidence_outside_its_range_is_an_error(confidence):
    with pytest.raises(ValueError, match="leave a view without confidence out"):
        view_variance(SIGMA, np.array([GERMANY]), np.array([confidence]), TAU)
