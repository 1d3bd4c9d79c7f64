"""Statistics of one series, each value from the past only: volatility, robust z, momentum, one-sided trend, freezing.

Belongs here: formulas on a polars Series sorted by time; the result has the same length. Does not belong here: which
series, or what a number means. A null (or NaN) is no observation: windows count observations, the result is null there,
and appending later data never changes an earlier value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

MONTHLY_SMOOTHING = 129_600.0
QUARTERLY_SMOOTHING = 1_600.0
MAD_TO_SIGMA = 1.4826
MOMENTUM_DAYS = (21, 63, 126, 252)

Array = npt.NDArray[np.float64]


def ewma_vol(changes: pl.Series, decay: float = 0.94) -> pl.Series:
    """Volatility a day, in the unit of `changes`: sqrt of v_t = decay * v_{t-1} + (1 - decay) * x_t^2, v_1 = x_1^2.

    The mean is taken as zero (RiskMetrics 1996). The value of day t includes day t.
    """
    if not 0 < decay < 1:
        raise ValueError(f"decay must be between 0 and 1, got {decay}")

    def recursion(x: Array) -> Array:
        variance = pl.Series(x * x).ewm_mean(alpha=1.0 - decay, adjust=False)
        return np.sqrt(variance.to_numpy())

    return _observed(changes, recursion)


def rolling_vol(changes: pl.Series, window: int = 63, last: int | None = None) -> pl.Series:
    """Sample standard deviation (n - 1) of the last `window` observations, null before there are as many.

    last: compute only the last so many rows, and leave the others null; the numbers are the same bit by bit.
    """
    first = _first_wanted(changes, last)

    def deviation(x: Array) -> Array:
        out = np.full(x.size, np.nan)
        start = max(first, window - 1)
        if x.size > start:
            parts = np.lib.stride_tricks.sliding_window_view(x[start - window + 1 :], window)
            # Equal numbers deviate by nothing; rounding in their mean would leave a tiny number to divide by.
            out[start:] = np.where(np.ptp(parts, axis=1) > 0, parts.std(axis=1, ddof=1), 0.0)
        return out

    return _observed(changes, deviation)


def robust_z(
    values: pl.Series, window: int = 504, min_obs: int = 252, clip: float = 3.0, last: int | None = None
) -> pl.Series:
    """(x - median) / (1.4826 * MAD) over the last `window` observations, x included, clipped to +-clip.

    Null with fewer than `min_obs` observations, and where the MAD is 0: a series that does not move has no z.
    last: compute only the last so many rows, and leave the others null; the numbers are the same bit by bit.
    """
    if not 1 <= min_obs <= window:
        raise ValueError(f"min_obs must be between 1 and the window of {window}, got {min_obs}")
    first = _first_wanted(values, last)

    def score(x: Array) -> Array:
        out = np.full(x.size, np.nan)
        for end in range(max(min_obs, first + 1), min(window, x.size + 1)):
            out[end - 1] = _last_z(x[None, :end])[0]
        start = max(first, window - 1)
        if x.size > start:
            out[start:] = _last_z(np.lib.stride_tricks.sliding_window_view(x[start - window + 1 :], window))
        return np.clip(out, -clip, clip)

    return _observed(values, score)


def momentum(
    returns: pl.Series, sigma: pl.Series | None = None, days: Sequence[int] = MOMENTUM_DAYS, clip: float = 2.0
) -> pl.Series:
    """Mean over horizons d of (sum of the last d excess returns) / (sigma * sqrt(d)), clipped to +-clip.

    returns: daily excess returns of holding the asset; sigma: their volatility a day (default `rolling_vol`, 63 days).
    Null before the longest horizon is full and where sigma is null or 0. Moskowitz, Ooi and Pedersen (2012).
    """
    scale = _floats(rolling_vol(returns) if sigma is None else sigma)
    if scale.size != returns.len():
        raise ValueError(f"sigma has {scale.size} values for {returns.len()} returns; give one a day")
    seen = ~np.isnan(_floats(returns))

    def mean_ratio(x: Array) -> Array:
        total = np.concatenate([[0.0], np.cumsum(x)])
        unit = np.where(scale[seen] > 0, scale[seen], np.nan)
        ratios = np.full((len(days), x.size), np.nan)
        for row, d in zip(ratios, days, strict=True):
            row[d - 1 :] = (total[d:] - total[: max(x.size + 1 - d, 0)]) / (unit[d - 1 :] * np.sqrt(d))
        return np.clip(ratios.mean(axis=0), -clip, clip)

    return _observed(returns, mean_ratio)


def one_sided_hp(values: pl.Series, smoothing: float = MONTHLY_SMOOTHING) -> pl.Series:
    """Hodrick-Prescott trend that uses only the past: at t the end point of the two-sided filter on data up to t.

    Kalman filter of trend_t = 2 trend_{t-1} - trend_{t-2} + e, value = trend + c, var(c)/var(e) = smoothing, diffuse
    start: the second of the first two values in a row is its own trend, and before it there is none. smoothing: 129,600
    monthly, 1,600 quarterly (Ravn and Uhlig 2002; Stock and Watson 1999). A missing value is predicted, not observed,
    and its trend is null.
    """
    if smoothing <= 0:
        raise ValueError(f"smoothing must be above 0, got {smoothing}")
    return pl.Series(values.name, _hp_filter(_floats(values), smoothing)).fill_nan(None)


def frozen(prices: pl.Series, days: int = 3) -> pl.Series:
    """True where the last `days` changes were all exactly zero: the source may have stopped, so there is no view."""
    if days < 1:
        raise ValueError(f"days must be at least 1, got {days}")

    def still(x: Array) -> Array:
        same = np.concatenate([[0.0], np.cumsum(np.diff(x) == 0)])
        out = np.zeros(x.size)
        out[days:] = same[days:] - same[:-days] == days
        return out

    return _observed(prices, still).cast(pl.Boolean)


def _last_z(windows: Array) -> Array:
    """z of each window's last value (NaN where the MAD is 0)."""
    median = np.median(windows, axis=1)
    mad = np.median(np.abs(windows - median[:, None]), axis=1)
    scale = np.where(mad > 0, MAD_TO_SIGMA * mad, np.nan)
    return (windows[:, -1] - median) / scale


