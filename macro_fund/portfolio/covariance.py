"""Volatility and covariance of daily shocks.

Belongs here: EWMA volatility and Ledoit-Wolf shrinkage, the two estimators that sizing and VaR share. Does not belong
here: which window of history is used (the caller decides).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from macro_fund.features import stats

DECAY = 0.94
"""RiskMetrics (1996) decay of daily variance."""

YEAR = 252
"""Sessions a year, for annual volatility."""


def ewma_vol(shocks: np.ndarray) -> np.ndarray:
    """Daily volatility after each row, same shape and unit as `shocks` (rows x instruments, NaN = none).

    RiskMetrics (1996), decay 0.94, mean zero (features/stats.py). A missing day leaves the volatility as it was; NaN
    before the first shock.
    """
    columns = [
        stats.ewma_vol(pl.Series(column).fill_nan(None), DECAY).fill_null(strategy="forward") for column in shocks.T
    ]
    return np.column_stack([c.fill_null(np.nan).to_numpy() for c in columns]) if columns else np.zeros(shocks.shape)


def ledoit_wolf(shocks: np.ndarray) -> tuple[np.ndarray, float]:
    """(covariance, shrinkage) of complete rows, shrunk to the identity (Ledoit and Wolf, 2004; scikit-learn)."""
    from sklearn.covariance import ledoit_wolf as fit

    covariance, shrinkage = fit(shocks)
    return covariance, float(shrinkage)


def shrunk_covariance(shocks: np.ndarray) -> np.ndarray:
    """Covariance of complete rows (days x instruments) with Ledoit-Wolf shrinkage of the correlations.

    Columns have different units (bp, log returns), so an identity target means something only after each is divided by
    its own (population) standard deviation. Variances come out unchanged; correlations shrink towards zero.
    """
    spread = shocks.std(axis=0)
    if not np.all(spread > 0):
        raise ValueError("a column of shocks never moves; leave that instrument out as no_view")
    correlation, _ = ledoit_wolf(shocks / spread)
    return correlation * np.outer(spread, spread)


def complete_rows(shocks: np.ndarray) -> np.ndarray:
    """The rows without a NaN, as a new C-ordered array (the same bytes whatever matrix they were cut from)."""
    return np.ascontiguousarray(shocks[~np.isnan(shocks).any(axis=1)])
