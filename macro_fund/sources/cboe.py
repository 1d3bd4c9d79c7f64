"""Cboe volatility indices: one CSV file an index, with its whole history.

Belongs here: the address of an index's file and how its columns are read. Does not belong here: publication times
(config/series) or which rows are new (`ingest`), which takes the days of its window.

Some files have OPEN, HIGH, LOW and CLOSE, others one column with the index's own name; the close is read. The oldest
rows of a file repeat the close in all four columns. Newest days come last, so a cut file is one that stops early. A
file that Cboe does not have is answered with 403 AccessDenied, which is no ban.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import csv_lines, fail, observations, require_status, text_of
from macro_fund.sources.http import Parsed, Payload, Request

PROVIDER = "cboe"
URL = "https://cdn.cboe.com/api/global/us_indices/daily_prices/{code}_History.csv"
OHLC = ("DATE", "OPEN", "HIGH", "LOW", "CLOSE")
MISSING = ("",)
# No closure of the market has lasted longer (2001: six days).
LONGEST_GAP = timedelta(days=10)


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request an index: the file is whole whatever is asked (policy has nothing to slice)."""
    return [
        Request(PROVIDER, "GET", URL.format(code=s.code), f"Cboe {s.code} history to {windows[s.id][1]}", (s.id,))
        for s in series
        if s.id in windows
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Closes of the whole file; an empty cell is no row, text such as NaN is rejected.

    Raises SourceError, naming the index, for a file that Cboe does not have, a web page, a cut file, other columns or
    another index.
    """
    asked = [s for s in series if s.id in payload.request.items]
    if len(asked) != 1:
        raise ValueError(f"{payload.request.label}: one index a request is read here, {len(asked)} are given")
    one = asked[0]
    if payload.status == 403 and b"AccessDenied" in payload.body:
        raise fail(
            payload,
            f"not available: Cboe has no file of {one.code}",
            remedy="check the index on www.cboe.com/indices and its code in config/series/cboe.yaml",
        )
    require_status(payload)
    header = OHLC if text_of(payload)[:9].upper().startswith("DATE,OPEN") else ("DATE", one.code)
    lines = csv_lines(payload, header)
    if lines and len(lines[0]) != len(header):
        raise fail(payload, f"{len(lines[0])} columns where {', '.join(header)} are expected")
    days = [_day(line[0]) for line in lines]
    _whole(payload, [d for d in days if d is not None])
    return observations(((one.id, day, line[-1]) for day, line in zip(days, lines, strict=True)), asked, MISSING)


def _whole(payload: Payload, days: Sequence[date]) -> None:
    """Refuse a file that stops well before the days asked for."""
    wanted = min(date.fromisoformat(payload.request.label[-10:]), payload.fetched_at.date())
    if not days or wanted - max(days) > LONGEST_GAP:
        reach = f"stops at {max(days)}, before {wanted}" if days else "has no day"
        raise fail(payload, f"cut file: it {reach}", transient=True)


def _day(text: str) -> date | None:
    try:
        month, day, year = (int(part) for part in text.split("/"))
        return date(year, month, day)
    except ValueError:
        return None
