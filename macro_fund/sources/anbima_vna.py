"""ANBIMA updated nominal values (VNA) of NTN-B and NTN-C: one form answer a bank day.

Belongs here: the form and how its text is read. Does not belong here: the VNA of LFT, which the Banco Central
publishes elsewhere; how a VNA grows between index releases; which rows are new (`ingest`).

The form takes one date at a time and has the whole history. Its answer starts with a few lines of text, the reference
date among them, then a table with ';' between cells and decimal commas. 'Não há dados disponíveis' is its answer for a
day without values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.anbima import FORM, MISSING, SITE, bank_days, number, plain, published_on, slashed_day, wanted
from macro_fund.sources.decode import RAW_CHARS, REJECTED, ROWS, fail, require_status, text_of
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import hull

PROVIDER = "anbima_vna"
DAILY_FILES = True
URL = SITE + "/vna/vna-down.asp"
BODY = "Data={day:%d%m%Y}&escolha=2&Idioma=PT&saida=txt"
HEADER = ("titulo", "codigo selic", "vna", "indice", "ref", "valido a partir de")
NO_DATA = "nao ha dados"
# LFT is in the answer too, and read from the Banco Central instead.
TITLES = frozenset({"NTN-B", "NTN-C", "LFT"})
_ASKED = re.compile(rb"Data=(\d{2})(\d{2})(\d{4})&")
_SLASHED = re.compile(r"\d{2}/\d{2}/\d{4}")


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request for each bank day of the windows' hull; it serves all series (nothing to slice)."""
    ids = tuple(s.id for s in series if s.id in windows)
    if not ids:
        return []
    days = bank_days(hull([windows[i] for i in ids]))
    return [
        Request(PROVIDER, "POST", URL, f"ANBIMA VNA of {d}", ids, FORM, BODY.format(day=d).encode(), day=d)
        for d in days
    ]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of one day for the series of the request; none for a bank day on which ANBIMA does not publish.

    An unreadable value and a title that is not known are rejected. Raises SourceError for a day that must have values
    and has none, a web page, a cut answer, other columns, or values of another day.
    """
    require_status(payload)
    text, day = text_of(payload, "latin-1"), _day_asked(payload)
    if NO_DATA in plain(text):
        if published_on(day):
            raise fail(payload, f"no VNA yet for {day}")
        return _parsed([], [])
    rows: list[tuple[object, ...]] = []
    rejected: list[tuple[object, ...]] = []
    asked = wanted(payload, series)
    for cells in _table(payload, text, day):
        title, raw = cells[0].strip(), ";".join(cells)[:RAW_CHARS]
        one = asked.get(title)
        if one is None:
            if title not in TITLES:
                rejected.append((f"title {title}", day, raw, "unknown title: add it to TITLES in anbima_vna.py"))
            continue
        value, reason = number(cells[2])
        if value is not None:
            rows.append((one.id, day, value * one.scale))
        elif cells[2].strip() not in MISSING:
            rejected.append((one.id, day, raw, reason))
    return _parsed(rows, rejected)


def _parsed(rows: Sequence[tuple[object, ...]], rejected: Sequence[tuple[object, ...]]) -> Parsed:
    return Parsed(pl.DataFrame(rows, ROWS, orient="row"), pl.DataFrame(rejected, REJECTED, orient="row"))


def _day_asked(payload: Payload) -> date:
    found = _ASKED.match(payload.request.body or b"")
    if found is None:
        raise ValueError(f"{payload.request.label}: no day in the form {payload.request.body!r}")
    return date(int(found[3]), int(found[2]), int(found[1]))


def _table(payload: Payload, text: str, day: date) -> list[list[str]]:
    """Cells of the rows below the header, after the checks of day, columns and wholeness."""
    if not text.endswith("\n"):
        raise fail(payload, "cut answer: its last line is not complete", transient=True)
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip()]
    at = next((i for i, line in enumerate(lines) if plain(line).startswith(HEADER[0] + ";")), None)
    if at is None:
        raise fail(payload, f"no table of {', '.join(HEADER)} in the answer")
    names = [plain(name) for name in lines[at].split(";")]
    if tuple(names) != HEADER:
        raise fail(payload, f"columns {', '.join(names)[:80]} where {', '.join(HEADER)} are expected")
    dates = [slashed_day(found) for line in lines[:at] for found in _SLASHED.findall(line)]
    if day not in dates:
        said = ", ".join(str(d) for d in dates) or "no day"
        raise fail(payload, f"the answer is of {said} where {day} was asked")
    table = [line.split(";") for line in lines[at + 1 :]]
    if not table or any(len(cells) != len(HEADER) for cells in table):
        raise fail(payload, "cut answer: a row of the table is not complete", transient=True)
    return table
