"""A forecast of prices that knows prices alone: the airline model, a benchmark of the inflation agent.

Belongs here: the model and its forecasts by origin. Does not belong here: the comparison (inflation_evaluation.py).
SARIMA (0,1,1)(0,1,1)12 on logs without a constant, by exact maximum likelihood (Box and Jenkins 1970; statsmodels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from statsmodels.tsa.statespace.sarimax import SARIMAXResults

Vector = npt.NDArray[np.float64]

MIN_MONTHS = 60
REFIT_MONTHS = 12
LOST = 13  # months that the two differences cost


@dataclass(frozen=True)
class Airline:
    """ma, seasonal_ma: (1 + ma L)(1 + seasonal_ma L^12); variance of the errors; loglik and aic after differencing."""

    ma: float
    seasonal_ma: float
    variance: float
    loglik: float
    aic: float


def airline(values: npt.ArrayLike) -> Airline:
    """The model of a monthly level (positive), shape (n,). Raises ValueError for fewer than 60 months, a level that is
    not positive, or a fit that does not converge."""
    logs = _logs(values)
    fit, scale = _fit(logs)
    ma, seasonal_ma, variance = (float(v) for v in fit.params)
    n = logs.size - LOST
    loglik = float(fit.llf) - n * float(np.log(scale))
    return Airline(ma, seasonal_ma, variance * scale**2, loglik, 2.0 * len(fit.params) - 2.0 * loglik)


def airline_rates(rates: npt.ArrayLike, origins: Sequence[int], months: int = 12) -> Vector:
    """Monthly rates that the model forecasts, shape (origins, months), decimals.

    rates: monthly rates (decimal) in order; an origin k knows the first k of them, and the parameters of the newest
    refit among every twelfth origin, in order. NaN for origins before 60 months.
    """
    logs = np.cumsum(np.log1p(np.asarray(rates, dtype=np.float64)))
    out = np.full((len(origins), months), np.nan)
    fit: SARIMAXResults | None = None
    fitted_at, scale = 0, 1.0
    for row, known in sorted(enumerate(origins), key=lambda pair: pair[1]):
        if known < MIN_MONTHS:
            continue
        if fit is None or known - fitted_at >= REFIT_MONTHS:
            (fit, scale), fitted_at = _fit(logs[:known]), known
        path = scale * fit.apply(logs[:known] / scale).forecast(months)
        out[row] = np.expm1(np.diff(np.concatenate([logs[known - 1 : known], path])))
    return out


def _logs(values: npt.ArrayLike) -> Vector:
    levels = np.asarray(values, dtype=np.float64)
    if levels.ndim != 1 or levels.size < MIN_MONTHS or not (levels > 0.0).all():
        raise ValueError(f"the airline model needs {MIN_MONTHS} positive months, got shape {levels.shape}")
    return np.asarray(np.log(levels))


def _fit(logs: Vector) -> tuple[SARIMAXResults, float]:
    """The fit of logs over the deviation of what is left of them after both differences, and that deviation: the
    optimiser stops too early where numbers are small."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    scale = float(np.std(np.diff(logs[12:] - logs[:-12])))
    fit = SARIMAX(logs / scale, order=(0, 1, 1), seasonal_order=(0, 1, 1, 12)).fit(disp=False, maxiter=200)
    if not fit.mle_retvals["converged"]:
        raise ValueError("airline model: the likelihood's maximum was not found")
    return fit, scale
