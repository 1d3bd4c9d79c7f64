"""Yahoo chart v8: unadjusted daily closes. Personal-use licence: for signals, never for marks.

Belongs here: the address of a chart and what in its answer may be believed. Does not belong here: adjusted prices
(they change after every dividend, so they are not what was known on the day), intraday bars, or a verdict that a
symbol no longer trades: whatever Yahoo does not answer is unavailable, nothing more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import REJECTED, fail, json_of, observations
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import by_days

PROVIDER = "yahoo"
URL = (
    "https://query1.finance.yahoo.com/v8/finance/chart/{symbol}"
    "?period1={start}&period2={end}&interval=1d&events=div%2Csplits"
)
# A day begins an hour before 00:00 UTC in London (summer) and Sydney; no western exchange opens in that hour.
EASTWARD = timedelta(hours=1)
# Hundredths of a currency in which Yahoo quotes some prices, and the currency they are of.
MINOR_UNITS = {"USX": "USD", "GBX": "GBP", "GBp": "GBP", "ZAX": "ZAR", "ZAc": "ZAR", "ILA": "ILS"}
UNAVAILABLE = "unavailable is not delisted: the last values stay and go stale; run the session again later"


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request a series and slice of its window (exchange days, inclusive)."""
    requests = []
    for s in series:
        if s.id not in windows:
            continue
        for start, end in by_days(windows[s.id], policy.slice_days):
            since = _unix(start) - int(EASTWARD.total_seconds())
            url = URL.format(symbol=quote(s.code, safe=""), start=since, end=_unix(end + timedelta(days=1)))
            requests.append(Request(PROVIDER, "GET", url, f"Yahoo {s.code} {start}..{end}", (s.id,)))
    return requests


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Closes by exchange day; a null close is no row, an unfinished bar is left out.

    A price in hundredths of the currency that the series' unit names (USX of 'USD per bushel') is divided by 100.
    Days that have only an adjusted close are left out too and counted in one rejected entry. Raises SourceError for
    any refusal, for an empty answer, and for another symbol, bar length or currency than asked.
    """
    asked = [s for s in series if s.id in payload.request.items]
    if len(asked) != 1:
        raise ValueError(f"{payload.request.label}: one series a request is read here, {len(asked)} are given")
    one = asked[0]
    chart = _chart(payload)
    zone, divisor = _judge_meta(payload, chart["meta"], one), _divisor(payload, chart["meta"], one)
    stamps, closes, adjusted = _columns(payload, chart)
    days = [datetime.fromtimestamp(t, zone).date() for t in stamps]
    last = _last_finished(payload, chart["meta"], zone)
    triples = [(one.id, d, c) for d, c in zip(days, closes, strict=True) if d <= last and c is not None]
    found = observations(triples, asked)
    # Divided one by one: polars multiplies by 0.01 instead, which is not always the nearest number.
    rows = found.rows.with_columns(pl.Series("value", [v / divisor for v in found.rows["value"]], pl.Float64))
    hidden = [d for d, c, a in zip(days, closes, adjusted, strict=True) if d <= last and c is None and a is not None]
    if not hidden:
        return Parsed(rows, found.rejected)
    reason = f"only adjusted prices on {len(hidden)} days {hidden[0]}..{hidden[-1]}: they change after each dividend"
    refused = pl.DataFrame([(one.id, None, f"{len(hidden)} closes are null", reason)], REJECTED, orient="row")
    return Parsed(rows, pl.concat([found.rejected, refused]))


def _unix(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def _chart(payload: Payload) -> dict[str, Any]:
    """The one result of the answer, with its meta; SourceError with Yahoo's own words when there is none."""
    if payload.status != 200:
        raise fail(payload, f"unavailable: {_complaint(payload.body)}", remedy=UNAVAILABLE)
    document = json_of(payload)
    try:
        (chart,) = document["chart"]["result"] or [{}]
        stamps, meta = chart.get("timestamp"), chart.get("meta", {})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise fail(payload, "not a chart") from None
    if not stamps:
        raise fail(payload, f"unavailable: {_complaint(payload.body)}", remedy=UNAVAILABLE)
    if not isinstance(stamps, list) or not isinstance(meta, dict):
        raise fail(payload, "not a chart")
    return {**chart, "meta": meta}


