"""Calendars against fifteen years of what markets published: settlement days, day counts, CDI days."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from macro_fund.time.calendars import FINAL, load_calendar

DATA = Path(__file__).resolve().parents[2] / "../shared/realworld/data"
MONTHS = {code: month for month, code in enumerate("FGHJKMNQUVXZ", start=1)}


def _read(name: str) -> pl.DataFrame:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"no recorded market data at {path}")
    return pl.read_parquet(path)


def test_di1_rates_and_prices_imply_our_day_counts() -> None:
    """PU = 100,000 / (1 + rate)^(n / 252) gives n for every settlement of 2007 to 2021."""
    di1 = _read("br_di1.parquet").filter(pl.col("price") < 99_999.99)
    month = pl.col("symbol").str.slice(3, 1).replace_strict(MONTHS, return_dtype=pl.Int8)
    first = di1.select(pl.date(2000 + pl.col("symbol").str.slice(4, 2).cast(pl.Int32), month, 1)).to_series()
    anbima, days = load_calendar("anbima"), di1["date"]
    maturity = anbima.offset_many(first, 0, known_on=days)
    implied = 252 * np.log(1e5 / di1["price"].to_numpy()) / np.log1p(di1["tax"].to_numpy() / 100)
    assert len(implied) > 100_000
    assert (np.rint(implied) == anbima.count_many(days, maturity)).all()
    later_list = anbima.count_many(days, maturity, known_on=FINAL)
    assert (np.rint(implied) != later_list).sum() > 10_000  # a later holiday list would reprice them


def test_b3_sessions_are_the_days_with_di1_settlements() -> None:
    seen = set(_read("br_di1.parquet")["date"].unique())
    days = np.arange(np.datetime64(min(seen)), np.datetime64(max(seen)) + 1)
    is_open = load_calendar("b3").count_many(days, days + 1, known_on=days) == 1
    assert set(days[is_open].tolist()) == seen


def test_cdi_has_a_rate_on_each_bank_day() -> None:
    series = _read("br_sgs.parquet").filter((pl.col("code") == 12) & (pl.col("date") >= dt.date(2000, 1, 1)))
    seen = set(series["date"])
    days = np.arange(np.datetime64(min(seen)), np.datetime64(max(seen)) + 1)
    is_open = load_calendar("anbima").count_many(days, days + 1, known_on=days) == 1
    assert set(days[is_open].tolist()) == seen
