"""Reverse stress: the most plausible moves of the factors that lose a given amount.

Belongs here: the optimisation, on arrays. Does not belong here: which loss, which book and the words about it
(reverse_table.py), or the hedge (hedge.py).

Minimise x' S^-1 x subject to P&L(x) = -L. For a linear P&L w'x the solution is x = -(L / w'Sw) S w, at a distance of
L / sigma (Mahalanobis; Breuer, Jandacka, Rheinberger and Summer, 2009, "How to find plausible, severe and useful
stress scenarios"). With full revaluation the closed form is the start of a search on the whitened factors.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

_FEASIBLE = 1e-6
_NEAR = 0.1
_QUADRATURE = 12


class Pnl(Protocol):
    """A book's P&L and its derivative by the factors' moves, both in BRL."""

    def value(self, moves: np.ndarray) -> float: ...

    def gradient(self, moves: np.ndarray) -> np.ndarray: ...


def closed_form(weights: np.ndarray, covariance: np.ndarray, loss: float) -> tuple[np.ndarray, float]:
    """(moves, distance in sigmas) of the most plausible loss of `loss` > 0 BRL of a linear book with P&L weights' x.

    ValueError: a book without variance, or a loss that is not positive.
    """
    pull = covariance @ weights
    variance = float(weights @ pull)
    if variance <= 0 or loss <= 0:
        raise ValueError(f"a reverse stress needs a book with variance and a loss above 0, got {variance:g}, {loss:g}")
    return -(loss / variance) * pull, loss / float(np.sqrt(variance))


def most_plausible(pnl: Pnl, covariance: np.ndarray, loss: float, start: np.ndarray) -> tuple[np.ndarray, float] | None:
    """(moves, distance) with P&L(moves) = -loss and the smallest distance, by SLSQP; None if no move is found.

    `start`: the closed form. Whitened factors z (moves = C z, C C' = covariance) make the distance the length of z.
    Where full revaluation changes the distance by more than a tenth the answer may lie elsewhere, so every factor's own
    direction, both ways, is a start as well and the nearest answer counts.
    """
    from scipy.linalg import solve_triangular

    root = np.linalg.cholesky(covariance)
    linear = solve_triangular(root, start, lower=True)
    first = _search(pnl, root, loss, linear)
    if first is not None and abs(first[1] / float(np.linalg.norm(linear)) - 1) <= _NEAR:
        return first
    ways = [sign * row / np.linalg.norm(row) for row in root for sign in (1.0, -1.0)]
    found = [first, *(_search(pnl, root, loss, way * np.linalg.norm(linear)) for way in ways)]
    return min((f for f in found if f is not None), key=lambda f: f[1], default=None)


def _search(pnl: Pnl, root: np.ndarray, loss: float, start: np.ndarray) -> tuple[np.ndarray, float] | None:
    """The nearest move to be found from the point on the ray of `start` (whitened) that loses the loss."""
    from scipy.optimize import minimize

    first = _on_ray(pnl, root, loss, start)
    if first is None:
        return None
    found = minimize(
        lambda z: 0.5 * float(z @ z),
        first,
        jac=lambda z: z,
        method="SLSQP",
        constraints={
            "type": "eq",
            "fun": lambda z: pnl.value(root @ z) / loss + 1.0,
            "jac": lambda z: root.T @ pnl.gradient(root @ z) / loss,
        },
        options={"ftol": 1e-12, "maxiter": 200},
    )
    moves = root @ found.x
    if not np.isfinite(moves).all() or abs(pnl.value(moves) / loss + 1.0) > _FEASIBLE:
        return None
    return moves, float(np.linalg.norm(found.x))


def _on_ray(pnl: Pnl, root: np.ndarray, loss: float, start: np.ndarray) -> np.ndarray | None:
    """The multiple of `start` (whitened, between 0 and 64 times it) that loses the loss; None when none does."""
    from scipy.optimize import brentq

    def over(multiple: float) -> float:
        return pnl.value(root @ (multiple * start)) + loss

    top = 1.0
    while over(top) > 0:
        top *= 2
        if top > 64:
            return None
    return np.asarray(float(brentq(over, 0.0, top, xtol=1e-10)) * start)


def factor_parts(pnl: Pnl, moves: np.ndarray) -> np.ndarray:
    """P&L of `moves` divided among the factors: x_f times the mean derivative on the straight way there.

    Aumann and Shapley's prices (1974); they sum to the P&L, and for a linear book are its weights times the moves.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_QUADRATURE)
    return np.asarray(
        moves * sum(0.5 * w * pnl.gradient(0.5 * (1 + t) * moves) for t, w in zip(nodes, weights, strict=True))
    )
