"""Brazilian government bonds LTN, LFT, NTN-F and NTN-B: price, rate, risk, carry and nominal value.

Belongs here: formulas of many bonds of one title at once, on arrays. Does not belong here: frames (bond_marks.py),
curves (curves/real.py) or which bond to hold. Source: ANBIMA, pricing methodology of federal bonds.

Rates are decimals a year, exponential on business days / 252; a market rate has six decimals (0.061490 is 6.1490%). A
flow is discounted to its contractual date, also when that is a weekend or a holiday: its business days are those in
[settlement, date), by the holidays known on the trade date. Prices are cut, never rounded, at the market's decimals:

| title | pays | each flow | quote | PU |
| LTN | 1,000 at maturity | | | cut at 6 |
| NTN-F | 1,000 and 48.80885 each half year | rounded at 9 | | sum cut at 6 |
| NTN-B | VNA and 2.956301% of it each half year | rounded at 10 | sum cut at 4 | VNA x quote / 100 cut at 6 |
| LFT | VNA at maturity | | cut at 4 | VNA x quote / 100 cut at 6 |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from macro_fund.curves.flat_forward import YEAR_BD
from macro_fund.instruments.decimals import Array, Ints, grown, present_units, units
from macro_fund.time.calendars import BusinessCalendar, DayLike, Days

RATE_DECIMALS, PU_DECIMALS, QUOTE_DECIMALS = 6, 6, 4
COUPON_MONTHS = 6
_CLOSE = 1e-13  # relative error of a price that counts as met
_STEPS = 60  # of Newton's method; the logarithm of a price is nearly straight, so five are usual


@dataclass(frozen=True)
class Title:
    """What a title pays for each `face`, and the decimals at which its flows are rounded (`cut`: cut off).

    `indexed`: the face is 100 of a nominal value (VNA); otherwise it is in reais.
    """

    face: Decimal
    coupon: Decimal
    decimals: int
    cut: bool
    indexed: bool


TITLES: Mapping[str, Title] = MappingProxyType(
    {
        "LTN": Title(Decimal(1000), Decimal(0), PU_DECIMALS, cut=True, indexed=False),
        "LFT": Title(Decimal(100), Decimal(0), QUOTE_DECIMALS, cut=True, indexed=True),
        "NTN-F": Title(Decimal(1000), Decimal("48.80885"), 9, cut=False, indexed=False),
        "NTN-B": Title(Decimal(100), Decimal("2.956301"), 10, cut=False, indexed=True),
    }
)


@dataclass(frozen=True)
class Schedule:
    """Flows to come of n bonds of one title, each at its own settlement, flattened. Build it with `schedule`.

    shape: of settlement and maturity broadcast together, which every result has; row: the bond of each flow, ascending;
    date, bdays: contractual date and business days from settlement to it; last: the flow with the principal.
    """

    title: str
    shape: tuple[int, ...]
    row: Ints
    date: Days
    bdays: Ints
    last: npt.NDArray[np.bool_]

    @property
    def terms(self) -> Title:
        return TITLES[self.title]

    @property
    def amount(self) -> Array:
        """Each flow per face: in reais (LTN, NTN-F), or per 100 of VNA (NTN-B, LFT)."""
        coupon, face = float(self.terms.coupon), float(self.terms.coupon + self.terms.face)
        return np.where(self.last, face, coupon)

    @property
    def maturity_bdays(self) -> Ints:
        """Business days from settlement to maturity of each bond."""
        return self.bdays[self.last].reshape(self.shape)

    def total(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sum over the flows of each bond, in the bonds' shape."""
        start = np.searchsorted(self.row, np.arange(int(np.prod(self.shape))))
        return np.asarray(np.add.reduceat(values, start) if values.size else values).reshape(self.shape)

    def spread(self, values: npt.ArrayLike) -> npt.NDArray[Any]:
        """A value of each bond (or one for all) repeated for its flows."""
        return np.broadcast_to(np.asarray(values), self.shape).ravel()[self.row]


