"""Tesouro Nacional, time series (series-temporais): the monthly Treasury result (RTN), one CSV file a series.

Belongs here: the address of a series' file and how it is read. Does not belong here: publication lags (config/series)
or which rows are new (`ingest`).

The service is not documented and sends the whole history whatever is asked: latin-1, ';' between two columns (Data;
Valor), days as 01/MM/YYYY, decimal comma without thousands separator. So anything else is an error that says so, never
a guess. A zero is a value here: for a series that cannot be zero, the range of config/series refuses it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import RAW_CHARS, REJECTED, fail, observations, require_status, text_of
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import Days

PROVIDER = "stn"
URL = "https://series-temporais.tesouro.gov.br/backend-series-temporais/rest/Public/SerieGrafico/Download/{code}"
COLUMNS = ["Data", "Valor"]
MISSING = ("", "-")
NO_LINE_END = "the last line has no end: its value may be cut"
CONFIG = (
    "look the series up at https://www.tesourotransparente.gov.br/visualizacao/series-temporais-do-tesouro-nacional"
)
_DAY = re.compile(r"(\d{2})/(\d{2})/(\d{4})")
_NUMBER = re.compile(r"-?\d+(,\d+)?")


def plan(series: Sequence[Series], windows: Mapping[str, Days], policy: Source) -> list[Request]:
    """One request a series, whatever its window: the file is always whole (policy has nothing to slice)."""
    return [
        Request(PROVIDER, "GET", URL.format(code=s.code), f"Treasury series {s.code}", (s.id,))
        for s in series
        if s.id in windows
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of one file; a line whose day or number is in another form is rejected.

    So is a last line without its line end, because nothing else tells a whole number from a cut one. Raises SourceError
    for a refusal, a web page, an empty or cut file, other columns, or a file in which no line can be read.
    """
    (one,) = [s for s in series if s.id in payload.request.items]
    require_status(payload)
    lines, cut = _lines(payload)
    known = [line for line in lines if _written(line[1])]
    parsed = observations(((one.id, _month(day), _point(value)) for day, value in known), [one], MISSING)
    refused = [
        (one.id, _month(day), value[:RAW_CHARS], f"not a number with a decimal comma: {value[:40]!r}")
        for day, value in lines
        if not _written(value)
    ] + [(one.id, _month(day), value[:RAW_CHARS], NO_LINE_END) for day, value in cut]
    rejected = pl.concat([parsed.rejected, pl.DataFrame(refused, REJECTED, orient="row")])
    if rejected.height and parsed.rows.is_empty():
        raise fail(payload, f"none of {len(lines)} lines can be read: {rejected['reason'][0]}", remedy=CONFIG)
    return Parsed(parsed.rows, rejected)


def _lines(payload: Payload) -> tuple[list[list[str]], list[list[str]]]:
    """(day, value) lines below the header, spaces stripped, blank lines dropped; apart, a last one without its end."""
    text = text_of(payload, "latin-1")
    rows = [[c.strip() for c in row] for row in csv.reader(io.StringIO(text), delimiter=";")]
    rows = [row for row in rows if any(row)]
    if not rows or rows[0] != COLUMNS:
        got = ";".join(rows[0]) if rows else ""
        raise fail(payload, f"columns {got!r:.80} where {';'.join(COLUMNS)!r} is expected", remedy=CONFIG)
    cut = [i for i, row in enumerate(rows, start=1) if len(row) != len(COLUMNS)]
    if cut or len(rows) == 1:
        reason = f"cut file: line {cut[0]} is not complete" if cut else "a file without values"
        raise fail(payload, reason, transient=True)
    whole = len(rows) if text.endswith("\n") else len(rows) - 1
    return rows[1:whole], rows[whole:]


def _written(value: str) -> bool:
    return value in MISSING or _NUMBER.fullmatch(value) is not None


def _point(value: str) -> str:
    """The number with a decimal point."""
    return value.replace(",", ".")


def _month(text: str) -> date | None:
    """The day 01/MM/YYYY; None for any other text, and for a day that does not begin a month."""
    found = _DAY.fullmatch(text)
    if found is None or found[1] != "01" or not 1 <= int(found[2]) <= 12 or int(found[3]) == 0:
        return None
    return date(int(found[3]), int(found[2]), 1)
