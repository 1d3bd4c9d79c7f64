"""Forward dollar coupon (FRC): the coupon between two DDI maturities, and what a contract made and risks.

Belongs here: formulas of one contract, elementwise. Does not belong here: DDI itself (ddi.py), frames. The FRC has no
position of its own: B3 turns +1 contract into +1 DDI of its maturity and minus h of the first DDI, with h the discount
factor of the coupon between them. Both legs carry the same dollars, so only the coupon is left. Rate: decimal, linear
on actual/360, printed with two decimals of a percent; which DDI is the first leg: contracts.first_ddi. Source: B3
pricing manual, FRC.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from macro_fund.instruments.ddi import YEAR_DAYS, point_value, variation
from macro_fund.instruments.di1 import Array, Values


def rate_from_ddi(near: Values, near_days: npt.ArrayLike, far: Values, far_days: npt.ArrayLike) -> Array:
    """Forward coupon from two DDI prices (PU) and their calendar days: (PU1/PU2 - 1) x 360 / (d2 - d1)."""
    span = _span(near_days, far_days)
    return (np.asarray(near, dtype=np.float64) / np.asarray(far, dtype=np.float64) - 1.0) * YEAR_DAYS / span


def far_pu(rate: Values, near: Values, near_days: npt.ArrayLike, far_days: npt.ArrayLike) -> Array:
    """PU of the far DDI that the forward coupon and the near PU give; inverse of `rate_from_ddi`."""
    return np.asarray(near, dtype=np.float64) / (
        1.0 + np.asarray(rate, dtype=np.float64) * _span(near_days, far_days) / YEAR_DAYS
    )


def near_quantity(near: Values, far: Values) -> Array:
    """Contracts h of the first DDI that +1 FRC sells: PU2 / PU1, so that the two legs have no dollars left."""
    return np.asarray(np.asarray(far, dtype=np.float64) / np.asarray(near, dtype=np.float64))


def dv01(near: Values, near_days: npt.ArrayLike, far: Values, far_days: npt.ArrayLike, ptax: npt.ArrayLike) -> Array:
    """Gain in BRL of +1 contract when the forward coupon falls 1bp, the near PU held."""
    years = _span(near_days, far_days) / YEAR_DAYS
    ends = np.asarray(far, dtype=np.float64)
    return 1e-4 * years * near_quantity(near, far) * ends * point_value(ptax)


def daily_settlement(near: Values, far: Values, near_prev: Values, far_prev: Values, value: npt.ArrayLike) -> Array:
    """BRL of +1 contract for the day: (PU2_t - h PU1_t) x value, h from the settlements before.

    What the two DDI settle, with h = PU2/PU1 of the settlement before: their corrections FC cancel. `value` is that of
    DDI; the rounding of the corrected prices of the legs to cents, at most a cent of PU, is left out.
    """
    hedge = near_quantity(near_prev, far_prev)
    return variation(np.asarray(far, dtype=np.float64) - hedge * np.asarray(near, dtype=np.float64), value)


def _span(near_days: npt.ArrayLike, far_days: npt.ArrayLike) -> Array:
    span = np.asarray(far_days, dtype=np.float64) - np.asarray(near_days, dtype=np.float64)
    if np.any(span <= 0):
        raise ValueError("a forward coupon needs a far maturity after the near one")
    return span
