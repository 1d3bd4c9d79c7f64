"""US Treasury par yield curves, nominal and real (inflation-protected): one CSV file a curve and calendar year.

Belongs here: the address of a year's file and how its columns are read, by name. Does not belong here: bootstrapping
(curves/ust.py) or publication times (config/series).

A series' code is the column's name; that of a real yield has 'real:' before it ('10 Yr', 'real:10 YR').

The Treasury adds tenors (2 months in 2018, 4 months in 2022, 1.5 months in 2025), which moves the columns; empty
columns are left out. So columns are found by name, and a name that is not known is reported, never guessed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import RAW_CHARS, REJECTED, csv_lines, fail, observations, require_status, text_of
from macro_fund.sources.http import Parsed, Payload, Request

PROVIDER = "us_treasury"
URL = (
    "https://home.treasury.gov/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/{year}/all"
    "?type={kind}&field_tdr_date_value={year}&page&_format=csv"
)
NOMINAL, REAL = "daily_treasury_yield_curve", "daily_treasury_real_yield_curve"
NAMES = {NOMINAL: "par curve", REAL: "real par curve"}
REAL_MARK = "real:"
_MONTHS = ("1 Mo", "1.5 Month", "2 Mo", "3 Mo", "4 Mo", "6 Mo")
_YEARS = ("1 Yr", "2 Yr", "3 Yr", "5 Yr", "7 Yr", "10 Yr", "20 Yr", "30 Yr")
TENORS = {NOMINAL: frozenset(_MONTHS + _YEARS), REAL: frozenset(("5 YR", "7 YR", "10 YR", "20 YR", "30 YR"))}
MISSING = ("", "N/A")
# The first curve of a year is of 2 to 4 January; one week leaves room for an exceptional closure.
FIRST_WEEK = 7


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request a curve and calendar year that a window touches (policy has nothing to slice)."""
    files: dict[tuple[str, int], list[str]] = {}
    for s in series:
        if s.id not in windows:
            continue
        start, end = windows[s.id]
        for year in range(start.year, end.year + 1):
            files.setdefault((_column(s)[0], year), []).append(s.id)
    return [
        Request(PROVIDER, "GET", URL.format(kind=kind, year=y), f"Treasury {NAMES[kind]} {y}", tuple(ids))
        for (kind, y), ids in sorted(files.items(), key=lambda f: (f[0][0] == REAL, f[0][1]))
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of one year for the series of the request; an empty or N/A cell is no row.

    A column that is not a known tenor becomes one rejected entry and the others are read. Raises SourceError for a
    web page, a cut file, a repeated column, a day of another year, a file that does not reach back to January, or one
    in another unit.
    """
    require_status(payload)
    kind, year = _file(payload)
    lines = csv_lines(payload, ("Date",), ends_with_newline=False)
    names = [n.strip() for n in next(csv.reader(text_of(payload).splitlines()))]
    tenors = [n for n in names[1:] if n]
    if len(set(tenors)) < len(tenors):
        raise fail(payload, f"a tenor has two columns: {', '.join(tenors)}")
    days = [_day(line[0]) for line in lines]
    _whole_year(payload, year, [d for d in days if d is not None])
    mine = [(s, *_column(s)) for s in series if s.id in payload.request.items]
    asked = [(names.index(tenor), s) for s, of, tenor in mine if of == kind and tenor in tenors]
    found = observations(
        ((s.id, day, line[i]) for day, line in zip(days, lines, strict=True) if day is not None for i, s in asked),
        [s for _, s in asked],
        MISSING,
    )
    _one_unit(payload, found.rows, asked)
    refused = [
        (f"column {n}", None, n, f"unknown column {n!r}: if it is a new tenor, add it to TENORS in us_treasury.py")
        for n in tenors
        if n not in TENORS[kind]
    ] + [
        (payload.request.label, None, ",".join(line)[:RAW_CHARS], "day not readable as MM/DD/YYYY")
        for day, line in zip(days, lines, strict=True)
        if day is None
    ]
    return Parsed(found.rows, pl.concat([found.rejected, pl.DataFrame(refused, REJECTED, orient="row")]))


def _one_unit(payload: Payload, rows: pl.DataFrame, asked: Sequence[tuple[int, Series]]) -> None:
    """Refuse a file in which most values of a tenor are out of range: all columns share the unit.

    Short yields near zero stay in range after a change of unit, so a range by itself does not see it. Days after the
    request's own are not judged: they are dropped as not yet public, whatever they say.
    """
    public = rows.filter(pl.col("event_date") <= payload.fetched_at.date())
    for _, s in asked:
        values = public.filter(pl.col("series_id") == s.id)["value"]
        strange = (~values.is_between(s.low, s.high)).sum()
        if strange * 2 > values.len():
            raise fail(payload, f"{strange} of {values.len()} values of {s.code} are out of range: another unit?")


def _column(series: Series) -> tuple[str, str]:
    """The curve of a series and the name of its column."""
    name = series.code.removeprefix(REAL_MARK)
    return (NOMINAL if name == series.code else REAL), name


def _file(payload: Payload) -> tuple[str, int]:
    """The curve and the year that were asked."""
    found = re.search(r"type=(\w+)&field_tdr_date_value=(\d{4})", payload.request.url)
    if found is None:
        raise ValueError(f"{payload.request.label}: no curve and year in {payload.request.url}")
    return found[1], int(found[2])


def _day(text: str) -> date | None:
    try:
        month, day, year = (int(part) for part in text.split("/"))
        return date(year, month, day)
    except ValueError:
        return None


def _whole_year(payload: Payload, year: int, days: list[date]) -> None:
    """Refuse a file of another year, and one that stops before January: newest come first, so a cut drops the oldest.

    A year that has only just begun may be empty.
    """
    first_week = date(year, 1, FIRST_WEEK)
    strangers = sorted({d.year for d in days if d.year != year})
    if strangers:
        raise fail(payload, f"days of {strangers[0]} in the file of {year}", transient=True)
    if days and min(days) > first_week:
        raise fail(payload, f"cut file: it stops at {min(days)} instead of reaching back to January", transient=True)
    if not days and payload.fetched_at.date() > first_week:
        raise fail(payload, f"no curve in the file of {year}", transient=True)
