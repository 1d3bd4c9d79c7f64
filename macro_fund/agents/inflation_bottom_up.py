"""Bottom-up IPCA: each group's season and the memory of its deviations, summed with fitted weights.

    x_{g,t} = s_{g,t} + r_{g,t},   r_{g,t} = phi_g r_{g,t-1} + e,   IPCA_t = sum_g w_g x_{g,t}

s is the mean of the same month over the five years before (two at least), so that r is known when t is. Administered
prices follow their own same-month mean: no source has fuel prices of the week or the announced electricity flag.

Belongs here: the estimator and the forecast of the parts. Does not belong here: the blend (inflation_record.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

SEASON_YEARS, SEASON_MIN_YEARS = 5, 2
WEIGHT_MONTHS = 60
PHI_LIMIT = 0.95
# Published parts give published IPCA back to about 0.02 point a month; ten times that is not the same index.
ADDS_UP = 0.001
_SUM_ROW = 1e4


def same_month_means(rates: Vector, horizon: int = 0) -> Vector:
    """Mean of the same month over the SEASON_YEARS years before, for each month and `horizon` (to 12) months after.

    rates: (months,) or (months, series). NaN with fewer than SEASON_MIN_YEARS years before.
    """
    if horizon > 12:
        raise ValueError(f"horizon must be at most 12 months, got {horizon}")
    n = rates.shape[0]
    padded = np.concatenate([np.full((12 * SEASON_YEARS, *rates.shape[1:]), np.nan), rates])
    years = np.stack([padded[12 * k : 12 * k + n + min(horizon, 12)] for k in range(SEASON_YEARS)])
    seen = np.isfinite(years)
    count = seen.sum(axis=0)
    total = np.where(seen, years, 0.0).sum(axis=0)
    out: Vector = np.where(count >= SEASON_MIN_YEARS, total / np.maximum(count, 1), np.nan)
    return out


def memories(deviations: Vector, first: int) -> Vector:
    """phi by origin and series from an expanding window: row k rests on the first `first` + k months.

    Least squares through zero (the season is the mean), held within +-PHI_LIMIT.
    """
    x = np.where(np.isfinite(deviations[:-1]), deviations[:-1], 0.0)
    y = np.where(np.isfinite(deviations[:-1]), deviations[1:], 0.0)
    cross, square = np.cumsum(x * y, axis=0), np.cumsum(x * x, axis=0)
    rows = slice(first - 2, None)
    phi = cross[rows] / np.where(square[rows] > 0, square[rows], 1.0)
    out: Vector = np.clip(phi, -PHI_LIMIT, PHI_LIMIT)
    return out


def weights_of(parts: Vector, whole: Vector) -> tuple[Vector, float]:
    """(weights >= 0 that sum to 1, standard deviation of the error) of whole on parts, last WEIGHT_MONTHS months.

    Non-negative least squares (Lawson and Hanson) with the sum as a heavy row.
    """
    from scipy.optimize import nnls

    x, y = parts[-WEIGHT_MONTHS:], whole[-WEIGHT_MONTHS:]
    scale = float(np.std(x)) or 1.0
    heavy = np.full((1, x.shape[1]), _SUM_ROW)
    found, _ = nnls(np.vstack([x / scale, heavy]), np.append(y / scale, _SUM_ROW))
    weights = found / found.sum()
    return weights, float(np.std(y - x @ weights))


def forecast(seasons: Vector, deviation: Vector, phi: Vector, weights: Vector) -> Vector:
    """Monthly rates of the whole for the months of `seasons` (months, series), after a month that deviated by
    `deviation`."""
    steps = np.arange(1, seasons.shape[0] + 1)[:, None]
    out: Vector = (seasons + phi[None, :] ** steps * deviation[None, :]) @ weights
    return out
