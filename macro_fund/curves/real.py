"""Real curve and breakevens: zero rates over IPCA from NTN-B, against the DI curve.

Belongs here: NTN-B rates -> zero rates for many days at once, and silver/real_curve. Does not belong here: prices of
bonds (instruments/bonds.py), ANBIMA's own fitted curve (svensson.py). Rates are decimals, exponential on 252 business
days.

The indicative rates are yields of coupon bonds. Between two bonds the yield follows a flat forward, before the first
one its yield holds; a bond with that yield at every coupon date of the quoted bonds gives the zero rate of that date,
the shorter dates of its own half-yearly cycle first. So every quoted bond comes back from the zero rates. Breakeven is
(1 + nominal) / (1 + real) - 1 of zero rates at equal business days; it holds a risk premium and the season of IPCA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.curves import di
from macro_fund.curves.flat_forward import YEAR_BD, Array, Curves, Ints, curves
from macro_fund.curves.known import curve_days, quotes_known
from macro_fund.curves.quality import score, usual_quotes
from macro_fund.instruments.bonds import COUPON_MONTHS, Schedule, rate_from_pu, schedule
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

NODES = (504, 1260, 2520, 7560)
FORWARD_BD = 252
MIN_BONDS = 4
SERIES = "br_tpf_ntnb"
_NO_CDI = pl.DataFrame(schema={"session": pl.Date, "event_date": pl.Date, "value": pl.Float64})
_FACE = 100.0  # of VNA: the nominal value cancels in a curve
_TABLE = TABLES["silver/real_curve"]


@dataclass(frozen=True)
class RealCurves:
    """Curves of many sessions. `days`: (session, curve_date, version, n_bonds, quality, last_bdays, curve), where
    `curve` is the curve's number; last_bdays: maturity of the longest bond.

    `quotes`: (curve, curve_date, bond, maturity, rate) of the NTN-B behind the curves, `bonds` their flows, in order.
    """

    days: pl.DataFrame
    quotes: pl.DataFrame
    bonds: Schedule
    curves: Curves


def breakeven(nominal: npt.ArrayLike, real: npt.ArrayLike) -> Array:
    """Inflation (decimal a year) that makes both rates earn the same: (1 + nominal) / (1 + real) - 1."""
    high, low = np.asarray(nominal, dtype=np.float64), np.asarray(real, dtype=np.float64)
    if np.any(low <= -1):
        raise ValueError("a real rate must be above -100% (a decimal: 0.06 is 6%)")
    return np.asarray((1.0 + high) / (1.0 + low) - 1.0)


def bootstrap(curve: npt.ArrayLike, bonds: Schedule, rates: npt.ArrayLike) -> Curves:
    """Zero curves of NTN-B: for each bond its curve's number (0..k-1) and its yield (decimal, 252).

    Raises ValueError for two bonds of one curve with one maturity, or yields of -100% or less.
    """
    number, yields = np.asarray(curve, dtype=np.int64), np.asarray(rates, dtype=np.float64)
    quoted = curves(number, bonds.maturity_bdays, yields)
    flows = pl.DataFrame({"curve": number[bonds.row], "date": bonds.date, "bdays": bonds.bdays})
    node = flows.unique(["curve", "date"]).with_columns(cycle=pl.col("date").dt.month() % COUPON_MONTHS)
    node = node.sort("curve", "cycle", "date").with_columns(
        row=pl.struct("curve", "cycle").rank("dense").cast(pl.Int64) - 1,
        place=pl.int_range(pl.len()).over("curve", "cycle"),
    )
    which, days = node["curve"].to_numpy(), node["bdays"].to_numpy()
    place = (node["row"].to_numpy(), node["place"].to_numpy())
    shape = (int(place[0].max()) + 1, int(place[1].max()) + 1)
    years, log_yield = np.full(shape, np.nan), np.full(shape, np.nan)
    years[place] = days / YEAR_BD
    log_yield[place] = np.log1p(quoted.rate(which, days))
    coupon = float(bonds.terms.coupon)
    factor = discount_factors(years, log_yield, coupon / _FACE)[place]
    return curves(which, days, np.expm1(-np.log(factor) * YEAR_BD / days))


def discount_factors(years: Array, log_yield: Array, coupon: float) -> Array:
    """Discount factors at the coupon dates of bonds that pay `coupon` of their face at each date up to their own.

    years, log_yield: (bonds' cycles, dates), NaN at the end of short rows; ln(1 + yield) of the bond that ends at the
    date. Same shape.
    """
    factor, annuity = np.empty_like(years), np.zeros(years.shape[0])
    for i in range(years.shape[1]):
        at_yield = np.exp(-log_yield[:, i, None] * years[:, : i + 1])
        worth = coupon * at_yield.sum(axis=1) + at_yield[:, i]
        factor[:, i] = (worth - coupon * annuity) / (1.0 + coupon)
        annuity = annuity + factor[:, i]
    return factor


def real_curve(
    bonds: pl.DataFrame,
    settlements: pl.DataFrame,
    sessions: Sequence[date],
    calendar: BusinessCalendar,
    tenors: Sequence[int] = NODES,
) -> pl.DataFrame:
    """silver/real_curve: for each session the real curve of the newest day of NTN-B rates that it knows.

    bonds: bronze/anbima_bonds rows; settlements: bronze/b3_settlements rows. A day needs four bonds. A session without
    a new day repeats the last one known, under its own `curve_date`; a session that knows none has no row. The
    breakeven is against the DI curve of the same day, and null where the session knows none; at these tenors it needs
    no CDI. Beyond the last bond its last forward holds and `extrapolated` is True; `nominal_extrapolated` says the same
    of the DI curve.
    """
    if any(t <= FORWARD_BD for t in tenors) or len(set(tenors)) != len(tenors):
        raise ValueError(f"tenors must be distinct and above {FORWARD_BD} business days, got {tuple(tenors)}")
    built = build(bonds, sessions, calendar)
    if built is None:
        return _TABLE.empty()
    tenor = np.array(sorted(tenors), dtype=np.int64)
    number = built.days["curve"].to_numpy().astype(np.int64)[:, None]
    rate = built.curves.rate(number, tenor)
    forward = built.curves.forward(number, tenor - FORWARD_BD, tenor)
    grid = built.days.select(pl.all().repeat_by(tenor.size).explode()).with_columns(
        tenor_bd=pl.Series(np.tile(tenor, built.days.height), dtype=pl.Int32),
        real_rate=pl.Series(rate.ravel()),
        forward_252d=pl.Series(forward.ravel()),
    )
    nominal = _nominal(built.days, settlements, calendar, tenor)
    rows = grid.join(nominal, on=["session", "curve_date", "tenor_bd"], how="left", maintain_order="left")
    high = rows["nominal_rate"].fill_null(float("nan")).to_numpy()
    return (
        rows.with_columns(
            breakeven=pl.Series(breakeven(high, rows["real_rate"].to_numpy())).fill_nan(None),
            extrapolated=pl.col("tenor_bd") > pl.col("last_bdays"),
        )
        .select(list(_TABLE.schema))
        .cast(pl.Schema(_TABLE.schema))
        .sort(_TABLE.sort)
    )


def build(bonds: pl.DataFrame, sessions: Sequence[date], calendar: BusinessCalendar) -> RealCurves | None:
    """Curves of the sessions through their bonds, None when no session knows one; see `real_curve` for the input."""
    rows = bonds.filter((pl.col("series_id") == SERIES) & (pl.col("maturity") > pl.col("event_date")))
    days = curve_days(rows, sessions, "bond", MIN_BONDS)
    if days.is_empty():
        return None
    distinct = days.select("curve_date", "version").unique(maintain_order=True).with_row_index("curve")
    known = quotes_known(rows, days, "bond").join(distinct, on=["curve_date", "version"], how="inner")
    quotes = known.select("curve", "curve_date", "bond", "maturity", "rate").sort("curve", "maturity")
    flows = schedule("NTN-B", quotes["curve_date"], quotes["maturity"], calendar)
    dated = quotes.with_columns(bdays=pl.Series(flows.maturity_bdays))
    spans = dated.group_by("curve", maintain_order=True).agg(
        pl.len().alias("n_bonds"), pl.col("bdays").max().alias("last_bdays")
    )
    days = days.join(distinct, on=["curve_date", "version"], maintain_order="left").join(
        spans, on="curve", how="left", maintain_order="left"
    )
    zero = bootstrap(quotes["curve"].to_numpy(), flows, quotes["rate"].to_numpy())
    return RealCurves(_with_quality(days, rows, calendar), quotes, flows, zero)


def repriced(built: RealCurves) -> Array:
    """The yield of each quoted bond that the zero rates give."""
    flows, number = built.bonds, built.quotes["curve"].to_numpy().astype(np.int64)
    discount = np.exp(-built.curves.log_capitalisation(number[flows.row], flows.bdays))
    return rate_from_pu(flows, flows.total(flows.amount * discount), _FACE)


def _with_quality(days: pl.DataFrame, rows: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds `quality`; the curve that a session should have is that of the business day before."""
    counts = usual_quotes(rows, "bond").select("usual", curve_date="event_date")
    behind = calendar.count_many(days["curve_date"], days["session"], known_on=days["session"]) - 1
    aged = days.join(counts, on="curve_date", how="left", maintain_order="left").with_columns(
        behind=pl.Series(behind, dtype=pl.Int32)
    )
    return aged.with_columns(quality=score(pl.col("n_bonds"), pl.col("usual"), pl.col("behind")))


def _nominal(days: pl.DataFrame, settlements: pl.DataFrame, calendar: BusinessCalendar, tenor: Ints) -> pl.DataFrame:
    """(session, curve_date, tenor_bd, nominal_rate, nominal_extrapolated) of the DI curve of the bonds' own day.

    A session whose newest settlement is of another day asks again with the settlements up to the bonds' day.
    """
    pairs = days.select("session", "curve_date")
    newest = _di_rates(di.build(settlements, _NO_CDI, pairs["session"].to_list(), calendar), tenor)
    found = [newest.join(pairs, on=["session", "curve_date"], how="semi")]
    others = pairs.join(newest, on=["session", "curve_date"], how="anti").sort("curve_date", "session")
    for part in others.partition_by("curve_date", maintain_order=True):
        until = settlements.filter(pl.col("event_date") <= part["curve_date"][0])
        again = _di_rates(di.build(until, _NO_CDI, part["session"].to_list(), calendar), tenor)
        found.append(again.join(part, on=["session", "curve_date"], how="semi"))
    return pl.concat(found)


def _di_rates(built: di.DiCurves, tenor: Ints) -> pl.DataFrame:
    number = built.days["curve"].to_numpy().astype(np.int64)[:, None]
    size = built.days.height
    rates = built.curves.rate(number, tenor) if size else np.empty((0, tenor.size))
    beyond = tenor > built.curves.last_bdays(number) if size else np.empty((0, tenor.size), dtype=np.bool_)
    return built.days.select(pl.col("session", "curve_date").repeat_by(tenor.size).explode()).with_columns(
        tenor_bd=pl.Series(np.tile(tenor, size), dtype=pl.Int32),
        nominal_rate=pl.Series(rates.ravel(), dtype=pl.Float64),
        nominal_extrapolated=pl.Series(beyond.ravel(), dtype=pl.Boolean),
    )
