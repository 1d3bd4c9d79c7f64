"""The fan of public debt: a VAR of what drives it, its residuals drawn in blocks, the debt recursion along each path.

Belongs here: fit and simulation. Does not belong here: data (fiscal_history.py), refits and rows (fiscal_model.py).

Celasun, Debrun and Ostry (2006, "Primary surplus behavior and risks to fiscal sustainability in emerging market
countries: a fan-chart approach"), with residuals of the past in place of normal draws (circular blocks: Politis
and Romano 1992) and uncertain parameters, without which short samples give bands that are far too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from macro_fund.agents import debt
from macro_fund.agents.fiscal_history import STEP_MONTHS, VARIABLES, real_snowball

if TYPE_CHECKING:
    from collections.abc import Sequence

Vector = npt.NDArray[np.float64]

YEARS, N_PATHS = 10, 5_000
STEPS_A_YEAR = 12 // STEP_MONTHS
# Two years: longer than the year by which neighbouring twelve-month measures overlap.
BLOCK_STEPS = 8
QUANTILES = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
JUMP = 0.10
# Paths whose shocks never die out leave the world within ten years.
ROOT_LIMIT = 0.98


@dataclass(frozen=True)
class Var:
    """x_t = const + coef x_{t-1} + residual, x in the order of VARIABLES, a step of three months.

    const, coef: corrected for the small-sample bias of least squares. covariance: of the parameters, a matrix of
    (1 + 4) x 4 in C order: row 0 the constants, row j what variable j does to each. residuals: shape (steps - 1, 4),
    centred and scaled up for the degrees of freedom. mean: of the sample. root: largest modulus of coef's eigenvalues,
    and of the uncorrected fit's.
    """

    const: Vector
    coef: Vector
    covariance: Vector
    residuals: Vector
    mean: Vector
    n_obs: int
    root: float
    raw_root: float

    @property
    def parameters(self) -> Vector:
        """Shape (5, 4), in the order of `covariance`."""
        return np.vstack([self.const, self.coef.T])

    @property
    def std_errors(self) -> Vector:
        """Of `parameters`, shape (5, 4)."""
        errors: Vector = np.sqrt(np.diag(self.covariance)).reshape(self.parameters.shape)
        return errors


@dataclass(frozen=True)
class Start:
    """Where the simulation starts: last row of VARIABLES, debt on GDP, share of foreign debt, and the past
    stock-flow adjustments, one a row of the VAR's residuals."""

    values: Vector
    debt: float
    foreign_share: float
    adjustments: Vector


@dataclass(frozen=True)
class Fan:
    """Debt on GDP by year ahead (1..10): quantiles (years, QUANTILES), the path without shocks, P(debt up > JUMP)."""

    quantiles: Vector
    deterministic: Vector
    prob_jump: Vector


def fit_var(values: Vector) -> Var:
    """VAR(1) with a constant by least squares (statsmodels), its bias taken out; values: shape (steps, 4).

    In short samples least squares makes persistent variables too quick to return, and the fan too narrow: the bias is
    that of Pope (1990, "Biases of estimators in multivariate non-Gaussian autoregressions"), taken out as far as the
    result stays stable (Kilian 1998). The mean stays the sample's. Raises ValueError when the VAR cannot be estimated:
    too few rows, or variables that are collinear.
    """
    from statsmodels.tsa.api import VAR

    n, k = values.shape
    if n - 1 <= k + 1 or np.linalg.matrix_rank(values - values.mean(axis=0)) < k:
        raise ValueError(f"a VAR of {k} variables cannot be estimated from {n} rows; give more that vary on their own")
    found = VAR(values).fit(maxlags=1, trend="c")
    mean, raw = values.mean(axis=0), np.asarray(found.coefs[0])
    coef = _less_bias(raw, np.asarray(found.sigma_u), np.cov(values.T), int(found.nobs))
    const = (np.eye(k) - coef) @ mean
    residuals = values[1:] - const - values[:-1] @ coef.T
    scale = np.sqrt(found.nobs / (found.nobs - k - 1))
    return Var(
        const=const,
        coef=coef,
        covariance=np.asarray(found.cov_params()),
        residuals=(residuals - residuals.mean(axis=0)) * scale,
        mean=mean,
        n_obs=int(found.nobs),
        root=_root(coef),
        raw_root=_root(raw),
    )


def _root(coef: Vector) -> float:
    return float(np.abs(np.linalg.eigvals(coef)).max())


def small_sample_bias(coef: Vector, noise: Vector, variance: Vector, n: int) -> Vector:
    """Expected error of least squares in `coef` with n rows, to order 1/n (Pope 1990, for a VAR with a constant).

    noise, variance: covariance matrices of the residuals and of the variables.
    """
    eye, t = np.eye(coef.shape[0]), coef.T
    sums = np.linalg.inv(eye - t) + t @ np.linalg.inv(eye - t @ t)
    for value in np.linalg.eigvals(coef):
        sums = sums + value * np.linalg.inv(eye - value * t)
    bias: Vector = -(noise @ sums @ np.linalg.inv(variance)).real / n
    return bias


