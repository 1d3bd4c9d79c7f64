"""US real curve: TIPS par yields bootstrapped to real zero rates, and the breakeven inflation that they imply.

Belongs here: real par -> real zero, nominal against real on the same day. Does not belong here: the nominal curve and
the bootstrap itself (ust.py), forecasts of inflation. Real par yields are decimals on a semiannual bond basis; before
the first quote, at five years, the first yield holds. Real rates may be below zero, so may their forwards. A breakeven
contains the premiums for inflation risk and for the liquidity of TIPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.curves.known import curve_days, quotes_known
from macro_fund.curves.ust import Array, forward_rate, same_tenors, tenor_quotes, with_quality, zeros_at
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

REAL_TENORS = {f"us_real_par_{n}y": float(n) for n in (5, 7, 10, 20, 30)}
MIN_QUOTES = 2
SPAN = 5.0
_TABLE = TABLES["silver/us_real_curve"]
_DAY = ["curve_date", "version"]
_KEY = ("session", "curve_date", "tenor_years")
_ZEROS = pl.Schema([*((n, _TABLE.schema[n]) for n in _KEY), *((n, pl.Float64()) for n in ("nominal", "nominal_start"))])


def us_real_curve(
    observations: pl.DataFrame,
    nominal: pl.DataFrame,
    sessions: Sequence[date],
    calendars: Sequence[BusinessCalendar],
) -> pl.DataFrame:
    """silver/us_real_curve: for each session the newest real par curve that it knows, at its quoted tenors.

    observations: rows (session, series_id, event_date, value, ...), other series are ignored; nominal: silver/ust_curve
    rows. A breakeven needs the session's nominal curve of the same day and is null without it; five-year spans are null
    where they begin before the first quote. calendars: as for `ust_curve`.
    """
    quotes = tenor_quotes(observations, REAL_TENORS)
    days = curve_days(quotes, sessions, "tenor_years", MIN_QUOTES)
    if days.is_empty():
        return _TABLE.empty()
    known = quotes_known(quotes, days, "tenor_years").select(*_DAY, "tenor_years", par_yield="value")
    real = pl.concat([_spans(group) for group in same_tenors(known)])
    rows = with_quality(days, quotes, real, calendars).join(real, on=_DAY, how="inner")
    rows = rows.join(_nominal_zeros(nominal, days), on=list(_KEY), how="left")
    start = pl.col("tenor_years") - SPAN
    nominal_5y = (pl.col("nominal") * pl.col("tenor_years") - pl.col("nominal_start") * start) * (1 / SPAN)
    return (
        rows.with_columns(
            breakeven=breakeven(pl.col("nominal"), pl.col("zero_rate")),
            breakeven_5y=breakeven(nominal_5y, pl.col("forward_5y").log1p()),
        )
        .select(list(_TABLE.schema))
        .cast(pl.Schema(_TABLE.schema))
        .sort(_TABLE.sort)
    )


def breakeven(nominal: pl.Expr, real: pl.Expr) -> pl.Expr:
    """Inflation a year (decimal, compounded once) that equates zero rates of equal maturity, continuously compounded.

    By Fisher (1 + n) / (1 + r) - 1 on yearly rates, which is exp(nominal - real) - 1 here.
    """
    return (nominal - real).exp() - 1.0


def real_zeros(tenors: Sequence[float], par: npt.ArrayLike) -> Array:
    """Real zero rates (days x tenors, continuously compounded) at the quoted tenors from real par yields."""
    return zeros_at(tenors, par, list(tenors))


def _spans(quotes: pl.DataFrame) -> pl.DataFrame:
    """Adds zero_rate and forward_5y to days that quote the same tenors."""
    tenors = quotes["tenor_years"].unique().sort().to_list()
    par = quotes["par_yield"].to_numpy().reshape(-1, len(tenors))
    zeros, years = real_zeros(tenors, par), np.array(tenors)
    forward = forward_rate(years - SPAN, years, _starts(tenors, par, tenors[0]), zeros)
    return quotes.with_columns(zero_rate=pl.Series(zeros.ravel()), forward_5y=pl.Series(forward.ravel()).fill_nan(None))


def _starts(tenors: Sequence[float], par: npt.ArrayLike, first: float, ends: Sequence[float] | None = None) -> Array:
    """Zero rates (days x ends) five years before `ends` (default: the tenors); 0 at time 0, NaN before `first`."""
    years = np.array(tenors if ends is None else ends) - SPAN
    inside = (years >= first) & (years <= tenors[-1])
    out = np.full((len(np.asarray(par)), years.size), np.nan)
    out[:, years == 0] = 0.0
    if inside.any():
        out[:, inside] = zeros_at(tenors, par, years[inside].tolist())
    return out


def _nominal_zeros(nominal: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """(session, curve_date, tenor_years, nominal, nominal_start): zeros at the real tenors and five years before."""
    wanted = nominal.join(days.select("session", "curve_date"), on=["session", "curve_date"], how="semi")
    rows = wanted.sort("session", "curve_date", "tenor_years").with_columns(version=pl.col("session"))
    parts = [_at_real_tenors(group) for group in same_tenors(rows)]
    return pl.concat([pl.DataFrame(schema=_ZEROS), *parts])


def _at_real_tenors(rows: pl.DataFrame) -> pl.DataFrame:
    """Nominal zeros of curves that quote the same tenors."""
    tenors = rows["tenor_years"].unique().sort().to_list()
    ends = [t for t in REAL_TENORS.values() if t <= tenors[-1]]
    if not ends:
        return pl.DataFrame(schema=_ZEROS)
    par = rows["par_yield"].to_numpy().reshape(-1, len(tenors))
    days = rows.select("session", "curve_date").unique(maintain_order=True)
    starts = _starts(tenors, par, tenors[0], ends)
    return days.select(pl.all().repeat_by(len(ends)).explode()).with_columns(
        tenor_years=pl.Series(np.tile(np.array(ends), days.height)),
        nominal=pl.Series(zeros_at(tenors, par, ends).ravel()),
        nominal_start=pl.Series(starts.ravel()).fill_nan(None),
    )
