"""Treasury futures (ZT, ZF, ZN, ZB): prices in 32nds, delivery dates, conversion factor, cheapest to deliver, DV01.

Belongs here: what is particular to bonds for delivery. Does not belong here: codes, expiry, roll and daily P&L, which
Treasury futures share with the other CME contracts (global_futures.py), or the bonds themselves (ust.py).

Prices are points per 100 of face. Without the list of deliverable bonds the risk is that of a `proxy`: a par bond at
the short end of the delivery basket, which is cheapest to deliver while yields are below the 6% of the conversion
factors (above it would be the long end, and the call refuses).

Source: CBOT rulebook chapters 18 to 21; CME, "Calculating U.S. Treasury Futures Conversion Factors" and "The Treasury
Futures Delivery Process"; Burghardt, "The Treasury Bond Basis".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.instruments import ust
from macro_fund.instruments.di1 import Array, Values
from macro_fund.instruments.global_futures import SPECS, delivery_month, expiry, first_position, split
from macro_fund.time.calendars import load_calendar

NOTIONAL_COUPON = 0.06
ROOTS = tuple(root for root, spec in SPECS.items() if spec.kind == "treasury")
_QUARTERLY = ("ZN", "ZB")  # maturities round down to quarters, of the others to months
# Shortest remaining maturity that may be delivered, months.
PROXY_MONTHS = {"ZT": 21, "ZF": 50, "ZN": 78, "ZB": 180}
BASKET = pl.Schema({"coupon": pl.Float64, "maturity": pl.Date, "clean_price": pl.Float64})

_PRICE = re.compile(r"(-?)(\d+)[-'](\d\d)\.?([0-9+]?)")
# The third digit of a quote is the eighth of a 32nd, cut after its first decimal; + is a half.
_EIGHTHS = {"": 0, "0": 0, "1": 1, "2": 2, "3": 3, "5": 4, "+": 4, "6": 5, "7": 6, "8": 7}
_DIGITS = "01235678"


@dataclass(frozen=True)
class Delivery:
    """Dates of a contract: first position, first and last delivery, last trading day."""

    first_position: date
    first_delivery: date
    last_trading: date
    last_delivery: date


@dataclass(frozen=True)
class Risk:
    """DV01 of one contract, USD, with the conversion factor behind it; `basis` says how it was found."""

    dv01_usd: Array
    conversion_factor: Array
    basis: Literal["ctd", "proxy"]


def parse_price(text: str) -> float:
    """Points of a quote in 32nds: 110-16, 110'165 or 110-16.5 (half a 32nd), 110-16+; raises ValueError otherwise."""
    found = _PRICE.fullmatch(text.strip())
    if found is None or int(found[3]) > 31 or found[4] not in _EIGHTHS:
        raise ValueError(
            f"{text!r} is not a price in 32nds: expected points, - or ', 00 to 31, then 0 1 2 3 5 6 7 8 or +"
        )
    points = int(found[2]) + (int(found[3]) + _EIGHTHS[found[4]] / 8) / 32
    return -points if found[1] else points


def format_price(price: float) -> str:
    """A price in 32nds as CME writes it, 110-165; raises ValueError for one that is not a multiple of 1/256."""
    eighths = abs(price) * 256
    if not eighths.is_integer():
        raise ValueError(
            f"{price} is not a multiple of 1/256 point, the finest tick of Treasury futures; round it first"
        )
    points, rest = divmod(int(eighths), 256)
    return f"{'-' if price < 0 else ''}{points}-{rest // 8:02d}{_DIGITS[rest % 8]}"


def delivery(contract: str, known_on: date) -> Delivery:
    """Delivery dates under the holidays known on a day.

    ZN and ZB may be delivered until the month's last business day, ZT and ZF until the third one after it.
    """
    root = _root(contract)
    calendar, month = load_calendar("nyse"), np.array([delivery_month(contract)])
    position = first_position(month, np.array([known_on], dtype="datetime64[D]"))[0].item()
    first = calendar.offset(month[0].astype("datetime64[D]").item(), 0, known_on=known_on)
    after = (month[0] + np.timedelta64(1, "M")).astype("datetime64[D]").item()
    last = calendar.offset(after, -1 if root in _QUARTERLY else 2, known_on=known_on)
    return Delivery(position, first, expiry(contract, known_on), last)


def conversion_factor(contract: str, coupon: Values, maturity: ust.Dates) -> Array:
    """CME's conversion factor (four decimals) of bonds of `maturity` for a contract; coupon is a decimal."""
    end = np.asarray(maturity, dtype="datetime64[M]")
    # Delivery is counted from the first of its month, so whole months are months of the calendar.
    months = (end - delivery_month(contract)).astype(np.int64)
    return _factor(_root(contract), coupon, months)


