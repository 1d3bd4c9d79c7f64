"""Equilibrium exchange rate: published numbers, planted relations, unrelated walks, and no look at later months."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents.beer import (
    TRACE_90,
    dols,
    error_correction,
    expected_change,
    johansen_vector,
    past_forecasts,
    trace_test,
)
from macro_fund.agents.half_life import half_life

BETA = np.array([-0.8, 2.0])


def planted(seed: int, months: int, half_life: float, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """y that closes its gap to 4.6 + x @ BETA at the half-life; x are two random walks."""
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal((months, 2)) * np.array([0.03, 0.004]), axis=0)
    fair = 4.6 + x @ BETA
    gap = np.zeros(months)
    for t in range(1, months):
        gap[t] = gap[t - 1] * 0.5 ** (1.0 / half_life) + noise * rng.standard_normal()
    return fair + gap, x


def test_german_interest_and_inflation() -> None:
    """Luetkepohl (2005), section 7.2: R - 3.96 Dp, constant outside, seasonal dummies, three lagged differences."""
    data = pytest.importorskip("statsmodels.datasets.interest_inflation").load_pandas().data
    found = johansen_vector(data[["R", "Dp"]].to_numpy(), 3, 4)
    assert found == pytest.approx([3.96], abs=0.006)


def test_a_planted_relation_and_its_half_life_are_found() -> None:
    """Fifty years of months, medians of 60 draws."""
    draws = [planted(seed, 600, 12.0) for seed in range(3000, 3060)]
    relations = [dols(y, x) for y, x in draws]
    found = np.median([r.beta for r in relations], axis=0)
    assert found == pytest.approx(BETA, abs=0.25)
    lives = [half_life(y, x, r, error_correction(y, x, r)).months for (y, x), r in zip(draws, relations, strict=True)]
    assert np.median([v or np.inf for v in lives]) == pytest.approx(12.0, abs=2.5)
    likelihood = np.median([johansen_vector(np.column_stack([y, x])) for y, x in draws], axis=0)
    assert likelihood == pytest.approx(BETA, abs=0.35)


def test_a_fast_relation_is_accepted() -> None:
    accepted = [trace_test(np.column_stack(planted(seed, 600, 6.0))).rank >= 1 for seed in range(20)]
    assert sum(accepted) >= 19


def test_standard_errors_cover() -> None:
    draws = [planted(seed, 400, 6.0) for seed in range(40)]
    inside = [abs(r.beta[0] - BETA[0]) < 1.96 * r.std_error[1] for r in (dols(y, x) for y, x in draws)]
    assert 0.7 < np.mean(inside) <= 1.0


@pytest.mark.parametrize("drift", [0.0, 0.2])
def test_unrelated_walks_are_refused_nine_times_in_ten(drift: float) -> None:
    rng = np.random.default_rng(11)
    walks = [np.cumsum(rng.standard_normal((160, 2)) + drift, axis=0) for _ in range(300)]
    refused = np.mean([trace_test(w).rank == 0 for w in walks])
    assert 0.86 < refused < 0.96


def test_critical_values_are_those_of_the_simulated_null() -> None:
    from statsmodels.tsa.vector_ar.vecm import coint_johansen

    rng = np.random.default_rng(5)
    for n in (2, 3, 4):
        draws = [coint_johansen(np.cumsum(rng.standard_normal((500, n)), 0), 0, 0).trace_stat[0] for _ in range(500)]
        assert np.quantile(draws, 0.9) == pytest.approx(TRACE_90[n - 1], rel=0.06)


def test_dols_by_hand() -> None:
    y, x = planted(3, 150, 8.0)
    rows = []
    for t in range(3, 148):
        moves = [x[t + k] - x[t + k - 1] for k in (-2, -1, 0, 1, 2)]
        rows.append(np.concatenate([[1.0], x[t], *moves]))
    by_hand = np.linalg.lstsq(np.array(rows), y[3:148], rcond=None)[0]
    found = dols(y, x)
    assert found.const == pytest.approx(by_hand[0], abs=1e-9)
    assert found.beta == pytest.approx(by_hand[1:3], abs=1e-8)
    assert found.n_obs == 145


def test_leads_take_nothing_after_the_last_month() -> None:
    """The months that serve as leads have no equation of their own: what y did in them does not matter."""
    y, x = planted(4, 150, 8.0)
    other = y.copy()
    other[-2:] += 1.0
    assert dols(other, x).beta == pytest.approx(dols(y, x).beta, abs=1e-12)
    other[-3] += 1.0
    assert dols(other, x).beta != pytest.approx(dols(y, x).beta, abs=1e-6)


def test_past_forecasts_know_nothing_of_what_followed() -> None:
    y, x = planted(6, 200, 10.0)
    whole = past_forecasts(y, x, 12, 120, 5)
    assert whole.origin[0] == 119
    assert whole.origin[-1] + 12 < 200
    short = past_forecasts(y[:160], x[:160], 12, 120, 5)
    assert np.array_equal(whole.forecast[: short.forecast.size], short.forecast)
    assert np.array_equal(whole.outcome, y[whole.origin + 12] - y[whole.origin])


def test_past_forecasts_beat_no_change_where_the_relation_holds() -> None:
    errors = []
    for seed in range(6):
        past = past_forecasts(*planted(seed, 300, 6.0, 0.03), 12, 150, 3)
        errors.append(np.sqrt(np.mean((past.outcome - past.forecast) ** 2) / np.mean(past.outcome**2)))
    assert np.median(errors) < 0.95


@settings(max_examples=25)
@given(shift=st.floats(-5, 5), scale=st.floats(0.2, 5), seed=st.integers(0, 50))
def test_units_of_the_fundamentals_do_not_matter(shift: float, scale: float, seed: int) -> None:
    y, x = planted(seed, 140, 8.0)
    base, moved = dols(y, x, robust=False), dols(y, shift + scale * x, robust=False)
    assert moved.beta * scale == pytest.approx(base.beta, rel=1e-5, abs=1e-6)
    assert moved.fair(shift + scale * x) == pytest.approx(base.fair(x), abs=1e-6)


@settings(max_examples=100)
@given(gap=st.floats(-0.5, 0.5), loading=st.floats(-0.99, -1e-4), months=st.integers(1, 60))
def test_a_gap_closes_and_never_overshoots(gap: float, loading: float, months: int) -> None:
    change = expected_change(gap, loading, months)
    assert change * gap <= 0.0
    assert abs(change) <= abs(gap)
    assert abs(expected_change(gap, loading, months + 1)) >= abs(change)


def test_errors_say_what_to_do() -> None:
    y, x = planted(1, 140, 8.0)
    with pytest.raises(ValueError, match="one row of x per value of y"):
        dols(y[:-1], x)
    with pytest.raises(ValueError, match="leave months out"):
        dols(np.where(y == y[0], np.nan, y), x)
    with pytest.raises(ValueError, match="needs more"):
        dols(y[:15], x[:15])
    with pytest.raises(ValueError, match="critical values for 2 to 6"):
        trace_test(y[:, None])
