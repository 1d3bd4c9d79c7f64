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


def student_var(scale: float, nu: float, level: float) -> float:
    """VaR of scale x Student t with nu degrees of freedom (scale is not the deviation): -scale x its quantile."""
    from scipy.special import stdtrit

    _normal(level)
    return -scale * float(stdtrit(nu, 1 - level))


def student_es(scale: float, nu: float, level: float) -> float:
    """Expected shortfall of scale x Student t, nu > 1: f(q) / (1 - level) x (nu + q^2) / (nu - 1) x scale (McNeil, Frey
    and Embrechts, 2005, example 2.19)."""
    from scipy.special import gammaln

    if nu <= 1:
        raise ValueError(f"a Student t has an expected shortfall for nu > 1 only, got {nu}")
    q = student_var(1.0, nu, level)
    log_density = float(gammaln((nu + 1) / 2) - gammaln(nu / 2)) - 0.5 * math.log(nu * math.pi)
    density = math.exp(log_density - (nu + 1) / 2 * math.log1p(q * q / nu))
    return scale * density / (1 - level) * (nu + q * q) / (nu - 1)


def cornish_fisher_valid(skew: float, kurtosis: float) -> bool:
    """Whether the expansion is a quantile function, that is rises everywhere (Maillard, 2012). kurtosis: in excess of
    the normal's."""
    square, slope = kurtosis / 8 - skew**2 / 6, 1 - kurtosis / 8 + 5 * skew**2 / 36
    return square >= 0 and skew**2 / 9 - 4 * square * slope <= 0 and (square > 0 or slope > 0)


def _cornish_fisher_terms(level: float) -> np.ndarray:
    """(VaR, ES) x (1, S, K, S^2) of sigma x h(S, K): the expansion at the quantile, and its mean beyond it."""
    z, tail = _normal(level)
    return np.array(
        [
            [z, -(z**2 - 1) / 6, (z**3 - 3 * z) / 24, -(2 * z**3 - 5 * z) / 36],
            [tail, -z * tail / 6, (z**2 - 1) * tail / 24, -(2 * z**2 - 1) * tail / 36],
        ]
    )


def cornish_fisher_parts(parts: np.ndarray, level: float, mean: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """((VaR, ES), their Euler parts (2 x positions)) of a P&L given as scenarios x positions.

    The normal quantile is corrected for skewness and excess kurtosis (population moments); ES is the mean of the
    corrected quantiles beyond the level. Parts are each position's derivative, so they sum (Boudt, Peterson and Croux,
    2008). Without `mean` the P&L is taken around its mean. ValueError outside `cornish_fisher_valid`.
    """
    centre = parts.mean(axis=0)
    x = parts - centre
    pnl = x.sum(axis=1)
    m2, m3, m4 = (float((pnl**k).mean()) for k in (2, 3, 4))
    sigma = math.sqrt(m2)
    skew, kurtosis = m3 / sigma**3, m4 / m2**2 - 3
    if not cornish_fisher_valid(skew, kurtosis):
        raise ValueError(f"skewness {skew:.2f} and excess kurtosis {kurtosis:.1f} are outside Cornish-Fisher's domain")
    d2, d3, d4 = (k * (pnl[:, None] ** (k - 1) * x).mean(axis=0) for k in (2, 3, 4))
    d_sigma = d2 / (2 * sigma)
    d_skew = d3 / sigma**3 - 3 * skew * d_sigma / sigma
    d_kurtosis = d4 / m2**2 - 4 * (kurtosis + 3) * d_sigma / sigma
    one, s, k, s2 = _cornish_fisher_terms(level).T
    height = one + s * skew + k * kurtosis + s2 * skew**2
    slope = np.outer(s + 2 * s2 * skew, d_skew) + np.outer(k, d_kurtosis)
    of = np.outer(height, d_sigma) + sigma * slope - (centre if mean else 0.0)
    return sigma * height - (float(centre.sum()) if mean else 0.0), of


def tail_parts(
    parts: np.ndarray, n: int, level: float, around: float = 0.2
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """(VaR, ES, parts of VaR, parts of ES) from the worst scenarios of a large simulation of n.

    parts: the worst scenarios x positions, worst first; at least the (1 + around) x n x (1 - level) + 2 worst. Totals
    are those of `historical_parts`. A VaR part is the position's mean loss in the scenarios whose rank is within
    `around` of the quantile's, an estimate of E[loss of the position | loss of the book = VaR] (Tasche, 1999), scaled
    to the total. Parts sum to the totals.
    """
    pnl = parts.sum(axis=1)
    place = (n - 1) * (1 - level)
    k = math.floor(place + 1e-9)
    between = max(place - k, 0.0)
    width = math.floor(around * (k + 1))
    if len(pnl) < k + 2 + width:
        raise ValueError(f"{len(pnl)} of the {k + 2 + width} worst scenarios that the {level:.0%} tail needs")
    var = -float((1 - between) * pnl[k] + between * pnl[k + 1])
    near = -parts[max(k - width, 0) : k + 2 + width].mean(axis=0)
    es_parts = -parts[: k + 1].mean(axis=0)
    return var, -float(pnl[: k + 1].mean()), near * (var / near.sum()), es_parts


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
