"""Filtered historical moves: each past move over the volatility of its own day, times today's.

Belongs here: GARCH(1,1) of a factor and its volatility path. Does not belong here: when it is refit, or P&L.
Source: Barone-Adesi, Giannopoulos and Vosper (1999); Bollerslev (1986).
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import NamedTuple

import numpy as np

EWMA = 0.94
MOST_PERSISTENT = 0.9999
# Below this a move says nothing about the variance of the next day: beta means nothing then, and whether the optimiser
# ends at 0 or beside it is a matter of rounding.
LEAST_ALPHA = 1e-4


class Garch(NamedTuple):
    """Variance of a day = omega + alpha x (move before)^2 + beta x (variance before), in the move's unit squared."""

    omega: float
    alpha: float
    beta: float
    fitted: bool


RISKMETRICS = Garch(0.0, 1 - EWMA, EWMA, False)


def fit_garch(moves: np.ndarray) -> Garch:
    """GARCH(1,1) with mean zero by maximum likelihood (arch); EWMA 0.94 where it does not converge inside
    alpha + beta < 1, finds no clustering (alpha is 0), or the moves are too few or never move. moves: in time order,
    no NaN."""
    return _fitted(np.ascontiguousarray(moves, dtype=np.float64).tobytes())


@lru_cache(maxsize=64)  # the target book and the proposals of a session ask for the same fits
def _fitted(content: bytes) -> Garch:
    moves = np.frombuffer(content)
    spread = float(moves.std()) if len(moves) else 0.0
    if len(moves) < 2 or spread == 0.0:
        return RISKMETRICS
    from arch import arch_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what does not converge is replaced below
        fit = arch_model(moves / spread, mean="Zero", vol="GARCH", p=1, q=1, rescale=False).fit(
            disp="off", show_warning=False, update_freq=0
        )
    omega, alpha, beta = (float(v) for v in fit.params)
    usable = fit.convergence_flag == 0 and np.isfinite([omega, alpha, beta]).all() and omega > 0
    if not usable or alpha < LEAST_ALPHA or alpha + beta >= MOST_PERSISTENT:
        return RISKMETRICS
    return Garch(omega * spread**2, alpha, beta, True)


def volatility_path(moves: np.ndarray, model: Garch) -> np.ndarray:
    """Daily volatility of each move before it happened, and of the day after the last: one longer than `moves`.

    Starts from the variance of the moves."""
    from scipy.signal import lfilter

    start = float(np.mean(moves**2))
    after, _ = lfilter([1.0], [1.0, -model.beta], model.omega + model.alpha * moves**2, zi=[model.beta * start])
    return np.sqrt(np.concatenate([[start], after]))


def filtered_moves(window: np.ndarray, models: list[Garch]) -> np.ndarray:
    """The window (days x factors, NaN where none) with each factor's moves rescaled to the volatility of the day after
    the window. A factor that never moved stays as it is."""
    out = window.copy()
    for k, model in enumerate(models):
        there = np.flatnonzero(~np.isnan(window[:, k]))
        moves = window[there, k]
        if not len(moves) or not moves.any():
            continue
        sigma = volatility_path(moves, model)
        out[there, k] = moves / np.maximum(sigma[:-1], 1e-12 * sigma[-1]) * sigma[-1]
    return out