def schedule(
    title: str, settle: DayLike, maturity: DayLike, calendar: BusinessCalendar, known_on: DayLike | None = None
) -> Schedule:
    """Flows of bonds after their settlement. A coupon due on the settlement day is the seller's, so it is not there.

    calendar: ANBIMA's; known_on: trade date, by default the settlement. Raises ValueError for an unknown title and for
    a bond that has matured.
    """
    if title not in TITLES:
        raise ValueError(f"{title!r} is not a title of {', '.join(TITLES)}")
    start, end = np.broadcast_arrays(_days(settle), _days(maturity))
    known = np.broadcast_to(start if known_on is None else _days(known_on), start.shape).ravel()
    shape, start, end = start.shape, start.ravel(), end.ravel()
    if np.any(end <= start):
        i = int(np.flatnonzero(end <= start)[0])
        raise ValueError(f"{title} of {end[i]} has matured on {start[i]}; drop bonds at and after their maturity")
    row, date, last = _dates(start, end, coupons=TITLES[title].coupon > 0)
    bdays = calendar.count_many(start[row], date, known_on=known[row]).astype(np.int64)
    return Schedule(title, shape, row, date, bdays, last)


def _days(values: DayLike) -> Days:
    return np.asarray(values, dtype="datetime64[D]")


def _dates(start: Days, end: Days, *, coupons: bool) -> tuple[Ints, Days, npt.NDArray[np.bool_]]:
    """Row, contractual date and whether it is the maturity, of every half year counted back from maturity."""
    if not coupons:
        return np.arange(end.size), end, np.ones(end.size, dtype=np.bool_)
    month = end.astype("datetime64[M]")
    count = (month - start.astype("datetime64[M]")).astype(np.int64) // COUPON_MONTHS + 1
    row = np.repeat(np.arange(end.size), count)
    back = np.cumsum(count)[row] - 1 - np.arange(row.size)
    date = (month[row] - COUPON_MONTHS * back).astype("datetime64[D]") + (end - month)[row]
    kept = date > start[row]
    return row[kept], date[kept], back[kept] == 0


# Price


def quote(bonds: Schedule, rate: npt.ArrayLike) -> Array:
    """Price per 100 of VNA cut at 4 decimals (NTN-B, LFT), or PU in reais cut at 6 (LTN, NTN-F), at a market rate.

    Raises ValueError for a rate with more than six decimals: a market rate has none; `price` takes any.
    """
    decimals = QUOTE_DECIMALS if bonds.terms.indexed else PU_DECIMALS
    return _quote_units(bonds, rate) / 10.0**decimals


def pu(bonds: Schedule, rate: npt.ArrayLike, vna: npt.ArrayLike | None = None) -> Array:
    """PU in reais as ANBIMA gives it, to the sixth decimal. vna: BRL, six decimals, for NTN-B and LFT only.

    Raises ValueError for a rate or a VNA with more decimals, or a VNA that is missing or not wanted.
    """
    _vna_given(bonds, vna)
    if vna is None:
        return quote(bonds, rate)
    return _pu(units(vna, PU_DECIMALS, "VNA"), _quote_units(bonds, rate))


def pu_from_quote(vna: npt.ArrayLike, quoted: npt.ArrayLike) -> Array:
    """PU in reais of NTN-B and LFT: VNA x quote / 100, cut at 6. quoted: per 100 of VNA, four decimals."""
    return _pu(units(vna, PU_DECIMALS, "VNA"), units(quoted, QUOTE_DECIMALS, "quote"))


def price(bonds: Schedule, rate: npt.ArrayLike, vna: npt.ArrayLike | None = None) -> Array:
    """Value in reais at any rate, neither cut nor rounded: for curves and risk. vna as in `pu`.

    Raises ValueError for a rate of -100% or less.
    """
    rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), bonds.shape)
    if np.any(rates <= -1):
        raise ValueError("a rate must be above -100% (a decimal: 0.13 is 13%)")
    log_growth = bonds.spread(np.log1p(rates))
    value = bonds.total(bonds.amount * np.exp(-log_growth * bonds.bdays / YEAR_BD))
    return np.asarray(value * _scale(bonds, vna))


