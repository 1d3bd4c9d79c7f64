"""Partial pooling of noisy estimates of one kind, by sampling and by quadrature.

Several parts of one population, each measured with a known error:

    value_i ~ Normal(theta_i, error_i),   theta_i ~ Normal(mu, tau),   mu ~ Normal(m, s),   tau ~ HalfNormal(h)

so that a part that is measured badly leans on the others (Gelman and Hill 2007, chapter 12; the eight schools of Rubin
1981). theta is written as mu + tau x offset, offset ~ Normal(0, 1) ("non-centred"): the spread may be near zero, where
the posterior of theta itself narrows like a funnel.

Belongs here: the model, its sampler, summaries of draws. Does not belong here: what is measured, or what is made of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Sampler = Callable[[Vector, Vector, int], tuple[dict[str, Vector], int]]
"""(values, errors, seed) -> draws by name, shape (chains, draws[, parts]), and the number of divergent ones."""

CHAINS, TUNE = 4, 1000
# Small steps for the funnel at a spread of zero.
TARGET_ACCEPT = 0.95
NODES = 2001
_WIDE = 8.0


@dataclass(frozen=True)
class Prior:
    """mu ~ Normal(mean, mean_sd), tau ~ HalfNormal(spread)."""

    mean: float
    mean_sd: float
    spread: float


def pooled_sampler(parts: int, prior: Prior, draws: int) -> Sampler:
    """The model for a number of parts, compiled once; samples theta, mu and tau in CHAINS chains of `draws`.

    Compiled by numba, so that no C compiler is needed. The same seed gives the same draws.
    """
    import nutpie
    import pymc as pm
    from pytensor.configdefaults import config

    with config.change_flags(cxx=""):
        with pm.Model() as model:
            value = pm.Data("value", np.zeros(parts))
            error = pm.Data("error", np.ones(parts))
            mu = pm.Normal("mu", prior.mean, prior.mean_sd)
            tau = pm.HalfNormal("tau", prior.spread)
            offset = pm.Normal("offset", 0.0, 1.0, shape=parts)
            theta = pm.Deterministic("theta", mu + tau * offset)
            pm.Normal("observed", theta, error, observed=value)
        compiled = nutpie.compile_pymc_model(model)

    def sample(value: Vector, error: Vector, seed: int) -> tuple[dict[str, Vector], int]:
        trace = nutpie.sample(
            compiled.with_data(value=value, error=error),
            draws=draws,
            tune=TUNE,
            chains=CHAINS,
            cores=1,
            seed=seed,
            progress_bar=False,
            target_accept=TARGET_ACCEPT,
        )
        found = {name: np.asarray(trace.posterior[name].values) for name in ("theta", "mu", "tau")}
        return found, int(trace.sample_stats["diverging"].sum())

    return sample


def pooled_exact(value: Vector, error: Vector, prior: Prior) -> tuple[Vector, Vector]:
    """Posterior mean and standard deviation of each theta without sampling: (parts,), (parts,).

    Given tau everything is normal and has a closed form; tau alone is integrated, over NODES equal steps up to 8 prior
    deviations. The second way to what the sampler finds.
    """
    tau2 = np.linspace(0.0, _WIDE * prior.spread, NODES)[:, None] ** 2
    spread2 = error**2 + tau2
    precision = 1.0 / prior.mean_sd**2 + (1.0 / spread2).sum(axis=1)
    centre = (prior.mean / prior.mean_sd**2 + (value / spread2).sum(axis=1)) / precision
    fit = (value**2 / spread2).sum(axis=1) - precision * centre**2
    log_weight = -0.5 * (np.log(spread2).sum(axis=1) + np.log(precision) + fit + tau2[:, 0] / prior.spread**2)
    weight = np.exp(log_weight - log_weight.max())
    weight[[0, -1]] /= 2.0
    weight /= weight.sum()
    own = tau2 / spread2
    mean = own * value + (1.0 - own) * centre[:, None]
    variance = own * error**2 + (1.0 - own) ** 2 / precision[:, None]
    found = weight @ mean
    return found, np.sqrt(weight @ (variance + mean**2) - found**2)


def summary(draws: Vector) -> dict[str, float]:
    """value (mean), std_dev, p05, p95, r_hat and ess (bulk) of draws (chains, draws)."""
    import arviz as az

    flat = draws.ravel()
    p05, p95 = np.quantile(flat, [0.05, 0.95])
    return {
        "value": float(flat.mean()),
        "std_dev": float(flat.std(ddof=1)),
        "p05": float(p05),
        "p95": float(p95),
        "r_hat": float(az.rhat(draws)),
        "ess": float(az.ess(draws)),
    }


def seed_of(key: str, session: date) -> int:
    """A refit's seed: from the asset and the session, nothing else."""
    return int.from_bytes(hashlib.sha256(f"{key} {session}".encode()).digest()[:4])
