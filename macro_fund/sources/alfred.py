"""ALFRED: every vintage of a revised FRED series, from the API that needs a key.

Belongs here: the API's address, how real time is cut into windows, and how one answer is read. Does not belong here:
series without revisions and the way without a key (`fred`), or which vintages are new (`reconcile`).

A row of an answer is one value of one event date with the days of its first and last vintage. Both are clipped to the
window asked, so a value that was there before the window seems to begin on the window's first day. Therefore a window
begins on the last day of the one before: what really began on that day was told there, and a row that begins on its
window's first day is no vintage. The very first window begins with the series (`start`): nothing was told before it,
its rows all count. Equal neighbours are one vintage.

The provider knows 2,000 vintages a question; a window holds at most 20 years of a monthly series and 10 of a weekly
one. A daily series has a vintage a day and is asked without a key. A vintage is a day: it counts from the hour of the
series' publication rule. Where ALFRED began to keep vintages late, the history before counts from its first vintage.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import polars as pl

from macro_fund.settings import Series
from macro_fund.sources.decode import RAW_CHARS, REJECTED, fail, json_of, number_or_reason
from macro_fund.sources.http import Parsed, Payload, Request, SourceError
from macro_fund.sources.secrets import FRED_API_KEY, remedy
from macro_fund.sources.slices import by_days
from macro_fund.time.zones import UTC_TIME, to_utc

HOST = "https://api.stlouisfed.org"
LIMIT = 100_000
URL = (
    HOST + "/fred/series/observations?series_id={code}&realtime_start={since}&realtime_end={until}"
    "&observation_start={start}&observation_end={end}&output_type=1&sort_order=asc&limit={limit}&offset={offset}"
    f"&file_type=json&api_key={{{{{FRED_API_KEY}}}}}"
)
FOREVER = "9999-12-31"
MISSING = "."
NO_DAY = "day or vintage not readable"
CLASH = "different values for one date and vintage"
# Days a window: far below 2,000 vintages for monthly releases with two revisions, and for weekly ones.
WINDOW_DAYS = {"W": 3653}
LONGEST_DAYS = 7305
# A morning asks this far back from its end, so that a vintage which FRED loads late is not missed.
LOOK_BACK_DAYS = 30
FIELDS = {"realtime_start", "realtime_end", "date", "value"}
VINTAGES = pl.Schema(
    {
        "series_id": pl.String(),
        "event_date": pl.Date(),
        "value": pl.Float64(),
        "stated_time": UTC_TIME,
        "stated_basis": pl.String(),
    }
)


def has_vintages(series: Series) -> bool:
    """Whether a series' vintages are worth asking: it is revised, not daily, and not rewritten whole each time."""
    return series.revised and series.vintages and series.frequency != "D"


def plan(series: Series, window: tuple[date, date], slice_days: int) -> list[Request]:
    """Requests for the vintages that tell the event dates `window` (inclusive).

    From the series' start on: its whole history, cut into windows. Later: one request for the event dates of all its
    history, because a revision may touch any of them, in the vintages since the newest event date known (the window
    begins reread_days before it) and at least since LOOK_BACK_DAYS before the window's end.
    """
    start, end = window
    since = min(start + timedelta(days=series.reread_days), end - timedelta(days=LOOK_BACK_DAYS))
    if start > series.start and since > series.start:
        return [_request(series, since, FOREVER, end, 0)]
    return [
        _request(series, first, until, end, 0)
        for first, until in _windows((series.start, end), min(slice_days, _longest(series)))
    ]


def _longest(series: Series) -> int:
    return WINDOW_DAYS.get(series.frequency, LONGEST_DAYS)


def _windows(span: tuple[date, date], days: int) -> Iterator[tuple[date, str]]:
    """Windows of real time that overlap by one day; the last one is open."""
    for first, last in by_days(span, days):
        begins = first if first == span[0] else first - timedelta(days=1)
        yield begins, FOREVER if last == span[1] else last.isoformat()


def _request(series: Series, since: date, until: str, end: date, offset: int) -> Request:
    page = f" from row {offset}" if offset else ""
    return Request(
        "fred",
        "GET",
        URL.format(
            code=series.code,
            since=since,
            until=until,
            start=series.start,
            end=end,
            limit=LIMIT,
            offset=offset,
        ),
        f"FRED {series.code} vintages {since}..{until}{page}",
        (series.id,),
        secrets=(FRED_API_KEY,),
    )


