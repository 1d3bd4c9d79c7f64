"""The simulated Treasury: nominal and real par curves in one format."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from macro_fund.sample.wire_treasury import answer
from macro_fund.settings import default_settings
from macro_fund.sources import us_treasury
from macro_fund_tests.sample.asking import read
from macro_fund_tests.sample.direct import Direct, at, dated

SERIES = default_settings().series_of("us_treasury")


def url(year: int, kind: str = us_treasury.REAL) -> str:
    return us_treasury.URL.format(kind=kind, year=year)


def test_the_connector_reads_every_series_from_its_start_inside_its_range() -> None:
    parsed = read(Direct(answer), us_treasury, date(2004, 1, 1), date(2029, 12, 31))
    assert parsed.rejected.is_empty()
    for s in SERIES:
        own = parsed.rows.filter(pl.col("series_id") == s.id)
        assert own["value"].is_between(s.low, s.high).all()
        first = own["event_date"].min()
        assert isinstance(first, date)
        assert first - s.start < timedelta(days=5), s.id


def test_breakeven_inflation_is_plausible() -> None:
    rows = read(Direct(answer), us_treasury, date(2010, 3, 1), date(2026, 12, 31)).rows
    wide = rows.pivot("series_id", index="event_date", values="value")
    for tenor in ("5y", "10y", "30y"):
        gap = wide[f"us_par_{tenor}"] - wide[f"us_real_par_{tenor}"]
        assert gap.is_between(0.002, 0.045).all(), tenor
        assert gap.std() > 0.001  # type: ignore[operator]


@pytest.mark.parametrize("now", ["2020-03-16T18:29:00-04:00", "2020-03-16T18:30:00-04:00"])
def test_a_frozen_clock_shows_exactly_what_the_rules_make_public(now: str) -> None:
    moment = at(now)
    window = (date(2019, 1, 1), moment.date() + timedelta(days=30))
    shown = read(Direct(answer, moment), us_treasury, *window, fetched_at=moment).rows
    public = dated(read(Direct(answer), us_treasury, *window).rows, "us_treasury").filter(
        pl.col("knowledge_time") <= moment
    )
    assert shown.sort("series_id", "event_date").equals(public.drop("knowledge_time"))
    newest = date(2020, 3, 16) if moment.minute == 30 else date(2020, 3, 13)
    assert shown.group_by("series_id").agg(pl.col("event_date").max())["event_date"].unique().to_list() == [newest]


@pytest.mark.parametrize(
    ("year", "columns"),
    [
        (2004, ["5 YR", "7 YR", "10 YR", "20 YR"]),
        (2009, ["5 YR", "7 YR", "10 YR", "20 YR"]),
        (2010, ["5 YR", "7 YR", "10 YR", "20 YR", "30 YR"]),
    ],
)
def test_columns_of_the_real_curve_by_year(year: int, columns: list[str]) -> None:
    lines = Direct(answer).get(url(year)).body.decode().splitlines()
    assert lines[0] == "Date," + ",".join(f'"{c}"' for c in columns)
    assert lines[1].startswith(f"12/31/{year},")


def test_a_blank_before_a_tenor_existed() -> None:
    lines = Direct(answer).get(url(2010)).body.decode().splitlines()
    cells = {x[:10]: x.rpartition(",")[2] for x in lines[1:]}
    assert cells["02/19/2010"] == ""
    assert float(cells["02/22/2010"]) > 0


def test_other_addresses() -> None:
    assert Direct(answer).get(url(2020, "daily_treasury_bill_rates")).body == b""
    assert Direct(answer).get("https://home.treasury.gov/nothing/here").status == 404
