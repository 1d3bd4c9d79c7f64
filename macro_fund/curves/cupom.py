"""Dollar coupon (cupom cambial): dirty, clean and forward curves from DDI settlements, for many sessions at once.

Belongs here: which quotes make the curves of a session, the spot behind the clean curve, nodes. Does not belong here:
interpolation (flat_forward.py), the dollar curve that a basis is taken against (basis.py), P&L (instruments/). Rates
are decimals, linear on actual/360.

Dirty: what a DDI quotes, (1e5/PU - 1) 360/d: dollars at the PTAX of the day before. Clean: the same with the spot S of
the moment of the settlement, cc = [(S/F) (1+DI)^(n/252) - 1] 360/d. As F = PTAX (1+DI)^(n/252) / (1 + dirty d/360), one
number k = S/PTAX a day turns one into the other: 1 + cc d/360 = k (1 + dirty d/360). S is not published. It comes from

* `reference`: B3's own clean curve of the day (DOC), where it is known: k is that of its vertices of 60 to 200 days,
  each counting by how well its printed rate shows a price;
* `forward`: else the forward coupon between the first two DDI with three business days left holds from today on, the
  coupon that the first FRC quotes. A spot wrong by 0.01% is 6 bp at 60 days and 1 bp at a year: near nodes of such a
  curve say little, forwards are exact.

Between contracts the forward is flat in business days (B3's clean curve of 2021 comes out to the basis point that it
prints). The clean and the forward curve use the contracts with three business days left or more: before, part of the
PTAX that a contract expires at is known and its rate is no coupon. The dirty curve uses all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.curves.flat_forward import YEAR_BD, Array, Curves, curves
from macro_fund.curves.known import as_known, curve_days, quotes_known, vintages
from macro_fund.curves.quality import score, usual_quotes
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

NODES = (30, 90, 180, 360, 720)  # calendar days
YEAR_DAYS = 360.0
FACE = 100_000.0
FIRST_LEG_BD = 3  # business days that the first leg of a FRC has left: so on all 80 sessions of 2021 looked at
MIN_CONTRACTS = 3
REFERENCE_DAYS = (60, 200)
_TABLE = TABLES["silver/cupom_curve"]
Nodes = Sequence[int]


@dataclass(frozen=True)
class CupomCurves:
    """Curves of many sessions.

    `days`: (session, curve_date, version, quality, n_contracts, curve, k, spot_basis, first_days), `curve` the curve's
    number, k = S/PTAX, first_days calendar days to the first leg. `quotes`: (curve, contract, bdays, days, growth,
    settle_price, settle_rate), growth = 1 + dirty d/360, of all unexpired DDI. `dirty` and `clean` hold ln growth by
    business days; they differ by ln k.
    """

    days: pl.DataFrame
    quotes: pl.DataFrame
    dirty: Curves
    clean: Curves


def linear_rate(growth: npt.ArrayLike, days: npt.ArrayLike) -> Array:
    """Rate (decimal, linear 360) of a growth factor over calendar days > 0."""
    return (np.asarray(growth, dtype=np.float64) - 1.0) * YEAR_DAYS / np.asarray(days, dtype=np.float64)


def clean_rate(
    spot: npt.ArrayLike, future: npt.ArrayLike, di_rate: npt.ArrayLike, bdays: npt.ArrayLike, days: npt.ArrayLike
) -> Array:
    """Clean coupon from a dollar future: [(S/F) (1+DI)^(n/252) - 1] 360/d; S and F of the same moment and unit.

    With the PTAX of the day before for S it is the dirty coupon. di_rate: decimal, 252; bdays n, calendar days d > 0.
    """
    grown = (1.0 + np.asarray(di_rate, dtype=np.float64)) ** (np.asarray(bdays, dtype=np.float64) / YEAR_BD)
    ratio = np.asarray(spot, dtype=np.float64) / np.asarray(future, dtype=np.float64)
    return linear_rate(ratio * grown, days)


def future_price(
    spot: npt.ArrayLike, coupon: npt.ArrayLike, di_rate: npt.ArrayLike, bdays: npt.ArrayLike, days: npt.ArrayLike
) -> Array:
    """Dollar future that the coupon gives, inverse of `clean_rate`: S (1+DI)^(n/252) / (1 + cc d/360)."""
    grown = (1.0 + np.asarray(di_rate, dtype=np.float64)) ** (np.asarray(bdays, dtype=np.float64) / YEAR_BD)
    growth = 1.0 + np.asarray(coupon, dtype=np.float64) * np.asarray(days, dtype=np.float64) / YEAR_DAYS
    return np.asarray(np.asarray(spot, dtype=np.float64) * grown / growth)


def forward_coupon(near: npt.ArrayLike, near_days: npt.ArrayLike, far: npt.ArrayLike, far_days: npt.ArrayLike) -> Array:
    """Forward coupon of two coupons: [(1 + c2 d2/360) / (1 + c1 d1/360) - 1] 360 / (d2 - d1), d2 > d1 >= 0."""
    first, second = np.asarray(near_days, dtype=np.float64), np.asarray(far_days, dtype=np.float64)
    if np.any(second <= first):
        raise ValueError("a forward coupon needs a far maturity after the near one")
    start = 1.0 + np.asarray(near, dtype=np.float64) * first / YEAR_DAYS
    end = 1.0 + np.asarray(far, dtype=np.float64) * second / YEAR_DAYS
    return linear_rate(end / start, second - first)


def cupom_curve(
    settlements: pl.DataFrame,
    reference: pl.DataFrame,
    ptax: pl.DataFrame,
    sessions: Sequence[date],
    calendar: BusinessCalendar,
    tenors: Nodes = NODES,
) -> pl.DataFrame:
    """silver/cupom_curve without its basis (null): for each session the curves of the newest DDI day that it knows.

    settlements: bronze/b3_settlements rows; reference: bronze/b3_curves rows of DOC (empty: spot from the forward);
    ptax: rows (session, event_date, value = BRL per USD, closing ask), used for `spot` alone. A session without a new
    DDI day repeats the last one known, under its own `curve_date`; one that knows none has no row. A `frc` node that
    ends before the first leg is absent.
    """
    if any(t < 2 for t in tenors) or len(set(tenors)) != len(tenors):
        raise ValueError(f"tenors must be distinct calendar days >= 2, got {tuple(tenors)}")
    built = build(settlements, reference, sessions, calendar)
    if built is None:
        return _TABLE.empty()
    days = _with_spot(built.days, ptax, calendar)
    tenor = np.array(sorted(tenors), dtype=np.int64)
    start = days["curve_date"].to_numpy().astype("datetime64[D]")[:, None]
    bdays = calendar.count_many(start, start + tenor, known_on=start).astype(np.int64)
    number = days["curve"].to_numpy().astype(np.int64)[:, None]
    beyond = bdays > built.clean.last_bdays(number)
    parts = []
    for kind, curve in (("dirty", built.dirty), ("clean", built.clean)):
        growth = np.exp(curve.log_capitalisation(number, bdays))
        before = np.concatenate([np.ones_like(growth[:, :1]), growth[:, :-1]], axis=1)
        forward = linear_rate(growth / before, np.diff(tenor, prepend=0))
        parts.append(_rows(days, tenor, kind, linear_rate(growth, tenor), forward, beyond))
    parts.append(_rows(days, tenor, "frc", _forwards(built, number, bdays, tenor, days), None, beyond))
    return pl.concat(parts).select(list(_TABLE.schema)).cast(pl.Schema(_TABLE.schema)).sort(_TABLE.sort)


def build(
    settlements: pl.DataFrame, reference: pl.DataFrame, sessions: Sequence[date], calendar: BusinessCalendar
) -> CupomCurves | None:
    """Curves of the sessions through their contracts, None where no session knows any; see `cupom_curve`."""
    rows = settlements.filter(pl.col("root") == "DDI")
    days = curve_days(rows, sessions, "contract", MIN_CONTRACTS)
    if days.is_empty():
        return None
    days = _with_quality(_with_reference(days, reference), rows, calendar)
    distinct = days.select("curve_date", "version", "reference_version").unique(maintain_order=True)
    distinct = distinct.with_row_index("curve").with_columns(pl.col("curve").cast(pl.Int64))
    quotes = distinct.join(
        _live(quotes_known(rows, days, "contract"), calendar), on=["curve_date", "version"], how="inner"
    )
    whole = quotes.group_by("curve", maintain_order=True).agg((pl.col("bdays") >= FIRST_LEG_BD).sum().alias("n"))
    distinct = distinct.join(whole.filter(pl.col("n") >= 2), on="curve", how="semi")
    distinct = distinct.drop("curve").with_row_index("curve").with_columns(pl.col("curve").cast(pl.Int64))
    quotes = quotes.drop("curve").join(distinct, on=["curve_date", "version", "reference_version"], nulls_equal=True)
    quotes = quotes.sort("curve", "bdays")
    dirty = _curves(quotes, np.ones(quotes.height))
    scale = _scales(distinct, quotes, reference, dirty)
    legs = quotes.filter(pl.col("bdays") >= FIRST_LEG_BD)
    clean = _curves(legs, legs.select("curve").join(scale, on="curve", maintain_order="left")["k"].to_numpy())
    keys = ["curve_date", "version", "reference_version"]
    days = days.join(distinct, on=keys, how="inner", nulls_equal=True, maintain_order="left")
    days = days.join(scale, on="curve", how="left", maintain_order="left")
    return CupomCurves(days, quotes.drop("curve_date", "version", "reference_version"), dirty, clean)


def _live(quotes: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Unexpired DDI with their days, business days by the calendar known then, and growth of the dirty coupon."""
    bdays = calendar.count_many(quotes["curve_date"], quotes["maturity"], known_on=quotes["curve_date"])
    return (
        quotes.with_columns(
            bdays=pl.Series(bdays, dtype=pl.Int64),
            days=(pl.col("maturity") - pl.col("curve_date")).dt.total_days(),
            growth=FACE / pl.col("settle_price"),
        )
        .filter(pl.col("bdays") > 0)
        .select("curve_date", "version", "contract", "bdays", "days", "growth", "settle_price", "settle_rate")
    )


