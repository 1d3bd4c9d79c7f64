"""VaR and expected shortfall of one session's book by six methods, with the part of each pair of instrument and factor.

Belongs here: which moves each method applies to the positions, and what is made of their P&L. Does not belong here:
formulas (measures.py), laws of moves (filtered.py, copula.py), sessions and tables (var.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from macro_fund.portfolio.covariance import shrunk_covariance
from macro_fund.risk.copula import DRAWS
from macro_fund.risk.measures import (
    cornish_fisher_parts,
    gaussian_es,
    gaussian_var,
    historical_parts,
    sigma_parts,
    tail_parts,
)
from macro_fund.risk.positions import REVALUED_ABOVE_BP, Positions, pair_pnl

LEVELS = (0.95, 0.99)
METHODS = ("historical", "filtered", "parametric", "cornish_fisher", "monte_carlo", "t_copula")
SIMULATED = ("monte_carlo", "t_copula")
_AROUND = 0.2
_WORST = int((DRAWS - 1) * (1 - LEVELS[0]) * (1 + _AROUND)) + 4
_POPULATION = 1e-12


@dataclass(frozen=True)
class Moves:
    """What the methods apply to a book, columns its held factors.

    days: complete past days; filtered: the same days at today's volatility, complete; simulated: unit-variance draws
    (factors x DRAWS) by method. ewma: names of factors whose GARCH did not converge.
    """

    days: np.ndarray
    filtered: np.ndarray
    simulated: dict[str, np.ndarray]
    ewma: list[str]


@dataclass(frozen=True)
class Measured:
    """total (method, level, measure), parts (..., pair); measure 0 is VaR, 1 is ES. scenarios, reason by method."""

    total: np.ndarray
    parts: np.ndarray
    scenarios: np.ndarray
    reason: list[str]


_Of = tuple[np.ndarray, np.ndarray, int, str]


def measure(book: Positions, moves: Moves, methods: Sequence[str] = METHODS) -> Measured:
    """The methods, in their order, on a book that holds something. Parts sum to totals, up to rounding."""
    found = [_METHODS[name](book, moves) for name in methods]
    return Measured(
        np.stack([f[0] for f in found]),
        np.stack([f[1] for f in found]),
        np.array([f[2] for f in found], dtype=np.int32),
        [f[3] for f in found],
    )


def _replayed(book: Positions, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pnl = pair_pnl(book, days)
    per_level = [historical_parts(pnl, level) for level in LEVELS]
    total = np.array([[var, es] for var, es, _, _ in per_level])
    return total, np.array([[a, b] for _, _, a, b in per_level])


def _historical(book: Positions, moves: Moves) -> _Of:
    return *_replayed(book, moves.days), len(moves.days), ""


def _filtered(book: Positions, moves: Moves) -> _Of:
    words = f"EWMA for {', '.join(moves.ewma)}: no GARCH fits" if moves.ewma else ""
    return *_replayed(book, moves.filtered), len(moves.filtered), words


def _parametric(book: Positions, moves: Moves) -> _Of:
    covariance = shrunk_covariance(moves.days)
    weights = book.by_factor()
    sigma, _ = sigma_parts(weights, covariance)
    pull = covariance @ weights
    share = book.linear * pull[book.factor] / sigma if sigma > 0 else np.zeros(len(book.factor))
    factors = np.array([[gaussian_var(1.0, level), gaussian_es(1.0, level)] for level in LEVELS])
    return factors * sigma, factors[..., None] * share, len(moves.days), ""


def _cornish_fisher(book: Positions, moves: Moves) -> _Of:
    pnl = pair_pnl(book, moves.days, linear=True)
    total, parts = np.zeros((len(LEVELS), 2)), np.zeros((len(LEVELS), 2, pnl.shape[1]))
    if pnl.sum(axis=1).std() <= _POPULATION * np.abs(pnl).max():
        return *_parametric(book, moves)[:3], "the P&L of the past days never moved: parametric"
    try:
        for k, level in enumerate(LEVELS):
            total[k], parts[k] = cornish_fisher_parts(pnl, level, mean=False)
    except ValueError as outside:
        return *_parametric(book, moves)[:3], f"{outside}: parametric"
    return total, parts, len(moves.days), ""


def _simulated(method: str) -> Callable[[Positions, Moves], _Of]:
    def of(book: Positions, moves: Moves) -> _Of:
        unit, sigma = moves.simulated[method], moves.days.std(axis=0)
        worst = _worst(book, unit, sigma)
        per_level = [tail_parts(worst, DRAWS, level, _AROUND) for level in LEVELS]
        total = np.array([[var, es] for var, es, _, _ in per_level])
        return total, np.array([[a, b] for _, _, a, b in per_level]), DRAWS, ""

    return of


def _worst(book: Positions, unit: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """P&L (worst draws x pairs), worst first. Pairs are computed for the worst draws only: totals of all draws are
    linear in the rates but for those that are repriced."""
    total, large = np.zeros(DRAWS), np.zeros(DRAWS, dtype=bool)
    for f, weight in enumerate(book.by_factor()):
        if book.is_rate[f]:
            total += (weight * sigma[f]) * unit[f]
            large |= np.abs(unit[f]) > REVALUED_ABOVE_BP / sigma[f]
        else:
            total += weight * np.expm1(sigma[f] * unit[f])
    rows = np.flatnonzero(large)
    if len(rows):
        total[rows] = pair_pnl(book, unit[:, rows].T * sigma).sum(axis=1)
    near = np.sort(np.argpartition(total, _WORST)[:_WORST])
    pairs = pair_pnl(book, np.ascontiguousarray(unit[:, near].T) * sigma)
    return pairs[np.argsort(pairs.sum(axis=1), kind="stable")]


_METHODS: dict[str, Callable[[Positions, Moves], _Of]] = {
    "historical": _historical,
    "filtered": _filtered,
    "parametric": _parametric,
    "cornish_fisher": _cornish_fisher,
    "monte_carlo": _simulated("monte_carlo"),
    "t_copula": _simulated("t_copula"),
}