def _hp_filter(x: Array, smoothing: float) -> Array:
    """Filtered trend of x; NaN where x is, and before two values in a row are known."""
    out = np.full(x.size, np.nan)
    seen = ~np.isnan(x)
    pairs = np.flatnonzero(seen[1:] & seen[:-1])
    if not pairs.size:
        return out
    start = int(pairs[0])
    out[start + 1] = x[start + 1]
    # State (trend_t, trend_{t-1}) and its covariance, in units of var(c).
    state, covariance = x[[start + 1, start]], np.eye(2)
    move, noise = np.array([[2.0, -1.0], [1.0, 0.0]]), np.array([[1.0 / smoothing, 0.0], [0.0, 0.0]])
    for t in range(start + 2, x.size):
        state = move @ state
        covariance = move @ covariance @ move.T + noise
        if seen[t]:
            gain = covariance[:, 0] / (covariance[0, 0] + 1.0)
            state = state + gain * (x[t] - state[0])
            covariance = covariance - np.outer(gain, covariance[0])
            out[t] = state[0]
    return out


def _first_wanted(values: pl.Series, last: int | None) -> int:
    """How many observations come before the last `last` rows of the series; 0 when all rows are wanted."""
    if last is None:
        return 0
    if last < 0:
        raise ValueError(f"last must be 0 or more rows, got {last}")
    seen = ~np.isnan(_floats(values))
    return int(seen[: max(seen.size - last, 0)].sum())


def _floats(values: pl.Series) -> Array:
    """The series as float64; null becomes NaN."""
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _observed(values: pl.Series, function: Callable[[Array], Array]) -> pl.Series:
    """`function` of the observations alone, put back in their places; NaN and missing become null."""
    x = _floats(values)
    seen = ~np.isnan(x)
    out = np.full(x.size, np.nan)
    out[seen] = function(x[seen])
    return pl.Series(values.name, out).fill_nan(None)
