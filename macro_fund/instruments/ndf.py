"""Non-deliverable forward on USDBRL: mark to market, settlement, exposure and fixing day.

Belongs here: formulas of one forward, elementwise. Does not belong here: the forward curve that gives F, or PTAX.
Quantity is the USD notional with its sign: > 0 is long dollars. Rates are BRL per USD. The forward fixes on the closing
PTAX and pays dollars. Source: EMTA template terms for BRL/USD non-deliverable forwards.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from macro_fund.instruments.di1 import Array, Values
from macro_fund.time.calendars import BusinessCalendar, DayLike

FIXING_LAG = 2
_DAY = np.timedelta64(1, "D")


def mtm_usd(notional: Values, forward: Values, strike: Values, df_usd: Values) -> Array:
    """Value in USD: N * (F - K) / F * DF; 0 at K = F. df_usd: discount factor to the settlement, in dollars."""
    rate, agreed = _rates(forward, strike)
    return np.asarray(notional, dtype=np.float64) * (rate - agreed) / rate * _factor(df_usd)


def settlement_usd(notional: Values, strike: Values, ptax: Values) -> Array:
    """USD received at settlement: N * (1 - K / PTAX)."""
    fixing, agreed = _rates(ptax, strike)
    return np.asarray(notional, dtype=np.float64) * (1.0 - agreed / fixing)


def delta_usd(notional: Values, df_usd: Values = 1.0) -> Array:
    """USD of exposure to USDBRL: a rise of the spot by dS makes delta * dS reais. N, or N * DF where it is given."""
    return np.asarray(notional, dtype=np.float64) * _factor(df_usd)


def fixing_dates(
    settlements: DayLike, known_on: DayLike, brazil: BusinessCalendar, new_york: BusinessCalendar
) -> npt.NDArray[np.datetime64]:
    """Fixing days: two days before the settlement on which Brazil and New York are both open, as known on the days."""
    day, known = np.broadcast_arrays(
        np.asarray(settlements, dtype="datetime64[D]"), np.asarray(known_on, dtype="datetime64[D]")
    )
    day, left = day.copy(), np.full(day.shape, FIXING_LAG)
    while np.any(left):
        day = np.where(left > 0, day - _DAY, day)
        opened = [c.count_many(day, day + _DAY, known_on=known) > 0 for c in (brazil, new_york)]
        left = np.where((left > 0) & opened[0] & opened[1], left - 1, left)
    return day


def _rates(market: Values, strike: Values) -> tuple[Array, Array]:
    rate, agreed = np.asarray(market, dtype=np.float64), np.asarray(strike, dtype=np.float64)
    if not (np.all(rate > 0) and np.all(agreed > 0)):
        raise ValueError("a forward needs rates above 0, in BRL per USD; drop days without a quote")
    return rate, agreed


def _factor(df_usd: Values) -> Array:
    factor = np.asarray(df_usd, dtype=np.float64)
    if not np.all(factor > 0):
        raise ValueError("a discount factor must be above 0")
    return factor
