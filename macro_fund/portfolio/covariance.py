"""Volatility and covariance of daily shocks.

Belongs here: EWMA volatility and Ledoit-Wolf shrinkage, the two estimators that sizing and VaR share. Does not belong
here: which window of history is used (the caller decides).
"""

from __future__ import annotations

import numpy as np
import polars as pl

DECAY = 0.94
"""RiskMetrics (1996) decay of daily variance."""

YEAR = 252
"""Sessions a year, for annual volatility."""


def ewma_vol(shocks: np.ndarray, decay: float = DECAY) -> np.ndarray:
    """Daily volatility after each row, same shape and unit as `shocks` (rows x instruments, NaN = none).

    variance_t = decay x variance_{t-1} + (1 - decay) x shock_t^2, seeded with the first squared shock (RiskMetrics
    Technical Document, 1996). A missing day leaves the variance as it was; NaN before the first shock.
    """
    if not 0 < decay < 1:
        raise ValueError(f"decay must lie between 0 and 1, got {decay}")
    squares = pl.from_numpy(np.square(shocks), orient="row").fill_nan(None)
    variance = squares.with_columns(
        pl.all().ewm_mean(alpha=1 - decay, adjust=False, ignore_nulls=True, min_samples=1).forward_fill()
    )
    return np.sqrt(variance.to_numpy().astype(np.float64))


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
