"""GARCH: the published benchmark and a library's GJR on DM/GBP, planted parameters, units, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.features.volatility import garch
from macro_fund_tests.realworld import FOLDER

DM_GBP = FOLDER.parent / "oracles/data/dem2gbp.csv"
published = pytest.mark.skipif(not DM_GBP.is_file(), reason=f"the 1,974 returns of DM/GBP are not at {DM_GBP}")


def planted(n: int, seed: int, omega: float = 0.02, alpha: float = 0.08, gamma: float = 0.0, beta: float = 0.9):
    """Returns of a (GJR-)GARCH(1,1) and its conditional volatility."""
    rng = np.random.default_rng(seed)
    z, e, h = rng.standard_normal(n), np.zeros(n), np.zeros(n)
    h[0] = omega / (1.0 - alpha - gamma / 2 - beta)
    for t in range(n):
        if t:
            h[t] = omega + (alpha + gamma * (e[t - 1] < 0)) * e[t - 1] ** 2 + beta * h[t - 1]
        e[t] = z[t] * np.sqrt(h[t])
    return 0.03 + e, np.sqrt(h)


@published
def test_the_benchmark_of_fiorentini_calzolari_and_panattoni() -> None:
    found = garch(np.loadtxt(DM_GBP))
    assert found.converged
    assert found.params["mu"] == pytest.approx(-0.00619041, abs=2e-7)
    assert found.params["omega"] == pytest.approx(0.0107613, abs=3e-7)
    assert found.params["alpha[1]"] == pytest.approx(0.153134, abs=2e-6)
    assert found.params["beta[1]"] == pytest.approx(0.805974, abs=2e-6)
    assert found.loglik == pytest.approx(-1106.608, abs=1e-3)
    assert found.std_errors["mu"] == pytest.approx(0.00846212, abs=1.5e-5)
    assert found.std_errors["omega"] == pytest.approx(0.00285271, abs=5e-7)
    assert found.std_errors["alpha[1]"] == pytest.approx(0.0265228, abs=1e-5)
    assert found.std_errors["beta[1]"] == pytest.approx(0.0335527, abs=1e-5)


@published
def test_gjr_of_another_library() -> None:
    found = garch(np.loadtxt(DM_GBP), 1, 1, 1)
    for name, value in {"alpha[1]": 0.1405, "gamma[1]": 0.0283, "beta[1]": 0.8014}.items():
        assert found.params[name] == pytest.approx(value, abs=5e-4)
    assert found.loglik == pytest.approx(-1106.1015, abs=0.005)


def test_planted_parameters_and_volatility_are_found() -> None:
    returns, volatility = planted(6000, 5, alpha=0.04, gamma=0.09, beta=0.88)
    found = garch(returns, 1, 1, 1)
    for name, value in {"mu": 0.03, "alpha[1]": 0.04, "gamma[1]": 0.09, "beta[1]": 0.88, "omega": 0.02}.items():
        assert abs(found.params[name] - value) < 3.5 * found.std_errors[name]
    assert np.corrcoef(found.volatility, volatility)[0, 1] > 0.97
    assert found.residuals.std() == pytest.approx(1.0, abs=0.02)
    kept = garch(returns[:-1], 1, 1, 1)
    assert kept.next_volatility == pytest.approx(found.volatility[-1], rel=0.02), "the next one, before it is seen"


def test_the_recursion_by_hand() -> None:
    returns, _ = planted(800, 2)
    found, b = garch(returns, backcast=1.5), 1.5
    p = found.params
    e = returns - p["mu"]
    h = [p["omega"] + (p["alpha[1]"] + p["beta[1]"]) * b]
    for t in range(1, e.size + 1):
        h.append(p["omega"] + p["alpha[1]"] * e[t - 1] ** 2 + p["beta[1]"] * h[-1])
    np.testing.assert_allclose(found.volatility, np.sqrt(h[:-1]), rtol=1e-9)
    assert found.next_volatility == pytest.approx(np.sqrt(h[-1]), rel=1e-9)
    np.testing.assert_allclose(found.residuals, e / np.sqrt(h[:-1]), rtol=1e-9)
    loglik = -0.5 * np.sum(np.log(2 * np.pi) + np.log(h[:-1]) + e**2 / h[:-1])
    assert found.loglik == pytest.approx(loglik, rel=1e-10)


@settings(max_examples=5)
@given(st.floats(1e-3, 1e2))
def test_units_do_not_matter(unit: float) -> None:
    returns, _ = planted(700, 9)
    one, other = garch(returns), garch(unit * returns)
    np.testing.assert_allclose(other.residuals, one.residuals, atol=1e-5)
    np.testing.assert_allclose(other.volatility, unit * one.volatility, rtol=1e-5)
    assert other.params["omega"] == pytest.approx(unit**2 * one.params["omega"], rel=1e-4)
    assert other.loglik == pytest.approx(one.loglik - 700 * np.log(unit), abs=1e-5)


def test_fat_tails_are_seen() -> None:
    rng = np.random.default_rng(3)
    thick = garch(0.01 * rng.standard_t(4, 3000), dist="t")
    assert thick.params["nu"] == pytest.approx(4.0, abs=1.0)
    assert thick.loglik > garch(0.01 * np.random.default_rng(3).standard_t(4, 3000)).loglik + 50


@pytest.mark.parametrize(
    ("values", "words"),
    [(np.zeros(300), "vary"), (np.ones(100), "250"), (np.full(300, np.nan), "finite"), (np.ones((300, 2)), "vector")],
)
def test_what_cannot_be_fitted_is_refused(values: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        garch(values)
