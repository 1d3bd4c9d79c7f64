"""Dollar coupon future (DDI): price, rate, risk and daily settlement of one contract.

Belongs here: formulas of one contract, elementwise on floats or numpy arrays. Does not belong here: the forward
coupon (frc.py), curves (curves/cupom.py), or frames. Conventions: the coupon is a decimal, linear on actual/360, and
dirty: the interest that DI pays over the move of PTAX from the PTAX of the day before. PU is 100,000 points at expiry;
a point is USD 0.50, turned into reais at the PTAX of the business day before the settlement. Quantity > 0 is long PU:
it gains when the coupon falls and when the dollar rises, so a DDI alone is also a dollar position.
Source: B3 contract specification; the factors agree with B3's corrected prices of 2021 to one cent of PU.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from macro_fund.instruments.di1 import Array, Values, round2

FACE = 100_000.0
YEAR_DAYS = 360.0
POINT_USD = 0.5


def pu(rate: Values, days: npt.ArrayLike) -> Array:
    """Price (points, unrounded) at the coupon `rate` with `days` calendar days to expiry: 100,000 / (1 + r d/360).

    The coupon of a few days may be far below zero; ValueError when 1 + r d/360 is not above 0.
    """
    return FACE / _growth(rate, days)


def rate_from_pu(price: Values, days: npt.ArrayLike) -> Array:
    """Coupon (decimal, linear 360) that gives the PU `price`; ValueError for a price <= 0 or days <= 0."""
    prices, term = np.asarray(price, dtype=np.float64), np.asarray(days, dtype=np.float64)
    if np.any(prices <= 0) or np.any(term <= 0):
        raise ValueError("a coupon needs a PU above 0 and at least one day to expiry; drop expired contracts")
    return (FACE / prices - 1.0) * YEAR_DAYS / term


def point_value(ptax: npt.ArrayLike) -> Array:
    """BRL a point at a PTAX (BRL per USD): 0.50 x PTAX."""
    rates = np.asarray(ptax, dtype=np.float64)
    if np.any(rates <= 0):
        raise ValueError("PTAX must be above 0 reais per dollar")
    return POINT_USD * rates


def dv01(rate: Values, days: npt.ArrayLike, ptax: npt.ArrayLike, price: Values | None = None) -> Array:
    """Gain in BRL of +1 contract when the coupon falls 1bp: 1e-4 (d/360) / (1 + r d/360) x PU x 0.50 x PTAX.

    `price` is the official PU; without it the PU at `rate`.
    """
    growth = _growth(rate, days)
    prices = FACE / growth if price is None else np.asarray(price, dtype=np.float64)
    return 1e-4 * np.asarray(days, dtype=np.float64) / YEAR_DAYS / growth * prices * point_value(ptax)


def usd_delta(price: Values) -> Array:
    """Dollars that +1 contract is long: 0.50 x PU. Times PTAX it is `delta_brl`."""
    return POINT_USD * np.asarray(price, dtype=np.float64)


def correction_factor(cdi_factor: npt.ArrayLike, ptax_before: npt.ArrayLike, ptax_base: npt.ArrayLike) -> Array:
    """FC that carries a PU to the settlement day: growth of the CDI over the move of PTAX.

    cdi_factor: `di1.correction_factor` from the last session to this one; ptax_before: PTAX of the business day before
    this settlement; ptax_base: PTAX of the business day before the last one. NaN where an input is NaN.
    """
    move = np.asarray(ptax_before, dtype=np.float64) / np.asarray(ptax_base, dtype=np.float64)
    return np.asarray(np.asarray(cdi_factor, dtype=np.float64) / move)


def variation(points: Values, value: npt.ArrayLike) -> Array:
    """BRL of a settlement of so many points of PU at `value` reais a point, as B3 publishes it: not rounded."""
    return np.asarray(points, dtype=np.float64) * np.asarray(value, dtype=np.float64)


def daily_settlement(pa: Values, pa_prev: Values, fc: Values, value: npt.ArrayLike) -> Array:
    """BRL paid to +1 contract: (PA_t - PA_{t-1} FC_t) x value; the corrected PA is rounded to cents first.

    `value`: reais a point, `point_value(PTAX of the business day before)`. B3 rounds the product with the quantity, so
    one contract's amount keeps its fractions of a cent.
    """
    corrected = round2(np.asarray(pa_prev, dtype=np.float64) * np.asarray(fc, dtype=np.float64))
    return variation(round2(np.asarray(pa, dtype=np.float64) - corrected), value)


def carry_and_roll(
    rate: Values, days: npt.ArrayLike, rate_rolled: Values, horizon: npt.ArrayLike, funding: Values
) -> tuple[Array, Array]:
    """(carry, roll) of long PU over `horizon` calendar days, as a fraction of its PU, in dollars.

    Carry holds the contract's own coupon, roll moves to `rate_rolled`, the curve's coupon at days - horizon. funding:
    linear coupon of the horizon, which the correction takes out. See `di1.carry_and_roll`.
    """
    left = np.asarray(days, dtype=np.float64) - np.asarray(horizon, dtype=np.float64)
    if np.any(left < 0):
        raise ValueError("the horizon is longer than the contract")
    now = pu(rate, days) * _growth(funding, horizon)
    held, total = pu(rate, left) / now - 1.0, pu(rate_rolled, left) / now - 1.0
    return held, total - held


def _growth(rate: Values, days: npt.ArrayLike) -> Array:
    term = np.asarray(days, dtype=np.float64)
    growth = 1.0 + np.asarray(rate, dtype=np.float64) * term / YEAR_DAYS
    if np.any(growth <= 0) or np.any(term < 0):
        raise ValueError("a DDI price needs days >= 0 and a coupon (decimal: 0.05 is 5%) that leaves 1 + r d/360 > 0")
    return np.asarray(growth)
