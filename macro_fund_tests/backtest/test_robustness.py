"""Attacks on a backtest: planted skill survives them, planted faults do not; rejection rates on noise."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from macro_fund.backtest.performance import max_drawdown, total_return
from macro_fund.backtest.robustness import (
    look_ahead_premium,
    overlapping_regression,
    sensitivity,
    shift_test,
    shuffle_test,
    subperiods,
)
from macro_fund.backtest.sharpe import annualised, sharpe


def persistent(rng: np.random.Generator, days: int, rho: float) -> np.ndarray:
    out = np.empty(days)
    out[0] = rng.standard_normal() / math.sqrt(1 - rho * rho)
    for t, shock in enumerate(rng.standard_normal(days - 1), start=1):
        out[t] = rho * out[t - 1] + shock
    return out


class Market:
    """Returns that a persistent state moves a little; a signal of the close of t earns the return of t + 1."""

    def __init__(self, seed: int, rho: float = 0.95, strength: float = 0.15, days: int = 2000) -> None:
        rng = np.random.default_rng(seed)
        state = persistent(rng, days, rho) * math.sqrt(1 - rho * rho)
        self.signal = state
        self.returns = rng.standard_normal(days)
        self.returns[1:] += strength * state[:-1]

    def run(self, signal: np.ndarray) -> float:
        held = np.nan_to_num(signal[:-1])
        return annualised(sharpe(held * self.returns[1:]))


def sessions(n: int) -> pl.Series:
    return pl.Series([date(2018, 1, 1) + timedelta(days=i) for i in range(n)])


def test_subperiods_are_the_years() -> None:
    x = np.random.default_rng(1).standard_normal(800) * 0.01
    table = subperiods(sessions(800), x)
    assert table["period"].to_list() == ["2018", "2019", "2020"]
    assert table["days"].to_list() == [365, 365, 70]
    assert table["start"].to_list() == [date(2018, 1, 1), date(2019, 1, 1), date(2020, 1, 1)]
    second = table.row(1, named=True)
    assert second["sharpe"] == pytest.approx(annualised(sharpe(x[365:730])))
    assert second["total_return"] == pytest.approx(total_return(x[365:730]))
    assert second["max_drawdown"] == pytest.approx(max_drawdown(x[365:730]))
    assert second["deviation"] == pytest.approx(math.sqrt(252 / 364), rel=0.01)
    assert 0 < second["psr"] < 1


def test_subperiods_by_name_and_too_short_ones() -> None:
    x = np.random.default_rng(2).standard_normal(400) * 0.01
    x[100:200] = 0.0
    named = {
        "calm": (date(2018, 1, 1), date(2018, 4, 10)),
        "flat": (date(2018, 4, 11), date(2018, 7, 19)),
        "short": (date(2018, 8, 1), date(2018, 8, 20)),
        "before": (date(2017, 1, 1), date(2017, 12, 31)),
    }
    table = subperiods(sessions(400), x, named)
    assert table["period"].to_list() == ["calm", "flat", "short"]
    assert table["days"].to_list() == [100, 100, 20]
    assert table["sharpe"].is_null().to_list() == [False, True, True]
    assert table["psr"].is_null().to_list() == [False, True, True]
    assert table["total_return"][1] == 0.0


def test_sensitivity_of_a_plateau_and_of_a_spike() -> None:
    grid = [(a, b) for a in (1, 2, 5, 10) for b in (0.5, 1.0, 2.0)]
    hill = pl.DataFrame(
        [(a, b, 1.0 - 0.1 * abs(a - 5) - 0.2 * abs(b - 1)) for a, b in grid], ["a", "b", "sharpe"], orient="row"
    )
    found = sensitivity(hill, ["a", "b"])
    # Neighbours of (5, 1): (2, 1), (10, 1), (5, .5), (5, 2).
    assert (found.tried, found.best, found.neighbours, found.neighbours_positive) == (12, 1.0, 4, 1.0)
    assert found.spread == pytest.approx(found.best - np.median(hill["sharpe"].to_numpy()))
    spike = hill.with_columns(sharpe=pl.when((pl.col("a") == 1) & (pl.col("b") == 2)).then(2.0).otherwise(-0.5))
    worst = sensitivity(spike, ["a", "b"])
    assert (worst.neighbours, worst.neighbours_positive, worst.spread) == (2, 0.0, 2.5)
    assert worst.share_positive == pytest.approx(1 / 12)
    alone = sensitivity(hill.head(1), ["a"])
    assert alone.neighbours == 0
    assert math.isnan(alone.neighbours_positive)


def test_sensitivity_refuses() -> None:
    frame = pl.DataFrame({"a": [1, 1], "sharpe": [0.1, 0.2]})
    with pytest.raises(ValueError, match="twice"):
        sensitivity(frame, ["a"])
    with pytest.raises(ValueError, match="missing"):
        sensitivity(pl.DataFrame({"a": [1, 2], "sharpe": [0.1, None]}), ["a"])
    with pytest.raises(ValueError, match="at least one"):
        sensitivity(frame, [])


def test_shift_of_an_honest_signal() -> None:
    """A state that lives for weeks, plus what happened today: late it fades, early it knows tomorrow's move."""
    market = Market(3)
    signal = market.signal + 0.2 * market.returns
    found = shift_test(market.run, signal)
    assert found.passed, found
    assert found.early > found.base > 0
    assert found.late < found.base
    assert found.verdict == "a day late it keeps enough; a day early it jumps"


