"""Policy rules: the rate n quarters ahead that three Taylor-type rules give, term by term, and the estimated one.

Belongs here: the rules, their stated parameters, the estimation of the smoothed one. Does not belong here: where the
inputs come from (monetary_inputs.py, monetary_model.py). Every rule is linear in its inputs, so it is kept as named
terms that sum to the rate: that is what makes a view explainable. Rates, inflation and gaps are decimals.

Sources: Taylor (1993) for T1; Clarida, Gali and Gertler (2000) for partial adjustment (T2); Orphanides (2003) for the
first-difference rule (T3), with half his response.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from macro_fund.features.stability import MIN_RESIDUALS, cusum

Vector = npt.NDArray[np.float64]

PHI = 1.5
THETA = 0.5
RHO_QUARTER = 0.9
DIFFERENCE_INFLATION = 0.25
DIFFERENCE_GAP = 0.25
QUARTERS = 4

RHO_RANGE = (0.6, 0.98)
PHI_RANGE = (1.0, 3.5)
THETA_RANGE = (0.0, 2.0)

TERMS = ("neutral_real_rate", "expected_inflation", "inflation_gap", "output_gap", "output_gap_change", "policy_rate")
RULES = ("T1", "T2", "T3")


@dataclass(frozen=True)
class Economy:
    """Inputs of the rules, one value per session, decimals: `gap_change` is the output gap less that of 12 months
    before."""

    neutral_rate: Vector
    expected_inflation: Vector
    inflation_target: Vector
    output_gap: Vector
    gap_change: Vector
    policy_rate: Vector


@dataclass(frozen=True)
class Smoothed:
    """Parameters of T2, one value per session or one for all: rho is a quarter's."""

    rho: Vector | float = RHO_QUARTER
    phi: Vector | float = PHI
    theta: Vector | float = THETA


@dataclass(frozen=True)
class RuleFit:
    """Estimated T2. errors: standard errors in the order rho, phi, theta; rmse of the one-quarter fit, decimal;
    at_bound: names of parameters that the bounds hold. break_p: CUSUM test of the residuals around their mean (the rule
    has no constant), small where the committee's rule changed; None with fewer than 20 quarters."""

    rho: float
    phi: float
    theta: float
    errors: tuple[float, float, float]
    rmse: float
    n: int
    at_bound: tuple[str, ...]
    break_p: float | None


def taylor_rate(
    expected_inflation: Vector | float,
    output_gap: Vector | float,
    neutral_rate: Vector | float,
    inflation_target: Vector | float,
    *,
    phi: Vector | float = PHI,
    theta: Vector | float = THETA,
) -> Vector | float:
    """i* = r* + target + phi (E pi - target) + theta gap; all in one unit (decimals, or percent throughout)."""
    return neutral_rate + inflation_target + phi * (expected_inflation - inflation_target) + theta * output_gap


def rule_terms(economy: Economy, quarters: Vector | float = QUARTERS, smoothed: Smoothed | None = None) -> Vector:
    """Terms of the three rules: array (3 rules, len(TERMS), sessions); the sum over axis 1 is the rate n quarters on.

    T1: i*, at once, written r* + E pi + (phi - 1)(E pi - target) + theta gap.
    T2: i moves a share 1 - rho of the way to its own i* each quarter: rho^n of the policy rate remains.
    T3: each quarter i moves by kappa_pi (E pi - target) + kappa_y (12-month change of the gap).
    Inflation expected, gap and r* stay where they are. smoothed: parameters of T2 (None: the stated ones).
    """
    smoothed = smoothed or Smoothed()
    inflation_gap = economy.expected_inflation - economy.inflation_target
    zero = np.zeros_like(inflation_gap)
    n = zero + quarters

    def target(phi: Vector | float, theta: Vector | float) -> Vector:
        gap_terms = [(phi - 1.0) * inflation_gap, theta * economy.output_gap]
        return np.stack([economy.neutral_rate, economy.expected_inflation, *gap_terms, zero, zero])

    remains = smoothed.rho**n
    t2 = (1.0 - remains) * target(smoothed.phi, smoothed.theta)
    t2[5] = remains * economy.policy_rate
    moves = [n * DIFFERENCE_INFLATION * inflation_gap, zero, n * DIFFERENCE_GAP * economy.gap_change]
    t3 = np.stack([zero, zero, *moves, economy.policy_rate])
    return np.stack([target(PHI, THETA), t2, t3])


def median_rule(terms: Vector) -> tuple[Vector, npt.NDArray[np.int64], Vector]:
    """(rates of the three rules (3, n), index of the median rule (n), terms of the median rule (len(TERMS), n))."""
    rates = terms.sum(axis=1)
    middle = np.argsort(rates, axis=0, kind="stable")[1]
    return rates, middle, np.take_along_axis(terms, middle[None, None, :], axis=0)[0]


def fit_smoothed(
    rate: Vector, neutral: Vector, expected_inflation: Vector, inflation_target: Vector, output_gap: Vector
) -> RuleFit:
    """T2 by bounded nonlinear least squares on quarters in a row; NaN is a missing quarter.

    i_t = rho i_{t-1} + (1 - rho)(r*_{t-1} + target_t + phi (E pi_t - target_t) + theta gap_t) + e_t; r* of the quarter
    before, since the filter sees i_t. Bounds RHO_RANGE, PHI_RANGE, THETA_RANGE. Raises ValueError with fewer than 8
    complete quarters.
    """
    from scipy.optimize import least_squares

    columns = (rate[1:], rate[:-1], neutral[:-1], expected_inflation[1:], inflation_target[1:], output_gap[1:])
    keep = np.isfinite(np.stack(columns)).all(axis=0)
    now, before, r_star, expected, goal, gap = (100.0 * c[keep] for c in columns)
    if now.size < 8:
        raise ValueError(f"a policy rule needs 8 complete quarters or more, got {now.size}")

    def miss(p: Vector) -> Vector:
        target = taylor_rate(expected, gap, r_star, goal, phi=p[1], theta=p[2])
        out: Vector = p[0] * before + (1.0 - p[0]) * target - now
        return out

    def slope(p: Vector) -> Vector:
        target = taylor_rate(expected, gap, r_star, goal, phi=p[1], theta=p[2])
        return np.column_stack([before - target, (1.0 - p[0]) * (expected - goal), (1.0 - p[0]) * gap])

    low, high = np.transpose([RHO_RANGE, PHI_RANGE, THETA_RANGE])
    found = least_squares(miss, [RHO_QUARTER, PHI, THETA], jac=slope, bounds=(low, high), xtol=1e-10, ftol=1e-12)
    variance = float(found.fun @ found.fun) / max(now.size - 3, 1)
    spread = np.linalg.pinv(found.jac.T @ found.jac)
    near = (found.x - low < 1e-4 * (high - low)) | (high - found.x < 1e-4 * (high - low))
    rho, phi, theta = map(float, found.x)
    errors = [float(v) for v in np.sqrt(variance * np.diag(spread))]
    return RuleFit(
        rho,
        phi,
        theta,
        errors=(errors[0], errors[1], errors[2]),
        rmse=float(np.sqrt(np.mean(found.fun**2)) / 100.0),
        n=int(now.size),
        at_bound=tuple(name for name, hit in zip(("rho", "phi", "theta"), near, strict=True) if hit),
        break_p=_break_p(found.fun),
    )


def _break_p(residuals: Vector) -> float | None:
    centred = residuals - residuals.mean()
    if residuals.size < MIN_RESIDUALS or not centred.any():
        return None
    return cusum(centred, parameters=3).p_value
