"""US Treasury curve: par yields bootstrapped to zero rates, forwards and constant maturities.

Belongs here: par -> zero on a semiannual grid, for many days at once. Does not belong here: instruments or signals.
Par yields are decimals on a semiannual bond basis; zero rates are continuously compounded; forwards are decimals
compounded once a year. Between quoted tenors par yields follow a monotone cubic (PCHIP), which adds no hump that the
quotes do not have; shorter than the first quote the first yield holds. Up to half a year a quote is a bill that pays
1 + y*t at maturity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.curves.known import curve_days, quotes_known
from macro_fund.curves.quality import score, usual_quotes
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

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
NODES = (2.0, 5.0, 10.0, 30.0)
_TABLE = TABLES["silver/ust_curve"]
_NODE = ("session", "curve_date", "tenor_years", "par_yield", "zero_rate")
_NODES_SCHEMA = pl.Schema([*((name, _TABLE.schema[name]) for name in _NODE), ("interpolated", pl.Boolean())])

Array = npt.NDArray[np.float64]


def ust_curve(
    observations: pl.DataFrame, sessions: Sequence[date], calendars: Sequence[BusinessCalendar]
) -> pl.DataFrame:
    """silver/ust_curve: for each session the newest par curve that it knows, at its quoted tenors.

    observations: silver/observations rows (session, series_id, event_date, value, ...); other series are ignored. The
    curve's day is the newest with at least four quoted tenors; a session without a new one repeats the last one known.
    calendars: a curve is published on days on which all of them are open; they only decide how old a curve is.
    """
    quotes = tenor_quotes(observations, TENORS)
    days = curve_days(quotes, sessions, "tenor_years", MIN_QUOTES)
    if days.is_empty():
        return _TABLE.empty()
    known = quotes_known(quotes, days, "tenor_years").select("curve_date", "version", "tenor_years", "value")
    zeros = pl.concat([_zeros(group) for group in same_tenors(known)])
    return (
        with_quality(days, quotes, zeros, calendars)
        .join(zeros, on=["curve_date", "version"], how="inner")
        .select(list(_TABLE.schema))
        .cast(pl.Schema(_TABLE.schema))
        .sort(_TABLE.sort)
    )


def tenor_quotes(observations: pl.DataFrame, tenors: Mapping[str, float]) -> pl.DataFrame:
    """The observations of the series in `tenors`, with their tenor_years; values that are not numbers are dropped."""
    names = pl.DataFrame({"series_id": list(tenors), "tenor_years": list(tenors.values())})
    return observations.join(names, on="series_id", how="inner").filter(pl.col("value").is_finite())


def with_quality(
    days: pl.DataFrame, quotes: pl.DataFrame, curve: pl.DataFrame, calendars: Sequence[BusinessCalendar]
) -> pl.DataFrame:
    """Adds `quality` to (session, curve_date, version) days from the quotes of `curve` and how late its day is.

    A curve is published on the days on which every calendar is open, and known the next morning.
    """
    counts = curve.group_by("curve_date", "version", maintain_order=True).agg(pl.len().alias("quoted"))
    usual = usual_quotes(quotes, "tenor_years").select("usual", curve_date="event_date")
    day, session = days["curve_date"], days["session"]
    behind = np.min([c.count_many(day, session, known_on=session) for c in calendars], axis=0) - 1
    rows = days.with_columns(behind=pl.Series(behind, dtype=pl.Int32)).join(
        counts, on=["curve_date", "version"], how="left", maintain_order="left"
    )
    rows = rows.join(usual, on="curve_date", how="left", maintain_order="left")
    return rows.with_columns(quality=score(pl.col("quoted"), pl.col("usual"), pl.col("behind"))).select(
        *days.columns, "quality"
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
    years, yields = np.asarray(tenors, dtype=np.float64), np.asarray(par, dtype=np.float64)
    on_grid = years >= HALF_YEAR
    if np.any(np.diff(years) <= 0) or np.any(years <= 0) or np.any(years[on_grid] * 2 % 1):
        raise ValueError(f"par tenors must ascend and be multiples of half a year from it on, got {list(tenors)}")
    grid = np.arange(1, round(years[-1] * 2) + 1) * HALF_YEAR
    filled = par_at(tenors, yields, grid)
    filled[:, _position(years[on_grid])] = yields[:, on_grid]
    return np.ascontiguousarray(filled)


def par_at(tenors: Sequence[float], par: npt.ArrayLike, at: npt.ArrayLike) -> Array:
    """Par yields (days x at) at any years up to the last quoted tenor, from quoted ones (days x tenors).

    Raises ValueError for years beyond the last quote: a par curve is not extrapolated.
    """
    from scipy.interpolate import PchipInterpolator

    years, yields = np.asarray(tenors, dtype=np.float64), np.asarray(par, dtype=np.float64)
    wanted = np.atleast_1d(np.asarray(at, dtype=np.float64))
    if np.any(wanted > years[-1]):
        raise ValueError(f"no par yield at {wanted.max():g} years: the last quote is at {years[-1]:g}")
    if years.size == 1:
        return np.repeat(yields, wanted.size, axis=1)
    return np.asarray(PchipInterpolator(years, yields, axis=1)(np.maximum(wanted, years[0])))


def zeros_at(tenors: Sequence[float], par: npt.ArrayLike, at: Sequence[float]) -> Array:
    """Continuously compounded zero rates (days x at) at multiples of half a year, from quoted par yields.

    Raises ValueError for years that are not on that grid or beyond the last quote.
    """
    years = np.asarray(at, dtype=np.float64)
    if np.any(years <= 0) or np.any(years * 2 % 1) or np.any(years > tenors[-1]):
        raise ValueError(f"zero rates are at multiples of half a year up to {tenors[-1]:g}, asked for {list(at)}")
    return -np.log(bootstrap(par_grid(tenors, par))[:, _position(years)]) / years


def forward_rate(start: npt.ArrayLike, end: npt.ArrayLike, zero_start: npt.ArrayLike, zero_end: npt.ArrayLike) -> Array:
    """Forward rate (decimal, compounded once a year) between two times in years, from the zero rates to them.

    f(a, b) = (C_b / C_a)^(1 / (b - a)) - 1 with C = exp(zero * t). Raises ValueError unless start < end.
    """
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    if not np.all(a < b):
        raise ValueError("a forward rate needs start < end, in years")
    near, far = np.asarray(zero_start, dtype=np.float64), np.asarray(zero_end, dtype=np.float64)
    return np.expm1((far * b - near * a) / (b - a))


def constant_maturity(curve: pl.DataFrame, nodes: Sequence[float] = NODES) -> pl.DataFrame:
    """Nodes of every curve of silver/ust_curve: (session, curve_date, tenor_years, par_yield, zero_rate, interpolated).

    A node that is quoted is as quoted; one that is not is read off the curve; one beyond the last quote is absent.
    """
    rows = curve.sort("session", "curve_date", "tenor_years").with_columns(version=pl.col("session"))
    parts = [_nodes(group, nodes) for group in same_tenors(rows)]
    return pl.concat([pl.DataFrame(schema=_NODES_SCHEMA), *parts]).sort("session", "curve_date", "tenor_years")


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
    zeros, starts = zero_rates(tenors, par), np.array([0.0, *tenors[:-1]])
    before = np.concatenate([np.zeros((len(par), 1)), zeros[:, :-1]], axis=1)
    forwards = forward_rate(starts, np.array(tenors), before, zeros)
    return quotes.rename({"value": "par_yield"}).with_columns(
        zero_rate=pl.Series(zeros.ravel()), forward_rate=pl.Series(forwards.ravel())
    )


def _nodes(rows: pl.DataFrame, nodes: Sequence[float]) -> pl.DataFrame:
    """Nodes of curves that quote the same tenors."""
    tenors = rows["tenor_years"].unique().sort().to_list()
    kept = [n for n in sorted(nodes) if n <= tenors[-1]]
    if not kept:
        return pl.DataFrame(schema=_NODES_SCHEMA)
    par = rows["par_yield"].to_numpy().reshape(-1, len(tenors))
    days = rows.select("session", "curve_date").unique(maintain_order=True)
    return (
        days.select(pl.all().repeat_by(len(kept)).explode())
        .with_columns(
            tenor_years=pl.Series(np.tile(np.array(kept), days.height)),
            par_yield=pl.Series(par_at(tenors, par, kept).ravel()),
            zero_rate=pl.Series(zeros_at(tenors, par, kept).ravel()),
            interpolated=~pl.Series(np.tile(np.isin(kept, tenors), days.height)),
        )
        .select(list(_NODES_SCHEMA))
        .cast(_NODES_SCHEMA)
    )
