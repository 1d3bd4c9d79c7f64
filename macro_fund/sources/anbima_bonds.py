"""ANBIMA indicative rates and prices of federal bonds: one text file a bank day.

Belongs here: the address of a day's file and how its rows are read. Does not belong here: pricing, curves, or which
rows are new (`ingest`).

Only the last five business days are on the page. So a plan asks for the newest bank days of its window only
(`anbima.ASKED_DAYS`): what is older is gone for good, and asking for it would only fail every day. A day that nobody
collected in its week stays missing. A file that is not there is an error while ANBIMA keeps it, and no row afterwards.

'@' between cells, latin-1, decimal comma, '--' for no value. A bond is 'TYPE SELIC-code maturity'. Rates are stored as
decimals, PU in reais, the standard deviation in percentage points as printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.anbima import (
    MISSING,
    SITE,
    compact_day,
    newest_bank_days,
    number,
    optional_number,
    still_kept,
    wanted,
)
from macro_fund.sources.decode import RAW_CHARS, REJECTED, fail, require_status, text_of
from macro_fund.sources.http import Parsed, Payload, Request
from macro_fund.sources.slices import hull

PROVIDER = "anbima_bonds"
DAILY_FILES = True
URL = SITE + "/merc-sec/arqs/ms{day:%y%m%d}.txt"
TITLE_LINE = "ANBIMA - "
HEADER = (
    "Titulo", "Data Referencia", "Codigo SELIC", "Data Base/Emissao", "Data Vencimento", "Tx. Compra", "Tx. Venda",
    "Tx. Indicativas", "PU", "Desvio padrao", "Interv. Ind. Inf. (D0)", "Interv. Ind. Sup. (D0)",
    "Interv. Ind. Inf. (D+1)", "Interv. Ind. Sup. (D+1)", "Criterio",
)  # fmt: skip
TITLES = frozenset({"LTN", "LFT", "NTN-B", "NTN-C", "NTN-F"})
ROWS = pl.Schema(
    {
        "series_id": pl.String,
        "event_date": pl.Date,
        "bond": pl.String,
        "maturity": pl.Date,
        "issue_date": pl.Date,
        "rate": pl.Float64,
        "price": pl.Float64,
        "bid_rate": pl.Float64,
        "ask_rate": pl.Float64,
        "deviation": pl.Float64,
    }
)


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request for each of the newest bank days of the windows' hull; it serves all series (nothing to slice)."""
    ids = tuple(s.id for s in series if s.id in windows)
    if not ids:
        return []
    days = newest_bank_days(hull([windows[i] for i in ids]))
    return [Request(PROVIDER, "GET", URL.format(day=d), f"ANBIMA bonds of {d}", ids) for d in days]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of one day for the series of the request; a row without an indicative rate is no row.

    A row with an unreadable cell, and each type of title that is not known, is rejected. Raises SourceError for a file
    that must be there and is not, a web page, a cut file, other columns, or a file of another day.
    """
    day = _day_asked(payload)
    if payload.status == 404:
        if still_kept(payload, day):
            raise fail(payload, f"no file yet for {day}", remedy="ANBIMA keeps it for five business days: run again")
        return _parsed([], [])
    require_status(payload)
    lines = _lines(payload)
    others = sorted({cells[1] for cells in lines} - {f"{day:%Y%m%d}"})
    if others:
        raise fail(payload, f"the file of {day} holds rows of {', '.join(others)[:60]}")
    rows, rejected = [], _unknown(day, lines)
    asked = wanted(payload, series)
    for cells in lines:
        if cells[0] not in asked or cells[7].strip() in MISSING:
            continue
        row, reason = _row(asked[cells[0]], day, cells)
        if reason:
            rejected.append((f"{asked[cells[0]].id} {_bond(cells)}", day, "@".join(cells)[:RAW_CHARS], reason))
        else:
            rows.append(row)
    return _parsed(rows, rejected)


def _parsed(rows: Sequence[tuple[object, ...]], rejected: Sequence[tuple[object, ...]]) -> Parsed:
    return Parsed(pl.DataFrame(rows, ROWS, orient="row"), pl.DataFrame(rejected, REJECTED, orient="row"))


def _day_asked(payload: Payload) -> date:
    name = payload.request.url.rpartition("/ms")[2]
    day = compact_day(f"20{name.removesuffix('.txt')}")
    if day is None:
        raise ValueError(f"{payload.request.label}: no day in {payload.request.url}")
    return day


def _lines(payload: Payload) -> list[list[str]]:
    """Cells of the rows below the two header lines, each line whole."""
    text = text_of(payload, "latin-1")
    if not text.endswith("\n"):
        raise fail(payload, "cut file: its last line is not complete", transient=True)
    lines = [line.rstrip("\r").split("@") for line in text.split("\n") if line.strip()]
    if len(lines) < 2 or not lines[0][0].startswith(TITLE_LINE):
        raise fail(payload, f"the file does not start with {TITLE_LINE.strip()!r} and its columns")
    names = [name.strip() for name in lines[1]]
    if tuple(names) != HEADER:
        new, gone = [n for n in names if n not in HEADER], [h for h in HEADER if h not in names]
        said = "; ".join(f"{what} {', '.join(n)[:60]}" for what, n in (("new:", new), ("missing:", gone)) if n)
        raise fail(payload, f"other columns than expected ({said or 'in another order'})")
    short = [i for i, cells in enumerate(lines[2:], start=3) if len(cells) != len(HEADER)]
    if short or len(lines) == 2:
        raise fail(payload, f"cut file: line {short[0] if short else 3} is not complete", transient=True)
    return lines[2:]


def _unknown(day: date, lines: Sequence[Sequence[str]]) -> list[tuple[object, ...]]:
    """One rejected entry for each type of title that we do not know, with its first row."""
    first = {cells[0]: cells for cells in reversed(lines) if cells[0] not in TITLES}
    reason = "unknown title: if it is a new one, add it to TITLES in anbima_bonds.py and to config/series"
    return [(f"title {t}", day, "@".join(cells)[:RAW_CHARS], reason) for t, cells in sorted(first.items())]


def _bond(cells: Sequence[str]) -> str:
    maturity = compact_day(cells[4])
    return f"{cells[0]} {cells[2].strip()} {maturity or cells[4].strip()}"


def _row(one: Series, day: date, cells: Sequence[str]) -> tuple[tuple[object, ...], str]:
    """(a row of ROWS, '') or ((), why not)."""
    maturity, issued = compact_day(cells[4]), compact_day(cells[3])
    if maturity is None:
        return (), f"maturity not readable: {cells[4][:40]!r}"
    if issued is None and cells[3].strip() not in MISSING:
        return (), f"issue date not readable: {cells[3][:40]!r}"
    found: dict[int, float | None] = {}
    for column in (7, 8, 5, 6, 9):
        value, reason = (number if column == 7 else optional_number)(cells[column])
        if reason:
            return (), f"{HEADER[column]}: {reason}"
        found[column] = value if value is None or column in (8, 9) else value * one.scale
    return (one.id, day, _bond(cells), maturity, issued, *found.values()), ""
