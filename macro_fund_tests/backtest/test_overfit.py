"""Probability of backtest overfitting: a published implementation's numbers, a slow reference, planted truths."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from macro_fund.backtest import overfit
from macro_fund.backtest.overfit import pbo

SMALL = np.array(
    [
        [6.4, 2, 3, 5, 1],
        [4.4, 5, -3, -5, -2],
        [-1.6, 5, 5, -5, 0],
        [4.4, -4, 4, -4, 0],
        [4.4, -2, -1, -2, 3],
        [-1.6, 6, 0, 0, 1],
        [1.4, 1, 1, 6, 4],
        [4.4, 3, 2, -1, 6],
        [0.4, -3, 5, -4, 5],
        [2.4, -4, -5, 0, -5],
        [-3.6, 1, 6, 0, 4],
        [6.4, 4, 2, 0, 1],
    ]
)


def slow(x: np.ndarray, blocks: int, metric: str) -> np.ndarray:
    """(splits, 3) logit and the chosen one's scores in and out of sample, split by split, each with its own rows."""
    parts = np.array_split(np.arange(len(x)), blocks)
    found = []
    for members in combinations(range(blocks), blocks // 2):
        rows = np.concatenate([parts[b] for b in members])
        rest = np.setdiff1d(np.arange(len(x)), rows)
        inside, outside = (
            x[r].mean(axis=0) / (x[r].std(axis=0, ddof=1) if metric == "sharpe" else 1.0) for r in (rows, rest)
        )
        best = inside.argmax()
        share = stats.rankdata(outside)[best] / (x.shape[1] + 1)
        found.append((np.log(share / (1 - share)), inside[best], outside[best]))
    return np.array(found)


def test_published_small_matrix() -> None:
    """Package pypbo on a fixed matrix, mean return as the score: a logit of exactly 0 counts as overfit."""
    found = pbo(SMALL, blocks=6, metric="mean")
    assert found.logits.size == 20
    assert found.pbo == pytest.approx(0.65, abs=1e-12)
    assert np.mean(found.logits < 0) == pytest.approx(0.50, abs=1e-12)


@pytest.mark.parametrize("metric", ["sharpe", "mean"])
@pytest.mark.parametrize(("days", "trials", "blocks"), [(96, 7, 6), (101, 4, 8), (250, 30, 10)])
def test_equals_the_slow_way(metric: overfit.Metric, days: int, trials: int, blocks: int) -> None:
    x = np.random.default_rng(days).standard_normal((days, trials)) * 0.01
    found = pbo(x, blocks, metric)
    expected = slow(x, blocks, metric)
    np.testing.assert_allclose(np.column_stack([found.logits, found.inside, found.outside]), expected, atol=1e-12)
    assert found.pbo == np.mean(expected[:, 0] <= 0)
    assert found.loss == np.mean(expected[:, 2] < 0)
    assert found.slope == pytest.approx(stats.linregress(expected[:, 1], expected[:, 2]).slope, rel=1e-9)


def test_memory_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(5).standard_normal((160, 9))
    whole = pbo(x, 8)
    monkeypatch.setattr(overfit, "CHUNK", 60)
    parts = pbo(x, 8)
    np.testing.assert_array_equal(whole.logits, parts.logits)
    np.testing.assert_array_equal(whole.chosen, parts.chosen)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.permutations(range(6)))
def test_order_and_size_of_strategies_do_not_matter(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((80, 6))
    found, other = pbo(x, 6), pbo(x[:, order] * rng.uniform(0.1, 10, 6), 6)
    assert other.pbo == found.pbo
    np.testing.assert_array_equal(np.array(order)[other.chosen], found.chosen)


def test_noise_is_overfit_half_of_the_time() -> None:
    found = [pbo(np.random.default_rng(s).standard_normal((400, 20)), 8).pbo for s in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_planted_skill_is_not_overfit() -> None:
    x = np.random.default_rng(7).standard_normal((1260, 50)) * 0.01
    x[:, 12] += 0.003
    found = pbo(x, 10)
    assert found.pbo == 0.0
    assert set(found.chosen) == {12}
    assert found.loss == 0.0


def test_planted_luck_of_one_period_is_overfit() -> None:
    """Strategy j earns in block j and loses a little elsewhere: whatever shines in sample fails outside."""
    rng = np.random.default_rng(8)
    x = rng.standard_normal((800, 8)) * 0.001 - 0.002
    for j in range(8):
        x[100 * j : 100 * (j + 1), j] += 0.02
    found = pbo(x, 8)
    assert found.pbo > 0.95
    assert found.loss == 1.0


def test_degradation_has_the_sign_of_the_truth() -> None:
    """Halves of one sample: what noise gains inside it loses outside."""
    x = np.random.default_rng(9).standard_normal((400, 30))
    found = pbo(x - x.mean(axis=0), 8, "mean")
    assert found.slope == pytest.approx(-1.0, abs=1e-9)
    np.testing.assert_allclose(found.inside, -found.outside, atol=1e-12)


def test_strategy_that_rests_for_years_has_a_score() -> None:
    x = np.random.default_rng(10).standard_normal((120, 3)) * 0.01
    x[:60, 1] = 0.0
    found = pbo(x, 4)
    assert np.isfinite(found.inside).all()
    assert np.isfinite(found.outside).all()


def test_refuses() -> None:
    x = np.random.default_rng(11).standard_normal((40, 3))
    for blocks in (5, 0, 22):
        with pytest.raises(ValueError, match="blocks must be even"):
            pbo(x, blocks)
    with pytest.raises(ValueError, match="at least 2 strategies"):
        pbo(x[:, :1], 4)
    x[:, 2] = 0.013
    with pytest.raises(ValueError, match="same return on every day"):
        pbo(x, 4)
    x[3, 2] = np.nan
    with pytest.raises(ValueError, match="missing"):
        pbo(x, 4)
