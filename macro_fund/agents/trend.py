"""End point of a Hodrick-Prescott trend: the one-sided filter behind the output gap.

Belongs here: the last trend value of one vintage. Does not belong here: the whole one-sided path of an unrevised
series (features/stats.py).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from macro_fund.features.stats import MONTHLY_SMOOTHING


@cache
def end_weights(n: int, smoothing: float = MONTHLY_SMOOTHING) -> npt.NDArray[np.float64]:
    """Weights w (length n, sum 1) such that w @ y is the last value of the HP trend of y[0..n-1].

    The trend solves (I + smoothing K'K) trend = y with K the second difference, a symmetric five-diagonal system: its
    last row of weights depends on n alone, so a new vintage costs one product.
    """
    if n < 3:
        raise ValueError(f"an HP trend needs 3 values or more, got {n}")
    from scipy.linalg import solveh_banded

    second_difference = np.zeros((n - 2, n))
    for offset, weight in enumerate((1.0, -2.0, 1.0)):
        second_difference[np.arange(n - 2), np.arange(n - 2) + offset] = weight
    matrix = np.eye(n) + smoothing * second_difference.T @ second_difference
    banded = np.zeros((3, n))
    for k in range(3):
        banded[2 - k, k:] = np.diagonal(matrix, k)
    weights: npt.NDArray[np.float64] = solveh_banded(banded, np.eye(n)[:, -1])
    weights.setflags(write=False)
    return weights


def trend_end(values: npt.NDArray[np.float64], smoothing: float = MONTHLY_SMOOTHING) -> float:
    """Last value of the HP trend of `values`, in their unit: what the filter said when the last value was new."""
    return float(np.sum(end_weights(len(values), smoothing) * values))
