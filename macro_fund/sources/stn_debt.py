"""Tesouro Nacional, monthly debt report (RMD): stock, issuance and redemption of the federal debt, by security.

Belongs here: the page of the newest report, the link to its annex and what is read of the annex's workbook. Does not
belong here: how a sheet is laid out (`stn_debt_sheets`), publication lags (config/series) or which rows are new
(`ingest`).

The page is that of the newest report; the number in the address of its annex changes each month. The annex is a zip
with one workbook, and each month's workbook holds every month since November 2006: sheet 2.1 the stock at the end of
the month (BRL bn), sheet 1.3 what was issued and redeemed in the month (BRL mn). So one question serves all series.

A series' code is the sheet and the headings above its row, joined by ' > ': `2.1 > DPF em poder do público > DPMFi`.
'*' stands for any heading: the rows that it finds are added up (`1.3 > I - Emissões > * > LFT`: sales, exchanges and
Tesouro Direto).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO
from zipfile import BadZipFile, ZipFile

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import RAW_CHARS, REJECTED, ROWS, fail, reject_html, require_status
from macro_fund.sources.messages import Parsed, Payload, Request
from macro_fund.sources.slices import Days
from macro_fund.sources.stn_debt_sheets import HEADINGS, Row, Sheet, key_of, read_sheet
from macro_fund.sources.text import parse_html, tidy

PROVIDER = "stn_debt"
PAGE = "https://www.tesourotransparente.gov.br/publicacoes/relatorio-mensal-da-divida-rmd"
ANNEX = "https://thot-arquivos.tesouro.gov.br/publicacao-anexo/{number}"
CONFIG = "compare with the workbook and correct the code in config/series/stn_debt.yaml"
MOVED = f"open {PAGE} and look for the annex (zip); if it has moved, correct macro_fund/sources/stn_debt.py"
LAYOUT = "the workbook is laid out anew: open it and correct macro_fund/sources/stn_debt_sheets.py"
_LINK = re.compile(r"publicacao-anexo/(\d+)/?$")
_UP_TO = re.compile(r"up to (\d{4}-\d\d-\d\d)$")

Line = tuple[str, date | None, str, str]


def plan(series: Sequence[Series], windows: Mapping[str, Days], policy: Source) -> list[Request]:
    """The page of the newest report, whatever the windows: its annex is always whole (policy has nothing to slice).

    The label ends with the last day asked of the first series: the annex is asked as a document of that day.
    """
    ids = tuple(s.id for s in series if s.id in windows)
    if not ids:
        return []
    return [Request(PROVIDER, "GET", PAGE, f"debt report page, up to {windows[ids[0]][1]}", ids)]


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """The newest annex that the page names (follow), or the rows of an annex. An empty cell is no row.

    A cell that is no number, a row that is not there or says two things, and a column of values without a month are
    rejected. Raises SourceError for a refusal, a cut page or one without an annex, and for an annex that is not one zip
    with one workbook with both sheets, their months and something that can be read.
    """
    require_status(payload)
    if payload.request.url == PAGE:
        return _page(payload)
    return _annex(payload, [s for s in series if s.id in payload.request.items])


def _page(payload: Payload) -> Parsed:
    """The annex to ask. A page whose end is missing may lack the newest link too."""
    if not payload.body.strip():
        raise fail(payload, "empty answer", transient=True)
    text = payload.body.decode("utf-8", "replace")
    if "</html>" not in text.lower():
        raise fail(payload, "cut page: it has no end", transient=True)
    number = _newest(text)
    asked = _UP_TO.search(payload.request.label)
    if asked is None:
        raise ValueError(f"no last day in the label {payload.request.label!r}")
    if number is None:
        raise fail(payload, "no link to an annex (publicacao-anexo) in the page", remedy=MOVED, transient=True)
    items = payload.request.items
    annex = Request(PROVIDER, "GET", ANNEX.format(number=number), f"debt report annex {number}", items)
    return Parsed(*_frames([], []), ((items[0], date.fromisoformat(asked[1]), annex),))


def _newest(text: str) -> int | None:
    """The highest number among the links to annexes that are named as a zip; where none is, the page's first link.

    The text of the report (PDF) is such a link too. Numbers are given in the order of publication.
    """
    numbers, zips = [], []
    for link in parse_html(text).iter("a"):
        found = _LINK.search(link.get("href") or "")
        if found:
            numbers.append(int(found[1]))
            if ".zip" in f"{link.get('title') or ''} {tidy(link.text_content())}".lower():
                zips.append(int(found[1]))
    return max(zips) if zips else next(iter(numbers), None)


def _annex(payload: Payload, series: Sequence[Series]) -> Parsed:
    """Rows of the series, sheet by sheet; values in the provider's units times `scale`."""
    tables = _tables(payload, _workbook(payload))
    rows: list[tuple[str, date, float]] = []
    refused: list[Line] = []
    for name in HEADINGS:
        own = [s for s in series if s.code.split(" > ")[0] == name]
        sheet = read_sheet(name, tables[name])
        if not sheet.months:
            raise fail(payload, f"sheet {name} has no row of months like 'Nov/06'", remedy=LAYOUT)
        for one in own:
            got, lines = _series(sheet, one)
            rows += got
            refused += lines
        refused += _undated(sheet, own)
    if refused and not rows:
        raise fail(payload, f"none of {len(refused)} cells or rows can be read: {refused[0][3]}", remedy=CONFIG)
    return Parsed(*_frames(rows, refused))


