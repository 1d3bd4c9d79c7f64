"""Retail real curve: real zero rates of Tesouro Direto's IPCA+ bonds without coupons, and breakevens against DI.

Belongs here: retail rates -> silver/retail_real_curve, for many sessions at once. Does not belong here: the wholesale
curve from NTN-B (real.py), what a breakeven is used for. Rates are decimals, exponential on 252 business days.

'Tesouro IPCA+' (NTN-B Principal) pays once, so its rate is a real zero rate; the middle of the rates at which the
public buys and sells is used. It is a proxy of the wholesale rate: the Treasury sets it each morning by the market's,
with a spread of 2 to 12 bp. Between two bonds the rate is linear in business days; outside them the nearest bond's rate
holds for half a year at most. A bond in its last half year is left out: its return rests on a few monthly IPCA figures
that are all but known, so its rate swings by points with the season and says nothing of a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from macro_fund.curves.known import as_known, curve_days, quotes_known
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

SERIES = "br_td_ipca"
NODES = (252, 504, 756, 1260, 2520)
REACH_BD = 126
SHORTEST_BD = 126
MAX_AGE_DAYS = 7
_DAY = ["curve_date", "version"]
_TABLE = TABLES["silver/retail_real_curve"]


def retail_real_curve(
    bonds: pl.DataFrame,
    nominal: pl.DataFrame,
    sessions: Sequence[date],
    calendar: BusinessCalendar,
    tenors: Sequence[int] = NODES,
) -> pl.DataFrame:
    """silver/retail_real_curve: for each session and tenor (business days) the real rate that it knows.

    bonds: bronze/tesouro_direto rows, other titles are ignored; nominal: silver/di_curve rows. The nominal rate is that
    of the bonds' own day, known by the session. Every session has a row of every tenor: no_view with the reason where
    no bond is near enough or the newest day is over 7 calendar days old; degraded where the breakeven is missing.
    Raises ValueError when tenors are below one or repeated.
    """
    if any(t < 1 for t in tenors) or len(set(tenors)) != len(tenors):
        raise ValueError(f"tenors must be distinct and at least one business day, got {tuple(tenors)}")
    quotes = mid_rates(bonds, calendar)
    days = curve_days(quotes, sessions, "bond")
    grid = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date}).join(
        pl.DataFrame({"tenor_bd": sorted(tenors)}, schema={"tenor_bd": pl.Int32}), how="cross"
    )
    known = quotes_known(quotes, days, "bond").select(*_DAY, "bdays", "rate")
    spans = known.group_by(_DAY, maintain_order=True).agg(
        pl.len().alias("n_bonds"), pl.col("bdays").min().alias("first"), pl.col("bdays").max().alias("last")
    )
    rows = grid.join(days, on="session", how="left").join(spans, on=_DAY, how="left")
    rows = rows.join(interpolated(known, tenors), on=[*_DAY, "tenor_bd"], how="left")
    di = nominal.select("session", "curve_date", "tenor_bd", nominal_rate="rate", beyond="extrapolated")
    rows = as_known(rows, di, ["curve_date", "tenor_bd"])
    return _judged(rows).select(list(_TABLE.schema)).cast(pl.Schema(_TABLE.schema)).sort(_TABLE.sort)


def mid_rates(bonds: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """`bonds` without coupons and with more than half a year to live: adds `bdays` from the day and `rate`, the mid."""
    rows = bonds.filter(
        (pl.col("series_id") == SERIES) & pl.col("buy_rate").is_finite() & pl.col("sell_rate").is_finite()
    )
    rows = rows.with_columns(
        bdays=pl.Series(calendar.count_many(rows["event_date"], rows["maturity"]), dtype=pl.Int32),
        rate=(pl.col("buy_rate") + pl.col("sell_rate")) * 0.5,
    )
    return rows.filter(pl.col("bdays") > SHORTEST_BD)


def interpolated(quotes: pl.DataFrame, tenors: Sequence[int]) -> pl.DataFrame:
    """(curve_date, version, tenor_bd, real_rate) at the tenors that bonds (curve_date, version, bdays, rate) reach."""
    wanted = (
        quotes.select(_DAY)
        .unique()
        .join(pl.DataFrame({"tenor_bd": list(tenors)}, schema={"tenor_bd": pl.Int32}), how="cross")
    )
    wanted = wanted.sort("tenor_bd")
    bonds = quotes.sort("bdays").with_columns(tenor_bd=pl.col("bdays").cast(pl.Int32))
    for side, strategy in (("near", "backward"), ("far", "forward")):
        renamed = bonds.select(*_DAY, "tenor_bd", pl.col("bdays").alias(f"{side}_bd"), pl.col("rate").alias(side))
        wanted = wanted.join_asof(renamed, on="tenor_bd", by=_DAY, strategy=strategy, check_sortedness=False)  # type: ignore[arg-type]
    below, above = pl.col("tenor_bd") - pl.col("near_bd"), pl.col("far_bd") - pl.col("tenor_bd")
    share = pl.when(below + above > 0).then(below / (below + above)).otherwise(0.0)
    rate = (
        pl.when(below.is_not_null() & above.is_not_null())
        .then(pl.col("near") + share * (pl.col("far") - pl.col("near")))
        .when(below.is_null() & (above <= REACH_BD))
        .then(pl.col("far"))
        .when(above.is_null() & (below <= REACH_BD))
        .then(pl.col("near"))
    )
    return wanted.select(*_DAY, "tenor_bd", real_rate=rate).drop_nulls("real_rate")


def _judged(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds breakeven, status and reason; numbers of a curve that is too old are null."""
    old = (pl.col("session") - pl.col("curve_date")).dt.total_days() > MAX_AGE_DAYS
    without = (
        pl.when(pl.col("curve_date").is_null())
        .then(pl.lit("no rates of Tesouro IPCA+ without coupons are known"))
        .when(old)
        .then(pl.format("the newest rates of Tesouro IPCA+ are of {}", "curve_date"))
        .when(pl.col("real_rate").is_null())
        .then(pl.format("bonds of {} to {} business days reach no further than half a year", "first", "last"))
    )
    weak = (
        pl.when(pl.col("nominal_rate").is_null())
        .then(pl.format("no DI rate of {} is known", "curve_date"))
        .when(pl.col("beyond"))
        .then(pl.lit("the DI rate lies beyond the last DI1 contract"))
    )
    status = pl.when(without.is_not_null()).then(pl.lit("no_view")).when(weak.is_not_null()).then(pl.lit("degraded"))
    reason = pl.coalesce(without, weak, pl.lit(""))
    rows = rows.with_columns(status=status.otherwise(pl.lit("ok")), reason=reason)
    viewed = pl.col("status") != "no_view"
    rows = rows.with_columns(pl.when(viewed).then(pl.col(c)).alias(c) for c in ("real_rate", "nominal_rate"))
    return rows.with_columns(breakeven=(1.0 + pl.col("nominal_rate")) / (1.0 + pl.col("real_rate")) - 1.0)
