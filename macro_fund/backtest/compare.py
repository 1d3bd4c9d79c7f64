"""Many strategies against a benchmark or each other, with the luck of the best of many counted: bootstrap tests.

Belongs here: the reality check, superior predictive ability, stepwise selection, the model confidence set and intervals
of Sharpe ratios, on daily net returns. Does not belong here: analytical errors of a Sharpe ratio (sharpe.py), splits of
a history (overfit.py, splits.py).

Days are drawn in blocks of random length (Politis and Romano 1994), so that serial correlation within a block stays;
the seed is the caller's. returns: (T, N), one column a strategy. benchmark: (T,), by default cash (zero: returns are in
excess of cash). block: mean length in days, by default `block_length`. A p-value is a count over `reps`: below 1 / reps
it is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from macro_fund.backtest.arrays import Array, panel, series
from macro_fund.backtest.sharpe import sharpes

REPS = 1000


@dataclass(frozen=True)
class Superior:
    """Test that no strategy beats the benchmark. best: column with the largest statistic; block: days, as used.

    lower, consistent, upper: p-values that recentre fewer or more of the poor strategies; consistent is Hansen's
    choice.
    """

    lower: float
    consistent: float
    upper: float
    best: int
    block: int


@dataclass(frozen=True)
class ConfidenceSet:
    """included: columns that cannot be told from the best; p_values: (N,), above the size where a column is in."""

    included: list[int]
    p_values: Array
    block: int


@dataclass(frozen=True)
class Interval:
    """A Sharpe ratio per period (or a difference of two) and its bootstrap interval, low to high."""

    estimate: float
    low: float
    high: float
    block: int


def block_length(returns: ArrayLike) -> int:
    """Mean block in days for the stationary bootstrap: the columns' optimal lengths averaged, rounded up.

    Politis and White (2004), corrected by Patton, Politis and White (2009). At least 1, at most a quarter of the days.
    """
    from arch.bootstrap import optimal_block_length

    x = panel(returns, least=8)
    mean = float(optimal_block_length(x)["stationary"].mean())
    return int(np.clip(math.ceil(mean), 1, len(x) // 4))


def same_risk(returns: ArrayLike) -> Array:
    """Each column over its own sample deviation: equal means then are equal Sharpe ratios.

    For a comparison after the fact, never for sizing: it uses the whole sample. Raises ValueError for a column that
    does not vary.
    """
    x = panel(returns)
    _refuse_constant(x, "earned the same return every day")
    return np.asarray(x / x.std(axis=0, ddof=1))


def reality_check(
    returns: ArrayLike, benchmark: ArrayLike | None = None, *, seed: int, block: int | None = None, reps: int = REPS
) -> Superior:
    """White's (2000) reality check of mean returns in their own units; his p-value is `upper`.

    A volatile strategy dominates it: give returns of `same_risk`, or use `superior_ability`.
    """
    return _superior(_excess(returns, benchmark), seed, block, reps)


def superior_ability(
    returns: ArrayLike, benchmark: ArrayLike | None = None, *, seed: int, block: int | None = None, reps: int = REPS
) -> Superior:
    """Hansen's (2005) test of superior predictive ability: mean excess returns over their own errors."""
    x, block = _standard(returns, benchmark, block)
    return _superior(x, seed, block, reps)


def stepwise(
    returns: ArrayLike,
    benchmark: ArrayLike | None = None,
    *,
    seed: int,
    size: float = 0.05,
    block: int | None = None,
    reps: int = REPS,
) -> list[int]:
    """Columns that beat the benchmark, with a probability of at most `size` of even one false one (StepM).

    Romano and Wolf (2005), on studentised means. Sorted.
    """
    from arch.bootstrap import StepM

    x, block = _standard(returns, benchmark, block)
    test = StepM(np.zeros(len(x)), -x, size=size, block_size=block, reps=reps, seed=seed)
    test.compute()
    return sorted(np.asarray(test.superior_models, dtype=np.int64).tolist())


def confidence_set(
    returns: ArrayLike, *, seed: int, size: float = 0.1, block: int | None = None, reps: int = REPS
) -> ConfidenceSet:
    """Strategies among which the best is, with probability 1 - size (Hansen, Lunde and Nason 2011, range statistic).

    Compares mean returns; with returns of `same_risk`, Sharpe ratios. Needs memory for reps x N x N numbers. Raises
    ValueError for two columns that differ by a constant: their difference has no error to divide by.
    """
    from arch.bootstrap import MCS

    x = panel(returns, least=8)
    if x.shape[1] < 2:
        raise ValueError("a confidence set needs at least 2 strategies")
    _refuse_twins(x)
    block = block or block_length(x)
    test = MCS(-x, size=size, block_size=block, reps=reps, seed=seed)
    test.compute()
    found = test.pvalues
    p_values = np.empty(x.shape[1])
    p_values[found.index.to_numpy().astype(np.int64)] = found["Pvalue"].to_numpy()
    return ConfidenceSet([int(i) for i in np.flatnonzero(p_values > size)], p_values, block)