def _frames(rows: Sequence[tuple[str, date, float]], refused: Sequence[Line]) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.DataFrame(rows, ROWS, orient="row"), pl.DataFrame(refused, REJECTED, orient="row")


def _workbook(payload: Payload) -> bytes:
    """The one workbook of the zip."""
    reject_html(payload)
    try:
        with ZipFile(BytesIO(payload.body)) as packed:
            names = packed.namelist()
            books = [n for n in names if n.lower().endswith(".xlsx")]
            if len(books) == 1:
                return packed.read(books[0])
    except (BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, zlib.error) as error:
        raise fail(payload, f"not a whole zip: {error}", transient=True) from None
    held = ", ".join(names)[:200] or "nothing"
    raise fail(payload, f"{len(books)} workbooks (.xlsx) in the zip where one is expected: {held}", remedy=MOVED)


def _tables(payload: Payload, book: bytes) -> dict[str, list[Row]]:
    """The cells of the sheets that are read, by sheet: numbers, texts, moments, None."""
    import openpyxl  # only this source needs it, and it takes 0.2 s

    try:
        workbook = openpyxl.load_workbook(BytesIO(book), read_only=True, data_only=True)
        there = {name.strip(): name for name in workbook.sheetnames}
        tables = {}
        for name in HEADINGS:
            if name in there:
                sheet = workbook[there[name]]
                sheet.reset_dimensions()  # a size that the file states wrongly would hide cells
                tables[name] = list(sheet.iter_rows(values_only=True))
    except (AttributeError, BadZipFile, EOFError, KeyError, SyntaxError, TypeError, ValueError, zlib.error) as error:
        raise fail(payload, f"not a readable workbook (xlsx): {error}", transient=True) from None
    missing = [name for name in HEADINGS if name not in tables]
    if missing:
        held = ", ".join(there)[:200] or "none"
        raise fail(payload, f"the workbook has no sheet {' and '.join(missing)}; it has {held}", remedy=LAYOUT)
    return tables


def _series(sheet: Sheet, series: Series) -> tuple[list[tuple[str, date, float]], list[Line]]:
    """(rows, rejected) of one series."""
    steps = series.code.split(" > ")[1:]
    found = [rows for path, rows in sheet.lines.items() if _fits(path, steps)]
    where = f"sheet {sheet.name}, row {' > '.join(steps)!r}"
    if not found:
        return [], [(series.id, None, series.code, f"{where}: there is none; {CONFIG}")]
    rows: list[tuple[str, date, float]] = []
    refused: list[Line] = []
    for column, month in sheet.months.items():
        value, reason = _added([sheet.distinct(lines, column) for lines in found])
        if reason:
            raw = "; ".join(str(c) for lines in found for c in sheet.distinct(lines, column))
            refused.append((series.id, month, raw[:RAW_CHARS], f"{where}: {reason}"))
        elif value is not None:
            rows.append((series.id, month, value * series.scale))
    if not rows and not refused:
        refused.append((series.id, None, series.code, f"{where}: no value in any month; {CONFIG}"))
    return rows, refused


def _fits(path: tuple[str, ...], steps: Sequence[str]) -> bool:
    """Whether a row's path is the one that a code says."""
    return len(path) == len(steps) and all(s == "*" or key_of(s) == p for p, s in zip(path, steps, strict=True))


def _added(cells: Sequence[Sequence[object]]) -> tuple[float | None, str]:
    """(sum, '') of what several rows hold in one month, or (None, why not). cells: the distinct ones of each row.

    None without a reason: all are empty.
    """
    if any(len(own) > 1 for own in cells):
        return None, "several values for one month"
    held = [own[0] for own in cells if own]
    strange = [c for c in held if isinstance(c, bool) or not isinstance(c, int | float)]
    if strange:
        return None, f"not a number: {str(strange[0])[:40]!r}"
    numbers = [float(c) for c in held if isinstance(c, int | float)]
    if len(numbers) < 2:
        return (numbers[0] if numbers else None), ""
    return round(sum(numbers), 6), ""  # one real at most: what is beyond is the sum's own dust


def _undated(sheet: Sheet, series: Sequence[Series]) -> list[Line]:
    """A line for each column of values that has no month, told of the sheet's first series."""
    reason = f"sheet {sheet.name}, column {{}}: a column of values without a month like 'Nov/06'"
    return [
        (one.id, None, f"header {header}"[:RAW_CHARS], reason.format(column + 1))
        for one in series[:1]
        for column, header in sheet.undated.items()
    ]
