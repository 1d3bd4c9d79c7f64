"""Black and Litterman's blend of a prior and views: posterior mean and covariance of returns.

Belongs here: the formulas of Black and Litterman (1992), He and Litterman (1999) and Idzorek (2005), arrays in, arrays
out. Does not belong here: where views come from (views), or what is held for them (optimise).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Posterior:
    """mean: (n,) expected returns. covariance: (n, n) of returns about it, Sigma + M (He and Litterman's)."""

    mean: Array
    covariance: Array


def equilibrium(sigma: Array, weights: Array, delta: float) -> Array:
    """Expected returns for which `weights` are optimal at risk aversion `delta`: delta x Sigma x w."""
    return np.asarray(delta * sigma @ weights)


def view_variance(sigma: Array, picks: Array, confidence: Array, tau: float) -> Array:
    """(k,) variances of the views, Omega_k = ((1 - c) / c) x tau x p' Sigma p.

    One view alone then tilts its portfolio exactly the fraction c of the way from the prior to the view: the closed
    form of Idzorek (2005) by Walters (2007). picks: (k, n). confidence: (k,) in (0, 1]; ValueError outside.
    """
    if np.any((confidence <= 0) | (confidence > 1)):
        raise ValueError("confidence of a view must be in (0, 1]; leave a view without confidence out")
    variance = tau * np.einsum("kn,nm,km->k", picks, sigma, picks)
    return np.asarray((1.0 - confidence) / confidence * variance)


def posterior(
    sigma: Array, picks: Array, views: Array, variance: Array, tau: float, prior: Array | None = None
) -> Posterior:
    """Mean and covariance after `views` (k,) on the portfolios `picks` (k, n).

    mean = Pi + tau Sigma P' (tau P Sigma P' + Omega)^-1 (Q - P Pi), Omega = diag(variance). `prior` Pi: (n,), zero when
    none: unfunded positions have no market portfolio. All in the unit and over the period of sigma.
    """
    start = np.zeros(len(sigma)) if prior is None else prior
    spread = tau * sigma
    if not len(picks):
        return Posterior(start, sigma + spread)
    gain = np.linalg.solve(picks @ spread @ picks.T + np.diag(variance), picks @ spread).T
    return Posterior(start + gain @ (views - picks @ start), sigma + spread - gain @ picks @ spread)


def optimal_weights(mean: Array, covariance: Array, delta: float) -> Array:
    """Weights that maximise mean'w - (delta / 2) w' covariance w without any limit."""
    return np.asarray(np.linalg.solve(delta * covariance, mean))