def _curves(quotes: pl.DataFrame, scale: npt.NDArray[np.float64]) -> Curves:
    growth = quotes["growth"].to_numpy() * scale
    bdays = quotes["bdays"].to_numpy()
    return curves(quotes["curve"].to_numpy(), bdays, np.expm1(np.log(growth) * (YEAR_BD / bdays)))


def _with_reference(days: pl.DataFrame, reference: pl.DataFrame) -> pl.DataFrame:
    """Adds reference_version: the session in which the newest row of that day's reference curve, as known, arrived."""
    arrived = reference.select("session", curve_date="event_date").unique()
    arrived = arrived.with_columns(reference_version=pl.col("session"))
    return as_known(days, arrived, ["curve_date"])


def _scales(distinct: pl.DataFrame, quotes: pl.DataFrame, reference: pl.DataFrame, dirty: Curves) -> pl.DataFrame:
    """(curve, k, spot_basis, n_contracts, first_days): S/PTAX of each curve and where it comes from."""
    legs = quotes.filter(pl.col("bdays") >= FIRST_LEG_BD)
    g, d = pl.col("growth"), pl.col("days")
    forward = (g.get(1) / g.get(0) - 1.0) / (d.get(1) - d.get(0))
    own = legs.group_by("curve", maintain_order=True).agg(
        ((1.0 + forward * d.get(0)) / g.get(0)).alias("own"), d.get(0).alias("first_days")
    )
    counts = quotes.group_by("curve", maintain_order=True).agg(pl.len().alias("n_contracts"))
    known = distinct.drop_nulls("reference_version")
    pairs = known.select("curve_date", version="reference_version").unique()
    low, high = REFERENCE_DAYS
    vertices = quotes_known(reference, pairs, "calendar_days").filter(pl.col("calendar_days").is_between(low, high))
    vertices = known.join(
        vertices.rename({"version": "reference_version"}), on=["curve_date", "reference_version"], how="inner"
    ).sort("curve", "calendar_days")
    which, terms = vertices["curve"].to_numpy(), vertices["calendar_days"].to_numpy().astype(np.float64)
    base = np.exp(dirty.log_capitalisation(which, vertices["business_days"].to_numpy()))
    # A rate printed to so many decimals shows growth to within that many times its days: the near vertices count most.
    ratio, weight = (1.0 + vertices["rate"].to_numpy() * terms / YEAR_DAYS) / base, terms**-2
    total = np.bincount(which, weight, minlength=distinct.height)
    mean = np.bincount(which, weight * ratio, minlength=distinct.height) / np.where(total > 0, total, np.nan)
    seen = pl.DataFrame({"curve": np.arange(distinct.height), "seen": mean}).fill_nan(None)
    found = own.join(counts, on="curve").join(seen, on="curve", how="left").sort("curve")
    basis = pl.when(pl.col("seen").is_null()).then(pl.lit("forward")).otherwise(pl.lit("reference"))
    return found.select(
        "curve", pl.coalesce("seen", "own").alias("k"), basis.alias("spot_basis"), "n_contracts", "first_days"
    )


