"""Phillips curve of quarterly seasonally adjusted prices, vertical in the long run.

    pi_t = a1 pi_{t-1} + a2 E_t[pi_12m] / 4 + a3 pi_imp,{t-1} + b gap_{t-1} + e,   a >= 0, a1 + a2 + a3 = 1, b >= 0

Belongs here: the estimator and the forecast. Does not belong here: where the vectors come from (inflation_inputs.py).
The family of the Banco Central do Brasil's small models; no climate term, for which there is no source. E_t is the
survey before the quarter begins. Rates are decimals a quarter, the gap a fraction of trend.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from macro_fund.agents.inflation_inputs import Economy
from macro_fund.features.ipca import SEASONAL_MIN_MONTHS, seasonally_adjusted

Vector = npt.NDArray[np.float64]
Cache = MutableMapping[tuple[str, bytes], Vector]

NAMES = ("persistence", "expectations", "imported", "gap")
MIN_QUARTERS = 40
ZERO = 1e-6
HORIZON = 12
PUBLISHED_LATE = 1
"""Months by which activity is behind prices when a month's IPCA comes out."""


@dataclass(frozen=True)
class Phillips:
    """Weights a1, a2, a3 (sum 1), b, standard errors in the same order (NaN where a bound holds), AR(1) of the gap."""

    weights: Vector
    std_errors: Vector
    gap_memory: float
    n_obs: int

    @property
    def gap_slope(self) -> float:
        """b: quarterly inflation per unit of gap."""
        return float(self.weights[3])


def adjusted(rates: Vector, cache: Cache) -> Vector:
    """Seasonally adjusted monthly rates (STL), remembered by content."""
    key = ("stl", rates.tobytes())
    if key not in cache:
        cache[key] = seasonally_adjusted(rates)
    return cache[key]


def quarters(economy: Economy, rates: Vector, upto: int, cache: Cache) -> Vector | None:
    """Rows (pi_t, pi_{t-1}, E_t / 4, pi_imp,t-1, gap_{t-1}) of calendar quarters whose months are all among the first
    `upto`; None before prices can be adjusted."""
    if upto < SEASONAL_MIN_MONTHS:
        return None
    months = economy.months[:upto].astype(int)
    start = int(-months[0] % 3)
    n = (upto - start) // 3
    cut = slice(start, start + 3 * n)
    pi = np.expm1(np.log1p(adjusted(rates[:upto], cache))[cut].reshape(n, 3).sum(axis=1))
    imported = economy.imported[cut].reshape(n, 3).sum(axis=1)
    gap = economy.gap[cut].reshape(n, 3).mean(axis=1)
    expected = (1.0 + economy.expected[cut].reshape(n, 3)[:, -1]) ** 0.25 - 1.0
    rows = np.column_stack([pi[1:], pi[:-1], expected[:-1], imported[:-1], gap[:-1]])
    # The newest quarter's gap is not out yet at the first months of the next: its row needs only the one before.
    out: Vector = rows[np.isfinite(rows).all(axis=1)]
    return out


def estimate(rows: Vector, cache: Cache) -> Vector:
    """(a1, a2, a3, b) of least squares with a >= 0, sum 1, b >= 0 (SLSQP, from the middle of the simplex)."""
    key = ("phillips", rows.tobytes())
    if key not in cache:
        from scipy.optimize import minimize

        # Percent, so that the optimiser's tolerance is far below any coefficient's meaning.
        y, x = 100.0 * rows[:, 0], 100.0 * rows[:, 1:]
        n = len(y)
        gram, cross = x.T @ x / n, x.T @ y / n
        found = minimize(
            lambda a: 0.5 * a @ gram @ a - cross @ a,
            np.array([1 / 3, 1 / 3, 1 / 3, 0.1]),
            jac=lambda a: gram @ a - cross,
            bounds=[(0.0, 1.0)] * 3 + [(0.0, None)],
            constraints=[{"type": "eq", "fun": lambda a: a[:3].sum() - 1.0, "jac": lambda _: np.array([1.0, 1, 1, 0])}],
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 200},
        )
        if not found.success:
            raise ArithmeticError(f"Phillips curve: the constrained fit did not converge: {found.message}")
        cache[key] = np.asarray(np.where(found.x < ZERO, 0.0, found.x), dtype=np.float64)
    return cache[key]


def std_errors(rows: Vector, weights: Vector) -> Vector:
    """Newey-West standard errors (4 lags) of the unconstrained fit on the weights that are not at a bound.

    With the sum imposed by leaving out the largest weight, whose own error is that of the sum of the others.
    """
    import statsmodels.api as sm

    y, x = rows[:, 0], rows[:, 1:]
    base = int(np.argmax(weights[:3]))
    free = [j for j in range(3) if j != base and weights[j] > 0.0]
    columns = [x[:, j] - x[:, base] for j in free] + ([x[:, 3]] if weights[3] > 0.0 else [])
    out = np.full(4, np.nan)
    if not columns:
        return out
    fit = sm.OLS(y - x[:, base], np.column_stack(columns)).fit(cov_type="HAC", cov_kwds={"maxlags": 4})
    covariance = np.asarray(fit.cov_params())
    k = len(free)
    out[free] = np.sqrt(np.diag(covariance)[:k])
    if k:
        out[base] = float(np.sqrt(covariance[:k, :k].sum()))
    if weights[3] > 0.0:
        out[3] = float(np.sqrt(covariance[k, k]))
    return out


def gap_memory(gap: Vector) -> float:
    """Quarterly persistence of the gap: three-month AR(1) slope through zero of the monthly gap, in [0, 0.95]."""
    known = gap[np.isfinite(gap)]
    slope, *_ = np.linalg.lstsq(known[:-3, None], known[3:], rcond=None)
    return float(np.clip(slope[0], 0.0, 0.95))


def fit(economy: Economy, rates: Vector, cache: Cache) -> Phillips | None:
    """The curve on all quarters known; None with fewer than MIN_QUARTERS."""
    rows = quarters(economy, rates, rates.size, cache)
    if rows is None or len(rows) < MIN_QUARTERS:
        return None
    weights = estimate(rows, cache)
    return Phillips(weights, std_errors(rows, weights), gap_memory(economy.gap), len(rows))


def forecast(
    economy: Economy, rates: Vector, upto: int, weights: Vector, memory: float, expected: float, cache: Cache
) -> Vector:
    """Monthly rates, not adjusted, of the HORIZON months after the first `upto`.

    Quarters are counted from the newest month. Expectations stay where they are, import prices grow at the expected
    rate after the quarter that is known, the gap closes at its own pace; a month's seasonal part is its last one.
    """
    smooth = np.log1p(adjusted(rates[:upto], cache))
    season = np.log1p(rates[:upto]) - smooth
    gap = economy.gap[: upto - PUBLISHED_LATE]
    gap = gap[np.isfinite(gap)][-3:].mean()
    imported = economy.imported[:upto]
    imported = imported[np.isfinite(imported)][-3:].sum()
    survey = (1.0 + expected) ** 0.25 - 1.0
    pi = float(np.expm1(smooth[-3:].sum()))
    out = np.empty(HORIZON)
    for quarter in range(HORIZON // 3):
        pi = float(weights @ np.array([pi, survey, imported, gap]))
        imported, gap = survey, memory * gap
        at = slice(3 * quarter, 3 * quarter + 3)
        out[at] = np.expm1(np.log1p(pi) / 3.0 + season[upto - 12 :][at])
    return out
