"""The book as one convex programme: expected return less risk and cost, inside the mandate's limits.

Belongs here: the programme in cvxpy, built once for a shape, solved with numbers for each session, and which limit
sized what. Does not belong here: the other methods (alternatives), or the limits' numbers (inputs).

In z = side x weight x volatility / target (>= 0: the instrument's own volatility over the fund's):

    maximise a'z - (delta target / 2) |F z|^2 - k'|z - z0|
    subject to 0 <= z <= u, |F B_j z| <= r_j for the book, classes and strategies, G z <= h

with a the posterior Sharpe ratios, F'F the correlation of the sides. Clarabel, an interior-point method, solves it
without a warm start: the answer to a session does not depend on which sessions were solved before it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from macro_fund.portfolio.problem import MARGIN, Allocation, Array, Pressure, Problem, fit

FLOOR = 1e-6
"""Below this a position, or a shadow price, is the solver's rounding."""


def _cvxpy() -> Any:
    """cvxpy, loaded when it is first needed: it takes seconds. Its functions are not all seen by mypy."""
    import cvxpy

    return cvxpy


@lru_cache(maxsize=8)
def _programme(n: int, n_budgets: int, n_caps: int) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    """(problem, z, parameters, constraints); parameters enter affinely, so cvxpy compiles it once."""
    cp = _cvxpy()
    z, traded, risk = cp.Variable(n), cp.Variable(n), cp.Variable(n)
    given: dict[str, Any] = {
        "sharpe": cp.Parameter(n),
        "cost": cp.Parameter(n, nonneg=True),
        "previous": cp.Parameter(n),
        "upper": cp.Parameter(n, nonneg=True),
        "caps": cp.Parameter((n_caps, n), nonneg=True),
        "room": cp.Parameter(n_caps, nonneg=True),
        "limits": cp.Parameter(n_budgets, nonneg=True),
        "aversion": cp.Parameter(nonneg=True),
        "factors": [cp.Parameter((n, n)) for _ in range(n_budgets)],
    }
    held: dict[str, Any] = {
        "upper": z <= given["upper"],
        "caps": given["caps"] @ z <= given["room"],
        "budgets": [cp.norm(f @ z) <= given["limits"][j] for j, f in enumerate(given["factors"])],
    }
    rules = [z >= 0, held["upper"], held["caps"], *held["budgets"]]
    rules += [risk == given["factors"][0] @ z, traded >= z - given["previous"], traded >= given["previous"] - z]
    gain = given["sharpe"] @ z - given["aversion"] * cp.sum_squares(risk) / 2 - given["cost"] @ traded
    return cp.Problem(cp.Maximize(gain), rules), z, given, held


def _root(correlation: Array) -> Array:
    """F with F'F = correlation, also when it is singular."""
    values, vectors = np.linalg.eigh(correlation)
    return np.asarray(np.sqrt(np.clip(values, 0.0, None))[:, None] * vectors.T)


def _fill(given: dict[str, Any], problem: Problem) -> None:
    target, side, vol = problem.target, problem.side, problem.volatility
    on = side != 0
    root = _root(problem.correlation) * side
    ceiling, _ = problem.ceiling()
    given["sharpe"].value = np.where(on, side * problem.expected / vol, 0.0)
    given["cost"].value = np.where(on, problem.cost / vol, 0.0)
    given["previous"].value = np.where(on, side * problem.previous * vol / target, 0.0)
    given["upper"].value = ceiling * vol / target
    # Rows are scaled to a largest entry of 1: a limit near zero would otherwise spoil the solver's conditioning.
    rows = np.stack([c.unit * target / vol for c in problem.caps])
    most = np.where(rows.max(axis=1) > 0, rows.max(axis=1), 1.0)
    given["caps"].value = rows / most[:, None]
    given["room"].value = np.array([c.limit for c in problem.caps]) / most
    given["limits"].value = np.array([b.limit / target for b in problem.budgets])
    given["aversion"].value = problem.risk_aversion * target
    for parameter, budget in zip(given["factors"], problem.budgets, strict=True):
        parameter.value = root * budget.scale


def _pressure(problem: Problem, z: Array, given: dict[str, Any], held: dict[str, Any]) -> Pressure:
    """Shadow price of each limit times what one more unit of z would use of it."""
    _, by = problem.ceiling()
    bound = np.asarray(held["upper"].dual_value, dtype=np.float64)
    rows = [(name, np.where([b == name for b in by], bound, 0.0)) for name in problem.upper]
    prices = np.asarray(held["caps"].dual_value, dtype=np.float64)
    rows += [(c.name, prices[j] * given["caps"].value[j]) for j, c in enumerate(problem.caps)]
    for budget, rule, factor in zip(problem.budgets, held["budgets"], given["factors"], strict=True):
        risk = factor.value @ z
        slope = factor.value.T @ risk / max(float(np.linalg.norm(risk)), 1e-12)
        rows.append((budget.name, float(np.max(rule.dual_value)) * slope))
    return Pressure(rows)


def solve(problem: Problem) -> Allocation:
    """The optimal book. When the solver gives none the previous weights stand, degraded, with its words."""
    cp = _cvxpy()
    programme, variable, given, held = _programme(len(problem.names), len(problem.budgets), len(problem.caps))
    _fill(given, problem)
    try:
        programme.solve(solver=cp.CLARABEL, warm_start=False)
    except cp.SolverError as error:
        return previous(problem, f"the optimiser failed: {str(error).splitlines()[0]}")
    if programme.status != cp.OPTIMAL:
        return previous(problem, f"the optimiser found no optimum: {programme.status}")
    z = np.where(variable.value > FLOOR, variable.value, 0.0)
    weights, _ = fit(problem, z * MARGIN * problem.side * problem.target / problem.volatility)
    pressure = _pressure(problem, z, given, held)
    before = given["previous"].value
    return Allocation(weights, tuple(_binding(problem, k, z, before, pressure) for k in range(len(z))))


def _binding(problem: Problem, k: int, z: Array, before: Array, pressure: Pressure) -> str:
    """none: nothing asked; the limit that presses hardest; cost: kept where it was; view: risk against return."""
    if problem.side[k] == 0:
        return "none"
    if name := pressure.strongest(k, FLOOR):
        return name
    unmoved = problem.cost[k] > 0 and abs(z[k] - max(before[k], 0.0)) <= 10 * FLOOR
    return "cost" if unmoved else "view"


def previous(problem: Problem, reason: str) -> Allocation:
    """The previous weights with the reason for which they stand."""
    return Allocation(problem.previous, ("previous",) * len(problem.names), "degraded", reason)
