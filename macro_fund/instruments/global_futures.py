"""Futures of CME Group that settle in dollars: contracts, expiry and roll, daily P&L in USD and BRL, exposure.

Belongs here: the contract table, codes, dates and formulas of one contract, elementwise. Does not belong here: bonds
behind Treasury futures (ust_futures.py), B3 contracts (contracts.py), costs.

The specifications are the exchange's and not a choice of the fund, so they are a table here and not in config/. They
are today's: size and months have not changed since 2010, ticks of ZT and 6E have become smaller. Quantity > 0 is long
the contract. CME quotes currencies in dollars a unit: long 6M is long pesos, short USDMXN. P&L in dollars becomes reais
at the day's rate; what the rate does to dollars that were collected before is a line of its own. Source: CME Group
contract specifications and rulebooks; roll days are judgement.

Business days are the New York Stock Exchange's, which are those of Treasury delivery too in every month that counts
here; London (BZ) and Santiago (CHP) are QuantLib's calendars, without vintages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.instruments.contracts import MONTH_CODES
from macro_fund.instruments.di1 import Array, Values
from macro_fund.time.calendars import BusinessCalendar, DayLike, load_calendar

Days = npt.NDArray[np.datetime64]
_DAY, _MONTH = np.timedelta64(1, "D"), np.timedelta64(1, "M")


@dataclass(frozen=True)
class Spec:
    """One futures contract. `point_value`: USD a unit of the quoted price; `months`: those that are traded and rolled
    through. `pair`: the currency pair as the market quotes it, `inverted` when that is one over CME's price.
    """

    root: str
    kind: Literal["treasury", "equity", "fx", "commodity"]
    point_value: float
    tick: float
    months: str
    pair: str = ""
    inverted: bool = False


_QUARTERS = "HMUZ"
SPECS = {
    s.root: s
    for s in (
        Spec("ZT", "treasury", 2_000.0, 1 / 256, _QUARTERS),
        Spec("ZF", "treasury", 1_000.0, 1 / 128, _QUARTERS),
        Spec("ZN", "treasury", 1_000.0, 1 / 64, _QUARTERS),
        Spec("ZB", "treasury", 1_000.0, 1 / 32, _QUARTERS),
        Spec("ES", "equity", 50.0, 0.25, _QUARTERS),
        Spec("6E", "fx", 125_000.0, 0.00005, _QUARTERS, "EURUSD"),
        Spec("6M", "fx", 500_000.0, 0.00001, _QUARTERS, "USDMXN", inverted=True),
        Spec("6Z", "fx", 500_000.0, 0.000025, _QUARTERS, "USDZAR", inverted=True),
        Spec("CHP", "fx", 50_000_000.0, 0.0000001, MONTH_CODES, "USDCLP", inverted=True),
        Spec("GC", "commodity", 100.0, 0.10, "GJMQZ"),
        Spec("CL", "commodity", 1_000.0, 0.01, MONTH_CODES),
        Spec("BZ", "commodity", 1_000.0, 0.01, MONTH_CODES),
    )
}
_TICKER = re.compile(rf"({'|'.join(SPECS)})([{MONTH_CODES}])(\d\d)")
# Judgement. Business days between the day of the roll and what must not be reached: expiry, first notice (GC) or first
# position day (Treasuries). Oil rolls on the middle day of the indices' window, business days 5 to 9.
ROLL_BD = 5
NOTICE_BD = 3
OIL_ROLL_DAY = 7
# Brent contracts up to this one stopped trading in the middle of the month before theirs.
_BRENT_CHANGED = np.datetime64("2016-03", "M")
_MONTHS_AHEAD = 16


@cache
def split(contract: str) -> tuple[str, int, int]:
    """(root, year, month) of a code such as ZNM25 or 6EZ25; raises ValueError for anything else."""
    found = _TICKER.fullmatch(contract)
    if found is None:
        raise ValueError(
            f"{contract!r} is not a contract of {', '.join(SPECS)}: expected root, month letter ({MONTH_CODES}) and "
            "two digits of the year, as in ESZ25"
        )
    root, letter, year = found.groups()
    if letter not in SPECS[root].months:
        raise ValueError(f"{contract!r} is not held: {root} is rolled through the months {SPECS[root].months} only")
    return root, 2000 + int(year), MONTH_CODES.index(letter) + 1


def contract_code(root: str, year: int, month: int) -> str:
    """Code of a contract month; raises ValueError for one that is not traded or not in 2000 to 2099."""
    code = f"{root}{MONTH_CODES[month - 1]}{year % 100:02d}"
    if split(code)[1] != year:
        raise ValueError(f"no two-digit code for {root} of {year}: the year must be 2000 to 2099")
    return code


def delivery_month(contract: str) -> np.datetime64:
    """Contract month of a code."""
    _, year, month = split(contract)
    return np.datetime64(f"{year}-{month:02d}", "M")


def expiry(contract: str, known_on: date) -> date:
    """Last trading day of a contract under the holidays known on a day."""
    return _one(_expiries, contract, known_on)


def roll_date(contract: str, known_on: date) -> date:
    """Last day over which the contract is held; at its settlement the position moves to the next one."""
    return _one(_rolls, contract, known_on)


def held(root: str, days: DayLike) -> pl.Series:
    """The contract of `root` that is held over each day (String series "contract"), by the holidays known that day."""
    spec, day = _spec(root), np.atleast_1d(np.asarray(days, dtype="datetime64[D]"))
    traded = np.array([code in spec.months for code in MONTH_CODES])
    month, chosen = day.astype("datetime64[M]"), np.full(day.shape, np.datetime64("NaT"), dtype="datetime64[M]")
    for ahead in range(_MONTHS_AHEAD):
        at = np.isnat(chosen) & traded[(month + ahead * _MONTH).astype(np.int64) % 12]
        if at.any():
            candidate = month[at] + ahead * _MONTH
            chosen[at] = np.where(_rolls(root, candidate, day[at]) >= day[at], candidate, np.datetime64("NaT"))
    number = chosen.astype(np.int64)
    codes = [contract_code(root, 1970 + int(n) // 12, int(n) % 12 + 1) for n in number]
    return pl.Series("contract", codes, dtype=pl.String)


def daily_pnl_usd(root: str, settle: Values, previous: Values, quantity: Values = 1.0) -> Array:
    """USD paid to `quantity` contracts for the day: q * (F_t - F_{t-1}) * point value."""
    change = np.asarray(settle, dtype=np.float64) - np.asarray(previous, dtype=np.float64)
    return np.asarray(quantity, dtype=np.float64) * change * _spec(root).point_value


def pnl_brl(pnl_usd: Values, brl_per_usd: Values) -> Array:
    """The day's P&L in reais, at the day's rate. A price that does not move makes nothing, whatever the rate does."""
    return np.asarray(pnl_usd, dtype=np.float64) * _positive(brl_per_usd, "BRL per USD")


def cash_revaluation_brl(cash_usd: Values, brl_per_usd: Values, previous: Values) -> Array:
    """What the rate did to dollars that were in the account at the start of the day."""
    change = _positive(brl_per_usd, "BRL per USD") - _positive(previous, "BRL per USD")
    return np.asarray(cash_usd, dtype=np.float64) * change


def delta_usd(root: str, settle: Values, quantity: Values = 1.0) -> Array:
    """USD of exposure: q * price * point value; a 1% rise of the price gains 1% of it."""
    return np.asarray(quantity, dtype=np.float64) * np.asarray(settle, dtype=np.float64) * _spec(root).point_value


def pair_rate(root: str, price: Values) -> Array:
    """The pair as the market quotes it (USDMXN, USDZAR, USDCLP, EURUSD) from CME's dollars a unit; and back.

    Raises ValueError for a root without a pair or a price that is not above 0.
    """
    spec = _spec(root)
    if not spec.pair:
        raise ValueError(
            f"{root} is no currency future; those are {', '.join(s.root for s in SPECS.values() if s.pair)}"
        )
    quote = _positive(price, spec.pair)
    return 1.0 / quote if spec.inverted else quote


def pair_sign(root: str) -> int:
    """+1 if long the contract is long the pair, -1 if it is short (USDMXN, USDZAR, USDCLP)."""
    if not _spec(root).pair:
        raise ValueError(f"{root} is no currency future")
    return -1 if SPECS[root].inverted else 1


def _spec(root: str) -> Spec:
    if root not in SPECS:
        raise ValueError(f"unknown futures root {root!r}; known are {', '.join(SPECS)}")
    return SPECS[root]


def _positive(values: Values, name: str) -> Array:
    found = np.asarray(values, dtype=np.float64)
    if not np.all(found > 0):
        raise ValueError(f"{name} must be above 0; drop days without a quote")
    return found


def _one(rule: Callable[[str, Days, Days], Days], contract: str, known_on: date) -> date:
    month, known = np.array([delivery_month(contract)]), np.array([known_on], dtype="datetime64[D]")
    found: date = rule(split(contract)[0], month, known)[0].item()
    return found


def _calendar() -> BusinessCalendar:
    return load_calendar("nyse")


def _moved(days: Days, steps: int, known: Days) -> Days:
    return _calendar().offset_many(days, steps, known_on=known)


def _open_by(days: Days, known: Days) -> Days:
    """The day if it is open, else the last open day before it."""
    return _moved(days + _DAY, -1, known)


def _month_start(months: Days, known: Days) -> Days:
    """First business day of the months."""
    return _moved(months.astype("datetime64[D]"), 0, known)


def _nth_weekday(months: Days, weekday: int, n: int) -> Days:
    first = months.astype("datetime64[D]")
    return np.asarray(first + ((weekday - (first.astype(np.int64) + 3)) % 7 + 7 * (n - 1)) * _DAY, "datetime64[D]")


def _expiries(root: str, months: Days, known: Days) -> Days:
    """Last trading days of contract months."""
    after = (months + _MONTH).astype("datetime64[D]")
    if root in ("ZT", "ZF"):
        return _moved(after, -1, known)
    if root in ("ZN", "ZB"):
        return _moved(after, -8, known)  # the seventh business day before the last one of the month
    if root == "ES":
        return _open_by(_nth_weekday(months, 4, 3), known)
    if root in ("6E", "6M", "6Z"):
        return _moved(_nth_weekday(months, 2, 3), -2, known)
    if root == "CHP":
        return _last_days("Chile", months - _MONTH)
    if root == "GC":
        return _moved(after, -3, known)
    if root == "CL":
        notice = np.asarray((months - _MONTH).astype("datetime64[D]") + 24 * _DAY, "datetime64[D]")
        return _moved(_open_by(notice, known), -3, known)
    return _brent(months)


def _rolls(root: str, months: Days, known: Days) -> Days:
    """Last days over which contract months are held."""
    if SPECS[root].kind == "treasury":
        return _moved(first_position(months, known), -NOTICE_BD, known)
    if root == "GC":
        first_notice = _moved(months.astype("datetime64[D]"), -1, known)
        return _moved(first_notice, -NOTICE_BD, known)
    last = _expiries(root, months, known)
    if root in ("CL", "BZ"):
        return _moved(_month_start(last.astype("datetime64[M]"), known), OIL_ROLL_DAY - 1, known)
    return _moved(last, -ROLL_BD, known)


def first_position(months: Days, known: Days) -> Days:
    """First position day of Treasury futures: two business days before the first one of the delivery month."""
    return _moved(months.astype("datetime64[D]"), -2, known)


def _brent(months: Days) -> Days:
    """BZ: last London business day two months before (last but one for February); until 2016 in mid-month."""
    return np.array([_brent_day(m) for m in months], dtype="datetime64[D]")


@cache
def _brent_day(month: np.datetime64) -> np.datetime64:
    if month >= _BRENT_CHANGED:
        steps = -1 if month.astype(np.int64) % 12 != 1 else -2
        return _foreign("London", (month - _MONTH).astype("datetime64[D]"), steps)
    return _foreign("London", month.astype("datetime64[D]") - 14 * _DAY, -2)


def _last_days(place: str, months: Days) -> Days:
    """Last business days of months in a place."""
    ends = (months + _MONTH).astype("datetime64[D]")
    return np.array([_foreign(place, d, -1) for d in ends], dtype="datetime64[D]")


@cache
def _foreign(place: str, before: np.datetime64, steps: int) -> np.datetime64:
    """The business day of London or Santiago that is `steps` (< 0) before a day."""
    import QuantLib as ql  # noqa: N813

    calendar = ql.UnitedKingdom(ql.UnitedKingdom.Exchange) if place == "London" else ql.Chile()
    day = ql.Date(str(before), "%Y-%m-%d")
    found = calendar.advance(calendar.adjust(day), steps, ql.Days)
    return np.datetime64(found.ISO(), "D")