def implied_repo(
    futures: Values, factor: Values, coupon: Values, maturity: ust.Dates, clean: Values, settle: date, delivered: date
) -> Array:
    """Rate (act/360) earned by buying the bond at `settle` and delivering it; a coupon in between earns that rate too.

    Raises ValueError unless settle < delivered, or with more than one coupon in between.
    """
    if settle >= delivered:
        raise ValueError(f"the bond must be bought before it is delivered: settle {settle}, delivery {delivered}")
    bought, sold = ust.coupons(settle, maturity), ust.coupons(delivered, maturity)
    if np.any(bought.left - sold.left > 1):
        raise ValueError(
            f"more than one coupon between {settle} and {delivered}; take a contract that delivers earlier"
        )
    interim = np.where(bought.left > sold.left, 50.0 * np.asarray(coupon, dtype=np.float64), 0.0)
    paid = np.asarray(clean, dtype=np.float64) + ust.accrued(coupon, settle, maturity)
    invoice = np.asarray(futures, dtype=np.float64) * np.asarray(factor, dtype=np.float64)
    got = invoice + ust.accrued(coupon, delivered, maturity) + interim
    invested = (np.datetime64(delivered) - bought.next).astype(np.float64)
    days = float((delivered - settle).days)
    return (got - paid) * ust.REPO_YEAR / (paid * days - interim * invested)


def deliverables(
    contract: str, futures: float, settle: date, basket: pl.DataFrame, delivered: date | None = None
) -> pl.DataFrame:
    """The basket (coupon, maturity, clean_price) ranked by implied repo: the first row is cheapest to deliver.

    Adds conversion_factor, gross_basis (points), implied_repo, yield and dv01_usd of one contract, were it this bond's.
    `delivered` defaults to the last delivery day, which is right while a bond yields more than its repo. Raises
    ValueError for an empty basket.
    """
    if basket.is_empty():
        raise ValueError(f"no deliverable bond for {contract}; without a basket use proxy_risk")
    bonds = basket.select(list(BASKET)).cast(pl.Schema(BASKET))
    coupon, end, clean = (bonds[name].to_numpy() for name in BASKET)
    factor = conversion_factor(contract, coupon, end)
    on = delivered or delivery(contract, settle).last_delivery
    ytm = ust.yield_from_price(coupon, clean, settle, end)
    risk = ctd_risk(contract, ust.dv01(coupon, ytm, settle, end), factor)
    ranked = bonds.with_columns(
        conversion_factor=pl.Series(factor),
        gross_basis=pl.Series(clean - futures * factor),
        implied_repo=pl.Series(implied_repo(futures, factor, coupon, end, clean, settle, on)),
        dv01_usd=pl.Series(risk.dv01_usd),
        **{"yield": pl.Series(ytm)},
    )
    return ranked.sort("implied_repo", "maturity", descending=[True, False])


def ctd_risk(contract: str, dv01_bond: Values, factor: Values) -> Risk:
    """DV01 of one contract from that of the cheapest bond (points per 100 of face and bp): DV01 / factor * value."""
    value, factors = SPECS[_root(contract)].point_value, np.asarray(factor, dtype=np.float64)
    if not np.all(factors > 0):
        raise ValueError("a conversion factor must be above 0; compute it with conversion_factor")
    return Risk(np.asarray(dv01_bond, dtype=np.float64) / factors * value, factors, "ctd")


def proxy_risk(root: str, par_yield: Values) -> Risk:
    """DV01 of one contract when no basket is known: the par bond of PROXY_MONTHS, at that maturity's par yield.

    Raises ValueError for a yield of 6% or more, where the long end of the basket would be cheapest.
    """
    par = np.asarray(par_yield, dtype=np.float64)
    if root not in ROOTS:
        raise ValueError(f"{root!r} is no Treasury future; those are {', '.join(ROOTS)}")
    if not np.all(par < NOTIONAL_COUPON):
        raise ValueError(f"the proxy of {root} holds below yields of {NOTIONAL_COUPON:.0%} (a decimal); give a basket")
    months = PROXY_MONTHS[root]
    # Only the time that is left matters, so any day of purchase does.
    bought = np.datetime64("2001-02", "M")
    end = (bought + months).astype("datetime64[D]") + 14
    dv01 = ust.dv01(par, par, bought.astype("datetime64[D]") + 14, end)
    factor = _factor(root, par, np.int64(months))
    return Risk(dv01 / factor * SPECS[root].point_value, factor, "proxy")


def _root(contract: str) -> str:
    root = split(contract)[0]
    if root not in ROOTS:
        raise ValueError(f"{contract!r} is no Treasury future; those are {', '.join(ROOTS)}")
    return root


def _factor(root: str, coupon: Values, months: npt.ArrayLike) -> Array:
    """Factor of bonds with whole months left from the first of the delivery month: CME's n, z, v, a, b, c and d."""
    left = np.asarray(months, dtype=np.int64)
    if np.any(left < 1):
        raise ValueError("a bond for delivery must mature after the delivery month; drop it from the basket")
    half = np.asarray(coupon, dtype=np.float64) / 2.0
    n, z = left // 12, left % 12
    if root in _QUARTERLY:
        z = z // 3 * 3
    over = z >= 7
    v = np.where(over, 3 if root in _QUARTERLY else z - 6, z)
    a = 1.03 ** (-v / 6.0)
    c = 1.03 ** -(2.0 * n + over)
    factor = a * (half + c + 2.0 * half / NOTIONAL_COUPON * (1.0 - c)) - half * (6.0 - v) / 6.0
    return np.floor(np.round(factor * 1e4, 7) + 0.5) / 1e4
