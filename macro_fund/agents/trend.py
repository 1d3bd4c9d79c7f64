"""End point of a Hodrick-Prescott trend: the one-sided filter behind the output gap.

Belongs here: the last trend value of one vintage. Does not belong here: the whole one-sided path of an unrevised
series (features/stats.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from macro_fund.features.stats import MONTHLY_SMOOTHING


def trend_end(values: npt.NDArray[np.float64], smoothing: float = MONTHLY_SMOOTHING) -> float:
    """Last value of the HP trend of `values`, in their unit: what the filter said when the last value was new."""
    if len(values) < 3:
        raise ValueError(f"an HP trend needs 3 values or more, got {len(values)}")
    from statsmodels.tsa.filters.hp_filter import hpfilter

    _, trend = hpfilter(np.asarray(values, dtype=np.float64), lamb=smoothing)
    return float(trend[-1])
