"""The Sharpe ratio and how far to believe it: its error, its probability, the price of many trials.

Belongs here: formulas on daily net returns or on a Sharpe ratio with its moments. Does not belong here: which trials
were made (the caller counts them all), other measures of performance (performance.py), selection among strategies
(overfit.py, compare.py).

Ratios are per period (a day) unless `annualised`; returns are net and in excess of cash. kurt is not in excess: 3 for a
normal distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from macro_fund.backtest.arrays import Array, panel, series

PERIODS = 252
"""Sessions a year."""


@dataclass(frozen=True)
class Moments:
    """What a Sharpe ratio's error needs. sharpe: per period; n: periods; kurt: not in excess."""

    sharpe: float
    n: int
    skew: float
    kurt: float


def sharpe(returns: npt.ArrayLike) -> float:
    """Mean over sample deviation (n - 1) of (T,) returns, per period; NaN where they never vary."""
    return float(sharpes(series(returns))[0])


def sharpes(returns: npt.ArrayLike) -> Array:
    """`sharpe` of each column of (T, N) returns: (N,), NaN for a column that never varies."""
    x = panel(returns)
    # Equal numbers deviate by nothing; rounding in their mean would leave a tiny number to divide by.
    deviation = np.where(np.ptp(x, axis=0) > 0, x.std(axis=0, ddof=1), np.nan)
    return np.asarray(x.mean(axis=0) / deviation)


def annualised(sr: float, periods: int = PERIODS) -> float:
    """A ratio per period times sqrt(periods). Right for returns without serial correlation only (Lo 2002)."""
    return sr * math.sqrt(periods)


def annual_ratio(returns: npt.ArrayLike) -> float | None:
    """A year's `sharpe` of (T,) daily returns; None for fewer than 2 or where they never vary."""
    x = np.asarray(returns, dtype=np.float64)
    return annualised(sharpe(x)) if x.size > 1 and np.ptp(x) > 0 else None


def moments(returns: npt.ArrayLike) -> Moments:
    """Sharpe ratio, length, skewness and kurtosis (moments over n) of (T,) returns; NaN where they never vary."""
    x = series(returns)
    if np.ptp(x) == 0:
        return Moments(math.nan, x.size, math.nan, math.nan)
    centred = x - x.mean()
    variance = np.mean(centred**2)
    skew, kurt = np.mean(centred**3) / variance**1.5, np.mean(centred**4) / variance**2
    return Moments(sharpe(x), x.size, float(skew), float(kurt))


def sharpe_deviation(sr: float, n: int, skew: float = 0.0, kurt: float = 3.0) -> float:
    """Standard deviation of an estimated ratio: sqrt((1 - skew sr + (kurt - 1) / 4 sr^2) / (n - 1)).

    Mertens (2002), Opdyke (2007), with n - 1 as in Bailey and Lopez de Prado (2012). n: periods that sr rests on.
    Assumes that returns are independent. Raises ValueError for n < 2 and for moments that no distribution has.
    """
    if n < 2:
        raise ValueError(f"a Sharpe ratio's error needs at least 2 periods, got {n}")
    variance = (1.0 - skew * sr + (kurt - 1.0) / 4.0 * sr * sr) / (n - 1)
    if variance < 0:
        raise ValueError(f"skew {skew} and kurt {kurt} are impossible together (kurt is not in excess: normal is 3)")
    return math.sqrt(variance)


def probabilistic_sharpe(sr: float, n: int, skew: float = 0.0, kurt: float = 3.0, benchmark: float = 0.0) -> float:
    """PSR: probability that the true ratio is above `benchmark` (per period), given the estimate.

    Normal distribution of (sr - benchmark) / `sharpe_deviation` (Bailey and Lopez de Prado 2012). NaN for a NaN ratio.
    """
    from scipy.special import ndtr

    deviation = sharpe_deviation(sr, n, skew, kurt)
    gap = sr - benchmark
    if deviation == 0:
        # The two-point distribution whose ratio has no error: the estimate is the truth.
        return 0.5 if gap == 0 else float(gap > 0)
    return float(ndtr(gap / deviation))


def expected_max(trials: int) -> float:
    """Expected largest of `trials` independent standard normals; 0 for one trial.

    (1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e)), Z the normal quantile, g Euler's constant (Bailey and Lopez de Prado 2014),
    for many trials; at 10 it is 2% too high, at 2 8% too low. Raises ValueError for no trial.
    """
    if trials < 1:
        raise ValueError(f"at least one trial was made, got {trials}")
    if trials == 1:
        return 0.0
    from scipy.special import ndtri

    first, second = ndtri(1.0 - 1.0 / trials), ndtri(1.0 - 1.0 / (trials * math.e))
    return float((1.0 - np.euler_gamma) * first + np.euler_gamma * second)


def deflated_sharpe(
    sr: float, n: int, skew: float = 0.0, kurt: float = 3.0, *, trial_variance: float, trials: int
) -> float:
    """DSR: probability that the true ratio is above what the best of `trials` strategies without skill would show.

    PSR with the benchmark sqrt(trial_variance) * `expected_max`(trials) (Bailey and Lopez de Prado 2014).
    trial_variance: variance over all trials of their ratios, in the period of sr (daily variance for a daily ratio).
    trials: every parameter set that was tried, those that were thrown away included.
    """
    if not trial_variance >= 0:
        raise ValueError(f"the variance of the trials' Sharpe ratios must be 0 or more, got {trial_variance}")
    benchmark = math.sqrt(trial_variance) * expected_max(trials)
    return probabilistic_sharpe(sr, n, skew, kurt, benchmark)


def deflated_sharpe_of(returns: npt.ArrayLike, trial_sharpes: npt.ArrayLike) -> float:
    """DSR of (T,) returns that were chosen among trials with ratios `trial_sharpes` (N,), per period, its own included.

    NaN where the returns never vary. Raises ValueError for a trial without a ratio: leave none out in silence.
    """
    ratios = series(trial_sharpes, "trial_sharpes", least=1)
    variance = float(ratios.var(ddof=1)) if ratios.size > 1 else 0.0
    m = moments(returns)
    return deflated_sharpe(m.sharpe, m.n, m.skew, m.kurt, trial_variance=variance, trials=ratios.size)


def minimum_backtest_length(trials: int, annual_sharpe: float = 1.0) -> float:
    """Years of data below which the best of `trials` strategies without skill shows `annual_sharpe` by luck.

    (`expected_max`(trials) / annual_sharpe)^2 (Bailey, Borwein, Lopez de Prado and Zhu 2014).
    """
    if not annual_sharpe > 0:
        raise ValueError(f"the annual Sharpe ratio must be above 0, got {annual_sharpe}")
    return (expected_max(trials) / annual_sharpe) ** 2