def _with_quality(days: pl.DataFrame, rows: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds `quality` (curves/quality.py); a curve older than the business day before its session is behind."""
    usual = usual_quotes(rows, "contract")
    days = days.join(usual, left_on="curve_date", right_on="event_date", how="left", maintain_order="left")
    session = days["session"].to_numpy()
    newest = calendar.offset_many(session, -1, known_on=session)
    age = np.maximum(calendar.count_many(days["curve_date"], newest, known_on=session), 0)
    days = days.with_columns(age=pl.Series(age))
    return days.with_columns(quality=score(pl.col("quoted"), pl.col("usual"), pl.col("age"))).drop(
        "quoted", "usual", "age"
    )


def _with_spot(days: pl.DataFrame, ptax: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds `spot`: k times the PTAX of the business day before the curve's day, null where that is not known."""
    at = days["curve_date"].to_numpy()
    before = pl.Series(calendar.offset_many(at, -1, known_on=at))
    known = vintages(ptax, ["event_date"]).select("session", "event_date", fixing="value")
    fixing = as_known(days.select("session", event_date=before), known, ["event_date"])["fixing"]
    return days.with_columns(spot=pl.col("k") * fixing)


def _forwards(
    built: CupomCurves, number: npt.NDArray[np.int64], bdays: npt.NDArray[np.int64], tenor: npt.NDArray[np.int64],
    days: pl.DataFrame,
) -> Array:  # fmt: skip
    """Forward coupon from the first leg to each tenor, NaN where the tenor ends before it."""
    legs = built.quotes.filter(pl.col("bdays") >= FIRST_LEG_BD).unique("curve", keep="first", maintain_order=True)
    first = days.select("curve").join(legs, on="curve", how="left", maintain_order="left")
    span = tenor - first["days"].to_numpy()[:, None]
    growth = np.exp(built.clean.log_capitalisation(number, bdays))
    start = np.exp(built.clean.log_capitalisation(number[:, 0], first["bdays"].to_numpy()))[:, None]
    return np.where(span > 0, linear_rate(growth / start, np.maximum(span, 1)), np.nan)


def _rows(
    days: pl.DataFrame, tenor: npt.NDArray[np.int64], kind: str, rate: Array, forward: Array | None,
    beyond: npt.NDArray[np.bool_],
) -> pl.DataFrame:  # fmt: skip
    """One row a session and tenor of one kind; nodes without a rate are left out."""
    spot = pl.col("spot") if kind == "clean" else pl.lit(None, pl.Float64)
    basis = pl.col("spot_basis") if kind == "clean" else pl.lit(None, pl.String)
    grid = days.select(
        "session", "curve_date", "n_contracts", "quality", pl.lit(kind).alias("kind"), spot.alias("spot"),
        basis.alias("spot_basis"),
    )  # fmt: skip
    repeated = grid.select(pl.all().repeat_by(tenor.size).explode())
    return repeated.with_columns(
        tenor_cd=pl.Series(np.tile(tenor, days.height), dtype=pl.Int32),
        rate=pl.Series(rate.ravel()).fill_nan(None),
        forward_rate=pl.Series(np.full(rate.size, np.nan) if forward is None else forward.ravel()).fill_nan(None),
        basis_bp=pl.lit(None, pl.Float64),
        extrapolated=pl.Series(beyond.ravel()),
    ).drop_nulls("rate")
