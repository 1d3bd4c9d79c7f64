"""Neutral real rate r*: a random walk seen through the ex-ante real rate and through what a central bank publishes.

Belongs here: the state-space model and its fit. Does not belong here: where the rates come from (monetary_model.py).

    real_t      = r*_t + stance_t        stance_t = ar x stance_{t-1} + u_t     (ar = 0: white noise, the local level)
    published_t = r*_t + noise_t         noise sd stated, months without a publication are missing
    r*_t        = r*_{t-1} + e_t

Holston, Laubach and Williams (2017) without their IS and Phillips equations: r* is what the real rate returns to. Left
free, maximum likelihood gives all or none of a policy rate's movement to the random walk (Stock and Watson 1998): on
Brazil's real rate all of it, so that r* is the real rate itself and a rule built on it says that policy is always
right. As they hold the ratio of variances, the step of r* is stated here, and ar and the stance's sd are estimated.
Rates are in one unit throughout (percent keeps the likelihood well scaled).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

AR_RANGE = (0.0, 0.98)
"""A stance that never ends is no stance: 0.98 a month halves in three years."""


@dataclass(frozen=True)
class Neutral:
    """A fit: filtered r* and its standard error by period (never smoothed), parameters by name, their standard errors.

    log_likelihood: the first, diffuse observation adds nothing (Durbin and Koopman's); converged: the optimiser's word.
    """

    path: Vector
    std_error: Vector
    parameters: dict[str, float]
    parameter_errors: dict[str, float]
    log_likelihood: float
    converged: bool


def fit_neutral(
    real: Vector,
    *,
    published: Vector | None = None,
    published_sd: float | Vector = 0.5,
    level_sd: float | None = None,
    persistent: bool = True,
) -> Neutral:
    """Maximum likelihood and the filtered path. NaN is a missing observation.

    level_sd: the stated sd of a step of r* (None: estimated); persistent False: the stance is white noise (the local
    level model of Durbin and Koopman 2012, chapter 2). published, published_sd: one value a period, in the unit of
    real. Raises ValueError for shapes that differ or fewer than 3 observations.
    """
    real = np.asarray(real, dtype=np.float64)
    published = np.full(real.shape, np.nan) if published is None else np.asarray(published, dtype=np.float64)
    if real.ndim != 1 or published.shape != real.shape:
        raise ValueError(f"real and published have shapes {real.shape} and {published.shape}; give one value a period")
    if np.isfinite(real).sum() < 3:
        raise ValueError(f"a neutral rate needs 3 real rates or more, got {int(np.isfinite(real).sum())}")
    two = bool(np.isfinite(published).any())
    data = np.column_stack([real, published]) if two else real[:, None]
    noise = np.broadcast_to(np.asarray(published_sd, dtype=np.float64), real.shape) if two else None
    model = _model_class()(data, level_sd, persistent, noise)
    found = model.fit(disp=0, method="lbfgs", maxiter=200, cov_type="none")
    names = model.param_names
    return Neutral(
        path=np.asarray(found.filtered_state[0]),
        std_error=np.sqrt(np.maximum(found.filtered_state_cov[0, 0], 0.0)),
        parameters=dict(zip(names, map(float, found.params), strict=True)),
        parameter_errors=dict(zip(names, _errors(model, np.asarray(found.params)), strict=True)),
        log_likelihood=float(found.llf + 0.5 * np.log(2.0 * np.pi)),
        converged=bool(found.mle_retvals["converged"]),
    )


def _errors(model: Any, parameters: Vector) -> list[float]:
    """From the outer product of gradients; NaN where it cannot be inverted (a parameter at its bound)."""
    try:
        covariance = np.linalg.inv(model.opg_information_matrix(parameters) * model.nobs_effective)
    except np.linalg.LinAlgError:
        return [float("nan")] * parameters.size
    diagonal = np.diag(covariance)
    return [float(np.sqrt(v)) if v > 0 else float("nan") for v in diagonal]


@cache
def _model_class() -> Any:
    """The statsmodels model; made inside a function, since the import takes seconds."""
    from statsmodels.tsa.statespace.initialization import Initialization
    from statsmodels.tsa.statespace.mlemodel import MLEModel

    class NeutralModel(MLEModel):
        """States: r*, stance. Parameters: [level_sd], [ar], stance_sd."""

        def __init__(self, data: Vector, level_sd: float | None, persistent: bool, noise: Vector | None) -> None:
            super().__init__(data, k_states=2, k_posdef=2)
            self.level_sd, self.persistent = level_sd, persistent
            self.nobs_effective = int(np.isfinite(data).sum())
            self["design", 0, :] = 1.0
            if noise is not None:
                self["design", 1, 0] = 1.0
                errors = np.zeros((2, 2, data.shape[0]))
                errors[1, 1] = noise**2
                self["obs_cov"] = errors
            self["selection"] = np.eye(2)
            self["transition", 0, 0] = 1.0
            start = Initialization(2)
            start.set(0, "diffuse")
            start.set(1, "stationary")
            self.ssm.initialization = start
            self._spread = float(np.nanstd(np.diff(data[:, 0]))) or 1e-3

        @property
        def param_names(self) -> list[str]:
            return [*(["level_sd"] if self.level_sd is None else []), *(["ar"] if self.persistent else []), "stance_sd"]

        @property
        def start_params(self) -> Vector:
            start = {"level_sd": 0.3 * self._spread, "ar": 0.9, "stance_sd": self._spread}
            return np.array([start[n] for n in self.param_names])

        def transform_params(self, unconstrained: Vector) -> Vector:
            low, high = AR_RANGE
            values = [
                low + (high - low) / (1.0 + np.exp(-u)) if n == "ar" else np.exp(u) * self._spread
                for n, u in zip(self.param_names, unconstrained, strict=True)
            ]
            return np.array(values)

        def untransform_params(self, constrained: Vector) -> Vector:
            low, high = AR_RANGE
            values = [
                -np.log((high - low) / (c - low) - 1.0) if n == "ar" else np.log(c / self._spread)
                for n, c in zip(self.param_names, constrained, strict=True)
            ]
            return np.array(values)

        def update(self, params: Vector, **kwargs: Any) -> None:
            given = dict(zip(self.param_names, super().update(params, **kwargs), strict=True))
            level_sd = given["level_sd"] if self.level_sd is None else self.level_sd
            self["state_cov", 0, 0] = level_sd**2
            self["transition", 1, 1] = given.get("ar", 0.0)
            self["state_cov", 1, 1] = given["stance_sd"] ** 2

    return NeutralModel
