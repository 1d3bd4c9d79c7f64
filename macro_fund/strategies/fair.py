"""How far a value is from its fair value, and what moves with the level of a curve, with what was known.

Belongs here: the z of a residual under the coefficients of its month, and the first principal component re-estimated
monthly. Does not belong here: the regression itself (refit.py), which series, or signals.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from macro_fund.features.components import principal_components
from macro_fund.features.stats import robust_z
from macro_fund.strategies.refit import Vector, in_force, month_starts, monthly_ols

CLIP = 3.0


def residual_z(
    sessions: pl.Series, y: Vector, x: Vector, *, minimum: int, window: int, min_obs: int
) -> tuple[Vector, Vector, Vector]:
    """(coefficients, residual, z) of y on a constant and x: (rows, k + 1), (rows,), (rows,); NaN where unknown.

    Coefficients: `refit.monthly_ols`. z: robust z of the row's residual among the last `window` complete rows (at least
    `min_obs`), all under the coefficients of the row's own month: a new estimate is no news by itself.
    """
    coefficients = monthly_ols(sessions, y, x, minimum)
    whole = np.isfinite(y) & np.isfinite(x).all(axis=1)
    residual, z = np.full(y.size, np.nan), np.full(y.size, np.nan)
    starts = month_starts(sessions)
    for start, end in zip(starts, [*starts[1:], y.size], strict=True):
        beta = coefficients[start]
        month = np.flatnonzero(whole[start:end]) + start
        if not np.isfinite(beta).all() or not month.size:
            continue
        rows = np.concatenate([np.flatnonzero(whole[:start])[-window:], month])
        left = y[rows] - beta[0] - sum(beta[k + 1] * x[rows, k] for k in range(x.shape[1]))
        scored = robust_z(pl.Series(left), window=window, min_obs=min_obs, clip=CLIP, last=month.size)
        residual[month] = left[-month.size :]
        z[month] = scored.fill_null(float("nan")).to_numpy()[-month.size :]
    return coefficients, residual, z


def monthly_component(sessions: pl.Series, changes: Vector, window: int, minimum: int) -> Vector:
    """Loadings (rows, k) in force of the first principal component of `changes` (rows, k), the largest one positive.

    Estimated on each month's first row from the last `window` complete rows up to it; NaN before there are `minimum`
    of them, and where nothing moves.
    """
    whole = np.asarray(np.isfinite(changes).all(axis=1))
    starts = month_starts(sessions)
    found = np.full((starts.size + 1, changes.shape[1]), np.nan)  # the last row serves the rows before the first start
    for k, start in enumerate(starts):
        sample = changes[np.flatnonzero(whole[: int(start) + 1])[-window:]]
        if len(sample) >= minimum and sample.var(axis=0).any():
            found[k] = principal_components(sample).loadings[:, 0]
    return found[in_force(starts, np.arange(len(changes)))]
