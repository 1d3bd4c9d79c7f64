"""Ipeadata (OData4): series that no official source serves in a better way: terms of trade, confidence, EMBI.

Belongs here: the address of a series and how its answer is read. Does not belong here: publication lags (config/series)
or which rows are new (`ingest`).

The whole history comes whatever is asked. A day is written as midnight in Brasilia with its offset, which changes with
the summer time of its year: only the date counts. A missing value is null. A code that does not exist is answered with
an empty list, so the answer cannot tell it from a series without values: the ingestion does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import fail, iso_or_none, json_of, observations, require_status
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import Days

PROVIDER = "ipeadata"
URL = "https://www.ipeadata.gov.br/api/odata4/ValoresSerie(SERCODIGO='{code}')"
COLUMNS = {"SERCODIGO", "VALDATA", "VALVALOR"}
CONFIG = "look the code up at http://www.ipeadata.gov.br and correct config/series/ipeadata.yaml"


def plan(series: Sequence[Series], windows: Mapping[str, Days], policy: Source) -> list[Request]:
    """One request a series, whatever its window: the history is always whole (policy has nothing to slice)."""
    return [
        Request(PROVIDER, "GET", URL.format(code=s.code), f"Ipeadata {s.code}", (s.id,))
        for s in series
        if s.id in windows
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of one series; a null is no row. A monthly value that is not dated at the first of its month is rejected.

    Raises SourceError for a refusal, a web page, a cut or empty body, another shape or another series than asked.
    """
    (one,) = [s for s in series if s.id in payload.request.items]
    require_status(payload)
    document = json_of(payload)
    rows = document.get("value") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(r, dict) and r.keys() >= COLUMNS for r in rows):
        words = document.get("error") if isinstance(document, dict) else None
        says = f"the provider says: {words}"[:200] if words else f"not a list of {', '.join(sorted(COLUMNS))} in value"
        raise fail(payload, says, remedy=CONFIG)
    strange = sorted({str(r["SERCODIGO"]) for r in rows} - {one.code})
    if strange:
        raise fail(payload, f"values of series {strange[0]} where {one.code} was asked", remedy=CONFIG)
    return observations(
        ((one.id, _day(r["VALDATA"], one), r["VALVALOR"]) for r in rows if r["VALVALOR"] is not None), [one]
    )


def _day(text: object, series: Series) -> date | None:
    """The date part; None when it is not one, or does not begin the month of a monthly series."""
    day = iso_or_none(text)
    return None if day and series.frequency == "M" and day.day != 1 else day
