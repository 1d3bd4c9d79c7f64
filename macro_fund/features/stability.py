"""Whether a regression kept its parameters: the CUSUM test of its residuals.

Belongs here: tests on residuals. Does not belong here: the regressions (agents/), or what is done with a break.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_RESIDUALS = 20


@dataclass(frozen=True)
class Cusum:
    """statistic: largest |cumulated residual| over sd x root n; p_value: under constant parameters, asymptotic."""

    statistic: float
    p_value: float


def cusum(residuals: npt.ArrayLike, parameters: int = 1) -> Cusum:
    """OLS-based CUSUM test (Ploberger and Kraemer 1992; statsmodels) of residuals in the order of time, shape (n,).

    parameters: of the regression, taken off n in the variance. A small p says that the mean of the residuals moved, so
    the regression's constant or one of its slopes did. Residuals that do not sum to 0 (no constant, bounds) reject more
    often than p says. Raises ValueError for fewer than 20 residuals, or when all are 0.
    """
    from statsmodels.stats.diagnostic import breaks_cusumolsresid

    values = np.asarray(residuals, dtype=np.float64)
    if values.ndim != 1 or values.size < max(MIN_RESIDUALS, parameters + 2) or not np.isfinite(values).all():
        raise ValueError(f"cusum needs one finite vector of {MIN_RESIDUALS} residuals, got shape {values.shape}")
    if not values.any():
        raise ValueError("cusum: every residual is 0")
    statistic, p_value, _ = breaks_cusumolsresid(values, ddof=parameters)
    return Cusum(float(statistic), float(p_value))
