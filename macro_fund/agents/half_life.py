"""How long a deviation from the equilibrium lasts, without the bias of short samples, and how little is known of it.

Least squares pulls the speed of correction away from zero: of fifteen years of months it reads a half-life of a year
as seven months. Here the estimate is inverted: of gaps of known half-lives, drawn beside the fundamentals that were
seen, which would have given the loading that was found in half of the draws, in 5%, in 95%?

Belongs here: that inversion. Does not belong here: the estimators that it repeats (beer.py).

Sources: Andrews (1993) for the median-unbiased estimate; Murray and Papell (2002) for half-lives of real exchange rates
with intervals; Hansen (1999) for intervals from a grid of draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from macro_fund.agents.beer import DIFFERENCES, Correction, Relation, Vector, correction_rows, dols_rows

# Half-lives that are tried, in months; the last is a gap that never closes.
TRIED = np.array([1.5, 3.0, 5.0, 8.0, 12.0, 18.0, 30.0, 60.0, np.inf])
DRAWS = 600
SEED = 20040101
LOW, MEDIAN, HIGH = 0.95, 0.5, 0.05
"""Quantiles of the loadings at the two ends of a 90% interval: a quick correction is far below zero."""


@dataclass(frozen=True)
class HalfLife:
    """Months in which half of a deviation is gone: median-unbiased, and a 90% interval; None: it need not close."""

    months: float | None
    low: float | None
    high: float | None


def _gaps(shocks: Vector, root: float) -> Vector:
    """Gaps that start at zero and keep `root` of themselves each month; shocks: (months, draws)."""
    from scipy.signal import lfilter

    out: Vector = lfilter([1.0], [1.0, -root], shocks, axis=0)
    return out


def _estimator(x: Vector, relation: Relation) -> Callable[[Vector], Vector]:
    """What `dols` and `error_correction` would give as loading of y = fair(x) + gap, for each column of gaps.

    The fundamentals are the same for all gaps, so their part of the estimates is made once.
    """
    rows, design = dols_rows(x)
    weights = np.linalg.pinv(design)[: 1 + x.shape[1]]
    levels, fair = np.column_stack([np.ones(len(x)), x]), relation.fair(x)[:, None]
    at = correction_rows(len(x))
    others = np.column_stack([np.ones(at.size), *(np.diff(x, axis=0)[at - k] for k in range(1, DIFFERENCES + 1))])
    basis, _ = np.linalg.qr(others)

    def rest(values: Vector) -> Vector:
        out: Vector = values - basis @ (basis.T @ values)
        return out

    def loadings(gaps: Vector) -> Vector:
        deviation = gaps - levels @ (weights @ gaps[rows])
        moves = np.diff(gaps + fair, axis=0)
        change, level, before = rest(moves[at]), rest(deviation[at]), rest(moves[at - 1])
        on_before = (level * before).sum(axis=0) / (before * before).sum(axis=0)
        own = level - on_before * before
        out: Vector = (own * change).sum(axis=0) / (own * own).sum(axis=0)
        return out

    return loadings


def half_life(y: Vector, x: Vector, relation: Relation, correction: Correction) -> HalfLife:
    """Half-life of y's deviation from `relation`, of which `correction` is the least squares speed.

    y: (months,), x: (months, regressors). The shocks are normal, of the size of those in the deviation's own first
    autoregression; the fundamentals are held. The same draws, from their first month on, serve every half-life tried
    and every refit, so that two refits differ by their data alone.
    """
    deviation = y - relation.fair(x)
    before, after = deviation[:-1], deviation[1:]
    size = float(np.std(after - before * (before @ after) / (before @ before)))
    drawn = size * np.random.default_rng(SEED).standard_normal((y.size, DRAWS))
    roots = 0.5 ** (1.0 / TRIED)
    loadings = _estimator(x, relation)
    found = np.array([loadings(_gaps(drawn, root)) for root in roots])

    def months(share: float) -> float | None:
        # Draws of two neighbours may cross; the half-life must not fall where the loading rises.
        known = np.maximum.accumulate(np.quantile(found, share, axis=1))
        root = float(np.interp(correction.loading, known, roots))
        return float(np.log(0.5) / np.log(root)) if root < 1.0 else None

    return HalfLife(months(MEDIAN), months(LOW), months(HIGH))
