"""Volatility and covariance against outside numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from macro_fund.portfolio.covariance import YEAR, complete_rows, ewma_vol, ledoit_wolf, shrunk_covariance

EDHEC = Path(__file__).resolve().parents[2] / "../shared/oracles/data/edhec.csv"


def test_ewma_volatility_gives_the_leverage_of_a_volatility_target():
    vol = ewma_vol(np.array([[0.01], [-0.02], [0.015], [0.005]]))[:, 0]
    leverage = 0.1 / (vol * np.sqrt(YEAR))
    expected = [0.629940788348712, 0.5799075005326843, 0.5647479083522693, 0.578793170114353]
    np.testing.assert_allclose(leverage, expected, atol=1e-12, rtol=0)


def test_ewma_keeps_its_state_over_a_missing_day_and_starts_with_the_first_shock():
    gap = ewma_vol(np.array([[np.nan], [0.01], [np.nan], [-0.02]]))[:, 0]
    assert np.isnan(gap[0])
    assert gap[1] == gap[2]
    assert gap[3] == pytest.approx(np.sqrt(0.94 * 1e-4 + 0.06 * 4e-4), abs=1e-15)


def test_ewma_of_a_prefix_is_the_prefix_of_ewma():
    shocks = np.random.default_rng(2).standard_normal((300, 3))
    np.testing.assert_array_equal(ewma_vol(shocks)[:120], ewma_vol(shocks[:120]))


def test_ledoit_wolf_is_the_formula_of_the_paper():
    """Ledoit and Wolf (2004), lemma 3.2-3.5, written out: scaled identity target, population covariance."""
    x = np.array([[1.0, 0.5], [-2.0, 0.1], [0.3, -1.2], [1.5, 0.9], [-0.8, -0.3]])
    centred = x - x.mean(axis=0)
    n, p = x.shape
    sample = centred.T @ centred / n
    mean = np.trace(sample) / p
    distance = ((sample - mean * np.eye(p)) ** 2).sum() / p
    noise = sum(((np.outer(r, r) - sample) ** 2).sum() for r in centred) / n**2 / p
    shrinkage = min(noise, distance) / distance
    covariance, got = ledoit_wolf(x)
    assert got == pytest.approx(shrinkage, abs=1e-12)
    np.testing.assert_allclose(covariance, (1 - shrinkage) * sample + shrinkage * mean * np.eye(p), atol=1e-12)


def test_ledoit_wolf_of_hedge_fund_indices():
    if not EDHEC.exists():
        pytest.skip(f"reference data {EDHEC.name} is not on this machine")
    columns = ["Convertible Arbitrage", "CTA Global", "Distressed Securities"]
    covariance, shrinkage = ledoit_wolf(pl.read_csv(EDHEC).head(100).select(columns).to_numpy())
    assert shrinkage == pytest.approx(0.14903459277821182, abs=1e-9)
    assert covariance[0, 0] == pytest.approx(0.0001786426, abs=1e-9)


def test_shrinkage_leaves_variances_alone_whatever_the_units():
    x = np.random.default_rng(5).standard_normal((400, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.3], [0, 0, 1]])
    units = np.array([10.0, 0.01, 1.0])
    plain, scaled = shrunk_covariance(x), shrunk_covariance(x * units)
    np.testing.assert_allclose(np.diag(plain), x.var(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaled, plain * np.outer(units, units), rtol=1e-9)
    sample = np.cov(x.T, ddof=0)
    assert np.all(np.abs(plain[np.triu_indices(3, 1)]) <= np.abs(sample[np.triu_indices(3, 1)]))


def test_a_column_that_never_moves_is_refused():
    with pytest.raises(ValueError, match="never moves"):
        shrunk_covariance(np.column_stack([np.arange(5.0), np.zeros(5)]))


def test_complete_rows_drops_days_with_a_gap():
    np.testing.assert_array_equal(complete_rows(np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, 5.0]])), [[1, 2], [4, 5]])
