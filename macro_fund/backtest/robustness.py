"""Attacks on a backtest: other periods, other parameters, other days for the signal, shuffled signals, revised data.

Belongs here: statistics of what happens to a Sharpe ratio when something is changed that should or should not matter.
Does not belong here: the simulation (it comes as a function), tests across many strategies (compare.py, overfit.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.backtest.arrays import Array, series
from macro_fund.backtest.performance import check_dates, max_drawdown, total_return
from macro_fund.backtest.sharpe import annualised, moments, probabilistic_sharpe, sharpe, sharpe_deviation

Simulation = Callable[[Array], float]
"""Signals, (T,) or (T, assets), row t known at the close of t -> annual Sharpe ratio. A NaN signal is no view: flat."""

KEEPS = 0.5
JUMP = 0.25


@dataclass(frozen=True)
class Sensitivity:
    """tried: parameter sets; best, median: Sharpe ratios; spread: best - median; share_positive: of all sets.

    neighbours: sets one grid step from the best in one parameter; neighbours_positive: share of them above 0, NaN
    without any.
    """

    tried: int
    best: float
    median: float
    spread: float
    share_positive: float
    neighbours: int
    neighbours_positive: float


@dataclass(frozen=True)
class ShiftTest:
    """Annual Sharpe ratios with the signals as they are, a day late, a day early; what they say; whether both hold."""

    base: float
    late: float
    early: float
    verdict: str
    passed: bool


@dataclass(frozen=True)
class ShuffleTest:
    """p_value: (1 + shuffles at least as good) / (reps + 1); shuffled: their Sharpe ratios, (reps,)."""

    base: float
    p_value: float
    shuffled: Array


@dataclass(frozen=True)
class Predictive:
    """slope of the horizon's return on the signal, three t statistics of it and the two-sided p-value of Hodrick's.

    newey_west_t allows for the overlap, hodrick_t for the overlap by construction, naive_t not at all; n: windows.
    """

    slope: float
    hodrick_t: float
    p_value: float
    newey_west_t: float
    naive_t: float
    n: int


@dataclass(frozen=True)
class LookAhead:
    """Annual Sharpe ratios with the data as they are today and as they were known then; premium = final - as_known."""

    final: float
    as_known: float
    premium: float


def subperiods(
    dates: pl.Series, returns: npt.ArrayLike, periods: Mapping[str, tuple[date, date]] | None = None, least: int = 60
) -> pl.DataFrame:
    """One row a period: period, start, end, days, total_return, max_drawdown, sharpe, deviation, psr.

    periods: name -> first and last date, both included; by default calendar years. start, end: first and last day
    found. sharpe and its standard deviation are annual, psr is the probability of a true ratio above 0; null with
    fewer than `least` days or returns that never vary. A period without a day has no row.
    """
    x = series(returns, least=1)
    check_dates(dates, x.size)
    if periods is None:
        years = sorted(set(dates.dt.year().to_list()))
        periods = {str(y): (date(y, 1, 1), date(y, 12, 31)) for y in years}
    rows = []
    for name, (first, last) in periods.items():
        inside = ((dates >= first) & (dates <= last)).to_numpy()
        if inside.any():
            found = dates.filter(pl.Series(inside))
            part = x[inside]
            judged = _judged(part) if part.size >= max(least, 2) else (None, None, None)
            rows.append((name, found[0], found[-1], part.size, total_return(part), max_drawdown(part), *judged))
    numbers = dict.fromkeys(("total_return", "max_drawdown", "sharpe", "deviation", "psr"), pl.Float64)
    schema = {"period": pl.String, "start": pl.Date, "end": pl.Date, "days": pl.Int64, **numbers}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _judged(x: Array) -> tuple[float, float, float] | tuple[None, None, None]:
    m = moments(x)
    if math.isnan(m.sharpe):
        return None, None, None
    deviation = sharpe_deviation(m.sharpe, m.n, m.skew, m.kurt)
    return annualised(m.sharpe), annualised(deviation), probabilistic_sharpe(m.sharpe, m.n, m.skew, m.kurt)


def sensitivity(trials: pl.DataFrame, parameters: Sequence[str], metric: str = "sharpe") -> Sensitivity:
    """How the result hangs on the choice of parameters. trials: one row a set, with its parameters and `metric`.

    A grid step is to the next value of that parameter that was tried, in sorted order. Raises ValueError for no
    parameter, repeated sets or a set without a result.
    """
    if not parameters or trials.is_empty():
        raise ValueError("a sensitivity needs at least one parameter and one set")
    if trials.select(parameters).is_duplicated().any():
        raise ValueError("the same parameter set occurs twice; give one result a set")
    scores = series(trials[metric].cast(pl.Float64).fill_null(math.nan), metric, least=1)
    steps = np.column_stack([trials[p].rank("dense").to_numpy().astype(np.int64) for p in parameters])
    best = int(scores.argmax())
    near = scores[np.abs(steps - steps[best]).sum(axis=1) == 1]
    median = float(np.median(scores))
    return Sensitivity(
        tried=scores.size,
        best=float(scores[best]),
        median=median,
        spread=float(scores[best]) - median,
        share_positive=float(np.mean(scores > 0)),
        neighbours=near.size,
        neighbours_positive=float(np.mean(near > 0)) if near.size else math.nan,
    )


def shift_test(run: Simulation, signals: npt.ArrayLike, keeps: float = KEEPS, jump: float = JUMP) -> ShiftTest:
    """A day late the result should decay, not collapse; a day early, with tomorrow's knowledge, it should jump.

    keeps: share of the Sharpe ratio that a day's delay must leave; jump: annual Sharpe ratio that a day's foresight
    must add at least. Foresight that adds nothing says that the signals hold the next day already. Signals that are
    shifted in have no view. A result of 0 or less cannot be tested and does not pass.
    """
    x = np.asarray(signals, dtype=np.float64)
    if x.ndim not in (1, 2) or len(x) < 3:
        raise ValueError(f"signals must be (days,) or (days, assets) with at least 3 days, got shape {x.shape}")
    none = np.full_like(x[:1], np.nan)
    base, late, early = (_found(run(s)) for s in (x, np.concatenate([none, x[:-1]]), np.concatenate([x[1:], none])))
    if not base > 0:
        return ShiftTest(base, late, early, "nothing to test: the Sharpe ratio is not above 0", False)
    slow, leaks = late >= keeps * base, not early - base >= jump
    delay = (
        "a day late it keeps enough" if slow else "a day late it collapses: too fast to trade, or it reads the close"
    )
    ahead = "a day early it does not jump: it may already know the next day" if leaks else "a day early it jumps"
    return ShiftTest(base, late, early, f"{delay}; {ahead}", slow and not leaks)


def _found(ratio: float) -> float:
    if not math.isfinite(ratio):
        raise ValueError("the simulation gave no Sharpe ratio for changed signals; a comparison needs all of them")
    return ratio


def shuffle_test(
    run: Simulation, signals: npt.ArrayLike, *, seed: int, block: int = 21, reps: int = 200
) -> ShuffleTest:
    """Is the timing worth anything? Rows of the signals in blocks of `block` days, put in random order.

    The first cut is at a random day. The mean exposure, its persistence within a block and the moves of the market
    stay; only when it was held changes. What a constant position earns is therefore in the shuffles too. Raises
    ValueError for fewer than 5 blocks.
    """
    x = np.asarray(signals, dtype=np.float64)
    if block < 1 or len(x) < 5 * block:
        raise ValueError(f"{len(x)} days give fewer than 5 blocks of {block}; take shorter blocks")
    rng = np.random.default_rng(seed)
    base = _found(run(x))
    shuffled = np.empty(reps)
    for i in range(reps):
        turned = np.roll(np.arange(len(x)), int(rng.integers(len(x))))
        blocks = np.split(turned, np.arange(block, len(x), block))
        shuffled[i] = _found(run(x[np.concatenate([blocks[j] for j in rng.permutation(len(blocks))])]))
    return ShuffleTest(base, float((1 + np.count_nonzero(shuffled >= base)) / (reps + 1)), shuffled)


def overlapping_regression(
    signal: npt.ArrayLike, returns: npt.ArrayLike, horizon: int, lags: int | None = None
) -> Predictive:
    """The sum of the next `horizon` days' returns (t+1 .. t+horizon) on the signal known at t and a constant.

    Overlapping windows repeat themselves: where there is nothing, the naive t passes 1.96 two times in three, Newey and
    West's (1987, `lags` or 2 x horizon) still in 8 to 10% of the cases for a persistent signal, because the Bartlett
    weights cut a sixth off the variance. The p-value is of Hodrick's (1992, 1B) error, which holds its 5%: day by day,
    the return times the sum of the last `horizon` signals, valid where returns are not predictable. signal, returns:
    (T,). Raises ValueError for fewer than 5 windows that do not overlap or a signal that does not vary.
    """
    import statsmodels.api as sm
    from scipy.special import ndtr

    s, r = series(signal, "signal"), series(returns)
    if s.size != r.size:
        raise ValueError(f"the signal has {s.size} days for {r.size} days of returns")
    n = r.size - horizon
    if horizon < 1 or n < 5 * horizon:
        raise ValueError(f"{r.size} days hold fewer than 5 windows of {horizon} days")
    if np.ptp(s[:n]) == 0:
        raise ValueError("the signal does not vary")
    ahead = np.lib.stride_tricks.sliding_window_view(r[1:], horizon).sum(axis=1)
    model = sm.OLS(ahead, sm.add_constant(s[:n]))
    robust = model.fit(cov_type="HAC", cov_kwds={"maxlags": 2 * horizon if lags is None else lags})
    # Signals that had a day in their window: each day's return counts once, so nothing overlaps.
    behind = np.convolve(s[:n] - s[:n].mean(), np.ones(horizon))
    daily = behind * (r[1:] - r[1:].mean())
    t = float(daily.sum() / np.sqrt(daily @ daily))
    return Predictive(
        slope=float(robust.params[1]),
        hodrick_t=t,
        p_value=float(2.0 * ndtr(-abs(t))),
        newey_west_t=float(robust.tvalues[1]),
        naive_t=float(model.fit().tvalues[1]),
        n=n,
    )


def look_ahead_premium(final: npt.ArrayLike, as_known: npt.ArrayLike) -> LookAhead:
    """How much of the Sharpe ratio comes from revisions: returns of the same days with final and with as-known data.

    `compare.sharpe_interval(final, as_known)` says whether the premium is more than luck. NaN where returns never vary.
    """
    a, b = series(final, "final"), series(as_known, "as_known")
    if a.size != b.size:
        raise ValueError(f"final data give {a.size} days, as-known data {b.size}; compare the same days")
    revised, known = annualised(sharpe(a)), annualised(sharpe(b))
    return LookAhead(revised, known, revised - known)