def parse(payload: Payload, series: Series) -> Parsed:
    """Vintages of one answer, stated at their day and the series' hour; further pages as `follow`.

    '.' is no value; another text that is no number is rejected. Raises SourceError for a refused key, an unknown
    series, too many vintages, another window than asked, and an answer that is cut.
    """
    if payload.status != 200:
        raise _refusal(payload, series)
    asked = dict(parse_qsl(urlsplit(payload.request.url).query))
    document = json_of(payload)
    entries = _entries(payload, document, asked)
    frame = pl.DataFrame(
        {name: [str(e[name]).strip() for e in entries] for name in ("realtime_start", "date", "value")},
        {"realtime_start": pl.String, "date": pl.String, "value": pl.String},
    ).filter(pl.col("value") != MISSING)
    if asked["realtime_start"] > asked["observation_start"]:
        frame = frame.filter(pl.col("realtime_start") != asked["realtime_start"])
    rows, rejected = _typed(frame, series)
    return Parsed(rows, rejected, tuple(_further(document, series, asked)))


def _entries(payload: Payload, document: Any, asked: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of an answer to this very question."""
    entries = document.get("observations") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not isinstance(document.get("count"), int):
        raise fail(payload, "no count and list of observations in the answer")
    if any(not isinstance(e, dict) or not e.keys() >= FIELDS for e in entries):
        raise fail(payload, f"observations without {', '.join(sorted(FIELDS))}: the provider changed its fields")
    for name in ("realtime_start", "realtime_end", "observation_start", "observation_end"):
        if document.get(name) != asked[name]:
            raise fail(payload, f"the answer is for {name} {document.get(name)!r}, not {asked[name]}", transient=True)
    due = min(LIMIT, max(0, document["count"] - int(asked["offset"])))
    if len(entries) != due:
        raise fail(payload, f"cut: {len(entries)} observations where {due} are announced", transient=True)
    return entries


def _typed(frame: pl.DataFrame, series: Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(vintages, rejected) of rows as text."""
    frame = frame.with_columns(
        pl.col("date").str.to_date("%Y-%m-%d", strict=False).alias("event_date"),
        pl.col("realtime_start").str.to_date("%Y-%m-%d", strict=False).alias("vintage"),
        pl.col("value").cast(pl.Float64, strict=False).alias("number"),
    )
    readable = pl.col("number").is_finite() & pl.col("event_date").is_not_null() & pl.col("vintage").is_not_null()
    frame = frame.with_columns((pl.col("number").n_unique().over("event_date", "vintage") > 1).alias("clash"))
    readable = readable.fill_null(False) & ~pl.col("clash")
    good = frame.filter(readable).sort("event_date", "vintage", maintain_order=True)
    same = (pl.col("number") == pl.col("number").shift(1).over("event_date")).fill_null(False)
    rule = series.publication
    good = good.filter(~same)
    vintages = good.select(
        pl.lit(series.id).alias("series_id"),
        "event_date",
        (pl.col("number") * series.scale).alias("value"),
        to_utc(good["vintage"], rule.at, rule.tz).alias("stated_time"),
        pl.lit("vintage").alias("stated_basis"),
    )
    bad = frame.filter(~readable)
    rejected = [
        (
            series.id,
            day,
            raw[:RAW_CHARS],
            number_or_reason(raw)[1] or (CLASH if clash else "day or vintage not readable"),
        )
        for day, raw, clash in bad.select("event_date", "value", "clash").rows()
    ]
    return vintages.cast(VINTAGES), pl.DataFrame(rejected, REJECTED, orient="row")


def _further(document: dict[str, Any], series: Series, asked: dict[str, str]) -> Iterator[tuple[str, date, Request]]:
    """The pages after the first one of an answer with more than LIMIT rows."""
    if asked["offset"] != "0":
        return
    end = date.fromisoformat(asked["observation_end"])
    since = date.fromisoformat(asked["realtime_start"])
    for page in range(1, math.ceil(document["count"] / LIMIT)):
        yield series.id, end, _request(series, since, asked["realtime_end"], end, page * LIMIT)


def _refusal(payload: Payload, series: Series) -> SourceError:
    """The provider's own words, with what to do: a refusal is always 400, whatever its cause."""
    document = json_of(payload)
    words = str(document.get("error_message", "")) if isinstance(document, dict) else ""
    if "api_key" in words:
        return fail(payload, f"the key is refused: {words}", remedy=f"get a valid key; {remedy(FRED_API_KEY)}")
    if "series does not exist" in words:
        return fail(
            payload,
            f"FRED has no series {series.code}",
            remedy=f"see https://fred.stlouisfed.org/series/{series.code} and correct config/series/fred.yaml",
        )
    if "maximum number of vintage dates" in words:
        return fail(
            payload,
            f"too many vintages for one question: {words}",
            remedy="lower slice_days of fred in config/sources.yaml: a shorter window holds fewer",
        )
    return fail(
        payload, f"the provider says: {words}", transient="many requests" in words.lower() or payload.status == 423
    )
