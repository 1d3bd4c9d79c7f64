"""Reference rates of the New York Fed: one JSON list a rate and window.

Belongs here: the address of a rate and how its answer is read. Does not belong here: publication times (config/series)
or which rows are new (`ingest`).

A series' code is the rate's path and the field, e.g. unsecured/effr:volumeInBillions. Rates are in percent, volumes in
billions of dollars. A field may be null or absent where the Fed has none: older days have no volume, no target range.
`revisionIndicator` marks a rate that was published again on the same day; it is read as the newest value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import fail, iso_or_none, json_of, observations
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import by_days, hull

PROVIDER = "nyfed"
URL = "https://markets.newyorkfed.org/api/rates/{path}/search.json?startDate={start}&endDate={end}"
FIELDS = frozenset({"percentRate", "volumeInBillions", "targetRateFrom", "targetRateTo"})
MISSING = ("",)


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request a rate and slice of the hull of its series' windows (event dates, inclusive)."""
    rates: dict[str, list[str]] = {}
    for s in series:
        if s.id in windows:
            rates.setdefault(_path(s), []).append(s.id)
    return [
        Request(
            PROVIDER,
            "GET",
            URL.format(path=path, start=start, end=end),
            f"NY Fed {path} {start}..{end}",
            tuple(ids),
        )
        for path, ids in rates.items()
        for start, end in by_days(hull([windows[i] for i in ids]), policy.slice_days)
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of one window for the series of the request; a null or absent field is no row.

    Raises SourceError for a refusal (with the provider's own words), a web page, a cut or empty body, another shape,
    another rate, or a day outside the window asked.
    """
    document = json_of(payload)
    if payload.status != 200:
        raise fail(
            payload, f"the provider says: {_words(document)}", remedy="check the codes in config/series/nyfed.yaml"
        )
    rows = document.get("refRates") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise fail(payload, f"no list of refRates; the provider says: {_words(document)}")
    asked = [(s, _field(s)) for s in series if s.id in payload.request.items]
    if rows:
        _as_asked(payload, rows)
    return observations(
        ((s.id, iso_or_none(r["effectiveDate"]), r.get(field)) for r in rows for s, field in asked),
        [s for s, _ in asked],
        MISSING,
    )


def _path(series: Series) -> str:
    return series.code.partition(":")[0]


def _field(series: Series) -> str:
    field = series.code.partition(":")[2]
    if field not in FIELDS:
        raise ValueError(f"{series.id}: no field {field!r} in {series.code!r}; allowed: {', '.join(sorted(FIELDS))}")
    return field


def _as_asked(payload: Payload, rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse rows without their main columns, of another rate, or of days that were not asked for."""
    gone = [c for c in ("effectiveDate", "type", "percentRate") if any(c not in r for r in rows)]
    if gone:
        raise fail(payload, f"rows without {', '.join(gone)}; columns are {', '.join(rows[0])}")
    found = re.search(r"/(\w+)/search\.json\?startDate=([\d-]+)&endDate=([\d-]+)", payload.request.url)
    if found is None:
        raise ValueError(f"{payload.request.label}: no rate and window in {payload.request.url}")
    rate, start, end = found.groups()
    others = sorted({str(r["type"]) for r in rows if str(r["type"]).lower() != rate})
    if others:
        raise fail(payload, f"rows of {', '.join(others)} where {rate.upper()} was asked")
    days = [d for d in (iso_or_none(r["effectiveDate"]) for r in rows) if d is not None]
    strangers = [d for d in days if not date.fromisoformat(start) <= d <= date.fromisoformat(end)]
    if strangers:
        raise fail(payload, f"day {strangers[0]} is outside the window asked")


def _words(document: Any) -> str:
    """The message in an error body, '' when there is none."""
    if not isinstance(document, dict):
        return ""
    words = [str(document[k]) for k in ("message", "error") if document.get(k)]
    return ": ".join(words)[:200]