def rate_from_pu(bonds: Schedule, price_brl: npt.ArrayLike, vna: npt.ArrayLike | None = None) -> Array:
    """Rate (decimal, 252) at which `price` is the given value in reais.

    A PU that was cut comes from a rate that is lower by less than the cut is worth: VNA / 1e6 over the DV01, in bp, for
    NTN-B and LFT. Raises ValueError for a price that is not above 0.
    """
    wanted = np.asarray(np.broadcast_to(np.asarray(price_brl, dtype=np.float64), bonds.shape) / _scale(bonds, vna))
    if not np.all(wanted > 0):
        raise ValueError("a rate needs a PU above 0 (and a VNA above 0 for NTN-B and LFT); drop the row without one")
    years = bonds.bdays / YEAR_BD
    rate = np.zeros(bonds.shape)  # ln(1 + rate); ln(price) is convex in it and falls, so Newton always arrives
    for _ in range(_STEPS):
        flow = bonds.amount * np.exp(-bonds.spread(rate) * years)
        value, slope = bonds.total(flow), bonds.total(flow * years)
        gap = np.log(value / wanted)
        if np.all(np.abs(gap) < _CLOSE):
            return np.expm1(rate)
        rate = rate + gap * value / slope
    raise ValueError(f"no rate gives a PU of {np.max(wanted)!r} per face; look at the price and the VNA")


def dv01(bonds: Schedule, rate: npt.ArrayLike, vna: npt.ArrayLike | None = None) -> Array:
    """Gain in reais of +1 bond when the rate falls 1bp: PU(rate) - PU(rate + 1bp), > 0.

    LTN and NTN-F: of the PUs cut at six decimals, as the market has it. NTN-B and LFT: of uncut prices, because one
    step of the four-decimal quote is worth more than a basis point of a short bond.
    """
    rates = np.asarray(rate, dtype=np.float64)
    if bonds.terms.indexed:
        return price(bonds, rates, vna) - price(bonds, rates + 1e-4, vna)
    near = units(rates, RATE_DECIMALS, "rate")
    return (_units_at(bonds, near) - _units_at(bonds, near + 100)) / 10.0**PU_DECIMALS


# Carry


@dataclass(frozen=True)
class CarryRoll:
    """Excess return over a horizon as fractions of the PU: total = carry + roll. `per_bp`: PU / DV01, so that
    carry * per_bp is in basis points of rate."""

    total: Array
    carry: Array
    roll: Array
    per_bp: Array


def carry_roll(
    bonds: Schedule,
    rate: npt.ArrayLike,
    rate_then: npt.ArrayLike,
    horizon_bd: int,
    funding_rate: npt.ArrayLike,
    vna: npt.ArrayLike | None = None,
    vna_then: npt.ArrayLike | None = None,
) -> CarryRoll:
    """What +1 bond earns over `horizon_bd` business days beyond its funding if the curve does not move.

    CR = (PU(r(n - h), n - h) + coupons) / [PU(r(n), n) (1 + funding)^(h/252)] - 1. rate_then: r(n - h), today's
    rate of a bond that is `horizon_bd` shorter; funding_rate: CDI, decimal, 252. carry: the same with r(n) held; roll:
    the rest. Coupons on the way are reinvested at the funding rate. vna, vna_then (NTN-B, LFT): nominal value now and
    at the horizon; its growth is carry. Raises ValueError when a bond matures within the horizon.
    """
    if horizon_bd < 1 or np.any(bonds.maturity_bdays <= horizon_bd):
        raise ValueError(f"a horizon of {horizon_bd} business days must be at least 1 and end before the maturity")
    now = price(bonds, rate, vna)
    growth = np.asarray(_scale(bonds, vna_then) / _scale(bonds, vna))
    funding = np.log1p(np.asarray(funding_rate, dtype=np.float64))
    financed = now * np.exp(funding * horizon_bd / YEAR_BD)

    def excess(later: npt.ArrayLike) -> Array:
        left = bonds.bdays - horizon_bd
        log_rate = np.where(
            left > 0, bonds.spread(np.log1p(np.asarray(later, dtype=np.float64))), bonds.spread(funding)
        )
        nominal = bonds.spread(growth) ** np.minimum(bonds.bdays / horizon_bd, 1.0)
        value = bonds.total(bonds.amount * nominal * np.exp(-log_rate * left / YEAR_BD))
        return np.asarray(value * _scale(bonds, vna) / financed - 1.0)

    total, carry = excess(rate_then), excess(rate)
    slope = price(bonds, rate, vna) - price(bonds, np.asarray(rate, dtype=np.float64) + 1e-4, vna)
    return CarryRoll(total, carry, total - carry, now / slope)


