"""One question, four optimisers: how much of each instrument for these views, this risk and these limits.

Belongs here: `allocate`, the one way to ask any of them, and the efficient set. Does not belong here: the programme
(programme), riskfolio (alternatives), or where the numbers come from (inputs).
"""

from __future__ import annotations

import numpy as np

from macro_fund.portfolio import alternatives, programme
from macro_fund.portfolio.problem import Allocation, Array, Method, Problem, fit

METHODS: tuple[Method, ...] = ("black_litterman", "mean_risk", "risk_parity", "hrp")


def allocate(method: Method, problem: Problem) -> Allocation:
    """The book that `method` would hold.

    black_litterman: expected return less risk and cost, inside the limits, as one programme. The others know the side
    of each view and not the limits: they see the instruments times that side, are scaled to the volatility target, and
    then cut into the same limits. `binding` names what sized each position. Inputs that are not numbers, or a method
    that finds nothing, leave the previous weights, degraded, with the reason; nothing is raised.
    """
    if reason := problem.problems():
        return programme.previous(problem, reason)
    ceiling, _ = problem.ceiling()
    if not np.any(ceiling > 0):
        names = tuple("none" if s == 0 else by for s, by in zip(problem.side, problem.ceiling()[1], strict=True))
        return Allocation(np.zeros(len(problem.names)), names)
    if method == "black_litterman":
        return programme.solve(problem)
    return _alternative(method, problem)


def _alternative(method: Method, problem: Problem) -> Allocation:
    on = np.flatnonzero(problem.side != 0)
    side = problem.side[on]
    covariance = problem.covariance[np.ix_(on, on)] * np.outer(side, side)
    try:
        chosen = _long_only(method, side * problem.expected[on], covariance)
    except ValueError as error:
        return programme.previous(problem, str(error))
    weights = np.zeros(len(problem.names))
    weights[on] = np.clip(chosen, 0.0, None) * side
    weights = weights * (problem.target / problem.book_volatility(weights))
    cut_into, cut = fit(problem, weights)
    held = tuple(
        "none" if s == 0 else cut.get(k, "vol_target" if cut_into[k] else method) for k, s in enumerate(problem.side)
    )
    return Allocation(cut_into, held)


def _long_only(method: Method, mean: Array, covariance: Array) -> Array:
    """Weights >= 0 of the instruments times their sides; of one instrument all, without asking anyone."""
    if len(covariance) == 1:
        return np.ones(1)
    if method == "mean_risk":
        return alternatives.mean_risk(mean, covariance)
    return alternatives.risk_parity(covariance) if method == "risk_parity" else alternatives.hrp(covariance)
