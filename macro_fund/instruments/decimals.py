"""Decimal places as the market cuts and rounds them, vectorised, exact to the last one.

Belongs here: truncation, counting in units of the last decimal, and discount factors rounded or cut at a decimal. Does
not belong here: which instrument has which rule (bonds.py).

A price that is cut at the sixth decimal in binary arithmetic is wrong by a millionth whenever the true value lies on
the cut: int(8460.211553 * 1e6) is 8460211552. Here numbers are whole counts of their last decimal (int64), and a float
that is too near a boundary to decide is computed again in decimals.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

YEAR_BD = 252
_YEAR_DIGITS = 14  # years = business days / 252, cut at 14 decimals (ANBIMA, methodology of federal bonds)
_EXACT = Context(prec=40)
_EPS = float(np.finfo(np.float64).eps)
_NOISE = 8 * _EPS  # what a decimal loses in a float and in one multiplication


def truncate(values: npt.ArrayLike, decimals: int) -> Array:
    """Values cut towards zero after `decimals` places. A decimal number with that many places comes back unchanged."""
    value = np.asarray(values, dtype=np.float64)
    scale = 10.0**decimals
    scaled = value * scale
    whole = np.rint(scaled)
    on_it = np.abs(scaled - whole) <= _NOISE * np.abs(scaled)
    return np.asarray(np.where(on_it, whole, np.trunc(scaled)) / scale)


def units(values: npt.ArrayLike, decimals: int, name: str) -> Ints:
    """Values as whole counts of their last decimal: units(1.25, 2, ...) = 125.

    Raises ValueError, naming `name`, for a value that is missing or has more decimals than that.
    """
    value = np.asarray(values, dtype=np.float64)
    wrong = ~has_decimals(value, decimals)
    if np.any(wrong):
        bad = float(np.atleast_1d(value)[np.atleast_1d(wrong)][0])
        raise ValueError(f"{name} {bad!r} has more than {decimals} decimals or none at all; cut or round it first")
    return np.asarray(np.rint(value * 10.0**decimals).astype(np.int64))


def has_decimals(values: npt.ArrayLike, decimals: int) -> npt.NDArray[np.bool_]:
    """Whether each value is a number with at most so many decimals, as `units` asks."""
    value = np.asarray(values, dtype=np.float64)
    scaled = np.where(np.isfinite(value), value, 0.5) * 10.0**decimals
    near = np.abs(scaled - np.rint(scaled)) <= np.maximum(_NOISE * np.abs(scaled), 1e-9)
    return np.asarray(near & np.isfinite(value))


def present_units(amount: Decimal, rate: Ints, bdays: npt.NDArray[np.integer], decimals: int, *, cut: bool) -> Ints:
    """amount / (1 + rate)^years in counts of 10^-decimals, cut off (`cut`) or rounded; years = trunc14(bdays / 252).

    rate: millionths (61,490 is 6.149%), elementwise with bdays. Raises ValueError for a rate of -100% or less.
    """
    if np.any(rate <= -1_000_000):
        raise ValueError("a rate must be above -100% (a decimal: 0.13 is 13%)")
    growth = (1_000_000 + rate) / 1e6
    years = (bdays.astype(np.int64) * 10**_YEAR_DIGITS // YEAR_BD) / 10.0**_YEAR_DIGITS
    exact = float(amount) * 10.0**decimals * growth**-years
    shifted = exact + (0.0 if cut else 0.5)
    # (1 + rate) is off by half a unit in the last place, which the power multiplies by the years.
    doubt = np.abs(shifted - np.rint(shifted)) <= (4 * np.abs(years) + 16) * _EPS * np.abs(exact)
    found = np.floor(shifted).astype(np.int64)
    for i in np.flatnonzero(doubt):
        found[i] = _present(amount, int(rate[i]), int(bdays[i]), decimals, ROUND_DOWN if cut else ROUND_HALF_UP)
    return found


def _present(amount: Decimal, rate: int, bdays: int, decimals: int, rounding: str) -> int:
    growth = Decimal(1_000_000 + rate).scaleb(-6)
    years = Decimal(bdays * 10**_YEAR_DIGITS // YEAR_BD).scaleb(-_YEAR_DIGITS)
    value = _EXACT.divide(amount, _EXACT.power(growth, years))
    return int(value.scaleb(decimals).to_integral_value(rounding=rounding))


def grown(
    value: npt.ArrayLike,
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    part: npt.ArrayLike,
    whole: npt.ArrayLike,
    decimals: int,
) -> Array:
    """value * (after / before)^(part / whole), cut at `decimals`, in decimals, elementwise.

    Floats enter as the decimal numbers that they print as. Raises ValueError for a number that is not above 0
    (part: below 0).
    """
    given = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (value, before, after, part, whole)))
    if not all(np.all(x > 0) for x in (*given[:3], given[4])) or not np.all(given[3] >= 0):
        raise ValueError("a nominal value, an index and a period must be above 0, and days passed not below 0")
    step = Decimal(1).scaleb(-decimals)

    def one(start: float, low: float, high: float, passed: float, period: float) -> float:
        ratio = _EXACT.divide(Decimal(repr(high)), Decimal(repr(low)))
        power = _EXACT.power(ratio, _EXACT.divide(Decimal(repr(passed)), Decimal(repr(period))))
        return float(_EXACT.multiply(Decimal(repr(start)), power).quantize(step, rounding=ROUND_DOWN))

    flat = [one(*row) for row in zip(*(x.ravel().tolist() for x in given), strict=True)]
    return np.array(flat, dtype=np.float64).reshape(given[0].shape)
