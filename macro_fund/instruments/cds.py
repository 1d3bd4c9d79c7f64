"""Credit default swap (Brazil sovereign): standard maturities, upfront, annuity, CS01, daily P&L, carry and roll-down.

Belongs here: formulas of one swap. Does not belong here: spread history (licensed) or the dollar curve.

Quantity > 0 is protection SOLD: long risk, gains when the spread falls. Spreads, coupon and recovery are decimals,
premium is act/360. The upfront U is what the buyer of protection pays per unit of notional, clean of accrued premium:
(spread - coupon) * annuity, below 0 when the spread is under the coupon.

Two pricers. `isda` is the ISDA standard model by QuantLib's engine, one swap a call (about a millisecond), and is what
marks and risk rest on. `flat_annuity` is the textbook approximation (flat hazard spread / (1 - recovery), quarterly,
one rate), vectorised, for signals; at the 5-year point it is within a few per cent. Source: ISDA CDS standard model;
QuantLib IsdaCdsEngine, which gives Markit's published values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from macro_fund.instruments.di1 import Array, Values
from macro_fund.instruments.ust import Return
from macro_fund.time.calendars import DayLike

COUPON = 0.01
RECOVERY = 0.25
BP = 1e-4
PREMIUM_YEAR = 360.0
# Until this day a new contract month began with every quarter, since then with March and September only.
SEMIANNUAL_ROLL = np.datetime64("2015-12-20", "D")
_TWENTIETH = 19
_STEP_IN, _CASH_DAYS = 1, 3


@dataclass(frozen=True)
class Price:
    """A swap of notional 1. `upfront`: clean, paid by the buyer; `accrued`: premium that the seller is owed so far;
    `annuity`: value of a premium of 1 a year; `cs01`: what the SELLER gains when the spread falls by 1 bp.
    """

    upfront: float
    accrued: float
    annuity: float
    cs01: float


def maturities(trade_dates: DayLike, years: int) -> npt.NDArray[np.datetime64]:
    """Maturity of the standard contract of a tenor: a 20th of June or December, before December 2015 of any quarter.

    A trade on the 20th on which contracts roll is in the new one.
    """
    day = np.asarray(trade_dates, dtype="datetime64[D]")
    step = np.where(day >= SEMIANNUAL_ROLL, 6, 3)
    # Months since a March: the contract that began on the last roll ends three months (and the tenor) after it.
    month = day.astype("datetime64[M]").astype(np.int64) - 2
    early = day < day.astype("datetime64[M]").astype("datetime64[D]") + _TWENTIETH
    begun = (month - early) // step * step + 2
    ends = (begun + 3 + 12 * years).astype("datetime64[M]")
    return np.asarray(ends.astype("datetime64[D]") + _TWENTIETH)


def flat_annuity(spread: Values, years: Values, recovery: Values = RECOVERY, rate: Values = 0.04) -> Array:
    """Value of a premium of 1 a year: sum over quarters of the period times exp(-(rate + hazard) t).

    hazard = spread / (1 - recovery); rate is continuously compounded. A first period shorter than a quarter counts as
    long as it is. Raises ValueError for a recovery outside [0, 1) or years <= 0.
    """
    s, t, r, z = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (spread, years, recovery, rate)), subok=False
    )
    if np.any((r < 0) | (r >= 1)) or not np.all(t > 0):
        raise ValueError("an annuity needs a recovery in [0, 1) and years above 0; drop matured swaps")
    number = np.arange(int(np.ceil(t.max(initial=0.25) * 4)))
    times = t[..., None] - number / 4.0
    intensity = (z + s / (1.0 - r))[..., None]
    live = times > 1e-12
    periods = np.where(live, np.minimum(times, 0.25), 0.0)
    return np.asarray((periods * np.exp(-intensity * np.where(live, times, 0.0))).sum(axis=-1))


def upfront(spread: Values, annuity: Values, coupon: Values = COUPON) -> Array:
    """Clean upfront per unit of notional: (spread - coupon) * annuity."""
    gap = np.asarray(spread, dtype=np.float64) - np.asarray(coupon, dtype=np.float64)
    return gap * np.asarray(annuity, dtype=np.float64)


def cs01(annuity: Values, notional: Values) -> Array:
    """-dV/ds x 1 bp, about annuity * 1 bp * notional: positive for protection sold (notional > 0)."""
    return np.asarray(annuity, dtype=np.float64) * BP * np.asarray(notional, dtype=np.float64)


def daily_pnl(
    notional: Values, upfront_now: Values, upfront_before: Values, days: Values, coupon: Values = COUPON
) -> Array:
    """P&L of protection sold: notional (in its currency) * (-(U_t - U_{t-1}) + coupon * days / 360)."""
    now, before = (np.asarray(u, dtype=np.float64) for u in (upfront_now, upfront_before))
    premium = np.asarray(coupon, dtype=np.float64) * np.asarray(days, dtype=np.float64) / PREMIUM_YEAR
    return np.asarray(notional, dtype=np.float64) * (before - now + premium)


def carry_roll(spread: Values, rolled: Values, annuity: Values, days: Values) -> Array:
    """Gain of protection sold while nothing moves, per unit: spread * days / 360 + (spread - rolled) * annuity.

    rolled: spread of the curve at the maturity that is left afterwards, annuity: of that maturity. Exact for a swap
    whose coupon is its spread; a distant one earns its upfront back later, which `attribution` counts.
    """
    now, later = (np.asarray(s, dtype=np.float64) for s in (spread, rolled))
    premium = now * np.asarray(days, dtype=np.float64) / PREMIUM_YEAR
    return premium + (now - later) * np.asarray(annuity, dtype=np.float64)


def attribution(upfronts: Sequence[Values], days: Values, coupon: Values = COUPON) -> Return:
    """Carry, roll and move of protection sold, per unit of notional, from four clean upfronts of one contract:

    before; later at the same spread; later at the spread to which the old curve rolls it; later at the new spread.
    """
    before, held, rolled, after = (np.asarray(u, dtype=np.float64) for u in upfronts)
    return Return(daily_pnl(1.0, held, before, days, coupon), held - rolled, rolled - after)


def isda(
    trade_date: date,
    maturity: date,
    spread: float,
    curve: tuple[Sequence[float], Sequence[float]],
    recovery: float = RECOVERY,
    coupon: float = COUPON,
) -> Price:
    """Price by the ISDA standard model: the quoted spread is flat, premium from the last 20th, cash in three days.

    curve: (years, discount factors) in the swap's currency, ascending, interpolated with flat forwards act/365. Raises
    ValueError for a weekend, a swap that matured, a spread that is not above 1 bp, or a curve that does not ascend.
    """
    if not trade_date < maturity or trade_date.weekday() > 4 or not spread > BP or not 0.0 <= recovery < 1.0:
        raise ValueError(
            f"no price for a spread of {spread}, recovery {recovery}, maturity {maturity} on {trade_date}: the day "
            "must be a weekday before the maturity, the spread a decimal above 1 bp, the recovery in [0, 1)"
        )
    import QuantLib as ql  # noqa: N813

    settings = ql.Settings.instance()
    before = settings.evaluationDate
    settings.evaluationDate = _date(trade_date)
    try:
        swap = _Swap(trade_date, maturity, coupon, recovery, _discount_curve(trade_date, curve))
        value = swap.upfront(spread)
        half_bp = BP / 2.0
        risk = swap.upfront(spread + half_bp) - swap.upfront(spread - half_bp)
        annuity = swap.annuity(spread)
    finally:
        settings.evaluationDate = before
    return Price(value, swap.accrued(), annuity, risk)


def _date(day: date) -> Any:
    import QuantLib as ql  # noqa: N813

    return ql.Date(day.day, day.month, day.year)


def _discount_curve(trade_date: date, curve: tuple[Sequence[float], Sequence[float]]) -> Any:
    import QuantLib as ql  # noqa: N813

    years, factors = (np.asarray(x, dtype=np.float64) for x in curve)
    days = np.round(years * 365.0).astype(np.int64)
    if years.shape != factors.shape or np.any(np.diff(days, prepend=0) <= 0) or not np.all(factors > 0):
        raise ValueError("a discount curve needs ascending years above 0 and as many factors above 0")
    start = _date(trade_date)
    nodes = ql.DiscountCurve([start, *(start + int(d) for d in days)], [1.0, *factors.tolist()], ql.Actual365Fixed())
    nodes.enableExtrapolation()
    return ql.YieldTermStructureHandle(nodes)


class _Swap:
    """QuantLib's swap of one contract, repriced at flat spreads."""

    def __init__(self, trade_date: date, maturity: date, coupon: float, recovery: float, curve: Any) -> None:
        import QuantLib as ql  # noqa: N813

        self.ql, self.recovery, self.curve, self.coupon = ql, recovery, curve, coupon
        self.trade, self.start = _date(trade_date), _date(trade_date) + _STEP_IN
        self.cash = ql.WeekendsOnly().advance(self.trade, _CASH_DAYS, ql.Days)
        self.schedule = ql.Schedule(
            self.start, _date(maturity), ql.Period(3, ql.Months), ql.WeekendsOnly(), ql.Following, ql.Unadjusted,
            ql.DateGeneration.CDS, False,
        )  # fmt: skip

    def upfront(self, spread: float) -> float:
        """Clean upfront at a quoted spread, paid by the buyer."""
        return float(self._priced(spread).fairUpfront())

    def annuity(self, spread: float) -> float:
        """Clean value of a premium of 1 a year, with what is paid when the default comes inside a period."""
        swap = self._priced(spread)
        return float(abs(swap.couponLegNPV() + swap.accrualRebateNPV())) / self.coupon

    def accrued(self) -> float:
        """Premium of the current period up to the step-in day."""
        return self.coupon * float(self.start - self.schedule[0]) / PREMIUM_YEAR

    def _swap(self, coupon: float) -> Any:
        ql = self.ql
        return ql.CreditDefaultSwap(
            ql.Protection.Buyer, 1.0, 0.0, coupon, self.schedule, ql.Following, ql.Actual360(), True, True, self.start,
            self.cash, ql.FaceValueClaim(), ql.Actual360(True), True, self.trade,
        )  # fmt: skip

    def _priced(self, spread: float) -> Any:
        ql = self.ql
        hazard = self._swap(spread).impliedHazardRate(
            0.0, self.curve, ql.Actual365Fixed(), self.recovery, 1e-10, ql.CreditDefaultSwap.ISDA
        )
        default = ql.FlatHazardRate(self.trade, ql.QuoteHandle(ql.SimpleQuote(hazard)), ql.Actual365Fixed())
        swap = self._swap(self.coupon)
        swap.setPricingEngine(
            ql.IsdaCdsEngine(ql.DefaultProbabilityTermStructureHandle(default), self.recovery, self.curve)
        )
        return swap
