"""US Treasury notes and bonds: price, yield, risk, carry and roll-down, total return less repo.

Belongs here: formulas of one bond, elementwise on floats, dates or arrays of them (broadcast together). Does not belong
here: the curve (curves/ust.py), futures (ust_futures.py), positions.

Conventions: prices per 100 of face; coupon, yield and repo are decimals; semiannual coupons; act/act within the coupon
period. The yield is the street's: compounded twice a year, simple interest once a single coupon is left. Coupon dates
run back from the maturity in steps of six months, at month end when the maturity is one; a coupon is dropped on its own
date, and weekend dates are kept. A TIPS priced at its real yield is the same bond before its index ratio. Source:
Fabozzi, "Bond Markets, Analysis and Strategies"; 31 CFR 356 app. B for the coupon dates.

QuantLib agrees in the tests and is not used here: it prices one bond on one day an object at a time, and a day's whole
history is priced here in one call.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from macro_fund.instruments.di1 import Array, Values
from macro_fund.time.calendars import DayLike

BP = 1e-4
REPO_YEAR = 360.0
_STEP = 6  # months between coupons
_NEWTON_STEPS = 50

Dates = DayLike
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Coupons:
    """Where a day lies among a bond's coupons: `previous` <= day < `next`, and how many are left to pay."""

    previous: Days
    next: Days
    left: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Return:
    """Excess return over repo per 100 of face between two days; the three parts sum to `total`.

    carry: coupons and pull to par at the same yield, less repo on the dirty price; roll: to the yield that the old
    curve gives the shorter bond; move: from there to the new yield.
    """

    carry: Array
    roll: Array
    move: Array

    @property
    def total(self) -> Array:
        return self.carry + self.roll + self.move


