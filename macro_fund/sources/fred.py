"""FRED: US and global series from the graph files, which need no key, and with vintages where the fund has one.

Belongs here: which way a series is asked, the address of one series' graph file and how its CSV is read. Does not
belong here: the way with a key (`alfred`), publication lags (config/series) or which rows are new (`ingest`).

A graph file holds the newest vintage only. With a key (`sources.secrets`) a revised series is asked for all of them.
The first column was called DATE until December 2024 and is observation_date since. A missing value is an empty cell
or '.', and an unknown id is answered with a web page (404, at times 504).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from macro_fund.settings import Series, Source
from macro_fund.sources import alfred
from macro_fund.sources.decode import csv_lines, fail, iso_or_none, observations, require_status, text_of
from macro_fund.sources.http import Manners, Parsed, Payload, Request
from macro_fund.sources.slices import by_days

PROVIDER = "fred"
URL = "https://fred.stlouisfed.org/graph/fredgraph.csv?id={code}&cosd={start}&coed={end}"
DAY_COLUMNS = ("observation_date", "DATE")
MISSING = ("", ".")


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request a series and slice of its window (event dates, inclusive); with a key vintages of revised ones."""
    keyed = isinstance(policy, Manners) and policy.keyed
    requests = []
    for s in series:
        if s.id not in windows:
            continue
        if keyed and alfred.has_vintages(s):
            requests += alfred.plan(s, windows[s.id], policy.slice_days)
            continue
        for start, end in by_days(windows[s.id], policy.slice_days):
            url = URL.format(code=s.code, start=start, end=end)
            requests.append(Request(PROVIDER, "GET", url, f"FRED {s.code} {start}..{end}", (s.id,)))
    return requests


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of one answer; a missing value is no row, text such as NaN is rejected.

    Raises SourceError, naming the id, for an unknown series, a web page, a cut file or other columns.
    """
    asked = [s for s in series if s.id in payload.request.items]
    if len(asked) != 1:
        raise ValueError(f"{payload.request.label}: one series a request is read here, {len(asked)} are given")
    one = asked[0]
    if payload.request.url.startswith(alfred.HOST):
        return alfred.parse(payload, one)
    if payload.status == 404:
        raise fail(
            payload,
            f"FRED has no series {one.code}",
            remedy=f"look it up at https://fred.stlouisfed.org/series/{one.code} and correct config/series/fred.yaml",
        )
    require_status(payload)
    day_column = next((c for c in DAY_COLUMNS if text_of(payload).startswith(c)), DAY_COLUMNS[0])
    lines = csv_lines(payload, (day_column, one.code))
    return observations(((one.id, iso_or_none(day), value) for day, value, *_ in lines), asked, MISSING)
