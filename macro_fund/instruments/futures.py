"""Futures settled by price difference (DOL, IND): daily settlement and exposure of one contract.

Belongs here: formulas of one contract, elementwise. Does not belong here: DI1 (di1.py), rolling or frames.
DOL is quoted in BRL per USD 1,000 and is worth BRL 50 a point (USD 50,000); IND is BRL 1 an index point.
Quantity > 0 is long the contract (DOL: long USD). Source: B3 contract specifications.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from macro_fund.instruments.di1 import Array, round2


def daily_settlement(settle: npt.ArrayLike, previous: npt.ArrayLike, point_value: npt.ArrayLike) -> Array:
    """BRL paid to +1 contract for the day: (F_t - F_{t-1}) * point_value, to the cent."""
    change = np.asarray(settle, dtype=np.float64) - np.asarray(previous, dtype=np.float64)
    return round2(change * np.asarray(point_value, dtype=np.float64))


def delta(settle: npt.ArrayLike, point_value: npt.ArrayLike) -> Array:
    """BRL value of the exposure of +1 contract: price * point_value; a 1% rise gains 1% of it."""
    return np.asarray(settle, dtype=np.float64) * np.asarray(point_value, dtype=np.float64)


def fair_value(spot: npt.ArrayLike, pu_di: npt.ArrayLike, pu_ddi: npt.ArrayLike) -> Array:
    """DOL by covered parity: spot * PU of the DDI / PU of the DI1 of its maturity (B3 pricing manual; not the first
    maturity, whose dirty coupon accrues). spot in BRL per USD 1,000, PUs per 100,000.
    """
    dollars, reais = np.asarray(pu_ddi, dtype=np.float64), np.asarray(pu_di, dtype=np.float64)
    if np.any(reais <= 0):
        raise ValueError("a DI1 PU must be above 0")
    return np.asarray(np.asarray(spot, dtype=np.float64) * dollars / reais)
