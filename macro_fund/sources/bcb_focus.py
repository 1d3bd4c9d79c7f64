"""Banco Central do Brasil, Focus survey: medians of inflation expected over the next 12, and from 13 to 24, months.

Belongs here: the Focus address and how its entries are read. Does not belong here: the release on Monday
(config/series), which rows are new (`ingest`), or expectations of a year, month, quarter or meeting
(`bcb_focus_periods`).

Each survey day comes four times: smoothed or not (`Suavizada` S or N) and answers of the last 30 days or of the last
four to five days (`baseCalculo` 0 or 1); we use base 0. In the address '$' must stay as it is and a space is %20.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import fail, iso_or_none, observations
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.olinda import HOST, records
from macro_fund.sources.slices import by_years, hull

PROVIDER = "bcb_focus"
TOP = 100_000
URL = (
    HOST + "/Expectativas/versao/v1/odata/ExpectativasMercadoInflacao{months}Meses"
    "?$filter=Indicador%20eq%20'{indicator}'%20and%20Data%20ge%20'{start}'%20and%20Data%20le%20'{end}'"
    "&$orderby=Data%20asc&$top={top}&$format=json"
)
FIELDS = ("Indicador", "Data", "Suavizada", "Mediana", "baseCalculo")
LAST_30_DAYS = "0"


def code_of(series: Series) -> tuple[str, str, str]:
    """('IPCA', 'S', '24') of the code 'IPCA:S:24'; months are 12 unless given. ValueError for another form."""
    parts = series.code.split(":")
    if len(parts) == 2:
        parts.append("12")
    if len(parts) != 3 or not parts[0] or parts[1] not in ("S", "N") or parts[2] not in ("12", "24"):
        raise ValueError(
            f"{series.id}: code {series.code!r} must be INDICATOR:S (smoothed) or INDICATOR:N, with :24 for the months "
            "13 to 24, in config/series/bcb_focus.yaml"
        )
    return parts[0], parts[1], parts[2]


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request an indicator, horizon and calendar year of survey days (inclusive); it serves both smoothings."""
    together: dict[tuple[str, str], list[str]] = {}
    for s in series:
        if s.id in windows:
            indicator, _, months = code_of(s)
            together.setdefault((indicator, months), []).append(s.id)
    return [
        Request(
            PROVIDER,
            "GET",
            URL.format(months=months, indicator=indicator.replace(" ", "%20"), start=start, end=end, top=TOP),
            f"Focus {indicator} {months} months {start}..{end}",
            tuple(ids),
        )
        for (indicator, months), ids in together.items()
        for start, end in by_years(hull([windows[i] for i in ids]))
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """One row a survey day and series; a median that is not a number is rejected."""
    entries = records(payload, FIELDS)
    if len(entries) >= TOP:
        raise fail(payload, f"{len(entries)} entries reach the limit of {TOP}: some may be missing")
    asked = {code_of(s)[:2]: s.id for s in series if s.id in payload.request.items}
    found = [
        (asked[key], iso_or_none(r["Data"]), r["Mediana"])
        for r in entries
        if str(r["baseCalculo"]) == LAST_30_DAYS and (key := (r["Indicador"], r["Suavizada"])) in asked
    ]
    return observations(found, series)