def test_shift_finds_a_signal_that_knows_tomorrow() -> None:
    market = Market(4)
    leaked = np.append(market.returns[1:], 0.0)
    found = shift_test(market.run, leaked)
    assert not found.passed
    assert "may already know the next day" in found.verdict
    assert "collapses" in found.verdict


def test_shift_finds_a_signal_that_is_too_fast() -> None:
    market = Market(5, rho=0.1, strength=0.5)
    found = shift_test(market.run, market.signal + market.returns)
    assert not found.passed
    assert "collapses" in found.verdict
    assert "it jumps" in found.verdict


def test_shift_moves_by_one_day_and_leaves_no_view() -> None:
    seen: list[np.ndarray] = []

    def run(signal: np.ndarray) -> float:
        seen.append(signal.copy())
        return 1.0

    shift_test(run, [[1.0, 9.0], [2.0, 8.0], [3.0, 7.0]])
    np.testing.assert_array_equal(seen[1], [[np.nan, np.nan], [1.0, 9.0], [2.0, 8.0]])
    np.testing.assert_array_equal(seen[2], [[2.0, 8.0], [3.0, 7.0], [np.nan, np.nan]])
    assert shift_test(lambda _: -0.3, [1.0, 2.0, 3.0]).verdict.startswith("nothing to test")
    with pytest.raises(ValueError, match="no Sharpe ratio"):
        shift_test(lambda s: float(s[0]), [1.0, 2.0, 3.0])


def test_shuffle_finds_timing_and_not_exposure() -> None:
    market = Market(6)
    timed = shuffle_test(market.run, market.signal, seed=1, reps=200)
    assert timed.p_value == pytest.approx(1 / 201)
    assert abs(timed.shuffled.mean()) < 0.3 * timed.base
    market.returns += 0.1
    constant = shuffle_test(market.run, np.ones(2000), seed=1, reps=50)
    assert constant.base > 1
    assert constant.p_value == 1.0


def test_shuffle_keeps_rows_and_blocks() -> None:
    rows = np.arange(110.0)
    kept: list[np.ndarray] = []

    def run(signal: np.ndarray) -> float:
        kept.append(signal)
        return 0.0

    shuffle_test(run, np.column_stack([rows, -rows]), seed=2, block=10, reps=20)
    for shuffled in kept[1:]:
        np.testing.assert_array_equal(np.sort(shuffled[:, 0]), rows)
        np.testing.assert_array_equal(shuffled[:, 0], -shuffled[:, 1])
        steps = np.diff(shuffled[:, 0])
        assert np.count_nonzero((steps == 1) | (steps == -109)) >= 110 - 11
    assert any((k[:, 0] != rows).any() for k in kept[1:])


def test_shuffle_of_noise_has_uniform_p_values() -> None:
    p = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        returns, signal = rng.standard_normal(400), persistent(rng, 400, 0.8)
        p.append(shuffle_test(lambda s, r=returns: sharpe(s[:-1] * r[1:]), signal, seed=seed, reps=99).p_value)
    assert np.mean(np.array(p) <= 0.05) <= 0.14
    assert 0.38 < np.mean(p) < 0.62


