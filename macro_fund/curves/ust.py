"""US Treasury curve: par yields bootstrapped to zero rates.

Belongs here: par -> zero on a semiannual grid, for many days at once. Does not belong here: instruments or signals.
Par yields are decimals on a semiannual bond basis; zero rates are continuously compounded. Between quoted tenors par
yields follow a monotone cubic (PCHIP), which adds no hump that the quotes do not have; shorter than the first quote the
first yield holds. Up to half a year a quote is a bill that pays 1 + y*t at maturity.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.curves.known import curve_days, quotes_known
from macro_fund.store.tables import TABLES

TENORS = {
    "us_par_3mo": 0.25,
    "us_par_6mo": 0.5,
    "us_par_1y": 1.0,
    "us_par_2y": 2.0,
    "us_par_3y": 3.0,
    "us_par_5y": 5.0,
    "us_par_7y": 7.0,
    "us_par_10y": 10.0,
    "us_par_20y": 20.0,
    "us_par_30y": 30.0,
}
MIN_QUOTES = 4
HALF_YEAR = 0.5
_TABLE = TABLES["silver/ust_curve"]

Array = npt.NDArray[np.float64]


def ust_curve(observations: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """silver/ust_curve: for each session the newest par curve that it knows, at its quoted tenors.

    observations: silver/observations rows (session, series_id, event_date, value, ...); other series are ignored. The
    curve's day is the newest with at least four quoted tenors; a session without a new one repeats the last one known.
    """
    tenors = pl.DataFrame({"series_id": list(TENORS), "tenor_years": list(TENORS.values())})
    quotes = observations.join(tenors, on="series_id", how="inner").filter(pl.col("value").is_finite())
    days = curve_days(quotes, sessions, "tenor_years", MIN_QUOTES)
    if days.is_empty():
        return _TABLE.empty()
    known = quotes_known(quotes, days, "tenor_years").select("curve_date", "version", "tenor_years", "value")
    zeros = pl.concat([_zeros(group) for group in same_tenors(known)])
    return (
        days.join(zeros, on=["curve_date", "version"], how="inner")
        .select(list(_TABLE.schema))
        .cast(pl.Schema(_TABLE.schema))
        .sort(_TABLE.sort)
    )


def bootstrap(par: npt.ArrayLike) -> Array:
    """Discount factors (days x k) of a semiannual par grid (days x k): column i is the par yield of (i + 1) / 2 years.

    DF_n = (1 - y_n/2 * sum of DF before n) / (1 + y_n/2): a bond that pays the par yield prices at 100.
    """
    yields = np.asarray(par, dtype=np.float64)
    factors = np.empty_like(yields)
    annuity = np.zeros(yields.shape[:-1])
    for i in range(yields.shape[-1]):
        coupon = yields[..., i] / 2.0
        factors[..., i] = (1.0 - coupon * annuity) / (1.0 + coupon)
        annuity = annuity + factors[..., i]
    return factors


def bond_price(coupon: npt.ArrayLike, years: npt.ArrayLike, ytm: npt.ArrayLike) -> Array:
    """Price per 100 of a bond with semiannual coupons (decimal a year) on a coupon date, at a semiannual yield."""
    half_coupon, half_yield = np.asarray(coupon, dtype=np.float64) / 2.0, np.asarray(ytm, dtype=np.float64) / 2.0
    periods = np.asarray(years, dtype=np.float64) * 2.0
    discount = (1.0 + half_yield) ** -periods
    flat = half_yield == 0
    annuity = np.where(flat, periods, (1.0 - discount) / np.where(flat, 1.0, half_yield))
    return 100.0 * (half_coupon * annuity + discount)


def par_grid(tenors: Sequence[float], par: npt.ArrayLike) -> Array:
    """Par yields (days x k) of 0.5, 1, 1.5 ... years up to the last quoted tenor, from quoted ones (days x tenors).

    Raises ValueError unless the tenors ascend, in years, and are multiples of half a year from half a year on.
    """
    from scipy.interpolate import PchipInterpolator

    years, yields = np.asarray(tenors, dtype=np.float64), np.asarray(par, dtype=np.float64)
    on_grid = years >= HALF_YEAR
    if np.any(np.diff(years) <= 0) or np.any(years <= 0) or np.any(years[on_grid] * 2 % 1):
        raise ValueError(f"par tenors must ascend and be multiples of half a year from it on, got {list(tenors)}")
    grid = np.arange(1, round(years[-1] * 2) + 1) * HALF_YEAR
    if years.size == 1:
        return np.repeat(yields, grid.size, axis=1)
    filled = PchipInterpolator(years, yields, axis=1)(np.maximum(grid, years[0]))
    filled[:, _position(years[on_grid])] = yields[:, on_grid]
    return np.ascontiguousarray(filled)


def zero_rates(tenors: Sequence[float], par: npt.ArrayLike) -> Array:
    """Continuously compounded zero rates (days x tenors) at the quoted tenors from par yields (same shape)."""
    years, yields = np.asarray(tenors, dtype=np.float64), np.asarray(par, dtype=np.float64)
    factors = bootstrap(par_grid(tenors, par))
    bill, zeros = years < HALF_YEAR, np.empty_like(yields)
    zeros[:, bill] = np.log1p(yields[:, bill] * years[bill]) / years[bill]
    zeros[:, ~bill] = -np.log(factors[:, _position(years[~bill])]) / years[~bill]
    return zeros


def _position(years: Array) -> npt.NDArray[np.int64]:
    """Columns of the semiannual grid that hold these tenors."""
    return np.round(years / HALF_YEAR).astype(np.int64) - 1


def same_tenors(quotes: pl.DataFrame) -> list[pl.DataFrame]:
    """Quotes split into groups of days that quote the same tenors, so that each group is one matrix.

    Rows are sorted by curve_date, version and tenor_years; a frame without `version` has one curve a curve_date.
    """
    day = [c for c in ("curve_date", "version") if c in quotes.columns]
    shape = pl.col("tenor_years").cast(pl.String).str.join("|").over(day)
    return quotes.with_columns(shape=shape).partition_by("shape", maintain_order=True, include_key=False)


def _zeros(quotes: pl.DataFrame) -> pl.DataFrame:
    """(curve_date, version, tenor_years, par_yield, zero_rate) of days that quote the same tenors."""
    tenors = quotes["tenor_years"].unique().sort().to_list()
    par = quotes["value"].to_numpy().reshape(-1, len(tenors))
    return quotes.rename({"value": "par_yield"}).with_columns(zero_rate=pl.Series(zero_rates(tenors, par).ravel()))
