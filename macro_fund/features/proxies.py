"""Stand-ins for instruments whose settlements are not known: what holding +1 of one made over cash, day by day.

Belongs here: daily excess returns of the kinds that config/instruments names as `proxy`. Does not belong here: listed
contracts (instruments/marks.py), or the choice between the two (legs.py).

A stand-in is unfunded like the future that it stands for: its P&L is the price change less the financing known on the
day before. It is for signals and backtests, is marked `proxy` wherever it is used, and is never traded:

    forward_dollar  PTAX (ask) financed at CDI against fed funds; the onshore dollar basis is left out
    ibovespa        the index (dividends reinvested) financed at CDI
    real_zero       a real zero bond of constant maturity from retail IPCA+ bonds, with VNA accrual, financed at CDI
    treasury        a par bond of constant maturity of the Treasury curve, financed at fed funds
    sp500           the price index financed at fed funds: dividends, about 2% a year, are left out
    gold            the front future as Yahoo splices it, which follows spot, financed at fed funds
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.features.known import advancing, learned
from macro_fund.instruments import ust
from macro_fund.settings import Instrument, ProxyKind
from macro_fund.time.calendars import BusinessCalendar

Vector = npt.NDArray[np.float64]
BP = 1e-4
USD_YEAR, BR_YEAR = 360.0, 252.0
CDI, FED_FUNDS, PTAX, VNA = "br_cdi_daily", "us_dff", "br_usdbrl_ptax_ask", "br_vna_ntnb"
LEVELS = {"forward_dollar": PTAX, "ibovespa": "br_ibov", "sp500": "us_spx", "gold": "cmd_gold_fut"}
SERIES = (CDI, FED_FUNDS, PTAX, VNA, *LEVELS.values())
MAX_GAP_BD = 5  # over more days than these nothing is a return
DOLLAR_POINTS = 1000.0  # DOL and WDO are quoted for 1,000 dollars
FACE_BRL = 100_000.0
COLUMNS = ("session", "trade_date", "level", "shock", "pnl_brl", "dv01_brl", "delta_brl", "unit_brl")


@dataclass(frozen=True)
class Known:
    """silver/as_known, silver/ust_curve and silver/retail_real_curve with full history; bank and exchange calendars."""

    as_known: pl.DataFrame
    ust_curve: pl.DataFrame
    real_curve: pl.DataFrame
    calendar: BusinessCalendar
    exchange: BusinessCalendar


def proxy_returns(instrument: Instrument, known: Known) -> pl.DataFrame:
    """COLUMNS of +1 of the instrument's stand-in, one row per new price in the order in which sessions learned it.

    shock: bp of rate, or excess log return; unit_brl: what a point of the level is worth (price) or a bp (rates).
    Raises ValueError for an instrument that has none.
    """
    if instrument.proxy is None:
        raise ValueError(f"{instrument.id} has no proxy in config/instruments.yaml")
    return _KINDS[instrument.proxy](instrument, known)


def _newest(known: Known, sessions: pl.Series, *series: str) -> pl.DataFrame:
    """Value of each series at each session, NaN where unknown."""
    frame = pl.DataFrame({"session": sessions})
    for name in series:
        rows = known.as_known.filter((pl.col("series_id") == name) & pl.col("value").is_finite())
        rows = rows.select("session", pl.col("value").alias(name))
        frame = frame.join(rows, on="session", how="left", maintain_order="left")
    return frame.with_columns(pl.col(*series).fill_null(float("nan")))


def _before(values: Vector) -> Vector:
    """The row before; NaN on the first."""
    return np.concatenate([[np.nan], values[:-1]]) if values.size else values


def business_days(dates: pl.Series, calendar: BusinessCalendar) -> Vector:
    """Business days since the row before, by the holidays known on it; 0 on the first row."""
    days = dates.to_numpy().astype("datetime64[D]")
    return np.asarray(calendar.count_many(np.concatenate([days[:1], days[:-1]]), days), dtype=np.float64)


def calendar_days(dates: pl.Series) -> Vector:
    """Calendar days since the row before; 0 on the first row."""
    return dates.diff().dt.total_days().fill_null(0).to_numpy().astype(np.float64)


def _rows(path: pl.DataFrame, business: Vector, columns: Mapping[str, Vector]) -> pl.DataFrame:
    """COLUMNS of a path; what was made since the row before is null over more than MAX_GAP_BD business days."""
    named = {name: pl.Series(values, dtype=pl.Float64).fill_nan(None) for name, values in columns.items()}
    frame = path.select("session", pl.col("event_date").alias("trade_date")).with_columns(**named)
    near = pl.Series(business <= MAX_GAP_BD)
    frame = frame.with_columns(pl.when(near).then(c).alias(c) for c in ("shock", "pnl_brl"))
    return frame.select(COLUMNS).drop_nulls(["level", "dv01_brl", "delta_brl", "unit_brl"])


def _funded(instrument: Instrument, known: Known) -> pl.DataFrame:
    """A price whose purchase is financed: P&L = point value x (price - price before x financing)."""
    kind: ProxyKind = instrument.proxy or "gold"
    path = learned(known.as_known, LEVELS[kind])
    scale = DOLLAR_POINTS if kind == "forward_dollar" else 1.0
    price = path["value"].to_numpy() * scale
    business, days = business_days(path["event_date"], known.calendar), calendar_days(path["event_date"])
    rates = _newest(known, path["session"], CDI, FED_FUNDS, PTAX)
    cash = (1.0 + _before(rates[CDI].to_numpy())) ** business
    dollars = 1.0 + _before(rates[FED_FUNDS].to_numpy()) * days / USD_YEAR
    factor = {"forward_dollar": cash / dollars, "ibovespa": cash}.get(kind, dollars)
    abroad = kind in ("sp500", "gold")
    point = instrument.point_value_brl * (rates[PTAX].to_numpy() if abroad else np.ones(price.size))
    cost = _before(price) * factor
    return _rows(
        path,
        business,
        {
            "level": price,
            "shock": np.log(price / cost),
            "pnl_brl": point * (price - cost),
            "dv01_brl": np.zeros(price.size),
            "delta_brl": price * point,
            "unit_brl": point,
        },
    )


def _constant_maturity(curve: pl.DataFrame, axis: str, tenor: float, value: str) -> tuple[pl.DataFrame, Vector]:
    """(session, event_date, rate of the tenor; fall of the rate per unit of tenor towards the next shorter one).

    One row per new curve in the order of knowledge; a rate without a shorter one beside it does not roll (0).
    """
    curve = curve.filter(pl.col(value).is_finite())
    at = curve.filter(pl.col(axis) == tenor).select("session", event_date="curve_date", rate=value)
    shorter = curve.filter(pl.col(axis) < tenor).sort(axis)
    low = shorter.group_by("session", "curve_date", maintain_order=True).agg(
        pl.col(axis).last().alias("at"), pl.col(value).last().alias("low")
    )
    path = at.join(low.rename({"curve_date": "event_date"}), on=["session", "event_date"], how="left").sort("session")
    path = advancing(path)
    slope = (pl.col("rate") - pl.col("low")) / (tenor - pl.col("at"))
    return path, path.select(slope.fill_null(0.0)).to_series().to_numpy()


def _real_zero(instrument: Instrument, known: Known) -> pl.DataFrame:
    """A real zero of `tenor_bd` days bought each day: real PU and VNA of the day over those of the day before."""
    n = instrument.tenor_bd
    path, slope = _constant_maturity(known.real_curve, "tenor_bd", n, "real_rate")
    now = path["rate"].to_numpy()
    business = business_days(path["event_date"], known.calendar)
    rates = _newest(known, path["session"], CDI, VNA)
    aged = now - slope * business  # yield of the bond bought the day before, which is shorter now
    pu, pu_before = FACE_BRL * (1.0 + now) ** (-n / BR_YEAR), FACE_BRL * (1.0 + _before(now)) ** (-n / BR_YEAR)
    sold = FACE_BRL * (1.0 + aged) ** (-(n - business) / BR_YEAR)
    vna = rates[VNA].to_numpy()
    financed = (1.0 + _before(rates[CDI].to_numpy())) ** business
    dv01 = pu * n / BR_YEAR / (1.0 + now) * BP
    return _rows(
        path,
        business,
        {
            "level": now,
            "shock": (aged - _before(now)) / BP,
            "pnl_brl": sold * vna / _before(vna) / financed - pu_before,
            "dv01_brl": dv01,
            "delta_brl": np.zeros(now.size),
            "unit_brl": dv01,
        },
    )


def _treasury(instrument: Instrument, known: Known) -> pl.DataFrame:
    """A par bond of the tenor bought each day and sold the day after, at fed funds (act/360), in reais at PTAX."""
    years = instrument.tenor_bd / BR_YEAR
    path, slope = _constant_maturity(known.ust_curve, "tenor_years", years, "par_yield")
    if path.is_empty():
        return _rows(path, np.zeros(0), dict.fromkeys(COLUMNS[2:], np.zeros(0)))
    now, days = path["rate"].to_numpy(), path["event_date"].to_numpy().astype("datetime64[D]")
    start = np.concatenate([days[:1], days[:-1]])
    held = (days - start).astype(np.float64) / 365.25
    aged = now - slope * held
    before = np.where(np.isnan(_before(now)), now, _before(now))
    rates = _newest(known, path["session"], FED_FUNDS, PTAX)
    maturity = (start.astype("datetime64[M]") + round(years * 12)).astype("datetime64[D]") + (
        start - start.astype("datetime64[M]").astype("datetime64[D]")
    )
    made = ust.excess_return(before, maturity, (start, days), (before, aged), _before(rates[FED_FUNDS].to_numpy()))
    point = instrument.point_value_brl * rates[PTAX].to_numpy()
    dv01 = ust.dv01(now, now, days, days + (maturity - start)) * point
    first = np.isnan(_before(now))
    return _rows(
        path,
        business_days(path["event_date"], known.calendar),
        {
            "level": now,
            "shock": np.where(first, np.nan, (aged - before) / BP),
            "pnl_brl": np.where(first, np.nan, made.total * point),
            "dv01_brl": dv01,
            "delta_brl": np.zeros(now.size),
            "unit_brl": dv01,
        },
    )


_KINDS: Mapping[str, Callable[[Instrument, Known], pl.DataFrame]] = {
    **dict.fromkeys(LEVELS, _funded),
    "real_zero": _real_zero,
    "treasury": _treasury,
}
