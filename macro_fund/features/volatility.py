"""Conditional volatility of returns: GARCH and GJR models by maximum likelihood (arch).

Belongs here: estimation on one vector of returns, and what a risk or sizing rule reads off it. Does not belong here:
which returns and how often to refit (risk/, strategies/), or the simple weighted averages of stats.py.

h_t = omega + sum alpha_i e_{t-i}^2 + sum gamma_i e_{t-i}^2 [e_{t-i} < 0] + sum beta_i h_{t-i}, with r_t = mu + e_t
(Bollerslev 1986; Glosten, Jagannathan and Runkle 1993). What came before the sample is the mean squared residual, at
the same mu: the convention of Fiorentini, Calzolari and Panattoni (1996), by which their published estimates come out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

Vector = npt.NDArray[np.float64]

MIN_RETURNS = 250
NEWTON_STEPS = 20
Dist = Literal["normal", "t", "skewt"]


@dataclass(frozen=True)
class Garch:
    """A fit, in the units of the returns.

    params, std_errors: by name (mu, omega, alpha[1], gamma[1], beta[1], nu, ...), errors from the Hessian, NaN at a
    bound; volatility: conditional standard deviation a period, shape (n,); residuals: (r - mu) / volatility, shape
    (n,); next_volatility: of the period after the last; converged: False means that nothing here should be used.
    """

    params: Mapping[str, float]
    std_errors: Mapping[str, float]
    volatility: Vector
    residuals: Vector
    next_volatility: float
    loglik: float
    converged: bool


def garch(
    returns: npt.ArrayLike, p: int = 1, o: int = 0, q: int = 1, *, dist: Dist = "normal", backcast: float | None = None
) -> Garch:
    """GARCH(p, q) with `o` terms of asymmetry, a constant mean and errors of `dist`, on returns of shape (n,).

    backcast: squared residual and variance before the sample, in squared units of the returns; default: the mean
    squared residual. Raises ValueError for fewer than 250 returns, a value that is not finite, or no variation.
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1 or values.size < MIN_RETURNS or not np.isfinite(values).all():
        raise ValueError(f"garch needs one vector of at least {MIN_RETURNS} finite returns, got shape {values.shape}")
    scale = float(values.std())
    if scale == 0.0:
        raise ValueError("garch: the returns do not vary")
    model = _Model(values / scale, (p, o, q), dist, None if backcast is None else backcast / scale**2)
    start, converged = model.start()
    best = _polished(model.loglik, start)
    names, unit = model.names(), np.ones(best.size)
    unit[0], unit[1] = scale, scale**2  # mu and omega carry the units of the returns
    errors = _errors(model.loglik, best)
    h, following = model.variances(best)
    volatility = scale * np.sqrt(h)
    return Garch(
        dict(zip(names, (best * unit).tolist(), strict=True)),
        dict(zip(names, (errors * unit).tolist(), strict=True)),
        volatility,
        (values - best[0] * scale) / volatility,
        scale * float(np.sqrt(following)),
        model.loglik(best) - values.size * float(np.log(scale)),
        converged,
    )


class _Model:
    """arch's model of scaled returns, whose presample moves with mu."""

    def __init__(self, values: Vector, orders: tuple[int, int, int], dist: Dist, backcast: float | None) -> None:
        from arch import arch_model

        p, o, q = orders
        self.values, self.fixed = values, backcast
        self.arch: Any = arch_model(values, mean="Constant", vol="GARCH", p=p, o=o, q=q, dist=dist, rescale=False)
        self.n_vol = 1 + p + o + q
        self.bounds = self.arch.volatility.variance_bounds(values - values.mean())

    def start(self) -> tuple[Vector, bool]:
        """arch's own estimate with a presample that stays."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit that fails says so in `converged`
            fit = self.arch.fit(disp="off", backcast=self.fixed or 1.0, show_warning=False, options={"ftol": 1e-12})
        return np.asarray(fit.params, dtype=np.float64), bool(fit.convergence_flag == 0)

    def names(self) -> list[str]:
        return ["mu", *self.arch.volatility.parameter_names(), *self.arch.distribution.parameter_names()]

    def variances(self, params: Vector) -> tuple[Vector, float]:
        """Conditional variances of the sample, and the next one."""
        e = self.values - params[0]
        before = float(np.mean(e**2)) if self.fixed is None else self.fixed
        longer, bounds = np.append(e, 0.0), np.vstack([self.bounds, self.bounds[-1:]])
        h = np.zeros(longer.size)
        self.arch.volatility.compute_variance(params[1 : 1 + self.n_vol], longer, h, before, bounds)
        return h[:-1], float(h[-1])

    def loglik(self, params: Vector) -> float:
        h, _ = self.variances(params)
        if not (h > 0.0).all():
            return -np.inf
        e = self.values - params[0]
        return float(self.arch.distribution.loglikelihood(params[1 + self.n_vol :], e, h))


def _polished(loglik: Callable[[Vector], float], start: Vector) -> Vector:
    """Newton steps from `start` for as long as they raise the likelihood; coefficients held at 0 stay there."""
    from statsmodels.tools.numdiff import approx_fprime, approx_hess

    best, value = start.copy(), loglik(start)
    free = _free(start)
    for _ in range(NEWTON_STEPS):
        at = _on(loglik, best, free)
        hessian = approx_hess(best[free], at)
        if not np.isfinite(hessian).all() or np.linalg.matrix_rank(hessian) < free.sum():
            break
        step = np.linalg.solve(hessian, approx_fprime(best[free], at, centered=True))
        moved = best.copy()
        moved[free] -= step
        found = loglik(moved) if (moved[1:] >= 0.0).all() else -np.inf
        if not found >= value - 1e-9:
            break
        best, value = moved, found
        if np.abs(step).max() < 1e-10:
            break
    return best


def _errors(loglik: Callable[[Vector], float], best: Vector) -> Vector:
    """Standard errors from the inverse Hessian of the free parameters, NaN for the others."""
    from statsmodels.tools.numdiff import approx_hess

    out, free = np.full(best.size, np.nan), _free(best)
    hessian = approx_hess(best[free], _on(loglik, best, free))
    if np.isfinite(hessian).all() and np.linalg.matrix_rank(hessian) == free.sum():
        with np.errstate(invalid="ignore"):
            out[free] = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    return out


def _free(params: Vector) -> npt.NDArray[np.bool_]:
    return np.asarray((np.arange(params.size) == 0) | (np.abs(params) > 1e-6))


def _on(loglik: Callable[[Vector], float], best: Vector, free: npt.NDArray[np.bool_]) -> Callable[[Vector], float]:
    """The likelihood as a function of the free parameters."""

    def at(x: Vector) -> float:
        whole = best.copy()
        whole[free] = x
        return loglik(whole)

    return at
