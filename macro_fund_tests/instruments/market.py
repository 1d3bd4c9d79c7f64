"""A small synthetic futures market for tests: settlements and CDI in the shape of the bronze tables.

Two years of DI1, DOL and IND settlements, deterministic, made with the project's calendars, so that sessions, knowledge
times and business days are those of the real dates. The PUs are B3's: rounded to cents from rates with three decimals.
"""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import polars as pl

from macro_fund.instruments import di1
from macro_fund.instruments.contracts import MONTH_CODES, maturities
from macro_fund.instruments.marks import Inputs, contract_marks
from macro_fund.settings import Publication
from macro_fund.time.calendars import BusinessCalendar, load_calendar
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import Sessions, assign_session, sessions

START, END = date(2018, 1, 2), date(2019, 12, 20)
POINT_VALUES = {"DI1": 1.0, "DOL": 50.0, "IND": 1.0}
CDI_RULE = Publication.model_validate({"kind": "business_days", "n": 1, "at": "09:00:00"})
SETTLEMENT_RULE = Publication.model_validate({"kind": "same_day", "at": "20:00:00", "calendar": "b3"})


def calendar() -> BusinessCalendar:
    return load_calendar("anbima")


def table() -> Sessions:
    return sessions()


def keys(start: date = date(2018, 1, 3), end: date = date(2019, 12, 23)) -> list[date]:
    """Sessions; by default those that learn the market's first to last settlement."""
    return table().keys(start, end)


def _tickers() -> list[str]:
    di1_codes = [f"DI1{m}{y}" for y in range(18, 29) for m in "FN"] + [f"DI1{m}{y}" for y in (18, 19) for m in "JV"]
    dol = [f"DOL{m}{y}" for y in (18, 19, 20, 21) for m in MONTH_CODES]
    ind = [f"IND{m}{y}" for y in (18, 19, 20) for m in "GJMQVZ"]
    return di1_codes + dol + ind


@cache
def settlements(seed: int = 7, end: date = END) -> pl.DataFrame:
    """bronze/b3_settlements without provenance: every listed contract of every B3 session to `end` (2020 at most)."""
    days = np.array(table().keys(START, end), dtype="datetime64[D]")
    tickers = _tickers()
    grid = pl.DataFrame(
        {"event_date": np.repeat(days, len(tickers)), "contract": np.tile(np.array(tickers, dtype=object), days.size)},
        schema={"event_date": pl.Date, "contract": pl.String},
    )
    rows = grid.with_columns(
        root=pl.col("contract").str.head(3), maturity=maturities(grid["contract"], grid["event_date"])
    )
    bdays = calendar().count_many(rows["event_date"], rows["maturity"], known_on=rows["event_date"])
    day = (rows["event_date"] - START).dt.total_days().to_numpy()
    walk = np.random.default_rng(seed).normal(size=(3, int(day.max()) + 1)).cumsum(axis=1)[:, day]
    years = np.maximum(bdays, 1) / 252
    rate = np.round(0.065 + 0.012 * (1 - np.exp(-years / 2)) + 4e-4 * walk[0] / (1 + 0.1 * years), 5)
    price = np.select(
        [rows["root"] == "DI1", rows["root"] == "DOL"],
        [
            di1.round2(di1.pu(rate, np.maximum(bdays, 0))),
            np.round(3800 * np.exp(0.006 * walk[1]) * (1 + 0.04 * years), 3),
        ],
        np.round(90000 * np.exp(0.01 * walk[2]) * (1 + 0.06 * years)),
    )
    listed = {"DI1": (0, 3000), "DOL": (0, 70), "IND": (0, 90)}
    low, high = (rows["root"].replace_strict({k: v[i] for k, v in listed.items()}).to_numpy() for i in (0, 1))
    rows = rows.with_columns(
        settle_price=pl.Series(price),
        settle_rate=pl.when(pl.col("root") == "DI1").then(pl.Series(rate)),
        knowledge_time=knowledge_times(rows["event_date"], SETTLEMENT_RULE, "D"),
    ).filter(pl.Series((bdays > low) & (bdays < high)))
    return assign_session(rows, table()).sort("session", "event_date", "contract")


@cache
def cdi(count: int = 510) -> pl.DataFrame:
    """Observations of the daily CDI (decimal, as published with eight decimals), one policy step in the middle.

    count: bank days from 20 December 2017.
    """
    days = calendar().offset_many(np.datetime64("2017-12-20"), np.arange(count))
    yearly = np.where(days < np.datetime64("2018-11-01"), 0.0639, 0.0614)
    rows = pl.DataFrame(
        {"event_date": pl.Series(days, dtype=pl.Date), "value": np.round((1 + yearly) ** (1 / 252) - 1, 8)}
    )
    rows = rows.with_columns(knowledge_time=knowledge_times(rows["event_date"], CDI_RULE, "D"))
    return assign_session(rows, table()).sort("session", "event_date")


def inputs(cdi_daily: pl.DataFrame | None = None) -> Inputs:
    """What marks of this market rest on: the CDI; it has no dollar coupon and no index."""
    rows = cdi() if cdi_daily is None else cdi_daily
    return Inputs(rows, rows.clear(), rows.clear())


def marks_of(
    rows: pl.DataFrame, cdi_daily: pl.DataFrame | None = None, sessions_: list[date] | None = None
) -> pl.DataFrame:
    """contract_marks of settlements of this market, by default in its every session."""
    return contract_marks(rows, inputs(cdi_daily), sessions_ or keys(), calendar(), POINT_VALUES)


def known_at(rows: pl.DataFrame, session: date) -> pl.DataFrame:
    """What the session knows."""
    return rows.filter(pl.col("session") <= session)