# Nominal value


def vna_prorata(
    vna: npt.ArrayLike,
    index_before: npt.ArrayLike,
    index_after: npt.ArrayLike,
    days: npt.ArrayLike,
    period: npt.ArrayLike,
) -> Array:
    """NTN-B nominal value between two 15ths: vna x (index_after / index_before)^(days / period), cut at 6.

    vna: BRL, of the 15th before; the IPCA index numbers of the two months that the period accrues; days, period:
    CALENDAR days from that 15th to the day and to the next 15th. Source: Tesouro Nacional.
    """
    return grown(vna, index_before, index_after, days, period, PU_DECIMALS)


def vna_projected(vna: npt.ArrayLike, projection: npt.ArrayLike, bdays: npt.ArrayLike, period: npt.ArrayLike) -> Array:
    """NTN-B nominal value as ANBIMA accrues it for pricing: vna x (1 + projection)^(bdays / period), cut at 6.

    vna: BRL, of the 15th before; projection: IPCA of the month, decimal, published or ANBIMA's own forecast; bdays,
    period: BUSINESS days from that 15th to the day and to the next 15th. Source: ANBIMA, VNA methodology.
    """
    monthly = np.round(1.0 + np.asarray(projection, dtype=np.float64), 10)
    return grown(vna, 1.0, monthly, bdays, period, PU_DECIMALS)


def vna_selic(vna: float, selic: npt.ArrayLike) -> Array:
    """LFT nominal values of the n business days after a day with `vna`, carried by the Selic of n days: shape (n,).

    selic: decimal a year, 252, two decimals of a percent, of each day from that of `vna` on. A day's factor is
    (1 + selic)^(1/252) rounded at 8; the nominal value is cut at 6 when read, not on its way. Source: Banco Central.
    """
    factors = [_selic_factor(rate) for rate in np.asarray(selic, dtype=np.float64).tolist()]
    value, found = Decimal(repr(vna)), []
    for factor in factors:
        value = value * factor
        found.append(float(value.quantize(Decimal("0.000001"), rounding=ROUND_DOWN)))
    return np.array(found)


@cache
def _selic_factor(rate: float) -> Decimal:
    growth = Decimal(1) + Decimal(repr(round(rate, RATE_DECIMALS)))
    return (growth ** (Decimal(1) / Decimal(252))).quantize(Decimal("0.00000001"))


# Units


def _units_at(bonds: Schedule, rate: Ints) -> Ints:
    """Quote (NTN-B, LFT) or PU (LTN, NTN-F) in counts of its last decimal, at rates in millionths."""
    terms = bonds.terms
    rates = bonds.spread(rate).astype(np.int64)
    flow = np.empty(bonds.row.size, dtype=np.int64)
    for chosen, amount in ((~bonds.last, terms.coupon), (bonds.last, terms.coupon + terms.face)):
        flow[chosen] = present_units(amount, rates[chosen], bonds.bdays[chosen], terms.decimals, cut=terms.cut)
    decimals = QUOTE_DECIMALS if terms.indexed else PU_DECIMALS
    return np.asarray(bonds.total(flow) // 10 ** (terms.decimals - decimals), dtype=np.int64)


def _quote_units(bonds: Schedule, rate: npt.ArrayLike) -> Ints:
    return _units_at(bonds, units(rate, RATE_DECIMALS, "rate"))


def _pu(vna_units: Ints, quote_units: Ints) -> Array:
    return np.asarray(vna_units * quote_units // 10 ** (QUOTE_DECIMALS + 2) / 10.0**PU_DECIMALS)


def _vna_given(bonds: Schedule, vna: npt.ArrayLike | None) -> None:
    if bonds.terms.indexed != (vna is not None):
        words = "needs the VNA of the day" if bonds.terms.indexed else "has no VNA: its PU is in reais"
        raise ValueError(f"{bonds.title} {words}")


def _scale(bonds: Schedule, vna: npt.ArrayLike | None) -> Array:
    """Reais that a price per face is worth: VNA / 100, or 1."""
    _vna_given(bonds, vna)
    return np.asarray(1.0 if vna is None else np.asarray(vna, dtype=np.float64) / 100.0)
