"""A small synthetic market of dollar and IPCA coupons: settlements and what they rest on, from planted curves.

Four months of 2019, deterministic. The clean dollar coupon is linear in its term, the spot walks, PTAX is another walk
around it: what DDI quotes follows from both, rounded as B3 does.
"""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import polars as pl

from macro_fund.instruments import ddi, di1, frc
from macro_fund.instruments.contracts import MONTH_CODES, first_ddi, maturities
from macro_fund.instruments.marks import Inputs
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import assign_session
from macro_fund_tests.instruments import market

START, END = date(2019, 3, 1), date(2019, 6, 28)
LEVEL, SLOPE = 0.030, 0.004  # clean coupon: level + slope x years


def keys() -> list[date]:
    """Sessions that learn the market's settlements."""
    return market.keys(date(2019, 3, 5), date(2019, 7, 1))


def clean_growth(days: np.ndarray) -> np.ndarray:
    """1 + clean coupon to so many calendar days."""
    return 1 + (LEVEL + SLOPE * days / 360) * days / 360


@cache
def _days() -> np.ndarray:
    return np.array(market.table().keys(START, END), dtype="datetime64[D]")


@cache
def spot() -> pl.DataFrame:
    """(event_date, spot, fixing): BRL per USD at the settlement, and PTAX of the day."""
    days = market.calendar().offset_many(np.datetime64("2019-02-18"), np.arange(95))
    steps = np.random.default_rng(3).normal(size=(2, days.size)) * (0.008, 0.003)[0]
    level = 3.85 * np.exp(np.cumsum(steps[0]))
    return pl.DataFrame(
        {
            "event_date": pl.Series(days, dtype=pl.Date),
            "spot": level,
            "fixing": np.round(level * np.exp(steps[1] / 3), 4),
        }
    )


def _known(rows: pl.DataFrame) -> pl.DataFrame:
    times = knowledge_times(rows["event_date"], market.SETTLEMENT_RULE, "D")
    return assign_session(rows.with_columns(knowledge_time=times), market.table())


@cache
def ptax() -> pl.DataFrame:
    return _known(spot().select("event_date", value="fixing")).select("session", "event_date", "value")


@cache
def vna() -> pl.DataFrame:
    """VNA that accrues 0.45% a month from 15th to 15th, by business days."""
    days = market.calendar().offset_many(np.datetime64("2019-01-15"), np.arange(125))
    values = 3200.0 * 1.0045 ** (np.arange(days.size) / 21)
    rows = _known(pl.DataFrame({"event_date": pl.Series(days, dtype=pl.Date), "value": np.floor(values * 1e6) / 1e6}))
    return rows.select("session", "event_date", "value")


def inputs() -> Inputs:
    return Inputs(market.cdi().select("session", "event_date", "value"), ptax(), vna())


@cache
def settlements() -> pl.DataFrame:
    """bronze/b3_settlements without provenance: DDI, FRC and DAP of every B3 session."""
    months = [(y, m) for y in (2019, 2020) for m in MONTH_CODES] + [(y, "F") for y in range(2021, 2027)]
    tickers = [f"{r}{m}{y % 100}" for r in ("DDI", "FRC") for y, m in months]
    tickers += [f"DAP{m}{y}" for y, m in ((19, "Q"), (20, "Q"), (21, "K"), (23, "K"), (25, "K"), (35, "K"))]
    grid = pl.DataFrame({"event_date": _days(), "contract": [tickers] * _days().size}).explode("contract")
    grid = grid.with_columns(pl.col("event_date").cast(pl.Date))
    rows = grid.with_columns(
        root=pl.col("contract").str.head(3), maturity=maturities(grid["contract"], grid["event_date"])
    ).filter(pl.col("maturity") > pl.col("event_date"))
    before = pl.Series(market.calendar().offset_many(rows["event_date"], -1, known_on=rows["event_date"]))
    rows = rows.with_columns(day_before=before)
    rows = rows.join(spot().select("event_date", "spot"), on="event_date")
    rows = rows.join(spot().select(day_before="event_date", fixed="fixing"), on="day_before")
    days = (rows["maturity"] - rows["event_date"]).dt.total_days().to_numpy()
    bdays = market.calendar().count_many(rows["event_date"], rows["maturity"], known_on=rows["event_date"])
    dirty = clean_growth(days) * (rows["fixed"] / rows["spot"]).to_numpy()
    coupon = np.round(ddi.rate_from_pu(ddi.FACE / dirty, days), 5)
    real = np.round(0.035 + 0.002 * np.sqrt(bdays / 252), 4)
    is_dap = (rows["root"] == "DAP").to_numpy()
    rows = rows.with_columns(
        settle_price=pl.Series(np.where(is_dap, di1.round2(di1.pu(real, bdays)), di1.round2(ddi.pu(coupon, days)))),
        settle_rate=pl.Series(np.where(is_dap, real, coupon)),
        days=pl.Series(days),
    )
    rows = pl.concat([rows.filter(pl.col("root") != "FRC"), _forwards(rows)])
    columns = ["event_date", "contract", "root", "maturity", "settle_price", "settle_rate"]
    return _known(rows.select(columns)).sort("session", "event_date", "contract")


def _forwards(rows: pl.DataFrame) -> pl.DataFrame:
    """FRC of the DDI, rates with two decimals of a percent."""
    ddis = rows.filter(pl.col("root") == "DDI")
    legs = first_ddi(ddis["event_date"].unique().sort(), market.calendar())
    near = legs.join(
        ddis.select("event_date", "contract", near="settle_price", near_days="days"), on=["event_date", "contract"]
    )
    near = near.select("event_date", "near", "near_days")
    far = ddis.select("event_date", contract="FRC" + pl.col("contract").str.slice(3), far="settle_price")
    found = rows.filter(pl.col("root") == "FRC").join(near, on="event_date").join(far, on=["event_date", "contract"])
    found = found.filter(pl.col("days") > pl.col("near_days"))
    rate = np.round(frc.rate_from_ddi(*(found[c].to_numpy() for c in ("near", "near_days", "far", "days"))), 4)
    return found.with_columns(settle_price=pl.Series(rate * 100), settle_rate=pl.Series(rate)).select(rows.columns)


@cache
def reference() -> pl.DataFrame:
    """The planted clean curve as B3 would publish it, with a vertex at each DDI maturity, rates of seven decimals."""
    rows = settlements().filter(pl.col("root") == "DDI")
    rows = rows.with_columns(calendar_days=(pl.col("maturity") - pl.col("event_date")).dt.total_days().cast(pl.Int32))
    terms = rows["calendar_days"].to_numpy()
    bdays = market.calendar().count_many(rows["event_date"], rows["maturity"], known_on=rows["event_date"])
    rates = np.round((clean_growth(terms) - 1) * 360 / terms, 7)
    rows = rows.with_columns(business_days=pl.Series(bdays, dtype=pl.Int32), rate=pl.Series(rates))
    return _known(rows.select("event_date", "calendar_days", "business_days", "rate"))
