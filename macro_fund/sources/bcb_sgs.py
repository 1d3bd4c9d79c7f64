"""Banco Central do Brasil, time series system (SGS): one JSON list a series and window.

Belongs here: SGS addresses, its limits and how its answers are read. Does not belong here: publication lags
(config/series) or which rows are new (`ingest`).

The provider answers at most ten years of a daily series (406 otherwise), writes numbers as text with a point, and says
404 when a window holds no value. A meta for the days ahead (series 432) is there before it is in force; the
publication rule in config/series decides when it counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import fail, json_of, observations, require_status
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import by_days

PROVIDER = "bcb_sgs"
URL = (
    "https://api.bcb.gov.br/dados/serie/bcdata.sgs.{code}/dados"
    "?formato=json&dataInicial={start:%d/%m/%Y}&dataFinal={end:%d/%m/%Y}"
)


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request a series and slice of its window (event dates, inclusive); only daily series are sliced."""
    requests = []
    for s in series:
        if s.id not in windows:
            continue
        pieces = by_days(windows[s.id], policy.slice_days) if s.frequency == "D" else [windows[s.id]]
        for start, end in pieces:
            url = URL.format(code=s.code, start=start, end=end)
            requests.append(Request(PROVIDER, "GET", url, f"SGS {s.code} {start}..{end}", (s.id,)))
    return requests


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of one window; none for a 404. An empty or non-numeric `valor` is rejected.

    Raises SourceError for a refusal (with the provider's own words), a web page, a cut or empty body, or another shape.
    """
    (series_id,) = payload.request.items
    if payload.status != 200:
        _judge(payload)
        return observations([], series)
    rows = json_of(payload)
    if not isinstance(rows, list) or not all(isinstance(r, dict) and {"data", "valor"} <= r.keys() for r in rows):
        words = _words(rows)
        raise fail(payload, f"the provider says: {words}" if words else "not a list of {data, valor}")
    return observations(((series_id, _day(r["data"]), r["valor"]) for r in rows), series)


def _judge(payload: Payload) -> None:
    """Pass a 404 that means no values; refuse every other status in the provider's own words."""
    if payload.body.lstrip()[:1] == b"<":
        require_status(payload)
    if payload.status == 404:
        return
    words = _words(json_of(payload))
    raise fail(payload, f"the provider says: {words}", remedy="check code and frequency in config/series/bcb_sgs.yaml")


def _words(document: Any) -> str:
    """The message in an SGS error body, '' when there is none."""
    if not isinstance(document, dict):
        return ""
    inner = document.get("erro") or document.get("error") or document.get("message") or ""
    return str(inner.get("detail", inner) if isinstance(inner, dict) else inner)[:200]


def _day(text: object) -> date | None:
    try:
        day, month, year = str(text).strip().split("/")
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
