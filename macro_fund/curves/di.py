"""DI pre curve: constant-maturity nodes from DI1 settlements and the CDI.

Belongs here: which quotes make the curve of a session. Does not belong here: interpolation (flat_forward.py), P&L of
contracts (instruments/). Rates are decimals, exponential on 252 business days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.curves.flat_forward import YEAR_BD, Curves, curves
from macro_fund.curves.known import as_known, curve_days, quotes_known, vintages, walk_back
from macro_fund.curves.quality import score, usual_quotes
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

NODES = (1, 21, 63, 126, 252, 504, 756, 1260, 2520)
FORWARD_BD = 21
MAX_CDI_AGE_BD = 5
FACE_BRL = 100_000.0
_TABLE = TABLES["silver/di_curve"]


@dataclass(frozen=True)
class DiCurves:
    """Curves of many sessions. `days`: (session, curve_date, version, cdi, cdi_date, n_contracts, first_bdays, quality,
    curve), where `curve` is the curve's number.

    `quotes`: (curve_date, version, contract, bdays, rate, settle_price), the unexpired DI1 contracts behind the curves.
    The first settlement of a contract is not among them: B3 sets it without a trade, up to 225 bp from the others, and
    leaves it out of its own reference curve.
    """

    days: pl.DataFrame
    quotes: pl.DataFrame
    curves: Curves


def di_curve(
    settlements: pl.DataFrame,
    cdi_daily: pl.DataFrame,
    sessions: Sequence[date],
    calendar: BusinessCalendar,
    tenors: Sequence[int] = NODES,
) -> pl.DataFrame:
    """silver/di_curve: for each session the curve of the newest DI1 settlement day that it knows.

    settlements: bronze/b3_settlements rows; cdi_daily: rows (session, event_date, value = decimal a day) of the CDI.
    A session without a new settlement day repeats the last one known, under its own `curve_date`; a session that knows
    none has no row. Without a CDI of the last 5 business days there is no node at one day, and tenors before the first
    contract are absent. Beyond the last contract its last forward holds and `extrapolated` is True.
    """
    if any(t < 1 for t in tenors) or len(set(tenors)) != len(tenors):
        raise ValueError(f"tenors must be distinct business days >= 1, got {tuple(tenors)}")
    built = build(settlements, cdi_daily, sessions, calendar)
    if built.days.is_empty():
        return _TABLE.empty()
    tenor = np.array(sorted(tenors), dtype=np.int64)
    number = built.days["curve"].to_numpy().astype(np.int64)[:, None]
    rate = built.curves.rate(number, tenor)
    start = np.maximum(tenor - FORWARD_BD, 0)
    forward = np.where(tenor >= FORWARD_BD, built.curves.forward(number, start, tenor), np.nan)
    beyond = tenor > built.curves.last_bdays(number)
    anchored = pl.col("cdi").is_not_null().alias("anchored")
    grid = built.days.select("session", "curve_date", "n_contracts", anchored, "first_bdays", "quality")
    repeated = grid.select(pl.all().repeat_by(tenor.size).explode())
    return (
        repeated.with_columns(
            tenor_bd=pl.Series(np.tile(tenor, grid.height), dtype=pl.Int32),
            rate=pl.Series(rate.ravel()),
            forward_21d=pl.Series(forward.ravel()).fill_nan(None),
            extrapolated=pl.Series(beyond.ravel()),
        )
        .filter(pl.col("anchored") | (pl.col("tenor_bd") >= pl.col("first_bdays")))
        .select(list(_TABLE.schema))
        .cast(pl.Schema(_TABLE.schema))
        .sort(_TABLE.sort)
    )


def build(
    settlements: pl.DataFrame, cdi_daily: pl.DataFrame, sessions: Sequence[date], calendar: BusinessCalendar
) -> DiCurves:
    """Curves of the sessions through their contracts; see `di_curve` for the inputs."""
    rows = _with_firsts(settlements.filter(pl.col("root") == "DI1"))
    days = _with_cdi(curve_days(rows, sessions, "contract"), cdi_daily, calendar)
    quotes = _live_quotes(quotes_known(rows, days, "contract"), calendar)
    spans = quotes.group_by("curve_date", "version", maintain_order=True).agg(
        pl.len().alias("n_contracts"), pl.col("bdays").min().alias("first_bdays")
    )
    days = days.join(spans, on=["curve_date", "version"], how="inner", maintain_order="left")
    days = _with_quality(days, rows, calendar)
    distinct = days.select("curve_date", "version", "cdi").unique(maintain_order=True).with_row_index("curve")
    days = days.join(distinct, on=["curve_date", "version", "cdi"], nulls_equal=True, maintain_order="left")
    nodes = distinct.join(quotes, on=["curve_date", "version"], how="inner").select("curve", "bdays", "rate")
    overnight = distinct.drop_nulls("cdi").select(
        "curve", pl.lit(1, pl.Int32).alias("bdays"), ((1.0 + pl.col("cdi")) ** YEAR_BD - 1.0).alias("rate")
    )
    # A contract that expires on the next business day is the market's own price of that day: it replaces the CDI.
    extra = overnight.join(nodes, on=["curve", "bdays"], how="anti")
    nodes = pl.concat([nodes, extra])
    return DiCurves(
        days, quotes, curves(nodes["curve"].to_numpy(), nodes["bdays"].to_numpy(), nodes["rate"].to_numpy())
    )


def _with_firsts(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `first`: the contract's first settlement, on a day after the first day of all, as known then."""
    day = pl.col("event_date")
    known = rows.sort("session", "event_date", "contract")
    return known.with_columns(first=(day == day.cum_min().over("contract")) & (day > day.cum_min()))


