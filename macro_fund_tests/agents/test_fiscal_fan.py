"""The debt fan: planted VARs recovered, bands that hold what they say, and bands without width refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents.fiscal_fan import (
    JUMP,
    QUANTILES,
    ROOT_LIMIT,
    STEPS_A_YEAR,
    YEARS,
    Start,
    debt_of,
    drawn_parameters,
    drawn_rows,
    expected_path,
    fan,
    fit_var,
    require_width,
)

COEF = np.array([[0.75, -0.05, 0.0, -0.02], [0.1, 0.85, 0.05, 0.0], [0.25, 0.0, 0.8, 0.0], [0.0, 0.0, 0.0, 0.7]])
NOISE = np.array([[0.008, 0, 0, 0], [-0.003, 0.008, 0, 0], [0.004, 0, 0.007, 0], [-0.02, 0, 0, 0.06]])
MEAN = np.array([0.02, 0.05, 0.01, 0.0])


def economy(rng: np.random.Generator, steps: int) -> np.ndarray:
    """A VAR(1) of (growth, real rate, primary, real exchange rate) after a long burn-in."""
    shocks = rng.standard_normal((steps + 150, 4)) @ NOISE.T
    x, out = MEAN.copy(), np.empty((steps + 150, 4))
    for t, shock in enumerate(shocks):
        x = MEAN + COEF @ (x - MEAN) + shock
        out[t] = x
    return out[150:]


def start_of(values: np.ndarray, debt: float = 0.7) -> Start:
    return Start(values[-1], debt, 0.1, np.zeros(values.shape[0] - 1))


def test_a_long_history_gives_back_the_planted_var() -> None:
    found = fit_var(economy(np.random.default_rng(3), 4000))
    assert np.abs(found.coef - COEF).max() < 4 * found.std_errors[1:].max()
    assert found.coef == pytest.approx(COEF, abs=0.15)
    assert np.cov(found.residuals.T) == pytest.approx(NOISE @ NOISE.T, abs=3e-4)
    assert found.root == pytest.approx(np.abs(np.linalg.eigvals(COEF)).max(), abs=0.02)


def test_the_correction_takes_most_of_the_bias_out() -> None:
    """Mean over 200 samples of 48 steps: persistence of least squares falls short, the corrected one much less."""
    rng = np.random.default_rng(4)
    corrected, raw = [], []
    for _ in range(200):
        values = economy(rng, 48)
        x = np.column_stack([np.ones(47), values[:-1]])
        raw.append(np.trace(np.linalg.lstsq(x, values[1:], rcond=None)[0][1:]))
        corrected.append(np.trace(fit_var(values).coef))
    short, left = np.trace(COEF) - np.mean(raw), np.trace(COEF) - np.mean(corrected)
    assert short > 0.25
    assert abs(left) < 0.4 * short


def test_the_band_holds_four_of_five_outcomes() -> None:
    """150 planted economies of 48 steps: the 10-90 band at years 1 to 10 holds the debt that came in about 80%."""
    inside = []
    for k in range(150):
        values = economy(np.random.default_rng([7, k]), 48 + 4 * YEARS)
        past, future = values[:48], values[48:].reshape(YEARS, STEPS_A_YEAR, 4)[:, -1]
        start = start_of(past)
        band = fan(fit_var(past), start, (k,), n_paths=400).quantiles
        came = debt_of(future[None], start, 0.0)[0]
        inside.append((came >= band[:, QUANTILES.index(0.10)]) & (came <= band[:, QUANTILES.index(0.90)]))
    share = np.mean(inside, axis=0)
    assert share.mean() == pytest.approx(0.80, abs=0.06)
    assert share.min() > 0.66
    assert share.max() < 0.92


def test_the_fan_by_plain_loops() -> None:
    """With parameters that are certain, each path is the recursion with residuals of the drawn blocks."""
    values = economy(np.random.default_rng(8), 60)
    model = fit_var(values)
    sure = type(model)(**{**vars(model), "covariance": 1e-18 * np.eye(20)})
    adjustments = 0.001 * np.arange(59.0)
    start = Start(values[-1], 0.7, 0.1, adjustments)
    found = fan(sure, start, (1, 2), n_paths=50)
    rng = np.random.default_rng([1, 2])
    drawn_parameters(sure, 50, rng)
    rows = drawn_rows(59, 4 * YEARS, 50, rng)
    debts = np.empty((50, YEARS))
    for p in range(50):
        x, debt = values[-1], 0.7
        for step in range(4 * YEARS):
            x = model.const + model.coef @ x + model.residuals[rows[p, step]]
            if step % 4 == 3:
                owed = 0.9 * (1 + x[1]) + 0.1 * 1.02 * np.exp(x[3])
                debt = debt * owed / (1 + x[0]) - x[2] + adjustments[rows[p, step]]
                debts[p, step // 4] = debt
    assert found.quantiles == pytest.approx(np.quantile(debts, QUANTILES, axis=0).T, rel=1e-5)
    assert found.prob_jump == pytest.approx((debts > 0.7 + JUMP).mean(axis=0), abs=1e-9)


def test_blocks_run_on_and_wrap_round() -> None:
    rows = drawn_rows(10, 20, 1000, np.random.default_rng(0), block=8)
    assert rows.shape == (1000, 20)
    inside = np.arange(19) % 8 != 7
    assert ((np.diff(rows, axis=1) % 10)[:, inside] == 1).all()
    assert set(np.unique(rows)) == set(range(10))
    assert np.bincount(rows.ravel(), minlength=10) == pytest.approx(2000, rel=0.1)


def test_the_same_seed_gives_the_same_fan_and_another_one_another() -> None:
    values = economy(np.random.default_rng(9), 60)
    model, start = fit_var(values), start_of(values)
    a, b, c = (fan(model, start, seed, n_paths=200).quantiles for seed in ((1, 5), (1, 5), (1, 6)))
    assert (a == b).all()
    assert (a != c).any()


def test_drawn_parameters_never_explode() -> None:
    values = economy(np.random.default_rng(10), 30)
    _, coef = drawn_parameters(fit_var(values), 2000, np.random.default_rng(1))
    assert np.abs(np.linalg.eigvals(coef)).max() <= ROOT_LIMIT + 1e-9


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), debt=st.floats(0.4, 1.5), up=st.floats(0.005, 0.05))
def test_fan_properties(seed: int, debt: float, up: float) -> None:
    """Percentiles rise, the band widens from year 1 to 5, and a lasting adjustment shifts the whole fan up."""
    values = economy(np.random.default_rng(seed), 40)
    model, start = fit_var(values), start_of(values, debt)
    found = fan(model, start, (seed,), n_paths=300)
    assert (np.diff(found.quantiles, axis=1) >= 0).all()
    width = found.quantiles[:, 5] - found.quantiles[:, 1]
    assert width[4] > width[0] > 0
    assert ((found.prob_jump >= 0) & (found.prob_jump <= 1)).all()
    dearer = Start(start.values, debt, start.foreign_share, start.adjustments + up)
    assert (fan(model, dearer, (seed,), n_paths=300).quantiles > found.quantiles).all()
    assert (expected_path(model, dearer) > expected_path(model, start)).all()


def test_what_cannot_be_estimated_is_refused() -> None:
    values = economy(np.random.default_rng(1), 40)
    with pytest.raises(ValueError, match="cannot be estimated"):
        fit_var(values[:6])
    with pytest.raises(ValueError, match="cannot be estimated"):
        fit_var(np.column_stack([values[:, :3], values[:, 0]]))


def test_a_band_of_negative_width_is_a_bug() -> None:
    good = np.sort(np.random.default_rng(1).random((YEARS, len(QUANTILES))), axis=1)
    require_width(good)
    bad = good.copy()
    bad[4] = bad[4, ::-1]
    with pytest.raises(ValueError, match="negative width"):
        require_width(bad)
    with pytest.raises(ValueError, match="negative width"):
        require_width(np.full((1, 7), np.nan))
