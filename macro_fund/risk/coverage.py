"""Tests of a VaR record: whether losses above VaR are as many as the level says, and come alone.

Belongs here: likelihood ratios on counts, as arrays. Does not belong here: what counts as an exception (record.py).
Sources: Kupiec (1995); Christoffersen (1998); Jorion, Value at Risk, chapter 6.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.ArrayLike


def kupiec_ratio(n: Counts, exceptions: Counts, level: float) -> np.ndarray:
    """LR of unconditional coverage: `exceptions` of n outcomes against a chance of 1 - level each; n > 0."""
    from scipy.special import xlogy

    n, x = np.asarray(n, dtype=np.float64), np.asarray(exceptions, dtype=np.float64)
    found = x / n
    free = xlogy(x, found) + xlogy(n - x, 1 - found)
    return np.maximum(2 * (free - xlogy(x, 1 - level) - xlogy(n - x, level)), 0.0)


def independence_ratio(pairs: np.ndarray) -> np.ndarray:
    """LR of independence. pairs (..., 4): how often a day without an exception was followed by one without and with,
    and a day with one by one without and with (n00, n01, n10, n11)."""
    from scipy.special import xlogy

    n00, n01, n10, n11 = np.moveaxis(np.asarray(pairs, dtype=np.float64), -1, 0)

    def likelihood(without: np.ndarray, with_one: np.ndarray) -> np.ndarray:
        n = np.maximum(without + with_one, 1.0)
        return np.asarray(xlogy(without, without / n) + xlogy(with_one, with_one / n))

    return np.maximum(2 * (likelihood(n00, n01) + likelihood(n10, n11) - likelihood(n00 + n10, n01 + n11)), 0.0)


def kupiec_p(n: Counts, exceptions: Counts, level: float) -> np.ndarray:
    """p of unconditional coverage: chi-squared with one degree of freedom."""
    from scipy.special import chdtrc

    return np.asarray(chdtrc(1, kupiec_ratio(n, exceptions, level)))


def christoffersen_p(exceeded: np.ndarray, level: float) -> np.ndarray:
    """p of conditional coverage after each outcome of a record (booleans in time order): chi-squared with two degrees
    of freedom of both ratios together."""
    from scipy.special import chdtrc

    hit = np.asarray(exceeded, dtype=bool)
    n, x = np.arange(1, len(hit) + 1), np.cumsum(hit)
    pairs = np.zeros((len(hit), 4))
    pairs[np.arange(1, len(hit)), 2 * hit[:-1] + hit[1:]] = 1.0
    ratio = kupiec_ratio(n, x, level) + independence_ratio(np.cumsum(pairs, axis=0))
    return np.asarray(chdtrc(2, ratio))
