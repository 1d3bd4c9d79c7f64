"""Forecast evaluation: published Diebold-Mariano numbers, its symmetries, its size, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from macro_fund.agents.evaluate import diebold_mariano, rmse, rmse_ratio, score_table

Y = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
F1 = [1.1, 1.8, 3.3, 3.9, 5.2, 6.4, 6.6, 8.1]
F2 = [1.4, 2.3, 2.5, 4.6, 4.7, 6.2, 7.5, 8.8]
numbers = hnp.arrays(np.float64, 20, elements=st.floats(-5, 5, allow_subnormal=False).map(lambda x: round(x, 3)))


@pytest.mark.parametrize(
    ("horizon", "statistic", "p_value"),
    [(1, -2.109170009942562, 0.07287768924302498), (2, -1.8196058996701885, 0.11163298761149165)],
)
def test_published_numbers(horizon: int, statistic: float, p_value: float) -> None:
    """Package dieboldmariano 1.1.0, squared loss, Harvey correction."""
    found = diebold_mariano(Y, F1, F2, horizon)
    assert found is not None
    assert (found.statistic, found.p_value) == (pytest.approx(statistic, abs=1e-9), pytest.approx(p_value, abs=1e-9))
    assert found.n == 8


@given(numbers, numbers, numbers, st.integers(1, 5))
def test_swapping_the_forecasts_turns_the_sign(y: np.ndarray, a: np.ndarray, b: np.ndarray, horizon: int) -> None:
    there, back = diebold_mariano(y, a, b, horizon), diebold_mariano(y, b, a, horizon)
    assert (there is None) == (back is None)
    if there and back:
        assert there.statistic == pytest.approx(-back.statistic, rel=1e-9, abs=1e-12)
        assert 0 <= there.p_value <= 1
        assert there.p_value == pytest.approx(back.p_value)


def test_size_with_overlapping_errors() -> None:
    """Equally good 4-step forecasts, whose errors overlap: about 5% rejections, not the 30% of lag 0."""
    rng = np.random.default_rng(7)
    rejected = {1: 0, 4: 0}
    runs = 300
    for _ in range(runs):
        noise = rng.standard_normal((2, 203))
        a, b = (np.convolve(e, np.ones(4), "valid") for e in noise)
        for horizon in rejected:
            found = diebold_mariano(np.zeros(200), a, b, horizon)
            rejected[horizon] += found is not None and found.p_value < 0.05
    assert rejected[4] / runs < 0.10
    assert rejected[1] / runs > 0.12


def test_missing_cases_do_not_count() -> None:
    y = [*Y, 1.0, np.nan, 3.0]
    with_holes = diebold_mariano(y, [*F1, np.nan, 1.0, 3.1], [*F2, 1.0, 1.0, np.nan])
    assert with_holes == diebold_mariano(Y, F1, F2)


def test_refusals() -> None:
    assert diebold_mariano(Y[:7], F1[:7], F2[:7]) is None
    assert diebold_mariano(Y, F1, F2, 5) is None
    assert diebold_mariano(Y, F1, F1) is None
    with pytest.raises(ValueError, match="horizon"):
        diebold_mariano(Y, F1, F2, 0)
    with pytest.raises(ValueError, match="shapes"):
        rmse(Y, F1[:3])


def test_table_of_scores() -> None:
    table = score_table(Y, {"model": F1, "walk": F2, "short": [np.nan] * 7 + [9.0]}, "model")
    walk, short = table.rows(named=True)
    assert walk["ratio"] == pytest.approx(walk["rmse_model"] / walk["rmse_benchmark"]) == rmse_ratio(Y, F1, F2)
    assert walk["dm"] == pytest.approx(-2.109170009942562, abs=1e-9)
    assert (short["n"], short["dm"], short["rmse_benchmark"]) == (1, None, 1.0)
    assert short["rmse_model"] == pytest.approx(0.1)
