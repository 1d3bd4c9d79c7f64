"""Monthly refits along the sessions: which rows refit, and coefficients in force until the next one.

Belongs here: expanding least squares that at each session rests on rows known by then. Does not belong here: which
regressors (the strategies), or statistics along one path (features/stats.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Vector = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def month_starts(sessions: pl.Series) -> Rows:
    """Rows that hold the first session of their month; `sessions` are sorted."""
    months = sessions.dt.truncate("1mo")
    first = (months != months.shift(1)).fill_null(value=True).to_numpy()
    return np.flatnonzero(first)


def in_force(starts: npt.NDArray[Any], rows: npt.NDArray[Any]) -> Rows:
    """For each of `rows` the number of the last of `starts` (sorted) at or before it; -1 before the first."""
    return np.searchsorted(starts, rows, side="right") - 1


def monthly_ols(sessions: pl.Series, y: Vector, x: Vector, minimum: int, lag: int = 0) -> Vector:
    """Coefficients (constant first) in force at each row: OLS of y on 1 and x, refitted on each month's first row.

    x: (rows, regressors). lag: the last so many rows before a refit are left out, because their y ends later. Only rows
    in which everything is finite count; NaN before there are `minimum` of them. Between refits nothing changes.
    """
    from statsmodels.regression.linear_model import OLS

    design = np.column_stack([np.ones(y.size), x])
    whole = np.isfinite(y) & np.isfinite(design).all(axis=1)
    starts = month_starts(sessions)
    found = np.full((starts.size + 1, design.shape[1]), np.nan)  # the last row serves the rows before the first start
    for k, start in enumerate(starts):
        rows = np.flatnonzero(whole[: max(int(start) + 1 - lag, 0)])
        if rows.size >= minimum:
            found[k] = OLS(y[rows], design[rows]).fit().params
    return found[in_force(starts, np.arange(y.size))]


def fitted(coefficients: Vector, x: Vector) -> Vector:
    """Constant + x @ slopes row by row; summed over columns, so that the frame's length changes no number."""
    out = coefficients[:, 0].copy()
    for k in range(x.shape[1]):
        out = out + coefficients[:, k + 1] * x[:, k]
    return out
