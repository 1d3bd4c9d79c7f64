"""Simulated moves: Student t marginals joined by a Gaussian or a t copula.

Belongs here: estimates of the joint law from a window of moves, and unit-variance draws from it. Does not belong here:
today's volatility, which scales the draws, or P&L.

Marginals: t with nu degrees of freedom by maximum likelihood on moves over their deviation, within 3 and 30, scaled by
sqrt((nu - 2) / nu) so that the variance is 1. Correlation: sin(pi tau / 2) of Kendall's tau of overlapping 5-day moves
(closes of different hours bias daily correlations), made positive definite (Higham). The formula holds for both
copulas. The Gaussian copula has no tail dependence; the t copula with 4 degrees of freedom, not fitted, is its
challenger (Demarta and McNeil, 2005). Normals are drawn once for all sessions and books, in pairs x and -x, so that a
number moves because the market or the book did.
"""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import NamedTuple

import numpy as np

from macro_fund.risk.exposures import MAPPED

DRAWS = 10_000
SEED = 20_100_104
NU_RANGE = (3.0, 30.0)
T_COPULA_NU = 4.0
OVERLAP = 5
SMALLEST_EIGENVALUE = 1e-6
_FARTHEST, _KNOTS = 200.0, 1501


class Joint(NamedTuple):
    """nu of each factor, correlation of the copula (factors x factors)."""

    nu: np.ndarray
    corr: np.ndarray


def fit_nu(moves: np.ndarray) -> float:
    """Degrees of freedom of a t with the moves' own mean and deviation: maximum likelihood within NU_RANGE."""
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    z2 = ((moves - moves.mean()) / moves.std()) ** 2

    def loss(nu: float) -> float:
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * math.log(math.pi * (nu - 2))
        return float((nu + 1) / 2 * np.log1p(z2 / (nu - 2)).sum() - len(z2) * constant)

    found = minimize_scalar(loss, bounds=NU_RANGE, method="bounded", options={"xatol": 1e-3})
    return float(np.clip(found.x, *NU_RANGE))


def rank_correlation(window: np.ndarray) -> np.ndarray:
    """sin(pi tau / 2) of the 5-day moves of each pair, positive definite. window: days x factors, NaN where none; a
    move over days without a close is in the next one, so a NaN adds nothing to its five days."""
    from scipy.stats import kendalltau

    width = window.shape[1]
    corr = np.eye(width)
    sums = np.cumsum(np.vstack([np.zeros(width), np.nan_to_num(window)]), axis=0)
    weeks = sums[OVERLAP:] - sums[:-OVERLAP]
    since = np.argmax(~np.isnan(window), axis=0)
    for i in range(width):
        for j in range(i):
            part = weeks[max(since[i], since[j]) :]
            tau = float(kendalltau(part[:, i], part[:, j]).statistic) if len(part) > 1 else 0.0
            corr[i, j] = corr[j, i] = math.sin(math.pi * tau / 2) if math.isfinite(tau) else 0.0
    return nearest_correlation(corr)


def nearest_correlation(corr: np.ndarray) -> np.ndarray:
    """The matrix itself when its eigenvalues are large enough, else the nearest correlation matrix whose are."""
    if np.linalg.eigvalsh(corr)[0] >= SMALLEST_EIGENVALUE:
        return corr
    from statsmodels.stats.correlation_tools import corr_nearest

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is near enough after n_fact x factors steps; the rest is shifted below
        near = np.asarray(corr_nearest(corr, threshold=2 * SMALLEST_EIGENVALUE, n_fact=10))
    low = float(np.linalg.eigvalsh(near)[0])
    short = max(SMALLEST_EIGENVALUE - low, 0.0)
    return (near + short * np.eye(len(near))) / (1 + short)


@cache
def _base() -> tuple[np.ndarray, np.ndarray]:
    """(normals: mapped factors x draws; square root of the t copula's mixing: draws), antithetic in the normals."""
    rng = np.random.default_rng(SEED)
    half = rng.standard_normal((len(MAPPED), DRAWS // 2))
    mixing = np.sqrt(T_COPULA_NU / rng.chisquare(T_COPULA_NU, DRAWS // 2))
    return np.hstack([half, -half]), np.tile(mixing, 2)


@cache
def _knots() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points <= 0, dense near 0, and their probabilities under a normal and under the copula's t."""
    from scipy.special import ndtr, stdtr

    below = -np.sinh(np.linspace(0.0, math.asinh(_FARTHEST), _KNOTS))[::-1]
    return below, ndtr(np.maximum(below, -37.0)), stdtr(T_COPULA_NU, below)


def _marginal(y: np.ndarray, nu: float, *, t_copula: bool) -> np.ndarray:
    """Draws of the copula's own law as unit-variance t with nu degrees of freedom; nu infinite: as normals."""
    from scipy.special import ndtri, stdtrit

    below, normal, student = _knots()
    chance = student if t_copula else normal
    if math.isinf(nu):
        if not t_copula:
            return y
        value = ndtri(chance)
    else:
        value = stdtrit(nu, chance) * math.sqrt((nu - 2) / nu)
    value[-1] = 0.0
    return np.sign(y) * -np.interp(-np.abs(y), below, value)


def draws(factors: tuple[int, ...], joint: Joint, *, t_copula: bool) -> np.ndarray:
    """Unit-variance moves (held factors x DRAWS). factors: columns of MAPPED; joint: theirs, in the same order."""
    normals, mixing = _base()
    mixed = np.linalg.cholesky(joint.corr) @ normals[list(factors)]
    if t_copula:
        mixed = mixed * mixing
    return np.vstack([_marginal(y, float(nu), t_copula=t_copula) for y, nu in zip(mixed, joint.nu, strict=True)])