def coupons(settle: Dates, maturity: Dates) -> Coupons:
    """Coupon dates around `settle`; raises ValueError unless settle < maturity."""
    day, end = np.broadcast_arrays(_days(settle), _days(maturity))
    if np.any(day >= end):
        raise ValueError("a Treasury note is priced before its maturity: settle must be earlier; drop matured notes")
    months = (end.astype("datetime64[M]") - day.astype("datetime64[M]")).astype(np.int64)
    left = np.maximum(months // _STEP, 1)
    left = left + (_back(end, left) > day)  # the coupon of that month may be later in it
    return Coupons(_back(end, left), _back(end, left - 1), left)


def accrued(coupon: Values, settle: Dates, maturity: Dates) -> Array:
    """Accrued interest per 100: half the coupon times the share of the coupon period that has passed (act/act)."""
    at = coupons(settle, maturity)
    return 50.0 * np.asarray(coupon, dtype=np.float64) * (1.0 - _to_next(settle, at))


def dirty_price(coupon: Values, ytm: Values, settle: Dates, maturity: Dates) -> Array:
    """Price per 100 with accrued interest at a yield; raises ValueError for a yield <= -200% or a matured note."""
    return _moments(coupon, ytm, settle, maturity)[0]


def clean_price(coupon: Values, ytm: Values, settle: Dates, maturity: Dates) -> Array:
    """Quoted price per 100 at a yield."""
    return dirty_price(coupon, ytm, settle, maturity) - accrued(coupon, settle, maturity)


def yield_from_price(coupon: Values, clean: Values, settle: Dates, maturity: Dates) -> Array:
    """Yield (decimal, semiannual) at which the clean price is `clean`.

    Newton on the logarithm of the price against x = ln(1 + y/2), which is convex and nearly straight: it overshoots at
    most once and then comes down monotonically. Raises ValueError for a dirty price <= 0.
    """
    dirty = np.asarray(clean, dtype=np.float64) + accrued(coupon, settle, maturity)
    if not np.all(dirty > 0):
        raise ValueError("a yield needs a dirty price above 0; check the price and the coupon (a decimal)")
    flows, times, at = _flows(coupon, settle, maturity)
    with np.errstate(divide="ignore"):
        log_flows = np.log(flows)
    x = np.zeros(dirty.shape)
    for _ in range(_NEWTON_STEPS):
        weights = np.exp(log_flows - times * x[..., None])
        value = weights.sum(axis=-1)
        step = np.log(value / dirty) * value / (weights * times).sum(axis=-1)
        x = x + step
        if np.all(np.abs(step) < 1e-15):
            break
    simple = 2.0 * (flows[..., 0] / dirty - 1.0) / times[..., 0]
    return np.where(at.left == 1, simple, 2.0 * np.expm1(x))


def modified_duration(coupon: Values, ytm: Values, settle: Dates, maturity: Dates) -> Array:
    """-dP/dy / P of the dirty price, years."""
    price, first, _ = _moments(coupon, ytm, settle, maturity)
    return first / price


def convexity(coupon: Values, ytm: Values, settle: Dates, maturity: Dates) -> Array:
    """d2P/dy2 / P of the dirty price, years squared."""
    price, _, second = _moments(coupon, ytm, settle, maturity)
    return second / price


def dv01(coupon: Values, ytm: Values, settle: Dates, maturity: Dates, quantity: Values = 1.0) -> Array:
    """-dV/dy x 1 bp of `quantity` bonds of 100 face: positive when long."""
    return BP * _moments(coupon, ytm, settle, maturity)[1] * np.asarray(quantity, dtype=np.float64)


def excess_return(
    coupon: Values,
    maturity: Dates,
    settle: tuple[Dates, Dates],
    ytm: tuple[Values, Values],
    repo: Values,
    rolled_ytm: Values | None = None,
) -> Return:
    """Return per 100 of a bond financed at `repo` (act/360, simple) from settle[0] to settle[1].

    ytm: yields on the two days; rolled_ytm: what the curve of the first day gives the maturity that is left on the
    second (default: the first yield, so no roll). Coupons paid in between are reinvested at the repo rate. Raises
    ValueError unless settle[0] <= settle[1] < maturity.
    """
    start, end = (_days(d) for d in settle)
    if np.any(end < start):
        raise ValueError("a return runs forward: the second settlement must not be before the first")
    rate = np.asarray(repo, dtype=np.float64)
    paid = _paid(coupon, maturity, start, end, rate)
    span = (end - start).astype(np.float64)
    before = dirty_price(coupon, ytm[0], start, maturity)
    held, rolled, after = (
        dirty_price(coupon, y, end, maturity) for y in (ytm[0], ytm[0] if rolled_ytm is None else rolled_ytm, ytm[1])
    )
    return Return(held + paid - before * (1.0 + rate * span / REPO_YEAR), rolled - held, after - rolled)


def carry_roll_bp(result: Return, dv01_now: Values) -> Array:
    """Carry and roll in basis points of yield: (carry + roll) / DV01, the rise that they pay for."""
    return (result.carry + result.roll) / np.asarray(dv01_now, dtype=np.float64)


def _days(dates: Dates) -> Days:
    days = np.asarray(dates, dtype="datetime64[D]")
    if np.isnat(days).any():
        raise ValueError("a date is null; drop rows without a date before pricing")
    return days


def _back(maturity: Days, steps: npt.ArrayLike) -> Days:
    """Coupon date `steps` half-years before the maturity."""
    month = maturity.astype("datetime64[M]")
    last = _month_end(month)
    target = month - (np.asarray(steps, dtype=np.int64) * _STEP).astype("timedelta64[M]")
    offset = np.where(maturity == last, np.timedelta64(31, "D"), maturity - month.astype("datetime64[D]"))
    return np.minimum(target.astype("datetime64[D]") + offset, _month_end(target))


def _month_end(month: npt.NDArray[np.datetime64]) -> Days:
    return np.asarray(
        (month + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D"), "datetime64[D]"
    )


def _to_next(settle: Dates, at: Coupons) -> Array:
    """Share of the coupon period that is left."""
    whole = (at.next - at.previous).astype(np.float64)
    return np.asarray((at.next - _days(settle)).astype(np.float64) / whole)


def _flows(coupon: Values, settle: Dates, maturity: Dates) -> tuple[Array, Array, Coupons]:
    """Flows per 100 and their times in half-years, one more axis than the inputs; 0 after the last."""
    at = coupons(settle, maturity)
    half = 50.0 * np.asarray(coupon, dtype=np.float64)
    half, first = np.broadcast_arrays(half, _to_next(settle, at))
    left = np.broadcast_to(at.left, half.shape)[..., None]
    number = np.arange(int(left.max(initial=1)))
    flows = np.where(number < left, half[..., None], 0.0) + 100.0 * (number == left - 1)
    return flows, first[..., None] + number, Coupons(at.previous, at.next, left[..., 0])


def _moments(coupon: Values, ytm: Values, settle: Dates, maturity: Dates) -> tuple[Array, Array, Array]:
    """Dirty price, -dP/dy and d2P/dy2 per 100."""
    half = np.asarray(ytm, dtype=np.float64) / 2.0
    if not np.all(half > -1.0):
        raise ValueError("a Treasury yield must be above -200% and a decimal: 0.04 is 4%")
    flows, times, at = _flows(coupon, settle, maturity)
    base = (1.0 + half)[..., None]
    values = flows * base**-times
    price = values.sum(axis=-1)
    first = (values * times).sum(axis=-1) / base[..., 0] / 2.0
    second = (values * times * (times + 1.0)).sum(axis=-1) / base[..., 0] ** 2 / 4.0
    single, factor = at.left == 1, 1.0 + half * times[..., 0]
    if np.any(single & (factor <= 0)):
        raise ValueError("a yield this low has no price in the last coupon period; check that it is a decimal")
    with np.errstate(divide="ignore", invalid="ignore"):
        last = flows[..., 0] / factor
        slope = last * times[..., 0] / 2.0 / factor
        bend = 2.0 * slope * times[..., 0] / 2.0 / factor
    return np.where(single, last, price), np.where(single, slope, first), np.where(single, bend, second)


def _paid(coupon: Values, maturity: Dates, start: Days, end: Days, repo: Array) -> Array:
    """Coupons paid in (start, end], per 100, grown at repo to the end."""
    first, last = coupons(start, maturity), coupons(end, maturity)
    half = 50.0 * np.asarray(coupon, dtype=np.float64)
    number = first.left - last.left
    total = np.zeros(np.broadcast_shapes(number.shape, half.shape, repo.shape))
    for i in range(int(number.max(initial=0))):
        date = _back(np.broadcast_to(_days(maturity), first.left.shape), first.left - 1 - i)
        grown = half * (1.0 + repo * (end - date).astype(np.float64) / REPO_YEAR)
        total = total + np.where(i < number, grown, 0.0)
    return total
