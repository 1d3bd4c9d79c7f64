"""Bootstrap comparisons: the library's own answers, invariances, sizes on noise, planted winners."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import MCS, SPA, StationaryBootstrap, StepM, optimal_block_length

from macro_fund.backtest.compare import (
    block_length,
    confidence_set,
    reality_check,
    same_risk,
    sharpe_interval,
    stepwise,
    superior_ability,
)
from macro_fund.backtest.sharpe import sharpe, sharpe_deviation


def noise(seed: int, days: int = 500, trials: int = 10) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((days, trials)) * 0.01


def trending(seed: int, days: int, rho: float) -> np.ndarray:
    shocks = np.random.default_rng(seed).standard_normal(days)
    out = np.zeros(days)
    for t in range(days):
        out[t] = rho * out[t - 1] + shocks[t] if t else shocks[0]
    return out


def test_reality_check_is_the_librarys() -> None:
    x, cash = noise(1) + 0.0004, noise(2, trials=1)[:, 0] * 0.1
    found = reality_check(x, cash, seed=5, block=4, reps=300)
    # The library speaks of losses.
    test = SPA(-cash, -x, block_size=4, reps=300, studentize=False, seed=5)
    test.compute()
    assert (found.lower, found.consistent, found.upper) == pytest.approx(tuple(test.pvalues))
    assert found.best == int((x - cash[:, None]).mean(axis=0).argmax())
    assert found.block == 4


def test_confidence_set_and_block_are_the_librarys() -> None:
    x = noise(3)
    x[:, 4] += 0.002
    found = confidence_set(x, seed=6, size=0.1, block=3, reps=300)
    test = MCS(-x, size=0.1, block_size=3, reps=300, seed=6)
    test.compute()
    assert found.included == test.included
    np.testing.assert_array_equal(found.p_values, test.pvalues["Pvalue"].sort_index().to_numpy())
    slow = np.column_stack([trending(i, 800, 0.7) for i in range(3)])
    assert block_length(slow) == math.ceil(optimal_block_length(slow)["stationary"].mean())
    assert block_length(slow) > block_length(x)


def test_interval_is_the_librarys() -> None:
    x = noise(4)[:, 0] + 0.001
    found = sharpe_interval(x, seed=7, block=5, reps=400)
    draws = StationaryBootstrap(5, x, seed=7)
    expected = draws.conf_int(lambda r: r.mean() / r.std(ddof=1), reps=400, method="percentile")[:, 0]
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-12)
    assert found.estimate == pytest.approx(sharpe(x), abs=1e-15)


@pytest.mark.parametrize("block", [1, 6, 40])
def test_studentised_errors_are_those_of_the_bootstrap(block: int) -> None:
    """A mean over its own error, drawn many times, varies by 1 / sqrt(T): the closed form is the simulation's."""
    from macro_fund.backtest.compare import _studentised

    x = trending(8, 400, 0.6)[:, None] * 0.01
    draws = StationaryBootstrap(block, _studentised(x, block), seed=9)
    means = draws.apply(lambda r: r.mean(axis=0), 4000)
    assert means.std() * math.sqrt(400) == pytest.approx(1.0, rel=0.04)


def test_leverage_does_not_change_studentised_tests_but_white() -> None:
    x = noise(10) + 0.0004
    x[:, 3] += 0.0012
    levered = x * np.array([1, 1, 1, 1, 30, 1, 1, 1, 1, 1.0])
    options = {"seed": 11, "block": 4, "reps": 400}
    assert superior_ability(levered, **options) == superior_ability(x, **options)
    assert stepwise(levered, **options) == stepwise(x, **options) == [3]
    # In its own units the levered noise hides the strategy that is good.
    assert superior_ability(x, **options).consistent < 0.02
    assert reality_check(levered, **options).upper > 0.2
    assert reality_check(same_risk(levered), **options).upper < 0.05


def test_order_of_p_values() -> None:
    x = noise(12) - np.linspace(0, 0.004, 10)
    found = superior_ability(x, seed=13, reps=400)
    assert found.lower <= found.consistent <= found.upper


@pytest.mark.parametrize("test", [superior_ability, reality_check])
def test_noise_is_rejected_as_rarely_as_promised(test: object) -> None:
    p = [test(noise(1000 + s, 300, 20), seed=s, block=1, reps=199) for s in range(120)]  # type: ignore[operator]
    values = np.array([r.consistent for r in p])
    assert np.mean(values <= 0.05) <= 0.11  # 5% and three standard errors.
    assert 0.4 < values.mean() < 0.6


def test_stepwise_finds_planted_winners_and_little_else() -> None:
    wrong, missed = 0, 0
    for seed in range(40):
        x = noise(2000 + seed, 500, 20)
        x[:, [2, 9]] += 0.0025
        found = set(stepwise(x, seed=seed, block=2, reps=200))
        wrong += bool(found - {2, 9})
        missed += len({2, 9} - found)
    assert wrong <= 6
    assert missed <= 2


