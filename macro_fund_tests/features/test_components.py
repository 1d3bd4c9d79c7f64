"""STL against the authors' program, principal components by identities and on published data, CUSUM on the Nile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from macro_fund.features.components import principal_components, singular_spectrum, stl
from macro_fund.features.stability import cusum
from macro_fund_tests.realworld import FOLDER

ORACLES = FOLDER.parent / "oracles/data"
CO2 = Path(statsmodels.__file__).parent / "tsa/stl/tests/results"

# Annual flow of the Nile at Aswan, 1871-1970 (10^8 m3), as in R's `Nile`.
NILE = [
    1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
    1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969, 831,
    726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845,
    944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890, 744, 749, 838, 1050, 918,
    986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
]  # fmt: skip


@pytest.mark.skipif(not (CO2 / "stl_co2.csv").is_file(), reason=f"statsmodels is installed without {CO2}")
def test_stl_is_clevelands() -> None:
    """Season and trend of CO2 by the authors' Fortran program."""
    y = np.loadtxt(CO2 / "stl_co2.csv")
    lines = [r.split(",") for r in (CO2 / "stl_test_results.csv").read_text().splitlines() if r.startswith(" baseline")]
    expected = np.array([[float(v) for v in r[2:4]] for r in lines])
    found = stl(y, 12, seasonal=35, trend=19, low_pass=13, jumps=(4, 2, 2), iterations=(1, 2))
    assert len(expected) == y.size
    np.testing.assert_allclose(found.season, expected[:, 0], atol=1e-8)
    np.testing.assert_allclose(found.trend, expected[:, 1], atol=1e-8)
    np.testing.assert_allclose(found.trend + found.season + found.remainder, y, atol=1e-10)
    assert (found.trend[0], found.season[0]) == pytest.approx((315.55193972532356, -0.13125464336066284), abs=1e-8)


def test_a_sine_has_two_parts_and_a_line_beside_it_two_more() -> None:
    t = np.arange(60.0)
    sine = np.sin(2 * np.pi * t / 12)
    found = singular_spectrum(sine, 24)
    assert found.rank() == 2
    np.testing.assert_allclose(found.parts[:, :2].sum(axis=1), sine, atol=1e-9)
    both = singular_spectrum(0.5 * t + 3.0 + sine, 24)
    assert both.rank() == 4
    np.testing.assert_allclose(both.parts[:, :4].sum(axis=1), 0.5 * t + 3.0 + sine, atol=1e-9)


@given(arrays(np.float64, 40, elements=st.floats(-100, 100, width=32)), st.integers(2, 39))
def test_the_parts_of_a_spectrum_are_the_series(y: np.ndarray, window: int) -> None:
    found = singular_spectrum(y, window)
    assert found.parts.shape == (40, min(window, 41 - window))
    np.testing.assert_allclose(found.parts.sum(axis=1), y, atol=1e-9)
    assert (np.diff(found.sizes) <= 1e-9).all()
    # The matrix of windows holds each value as often as it has windows.
    often = np.convolve(np.ones(window), np.ones(41 - window))
    assert (found.sizes**2).sum() == pytest.approx((often * y**2).sum(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("values", "window"), [([1.0, 2.0, 3.0], 3), ([1.0, 2.0, 3.0], 1), ([1.0, np.nan, 3.0], 2)])
def test_what_has_no_spectrum(values: list[float], window: int) -> None:
    with pytest.raises(ValueError, match="a window of 2 to n - 1"):
        singular_spectrum(values, window)


@pytest.mark.skipif(not (ORACLES / "edhec.csv").is_file(), reason=f"no returns of hedge funds at {ORACLES}")
def test_shares_of_eight_hedge_fund_indices() -> None:
    returns = np.genfromtxt(ORACLES / "edhec.csv", delimiter=",", skip_header=1)[:, 1:9]
    expected = [
        0.6417553426502182, 0.19046659921780057, 0.08864284206478107, 0.028437271128090875, 0.020597376928668826,
        0.01496145679120731, 0.009918550036213206, 0.005220561183020015,
    ]  # fmt: skip
    np.testing.assert_allclose(principal_components(returns).shares, expected, atol=1e-9)


@given(arrays(np.float64, (30, 4), elements=st.floats(-100, 100, width=32)))
def test_identities_of_principal_components(x: np.ndarray) -> None:
    assume(x.var(axis=0).max() >= 1e-6)
    found = principal_components(x)
    scale = x.var(axis=0).sum()
    assert found.variances.sum() == pytest.approx(np.trace(np.cov(x.T)), rel=1e-9)
    assert (np.diff(found.variances) <= 1e-9 * scale).all()
    np.testing.assert_allclose(np.cov(found.scores.T), np.diag(found.variances), atol=1e-8 * scale)
    np.testing.assert_allclose(found.loadings.T @ found.loadings, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(found.scores @ found.loadings.T + found.means, x, atol=1e-9 * max(1, np.abs(x).max()))
    np.testing.assert_allclose(found.scores_of(x), found.scores)
    assert found.shares.sum() == pytest.approx(1.0)


def test_signs_do_not_turn_with_one_more_row_nor_with_the_columns_sign() -> None:
    """A level, a slope and noise, as in a curve: each loading's largest entry is positive at every length."""
    rng = np.random.default_rng(8)
    level, slope = rng.normal(0, 1.0, 400), rng.normal(0, 0.4, 400)
    curve = level[:, None] + slope[:, None] * np.linspace(-1, 1.2, 5) + rng.normal(0, 0.05, (400, 5))
    before = principal_components(curve[:200]).loadings
    for n in range(201, 400, 20):
        now = principal_components(curve[:n]).loadings
        assert (np.sum(before[:, :2] * now[:, :2], axis=0) > 0.9).all()
    largest = np.abs(before).argmax(axis=0)
    assert (before[largest, np.arange(5)] > 0).all()
    np.testing.assert_allclose(principal_components(-curve[:200]).loadings, before, atol=1e-12)


def test_what_cannot_be_decomposed_is_refused() -> None:
    for x, words in ((np.ones((5, 2)), "vary"), (np.ones(5), "matrix"), (np.full((5, 2), np.nan), "finite")):
        with pytest.raises(ValueError, match=words):
            principal_components(x)
    with pytest.raises(ValueError, match="two periods"):
        stl(np.ones(20))


def test_the_break_of_the_nile() -> None:
    """strucchange: efp(Nile ~ 1), S0 = 2.9518, p = 5.409e-08."""
    flow = np.array(NILE, dtype=float)
    found = cusum(flow - flow.mean())
    assert found.statistic == pytest.approx(2.9518, abs=5e-5)
    assert found.p_value == pytest.approx(5.409e-08, abs=1e-11)


def test_without_a_break_the_level_of_the_test_is_right_and_with_one_it_is_seen() -> None:
    rng = np.random.default_rng(6)
    noise = rng.normal(size=(2000, 120))
    p = np.array([cusum(row - row.mean()).p_value for row in noise])
    assert 0.02 < np.mean(p < 0.05) < 0.065  # an asymptotic test is shy in short samples
    shifted = noise[:200] + np.where(np.arange(120) < 60, 0.0, 1.0)
    assert np.mean([cusum(row - row.mean()).p_value < 0.05 for row in shifted]) > 0.95


def test_what_has_no_cusum_is_refused() -> None:
    for x, words in ((np.zeros(40), "0"), (np.ones(10), "20"), (np.full(40, np.nan), "finite")):
        with pytest.raises(ValueError, match=words):
            cusum(x)
