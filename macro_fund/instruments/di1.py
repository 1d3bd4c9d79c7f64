"""One-day interbank deposit future (DI1): price, rate, risk and daily settlement of one contract.

Belongs here: formulas of one contract, elementwise on floats or numpy arrays. Does not belong here: curves, which
contract to hold, or frames. Conventions: rate is a decimal, exponential on 252 business days; PU is BRL 100,000 at
expiry and BRL 1 a point; quantity > 0 is long PU, which gains when rates fall. Source: B3 contract specification and
settlement rules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from macro_fund.curves.flat_forward import YEAR_BD

FACE_BRL = 100_000.0


Array = npt.NDArray[np.float64]
Values = float | npt.ArrayLike


def round2(amount: Values) -> Array:
    """Round to cents, halves away from zero, as B3 does.

    The first rounding to a ten-millionth of a cent removes binary noise, so that 1.005 becomes 1.01.
    """
    cents = np.asarray(amount, dtype=np.float64) * 100.0
    return np.asarray(np.sign(cents) * np.floor(np.round(np.abs(cents), 7) + 0.5) / 100.0)


def pu(rate: Values, bdays: npt.ArrayLike) -> Array:
    """Price (PU, BRL, unrounded; `round2` gives B3's) at `rate` with `bdays` business days to expiry."""
    rates, years = _checked(rate, bdays)
    return FACE_BRL / (1.0 + rates) ** years


def rate_from_pu(price: Values, bdays: npt.ArrayLike) -> Array:
    """Rate (decimal, 252) that gives the PU `price`; raises ValueError for a price <= 0 or bdays <= 0."""
    prices = np.asarray(price, dtype=np.float64)
    days = np.asarray(bdays, dtype=np.float64)
    if np.any(prices <= 0) or np.any(days <= 0):
        raise ValueError(
            "a DI1 rate needs a PU above 0 and at least one business day to expiry; drop expired contracts"
        )
    return (FACE_BRL / prices) ** (YEAR_BD / days) - 1.0


def dv01(rate: Values, bdays: npt.ArrayLike, price: Values | None = None) -> Array:
    """Gain in BRL of +1 contract when the rate falls 1bp: 1e-4 * (n/252) / (1+r) * PU, > 0 before expiry.

    `price` is the official PU; without it the PU at `rate`.
    """
    rates, years = _checked(rate, bdays)
    prices = pu(rate, bdays) if price is None else np.asarray(price, dtype=np.float64)
    return 1e-4 * years / (1.0 + rates) * prices


def daily_factor(cdi_daily: npt.ArrayLike) -> Array:
    """B3's factor of one bank day, elementwise, from the CDI a day that the central bank publishes (0.00049037).

    B3 takes the yearly rate, which has two decimals of a percent, and truncates (1 + rate)^(1/252) to seven decimals:
    so its corrected PUs of 2018-2021 come out to the cent. A daily rate that no such yearly rate explains to the
    published eight decimals is used as it is. NaN stays NaN.
    """
    daily = np.asarray(cdi_daily, dtype=np.float64)
    yearly = np.round((1.0 + daily) ** YEAR_BD - 1.0, 4)
    factor = (1.0 + yearly) ** (1.0 / YEAR_BD)
    explained = np.abs(factor - 1.0 - daily) < 6e-9
    return np.where(explained, np.floor(factor * 1e7) / 1e7, 1.0 + daily)


def correction_factor(cdi_daily: npt.ArrayLike) -> Array:
    """FC that carries a PU from one B3 session to the next: product of `daily_factor` along the last axis.

    `cdi_daily` holds the CDI of each bank day from the last session, included, to the current one, excluded. A missing
    (NaN) day gives NaN: a carry is not guessed.
    """
    return np.asarray(np.prod(daily_factor(cdi_daily), axis=-1))


def daily_settlement(pa: Values, pa_prev: Values, fc: Values) -> Array:
    """BRL paid to +1 contract (long PU): PA_t - PA_{t-1} * FC_t, the corrected PA rounded to cents first."""
    corrected = round2(np.asarray(pa_prev, dtype=np.float64) * np.asarray(fc, dtype=np.float64))
    return round2(np.asarray(pa, dtype=np.float64) - corrected)


def carry_and_roll(
    rate: Values, bdays: npt.ArrayLike, rate_rolled: Values, horizon: npt.ArrayLike, cdi: Values
) -> tuple[Array, Array]:
    """(carry, roll) of long PU over `horizon` business days on an unchanged curve, as fractions of its PU.

    carry: the contract's own rate held, against the CDI (decimal, 252) that the correction pays; roll: the move to
    `rate_rolled`, the curve's rate at bdays - horizon. The sum is PU(r(n-h), n-h) / [PU(r(n), n) (1+CDI)^(h/252)] - 1.
    """
    days, over = np.asarray(bdays, dtype=np.float64), np.asarray(horizon, dtype=np.float64)
    if np.any(days - over < 0):
        raise ValueError("the horizon is longer than the contract")
    now = pu(rate, days) * (1.0 + np.asarray(cdi, dtype=np.float64)) ** (over / YEAR_BD)
    held, total = pu(rate, days - over) / now - 1.0, pu(rate_rolled, days - over) / now - 1.0
    return held, total - held


def _checked(rate: Values, bdays: npt.ArrayLike) -> tuple[Array, Array]:
    rates = np.asarray(rate, dtype=np.float64)
    days = np.asarray(bdays, dtype=np.float64)
    if np.any(rates <= -1) or np.any(days < 0):
        raise ValueError("a DI1 price needs a rate above -100% (a decimal: 0.13 is 13%) and bdays >= 0")
    return rates, days / YEAR_BD