def _less_bias(coef: Vector, noise: Vector, variance: Vector, n: int) -> Vector:
    """`coef` less its bias, or less the largest multiple of 5% of it that keeps the root below ROOT_LIMIT."""
    stable = coef * min(1.0, ROOT_LIMIT / _root(coef))
    bias = small_sample_bias(stable, noise, variance, n)
    for part in np.linspace(1.0, 0.05, 20):
        if _root(stable - part * bias) < ROOT_LIMIT:
            return stable - part * bias
    return stable


def drawn_parameters(model: Var, n_paths: int, rng: np.random.Generator) -> tuple[Vector, Vector]:
    """const (paths, 4) and coef (paths, 4, 4) from the normal law of the estimates; those that explode are shrunk to
    ROOT_LIMIT around the sample's mean."""
    k = model.coef.shape[0]
    drawn = rng.multivariate_normal(model.parameters.ravel(), model.covariance, size=n_paths, method="cholesky")
    drawn = drawn.reshape(n_paths, k + 1, k)
    const, coef = drawn[:, 0], np.swapaxes(drawn[:, 1:], 1, 2)
    root = np.abs(np.linalg.eigvals(coef)).max(axis=1)
    wild = root > ROOT_LIMIT
    shrunk = coef[wild] * (ROOT_LIMIT / root[wild])[:, None, None]
    coef[wild] = shrunk
    const[wild] = (np.eye(k) - shrunk) @ model.mean
    return const, coef


def drawn_rows(
    n_rows: int, n_steps: int, n_paths: int, rng: np.random.Generator, block: int = BLOCK_STEPS
) -> npt.NDArray[np.int64]:
    """Row numbers of a circular block bootstrap, shape (n_paths, n_steps)."""
    n_blocks = -(-n_steps // block)
    starts = rng.integers(0, n_rows, size=(n_paths, n_blocks, 1))
    rows = (starts + np.arange(block)) % n_rows
    return rows.reshape(n_paths, -1)[:, :n_steps]


def forward(const: Vector, coef: Vector, start: Vector, shocks: Vector) -> Vector:
    """Paths of VARIABLES at the end of each year, shape (paths, years, 4).

    const: (paths, 4); coef: (paths, 4, 4); start: (4,); shocks: (paths, steps, 4).
    """
    n_paths, n_steps, k = shocks.shape
    x = np.broadcast_to(start, (n_paths, k))
    out = np.empty((n_paths, n_steps // STEPS_A_YEAR, k))
    for step in range(n_steps):
        x = const + (coef @ x[:, :, None])[:, :, 0] + shocks[:, step]
        if (step + 1) % STEPS_A_YEAR == 0:
            out[:, step // STEPS_A_YEAR] = x
    return out


def debt_of(values: Vector, start: Start, adjustment: Vector | float) -> Vector:
    """Debt on GDP of each path and year; values: shape (paths, years, 4)."""
    growth, real, primary, reer = (values[..., k] for k in range(len(VARIABLES)))
    factors = real_snowball(growth, real, reer, start.foreign_share)
    return debt.paths(start.debt, factors, primary, adjustment)


def expected_path(model: Var, start: Start, years: int = YEARS) -> Vector:
    """Debt on GDP by year without shocks, each year with the mean of the past stock-flow adjustments."""
    none = np.zeros((1, years * STEPS_A_YEAR, len(VARIABLES)))
    values = forward(model.const[None], model.coef[None], start.values, none)
    path: Vector = debt_of(values, start, float(start.adjustments.mean()))[0]
    return path


def fan(model: Var, start: Start, seed: Sequence[int], *, years: int = YEARS, n_paths: int = N_PATHS) -> Fan:
    """The fan from `start`: n_paths paths, the same for the same seed.

    Each path has parameters of its own, drawn from the law of the estimates, and residuals drawn in blocks together
    with the stock-flow adjustment of the same date. Raises ValueError where a band has no width, which no data can
    give: quantiles out of order.
    """
    rng = np.random.default_rng(list(seed))
    const, coef = drawn_parameters(model, n_paths, rng)
    rows = drawn_rows(model.residuals.shape[0], years * STEPS_A_YEAR, n_paths, rng)
    values = forward(const, coef, start.values, model.residuals[rows])
    adjustment = start.adjustments[rows[:, STEPS_A_YEAR - 1 :: STEPS_A_YEAR]]
    ratios = debt_of(values, start, adjustment)
    quantiles = np.quantile(ratios, QUANTILES, axis=0).T
    require_width(quantiles)
    prob = (ratios > start.debt + JUMP).mean(axis=0)
    return Fan(quantiles, expected_path(model, start, years), prob)


def require_width(quantiles: Vector) -> None:
    """Raises ValueError where quantiles (years, ascending levels) are not finite or fall."""
    if not np.isfinite(quantiles).all() or (np.diff(quantiles, axis=1) < 0).any():
        raise ValueError(f"the debt fan has a band of negative width: {quantiles.round(4).tolist()}")