def _live_quotes(quotes: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Unexpired contracts, settled before, with business days counted by the calendar known on the settlement day."""
    quotes = quotes.filter(~pl.col("first"))
    bdays = calendar.count_many(quotes["curve_date"], quotes["maturity"], known_on=quotes["curve_date"])
    implied = (FACE_BRL / pl.col("settle_price")) ** (YEAR_BD / pl.col("bdays")) - 1.0
    return (
        quotes.with_columns(bdays=pl.Series(bdays, dtype=pl.Int32))
        .filter(pl.col("bdays") > 0)
        .with_columns(rate=pl.coalesce("settle_rate", implied))
        .select("curve_date", "version", "contract", "bdays", "rate", "settle_price")
    )


def _with_quality(days: pl.DataFrame, rows: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds `quality`; the curve that a session should have is that of the business day before."""
    counts = usual_quotes(rows, "contract").select("usual", curve_date="event_date")
    behind = calendar.count_many(days["curve_date"], days["session"], known_on=days["session"]) - 1
    aged = days.join(counts, on="curve_date", how="left", maintain_order="left").with_columns(
        behind=pl.Series(behind, dtype=pl.Int32)
    )
    value = score(pl.col("n_contracts"), pl.col("usual"), pl.col("behind"), pl.col("cdi").is_not_null())
    return aged.with_columns(quality=value).drop("usual", "behind")


def _with_cdi(days: pl.DataFrame, cdi_daily: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds `cdi`, the newest daily CDI up to the curve's day that the session knows, and `cdi_date`; null if old."""
    events = cdi_daily.group_by("event_date", maintain_order=True).agg(pl.col("session").min()).sort("event_date")
    if days.is_empty() or events.is_empty():
        return days.with_columns(cdi=pl.lit(None, pl.Float64), cdi_date=pl.lit(None, pl.Date))
    dates = events["event_date"].to_numpy()
    curve_date = days["curve_date"].to_numpy()
    at = np.searchsorted(dates, curve_date, side="right") - 1
    at = walk_back(at, 0, events["session"].to_numpy(), days["session"].to_numpy())
    age = calendar.count_many(dates[np.maximum(at, 0)], curve_date, known_on=curve_date)
    recent = (at >= 0) & (age <= MAX_CDI_AGE_BD)
    newest = np.where(recent, dates[np.maximum(at, 0)], np.datetime64("NaT"))
    wanted = days.with_columns(event_date=pl.Series(newest, dtype=pl.Date))
    value = vintages(cdi_daily, ["event_date"]).select("session", "event_date", pl.col("value").alias("cdi"))
    return as_known(wanted, value, ["event_date"]).rename({"event_date": "cdi_date"})