def test_winners_are_against_the_benchmark() -> None:
    x = noise(14) + 0.002
    assert stepwise(x, seed=1, reps=200) != []
    assert stepwise(x, x.mean(axis=1) + 0.001, seed=1, reps=200) == []
    assert superior_ability(x, x.mean(axis=1) + 0.001, seed=1, reps=200).consistent > 0.5


def test_stepwise_is_the_librarys_when_risks_are_the_same() -> None:
    x = noise(15)
    x[:, 1] += 0.002
    test = StepM(np.zeros(500), -same_risk(x), size=0.05, block_size=3, reps=300, seed=2)
    test.compute()
    assert stepwise(x, seed=2, block=3, reps=300) == list(test.superior_models) == [1]


def test_confidence_set_keeps_the_best_and_drops_the_poor() -> None:
    kept, dropped = 0, 0
    for seed in range(40):
        x = noise(3000 + seed, 500, 6)
        x[:, :2] += 0.0025
        found = confidence_set(x, seed=seed, block=2, reps=200).included
        kept += 0 in found and 1 in found
        dropped += not set(found) & {2, 3, 4, 5}
    assert kept >= 32
    assert dropped >= 35


def test_interval_covers_the_truth() -> None:
    """Returns without and with serial correlation; the ratio of the long run is known."""
    inside = {0.0: 0, 0.5: 0}
    for rho in inside:
        spread = 1.0 / math.sqrt(1 - rho * rho)
        for seed in range(150):
            found = sharpe_interval(trending(seed, 600, rho) + 0.1 * spread, seed=seed, reps=200)
            inside[rho] += found.low <= 0.1 <= found.high
    assert inside[0.0] / 150 == pytest.approx(0.95, abs=0.05)
    assert inside[0.5] / 150 > 0.86  # Bootstraps of trending series are a little narrow.


def test_interval_is_the_formulas_for_independent_days_and_wider_for_trends() -> None:
    x = noise(16, 1500)[:, 0] + 0.0005
    found = sharpe_interval(x, seed=3, reps=1000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * sharpe_deviation(sharpe(x), 1500), rel=0.1)
    trend = trending(17, 1500, 0.6)
    wide = sharpe_interval(trend, seed=3, reps=500)
    assert wide.block > 5
    assert wide.high - wide.low > 1.5 * 2 * 1.96 * sharpe_deviation(sharpe(trend), 1500)


def test_blocks_of_a_ratio_are_long_only_where_the_clusters_of_volatility_matter() -> None:
    """Returns without serial correlation whose size has a memory: a high ratio inherits it, a low one does not."""
    rng = np.random.default_rng(0)
    x = np.exp(trending(5, 2000, 0.98) * 0.1) * rng.standard_normal(2000)
    x /= x.std()
    assert sharpe_interval(x + 0.1, seed=1, reps=10).block <= 5
    assert sharpe_interval(x + 1.0, seed=1, reps=10).block >= 20


def test_difference_of_ratios() -> None:
    """Two strategies that share their market: the difference is known far better than either."""
    market = noise(18, 1000)[:, 0]
    x = market + noise(19, 1000)[:, 0] * 0.1
    own, both = sharpe_interval(x, seed=4), sharpe_interval(x, market, seed=4)
    assert both.estimate == pytest.approx(sharpe(x) - sharpe(market), abs=1e-15)
    assert both.high - both.low < 0.3 * (own.high - own.low)
    back = sharpe_interval(market, x, seed=4)
    assert (back.low, back.high) == pytest.approx((-both.high, -both.low), abs=1e-12)


def test_the_seed_decides() -> None:
    x = noise(20)
    for run in (superior_ability, reality_check, confidence_set, sharpe_interval):
        data = x[:, 0] if run is sharpe_interval else x
        assert str(run(data, seed=1, reps=100)) == str(run(data, seed=1, reps=100))
        assert str(run(data, seed=1, reps=100)) != str(run(data, seed=2, reps=100))


def test_refuses() -> None:
    x = noise(21)
    with pytest.raises(ValueError, match="for 500 days"):
        superior_ability(x, np.zeros(3), seed=1)
    with pytest.raises(ValueError, match="column 2 never differs"):
        superior_ability(x, x[:, 2], seed=1)
    for twins in (x[:, [0, 1, 0]], same_risk(x[:, [0, 1, 0]] * [1.0, 1.0, 3.7]), x[:, [0, 1, 0]] + [0.0, 0.0, 0.01]):
        with pytest.raises(ValueError, match=r"columns \[0, 2\] have the same returns"):
            confidence_set(twins, seed=1)
    with pytest.raises(ValueError, match="at least 2"):
        confidence_set(x[:, :1], seed=1)
    with pytest.raises(ValueError, match="benchmark's returns"):
        sharpe_interval(x[:, 0], x[:, 0], seed=1)
    with pytest.raises(ValueError, match="same return every day"):
        same_risk(np.full((10, 2), 0.01))
    x[4, 4] = np.inf
    with pytest.raises(ValueError, match="1 missing or infinite"):
        stepwise(x, seed=1)
