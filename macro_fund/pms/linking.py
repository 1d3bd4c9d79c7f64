"""Carino linking: what each part of a book added to a return that is compounded over many days; and the parts of one
period against a benchmark with weights.

Belongs here: the arithmetic. Does not belong here: which parts there are (`attribution.py`) or what they made
(`book.py`, `explain.py`).

Daily returns compound and do not add, so neither do the parts of them. Carino (1999, "Combining attribution effects
over time") scales the parts of each day t by k_t / k, where k_t = (ln(1 + r_t) - ln(1 + b_t)) / (r_t - b_t) and k is
the same of the whole period. A part keeps its sign on every day, no order of the parts or days matters, and the sum is
the period's return over its benchmark.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = np.ndarray[Any, np.dtype[np.float64]]
_TOLERANCE = 1e-9


def linked(effects: npt.ArrayLike, returns: npt.ArrayLike, benchmark: npt.ArrayLike = 0.0) -> Array:
    """(parts,) contributions that sum to prod(1 + returns) - prod(1 + benchmark).

    effects: (days, parts), which sum to returns - benchmark on each day. returns, benchmark: (days,) decimals; a
    benchmark of 0 links the return itself. Raises ValueError when they do not sum, or a return loses everything: then
    nothing is left to compound.
    """
    r = np.asarray(returns, dtype=np.float64)
    parts = np.asarray(effects, dtype=np.float64)
    b = np.broadcast_to(np.asarray(benchmark, dtype=np.float64), r.shape)
    if parts.ndim != 2 or parts.shape[0] != r.size:
        raise ValueError(f"effects must be ({r.size} days, parts), got shape {parts.shape}")
    if np.any(r <= -1) or np.any(b <= -1):
        raise ValueError("a day lost the whole NAV: its parts cannot be linked; look at the amounts in BRL")
    gap = parts.sum(axis=1) - (r - b)
    if np.any(np.abs(gap) > _TOLERANCE):
        day = int(np.abs(gap).argmax())
        raise ValueError(f"the parts of day {day} miss its return by {gap[day]:.3g}; give parts that sum to it")
    over_all = _scale(np.expm1(np.log1p(r).sum()), np.expm1(np.log1p(b).sum()))
    return np.asarray((parts * (_scale(r, b) / over_all)[:, None]).sum(axis=0))


def _scale(r: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    """(ln(1 + r) - ln(1 + b)) / (r - b); where both are equal its limit 1 / (1 + b)."""
    base = 1.0 + np.asarray(b, dtype=np.float64)
    x = (np.asarray(r, dtype=np.float64) - np.asarray(b, dtype=np.float64)) / base
    # log1p keeps its digits for tiny x, so only the exact zero needs the limit.
    safe = np.where(x == 0, 1.0, x)
    return np.asarray(np.where(x == 0, 1.0, np.log1p(safe) / safe) / base)


def effects(weights: npt.ArrayLike, returns: npt.ArrayLike, benchmark: npt.ArrayLike, paid: npt.ArrayLike) -> Array:
    """(3, segments) allocation, selection and interaction of one period, which sum to its return over the benchmark.

    weights, benchmark: shares of NAV by segment, of the book and of the benchmark, each summing to 1; returns, paid:
    what each segment made in either, decimals. Allocation holds more of what beat the benchmark as a whole (Brinson and
    Fachler 1985), selection is better than the benchmark in a segment, interaction is both (Bacon 2008, chapter 5).
    The fund itself has no benchmark with weights (ADR 0031): this is for a comparison with one. `linked` links it.
    ValueError for other shapes, and weights that do not sum to 1.
    """
    w, r, b, p = (np.asarray(x, dtype=np.float64) for x in (weights, returns, benchmark, paid))
    if not (w.ndim == 1 and w.shape == r.shape == b.shape == p.shape):
        raise ValueError(f"give one number a segment: got shapes {w.shape}, {r.shape}, {b.shape}, {p.shape}")
    for name, total in (("weights", w.sum()), ("benchmark weights", b.sum())):
        if abs(total - 1.0) > _TOLERANCE:
            raise ValueError(f"{name} sum to {total:.6g}, not to 1: cash is a segment too")
    return np.stack([(w - b) * (p - b @ p), b * (r - p), (w - b) * (r - p)])
