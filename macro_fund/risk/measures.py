"""VaR and expected shortfall of a P&L, and their parts: formulas on arrays.

Belongs here: definitions that do not know about funds, instruments or sessions. Does not belong here: which history or
positions they are applied to (var.py). Losses are positive: VaR 95% = 2 means that a loss above 2 is a 5% event.
`level` is the confidence, 0.95 or 0.99.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

import numpy as np


@cache
def _normal(level: float) -> tuple[float, float]:
    """(z, expected shortfall of a standard normal) at a confidence level."""
    if not 0.5 < level < 1:
        raise ValueError(f"level must lie between 0.5 and 1 (0.95 is 95%), got {level}")
    standard = NormalDist()
    z = standard.inv_cdf(level)
    return z, standard.pdf(z) / (1 - level)


def gaussian_var(sigma: float, level: float, mean: float = 0.0) -> float:
    """VaR of a normal P&L: z x sigma - mean."""
    return _normal(level)[0] * sigma - mean


def gaussian_es(sigma: float, level: float, mean: float = 0.0) -> float:
    """Expected shortfall of a normal P&L: pdf(z) / (1 - level) x sigma - mean."""
    return _normal(level)[1] * sigma - mean


def sigma_parts(weights: np.ndarray, covariance: np.ndarray) -> tuple[float, np.ndarray]:
    """(standard deviation of the book, its Euler parts w_i (Sigma w)_i / sigma, which sum to it) (Tasche, 1999)."""
    pull = covariance @ weights
    sigma = math.sqrt(max(float(weights @ pull), 0.0))
    if sigma == 0.0:
        return 0.0, np.zeros_like(weights)
    return sigma, weights * pull / sigma


def _order(pnl: np.ndarray, level: float) -> tuple[np.ndarray, int, float]:
    """Scenarios from worst to best (ties in time order), and the quantile: between worst[k] and worst[k+1]."""
    _normal(level)
    place = (len(pnl) - 1) * (1 - level)
    k = math.floor(place + 1e-9)
    return np.argsort(pnl, kind="stable"), k, max(place - k, 0.0)


def historical_parts(parts: np.ndarray, level: float) -> tuple[float, float, np.ndarray, np.ndarray]:
    """(VaR, ES, parts of VaR, parts of ES) of a P&L given as scenarios x positions.

    VaR is minus the (1 - level) quantile with linear interpolation between order statistics (R type 7, numpy's
    default); each part is the position's own loss in those two scenarios, in the same proportion. ES is the mean loss
    of every scenario at or beyond the quantile, the floor((n - 1)(1 - level)) + 1 worst; each part is the position's
    mean loss in them. Parts sum to the totals.
    """
    if len(parts) == 0:
        raise ValueError("a historical VaR needs at least one scenario")
    pnl = parts.sum(axis=1)
    worst, k, between = _order(pnl, level)
    after = worst[min(k + 1, len(pnl) - 1)]
    var_parts = -((1 - between) * parts[worst[k]] + between * parts[after])
    es_parts = -parts[worst[: k + 1]].mean(axis=0)
    var = -((1 - between) * pnl[worst[k]] + between * pnl[after])
    return float(var), -float(pnl[worst[: k + 1]].mean()), var_parts, es_parts


def historical_var(pnl: np.ndarray, level: float) -> float:
    """VaR of a P&L sample: minus the interpolated (1 - level) quantile (see `historical_parts`)."""
    return historical_parts(np.asarray(pnl, dtype=np.float64)[:, None], level)[0]


def historical_es(pnl: np.ndarray, level: float) -> float:
    """Expected shortfall of a P&L sample: mean loss at or beyond the quantile (see `historical_parts`)."""
    return historical_parts(np.asarray(pnl, dtype=np.float64)[:, None], level)[1]