def sharpe_interval(
    returns: ArrayLike,
    benchmark: ArrayLike | None = None,
    *,
    seed: int,
    level: float = 0.95,
    block: int | None = None,
    reps: int = REPS,
) -> Interval:
    """Percentile interval of the Sharpe ratio per period of (T,) returns; with a benchmark, of the difference.

    Days of both are drawn together. block: by default the optimal length of the ratio's influence, (r - m) / s less
    SR / 2 x ((r - m)^2 / s^2 - 1), which carries the clustering of volatility too. Raises ValueError for returns that
    never vary.
    """
    from arch.bootstrap import StationaryBootstrap

    x = series(returns, least=8)[:, None]
    if benchmark is not None:
        x = np.column_stack([x, _paired(benchmark, len(x))])
    _refuse_constant(x, "earned the same return every day")
    signs = np.array([1.0, -1.0])[: x.shape[1]]
    if block is None:
        influence = _influence(x) @ signs
        _refuse_constant(influence[:, None], "has the benchmark's returns")
        block = block_length(influence)

    def statistic(days: Array) -> Array:
        return np.atleast_1d(sharpes(days) @ signs)

    draws = StationaryBootstrap(block, x, seed=seed)
    low, high = draws.conf_int(statistic, reps=reps, method="percentile", size=level)[:, 0]
    return Interval(float(statistic(x)[0]), float(low), float(high), block)


def _superior(x: Array, seed: int, block: int | None, reps: int) -> Superior:
    from arch.bootstrap import SPA

    block = block or block_length(x)
    test = SPA(np.zeros(len(x)), -x, block_size=block, reps=reps, seed=seed)
    test.compute()
    lower, consistent, upper = (float(test.pvalues[k]) for k in ("lower", "consistent", "upper"))
    return Superior(lower, consistent, upper, int(x.mean(axis=0).argmax()), block)


def _standard(returns: ArrayLike, benchmark: ArrayLike | None, block: int | None) -> tuple[Array, int]:
    x = _excess(returns, benchmark)
    block = block or block_length(x)
    return _studentised(x, block), block


def _excess(returns: ArrayLike, benchmark: ArrayLike | None) -> Array:
    x = panel(returns, least=8)
    if benchmark is not None:
        x = x - _paired(benchmark, len(x))[:, None]
    _refuse_constant(x, "never differs from the benchmark by more than a constant")
    return x


def _paired(benchmark: ArrayLike, days: int) -> Array:
    b = series(benchmark, "benchmark")
    if b.size != days:
        raise ValueError(f"the benchmark has {b.size} days for {days} days of returns")
    return b


def _refuse_constant(x: Array, what: str) -> None:
    still = np.flatnonzero(np.ptp(x, axis=0) == 0)
    if still.size:
        raise ValueError(f"column {int(still[0])} {what}; leave it out")


def _refuse_twins(x: Array) -> None:
    covariance = np.cov(x, rowvar=False)
    total = np.add.outer(np.diag(covariance), np.diag(covariance))
    # Rounding leaves about 1e-16 of the variances in the variance of a difference that is none.
    twins = np.argwhere(np.triu(total - 2.0 * covariance <= 1e-12 * total, k=1))
    if twins.size:
        raise ValueError(f"columns {twins[0].tolist()} have the same returns; keep one of them")


def _influence(x: Array) -> Array:
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    return np.asarray(z - sharpes(x) / 2.0 * (z * z - 1.0))


def _studentised(x: Array, block: int) -> Array:
    """Columns over the deviation that the stationary bootstrap gives to sqrt(T) times their mean.

    The variance is Politis and Romano's (1994), with circular autocovariances. The library's own `studentize` estimates
    it, but does not divide by it: its statistic is the largest mean, in the units of the most volatile column.
    """
    n = len(x)
    spectrum = np.abs(np.fft.rfft(x - x.mean(axis=0), axis=0)) ** 2
    circular = np.fft.irfft(spectrum, n, axis=0) / n
    # A day and the one `lag` later (round the circle) are in one block with probability (1 - 1 / block)^lag.
    lags = np.arange(1, n)
    weights = (1.0 - lags / n) * (1.0 - 1.0 / block) ** lags
    variance = circular[0] + 2.0 * weights @ circular[1:]
    return np.asarray(x / np.sqrt(variance))