def test_overlapping_windows_of_noise() -> None:
    """Random persistent signal, independent returns, 21 days ahead: naive errors see a finding two times in three."""
    found = []
    for seed in range(600):
        rng = np.random.default_rng(seed)
        found.append(overlapping_regression(persistent(rng, 2500, 0.97), rng.standard_normal(2500), horizon=21))
    assert np.mean([f.p_value < 0.05 for f in found]) < 0.08
    # Newey and West's errors are far better than none, and not good enough.
    assert 0.06 < np.mean([abs(f.newey_west_t) > 1.96 for f in found]) < 0.13
    assert np.mean([abs(f.naive_t) > 1.96 for f in found]) > 0.55


def test_overlapping_regression_finds_the_planted_slope() -> None:
    market = Market(7, rho=0.95, strength=0.2, days=4000)
    found = overlapping_regression(market.signal, market.returns, horizon=21)
    assert found.slope == pytest.approx(0.2 * (1 - 0.95**21) / (1 - 0.95), rel=0.25)
    assert found.hodrick_t > 4
    assert found.newey_west_t > 4
    assert found.p_value < 1e-4
    assert found.n == 4000 - 21


def test_the_signals_own_day_is_not_in_the_window() -> None:
    returns = np.random.default_rng(8).standard_normal(4000)
    assert abs(overlapping_regression(returns, returns, horizon=1).hodrick_t) < 3
    tomorrow = overlapping_regression(returns[1:], returns[:-1], horizon=2)
    assert tomorrow.slope == pytest.approx(1.0, abs=0.1)
    # With horizon 2 the last day of the window is t + 2: one more day of delay is out of sight.
    assert overlapping_regression(returns[2:], returns[:-2], horizon=2).slope == pytest.approx(1.0, abs=0.1)
    assert abs(overlapping_regression(returns[3:], returns[:-3], horizon=2).hodrick_t) < 3


def test_hodricks_error_of_one_day_by_hand() -> None:
    rng = np.random.default_rng(11)
    s, r = rng.standard_normal(50), rng.standard_normal(50)
    products = (s[:49] - s[:49].mean()) * (r[1:] - r[1:].mean())
    expected = products.sum() / math.sqrt((products**2).sum())
    assert overlapping_regression(s, r, horizon=1).hodrick_t == pytest.approx(expected, rel=1e-12)


def test_hodricks_numerator_is_the_regressions() -> None:
    """Signals times windows, or days times the signals behind them: the same sum, in another order."""
    rng = np.random.default_rng(12)
    s, r = rng.standard_normal(60), rng.standard_normal(60)
    found = overlapping_regression(s, r, horizon=5)
    x = s[:55] - s[:55].mean()
    squares = 0.0
    for day in range(1, 60):
        behind = sum(x[day - j] for j in range(1, 6) if 0 <= day - j < 55)
        squares += (behind * (r[day] - r[1:].mean())) ** 2
    assert found.hodrick_t == pytest.approx(found.slope * (x @ x) / math.sqrt(squares), rel=1e-9)


def test_overlapping_regression_by_hand() -> None:
    """Window t + 1 .. t + 2; least squares on the same rows."""
    rng = np.random.default_rng(9)
    s, r = rng.standard_normal(30), rng.standard_normal(30)
    ahead = np.array([r[t + 1] + r[t + 2] for t in range(28)])
    slope = np.polyfit(s[:28], ahead, 1)[0]
    assert overlapping_regression(s, r, horizon=2).slope == pytest.approx(slope, rel=1e-9)


def test_overlapping_regression_refuses() -> None:
    with pytest.raises(ValueError, match="fewer than 5 windows"):
        overlapping_regression(np.arange(100.0), np.arange(100.0), horizon=21)
    with pytest.raises(ValueError, match="does not vary"):
        overlapping_regression(np.ones(200), np.arange(200.0), horizon=5)
    with pytest.raises(ValueError, match="for 3 days"):
        overlapping_regression(np.ones(2), np.arange(3.0), horizon=1)


def test_look_ahead_premium() -> None:
    rng = np.random.default_rng(10)
    known = rng.standard_normal(1000) * 0.01
    found = look_ahead_premium(known + 0.001, known)
    assert found.as_known == pytest.approx(annualised(sharpe(known)))
    assert found.premium == pytest.approx(annualised(0.001 / known.std(ddof=1)), rel=1e-9)
    assert look_ahead_premium(known, known).premium == 0.0
    with pytest.raises(ValueError, match="same days"):
        look_ahead_premium(known, known[1:])