def _complaint(body: bytes) -> str:
    """Yahoo's description of an error, or that it gave no bars."""
    try:
        return str(json.loads(body)["chart"]["error"]["description"])
    except (ValueError, KeyError, TypeError):
        return "no bars"


def _judge_meta(payload: Payload, meta: Mapping[str, Any], one: Series) -> ZoneInfo:
    """Refuse another symbol or bar length than asked; returns the exchange's time zone.

    The offset in meta (gmtoffset) is that of today: it would put summer bars of London on the day before, so a
    zone name is required.
    """
    if str(meta.get("symbol")).upper() != one.code.upper():
        raise fail(payload, f"the chart is of {meta.get('symbol')!r}, not of {one.code!r}")
    if meta.get("dataGranularity") != "1d":
        raise fail(payload, f"bars of {meta.get('dataGranularity')!r} where daily bars were asked")
    try:
        return ZoneInfo(str(meta.get("exchangeTimezoneName")))
    except (ZoneInfoNotFoundError, ValueError):
        raise fail(payload, f"unknown exchange time zone {meta.get('exchangeTimezoneName')!r}") from None


def _divisor(payload: Payload, meta: Mapping[str, Any], one: Series) -> float:
    """100 where the price is in hundredths of the currency that the series' unit names, 1 where it is in that currency.

    Refuses any other currency; an index in points may be in any whole one.
    """
    currency = str(meta.get("currency"))
    quoted = re.match(r"([A-Z]{3}) per ", one.unit)
    if quoted and MINOR_UNITS.get(currency) == quoted[1]:
        return 100.0
    if quoted and currency != quoted[1]:
        raise fail(payload, f"prices in {currency!r} where {one.id} is {one.unit!r}")
    if not re.fullmatch(r"[A-Z]{3}", currency) or currency in MINOR_UNITS:
        raise fail(
            payload,
            f"prices in {currency!r}, which is not a whole currency unit",
            remedy=f"name the currency of {one.id} in its unit in config/series/yahoo.yaml, as in 'USD per bushel'",
        )
    return 1.0


def _columns(payload: Payload, chart: Mapping[str, Any]) -> tuple[list[int], list[Any], list[Any]]:
    """Time stamps, closes and adjusted closes (nulls where there are none), of one length."""
    stamps = chart["timestamp"]
    try:
        closes = chart["indicators"]["quote"][0]["close"]
        adjusted = chart["indicators"].get("adjclose", [{}])[0].get("adjclose") or [None] * len(stamps)
    except (KeyError, TypeError, IndexError, AttributeError):
        closes, adjusted = None, None
    if not isinstance(closes, list) or not isinstance(adjusted, list):
        raise fail(payload, "a chart without closes")
    if not len(stamps) == len(closes) == len(adjusted):
        raise fail(
            payload, f"{len(stamps)} times, {len(closes)} closes and {len(adjusted)} adjusted closes", transient=True
        )
    if not all(isinstance(t, int) for t in stamps):
        raise fail(payload, "times that are not whole seconds")
    return stamps, closes, adjusted


def _last_finished(payload: Payload, meta: Mapping[str, Any], zone: ZoneInfo) -> date:
    """The newest day whose bar is final: the day before the payload, or its own day once trading has closed."""
    today = payload.fetched_at.astimezone(zone).date()
    trading = (meta.get("currentTradingPeriod") or {}).get("regular") or {}
    start, end = trading.get("start"), trading.get("end")
    if isinstance(start, int) and isinstance(end, int):
        its_day = datetime.fromtimestamp(start, zone).date()
        if its_day == today and payload.fetched_at.timestamp() >= end:
            return today
    return today - timedelta(days=1)
