"""What a series of daily net returns looked like: drawdown, volatility, Calmar, Sortino, hit rate, turnover, months.

Belongs here: descriptions. Does not belong here: the Sharpe ratio and its errors (sharpe.py), or whether to believe
any of it (overfit.py, compare.py, robustness.py).

returns: (T,) net simple returns on capital, 0.01 is 1%, compounded. NaN where a measure does not exist (no day under
water, no day that earned anything); null in frames.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.backtest.arrays import Array, series
from macro_fund.backtest.sharpe import PERIODS


def drawdowns(returns: npt.ArrayLike) -> Array:
    """(T,) wealth over its highest so far, less 1; never above 0. The starting capital counts as a high."""
    x = _on_capital(returns)
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + x)])
    return np.asarray((wealth / np.maximum.accumulate(wealth) - 1.0)[1:])


def max_drawdown(returns: npt.ArrayLike) -> float:
    """Deepest of `drawdowns`, 0 or negative: -10%, +5%, +2% is -0.10."""
    return float(drawdowns(returns).min())


def deepest_fall(returns: npt.ArrayLike) -> float:
    """The deepest fall of the sum of returns from its highest so far (0 at the start), 0 or negative."""
    total = np.concatenate([[0.0], np.cumsum(np.asarray(returns, dtype=np.float64))])
    return float((total - np.maximum.accumulate(total)).min())


def total_return(returns: npt.ArrayLike) -> float:
    """Compounded over all days."""
    return float(np.prod(1.0 + _on_capital(returns)) - 1.0)


def annual_return(returns: npt.ArrayLike, periods: int = PERIODS) -> float:
    """Compounded return a year of `periods` days; -1 when the capital is gone."""
    x = series(returns, least=1)
    return float((1.0 + total_return(x)) ** (periods / x.size) - 1.0)


def annual_volatility(returns: npt.ArrayLike, periods: int = PERIODS) -> float:
    """Sample deviation a day (n - 1) times sqrt(periods). Too low for returns that trend, too high where they turn."""
    return float(series(returns).std(ddof=1) * math.sqrt(periods))


def calmar(returns: npt.ArrayLike, periods: int = PERIODS) -> float:
    """`annual_return` over the size of `max_drawdown`; NaN without a drawdown (Young 1991, here on all days given)."""
    depth = max_drawdown(returns)
    return annual_return(returns, periods) / -depth if depth < 0 else math.nan


def sortino(returns: npt.ArrayLike, target: float = 0.0, periods: int = PERIODS) -> float:
    """(mean - target) over sqrt of the mean over all days of min(r - target, 0)^2, annualised by sqrt(periods).

    target: a day. NaN when no day is below it (Sortino and Price 1994).
    """
    gap = series(returns, least=1) - target
    below = math.sqrt(float(np.mean(np.minimum(gap, 0.0) ** 2)))
    return float(gap.mean()) / below * math.sqrt(periods) if below > 0 else math.nan


def hit_rate(returns: npt.ArrayLike) -> float:
    """Share of gains among the days that gained or lost; NaN when none did."""
    x = series(returns, least=1)
    moved = int(np.count_nonzero(x))
    return int(np.count_nonzero(x > 0)) / moved if moved else math.nan


def turnover(weights: npt.ArrayLike, periods: int = PERIODS) -> float:
    """Traded weight a year: mean over days of the sum of |change|, times `periods`. Buying and selling count once each.

    weights: (T,) or (T, assets), signed, held at the close of each day as a fraction of capital; nothing before the
    first. Changes by price drift count as trades. Raises ValueError for missing weights.
    """
    w = np.asarray(weights, dtype=np.float64)
    w = w[:, None] if w.ndim == 1 else w
    if w.ndim != 2 or not w.size or not np.isfinite(w).all():
        raise ValueError(f"weights must be (days, assets) without missing values, got shape {w.shape}")
    return float(np.abs(np.diff(w, axis=0, prepend=0.0)).sum() / len(w) * periods)


def monthly_table(dates: pl.Series, returns: npt.ArrayLike) -> pl.DataFrame:
    """One row a year: year, "1" .. "12", total; compounded, as decimals. Null for a month without a day.

    dates: (T,) increasing. The first and last months and years cover the days given, not the whole period.
    """
    x = series(returns, least=1)
    check_dates(dates, x.size)
    months = (
        pl.DataFrame({"year": dates.dt.year(), "month": dates.dt.month().cast(pl.String), "growth": 1.0 + x})
        .group_by("year", "month", maintain_order=True)
        .agg(pl.col("growth").product())
    )
    columns = [str(m) for m in range(1, 13)]
    wide = months.pivot(on="month", on_columns=columns, index="year", values="growth", maintain_order=True)
    years = months.group_by("year", maintain_order=True).agg((pl.col("growth").product() - 1.0).alias("total"))
    return wide.select("year", pl.col(columns) - 1.0).join(years, on="year", how="left", maintain_order="left")


def _on_capital(returns: npt.ArrayLike) -> Array:
    x = series(returns, least=1)
    if np.any(x < -1):
        raise ValueError(f"a daily return of {x.min()} loses more than the capital; give decimals of capital")
    return x


def check_dates(dates: pl.Series, days: int) -> None:
    """Raises ValueError unless `dates` are increasing dates, one for each of `days` returns."""
    if dates.len() != days:
        raise ValueError(f"{dates.len()} dates for {days} returns")
    if dates.dtype != pl.Date or dates.null_count() or np.any(np.diff(dates.to_physical().to_numpy()) <= 0):
        raise ValueError("dates must be dates, increasing, none missing")
