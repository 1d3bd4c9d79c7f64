"""Stressed correlations: the book's parametric 99% VaR if its factors moved together in another way.

Belongs here: the three cases and their parts. Does not belong here: the day-to-day VaR (var.py).

Volatilities are those of the last 756 known days; only correlations R change. s is the sign of the book's exposure to
each factor, q the side on which a factor moves when all risk assets of Brazil fall together (rates, spreads and the
dollar rise, shares fall), as in October 2008:
* halfway_worst: (R + s s') / 2, every correlation halfway to the one that hurts most;
* all_together: q q', one single shock. A book that is hedged across assets gains from it;
* uncorrelated: the identity. What diversification the book only has on paper shows as a larger number here.
All are convex combinations of correlation matrices, so correlation matrices themselves (Rebonato and Jäckel, 1999, on
why one entry must not be moved alone). P&L is minus the VaR, split into Euler's parts: they sum to it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from macro_fund.risk.factor_history import FactorHistory, covariance
from macro_fund.risk.measures import gaussian_var
from macro_fund.risk.revalue import Book, Part, chosen

LEVEL = 0.99
CASES = ("halfway_worst", "all_together", "uncorrelated")
FALLS_IN_CRISIS = frozenset({"ibov", "es", "gold", "wti", "brent", "eurusd", "ust_2y", "ust_5y", "ust_10y", "ust_30y",
                             "tips_10y"})  # fmt: skip
"""Factors that fall when all risk assets are sold; gold fell with them in October 2008. The others rise."""


def crisis_side(factor: str) -> int:
    """+1 for a factor that rises in a crisis of all risk assets, -1 for one that falls."""
    return -1 if factor in FALLS_IN_CRISIS else 1


def stressed(correlation: np.ndarray, case: str, weights: np.ndarray, side: np.ndarray) -> np.ndarray:
    """The case's correlation matrix; weights: signed exposures, side: +-1 in a crisis. ValueError: unknown case."""
    if case == "halfway_worst":
        towards = np.where(weights < 0, -1.0, 1.0)
        return np.asarray((correlation + np.outer(towards, towards)) / 2)
    if case == "all_together":
        return np.asarray(np.outer(side, side), dtype=np.float64)
    if case == "uncorrelated":
        return np.eye(len(correlation))
    raise ValueError(f"unknown correlation case {case!r}; there are {', '.join(CASES)}")


def correlation_cases(book: Book, known: FactorHistory) -> Iterator[tuple[str, str, Iterator[Part]]]:
    """(case, words, parts) of the book."""
    held = chosen(book.positions, book.mapped)
    gaps = dict(book.unmapped)
    daily, days, why = covariance(known.recent(held.factors), held.factors) if held.names else (None, 0, "")
    side = np.array([crisis_side(f) for f in held.factors])
    for case in CASES:
        words = f"minus the parametric VaR 99%, volatilities of {days} days"
        if daily is None:
            parts = [Part(name, None, None, why) for name in held.names]
        else:
            vol = np.sqrt(np.diag(daily))
            moved = stressed(daily / np.outer(vol, vol), case, held.linear.sum(axis=0), side) * np.outer(vol, vol)
            losses = _euler(held.linear, moved)
            parts = [Part(name, None, -loss, "") for name, loss in zip(held.names, losses.tolist(), strict=True)]
        yield case, words, iter([*parts, *(Part(name, None, None, gap) for name, gap in gaps.items())])


def _euler(linear: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """VaR of each position (positions x factors exposures): its covariance with the book over the book's sigma."""
    weights = linear.sum(axis=0)
    variance = float(weights @ moved @ weights)
    # A book that the case hedges away has no sigma but rounding.
    scale = float(np.abs(weights) @ np.sqrt(np.diag(moved)))
    if variance <= (1e-9 * scale) ** 2:
        return np.zeros(len(linear))
    return np.asarray(linear @ moved @ weights * (gaussian_var(1.0, LEVEL) / np.sqrt(variance)))
