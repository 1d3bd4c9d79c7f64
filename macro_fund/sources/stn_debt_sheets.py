"""Sheets of the Treasury's debt report: which row is what, and which column is which month.

Belongs here: the headings of the sheets, labels and month names, a sheet taken apart. Does not belong here: zip and
workbook (`stn_debt`), or which rows a series is (config/series).

Labels stand in the first column, months ('Nov/06') in one row above; nothing is found by its position. A label such as
LFT comes back under several headings, so a row is known by its path: the headings above it and its own label. Some
labels end with the mark of a footnote. Years ('2025') and other words above a column are totals, which are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

Row = tuple[object, ...]
# The headings of each sheet that is read and how deep they stand; every other label is a row of the heading above.
HEADINGS: Mapping[str, Mapping[str, int]] = {
    "2.1": {
        "dpf em poder do público": 0,
        "dpmfi": 1,
        "tesouro nacional": 2,
        "banco central": 2,
        "dpfe": 1,
        "dívida mobiliária": 2,
        "dívida contratual": 2,
        "dpmfi em poder do banco central": 0,
    },
    "1.3": {
        "i - emissões": 0,
        "ii - resgates": 0,
        "vendas": 1,
        "trocas": 1,
        "vencimentos": 1,
        "compras": 1,
        "tesouro direto": 1,
        "transferência de carteira": 1,
        "emissão direta com financeiro": 1,
        "emissão direta sem financeiro": 1,
        "pagamento de dividendos": 1,
        "cancelamentos": 1,
    },
}
# In this sheet a line in capitals (IMPACTO NA LIQUIDEZ, OPERAÇÕES DO BANCO CENTRAL) begins another part.
CAPITALS = "1.3"
MONTHS = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")
# Two digits of a year: the report begins in 2006.
CENTURY, PIVOT = 2000, 90
EMPTY = ("", "-")
_MONTH = re.compile(r"([a-z]{3})/(\d{4}|\d{2})")
_CAPITALS = re.compile(r"[A-ZÀ-Ý]{5,}")
_FOOTNOTE = re.compile(r"[\s\d()/,]+$")
_MARKS = {**dict.fromkeys(map(ord, "¹²³⁴⁵⁶⁷⁸⁹⁰*"), ""), 0x2013: "-", 0x2014: "-"}


@dataclass(frozen=True)
class Sheet:
    """months: by column. undated: headers of columns that hold values and have neither a month nor a total's name.

    lines: the rows of each path; more than one where the provider has a row twice.
    """

    name: str
    months: Mapping[int, date]
    undated: Mapping[int, object]
    lines: Mapping[tuple[str, ...], Sequence[Row]]

    def distinct(self, rows: Sequence[Row], column: int) -> list[object]:
        """The different cells of some rows in one column, empty ones left out."""
        cells = [row[column] for row in rows if column < len(row)]
        return list(dict.fromkeys(c for c in cells if not is_empty(c)))


def is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and cell.strip() in EMPTY)


def key_of(label: object) -> str:
    """A label as it is compared: lower case, single spaces, plain hyphens, no mark of a footnote above the line."""
    text = unicodedata.normalize("NFC", str(label)).translate(_MARKS)
    return re.sub(r"\s+", " ", text).strip().casefold()


def month_of(cell: object) -> date | None:
    """First day of the month of a header ('Nov/06', 'Nov/2006' or a date); None for any other."""
    if isinstance(cell, datetime):
        return date(cell.year, cell.month, 1)
    found = _MONTH.fullmatch(key_of(cell)) if isinstance(cell, str) else None
    if found is None or found[1] not in MONTHS:
        return None
    year = int(found[2])
    if year < 100:
        year += CENTURY if year < PIVOT else CENTURY - 100
    return date(year, MONTHS.index(found[1]) + 1, 1) if year >= 1900 else None


def read_sheet(name: str, rows: Sequence[Row]) -> Sheet:
    """A sheet taken apart; without months when no row has one. The row with most of them is the header."""
    counts = [sum(month_of(c) is not None for c in row[1:]) for row in rows]
    if not any(counts):
        return Sheet(name, {}, {}, {})
    at = counts.index(max(counts))
    header = rows[at]
    dated = {i: month_of(c) for i, c in enumerate(header) if i > 0}
    months = {i: m for i, m in dated.items() if m is not None}
    lines = _lines(name, rows[at + 1 :])
    return Sheet(name, months, _undated(header, months, lines), lines)


def _lines(name: str, rows: Sequence[Row]) -> dict[tuple[str, ...], list[Row]]:
    """Rows by path."""
    above: tuple[str, ...] = ()
    lines: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if not row or not isinstance(row[0], str) or not row[0].strip():
            continue
        key, level = _heading(name, row[0])
        if level is not None:
            above = (*above[:level], key)
        lines.setdefault(above if level is not None else (*above, key), []).append(row)
    return lines


def _heading(name: str, label: str) -> tuple[str, int | None]:
    """(key, depth) of a label; depth None for one that is no heading."""
    key = key_of(label)
    for text in (key, _FOOTNOTE.sub("", key)):
        if text in HEADINGS[name]:
            return text, HEADINGS[name][text]
    capitals = name == CAPITALS and label.isupper() and _CAPITALS.search(label)
    return key, 0 if capitals else None


def _undated(
    header: Row, months: Mapping[int, date], lines: Mapping[tuple[str, ...], Sequence[Row]]
) -> dict[int, object]:
    """Headers of the columns that hold numbers under no month and no name of a total (a word without '/')."""
    width = max((len(row) for rows in lines.values() for row in rows), default=0)
    found = {}
    for column in set(range(1, width)) - months.keys():
        cell = header[column] if column < len(header) else None
        named = isinstance(cell, int | float) or (not is_empty(cell) and "/" not in str(cell))
        cells = (row[column] for rows in lines.values() for row in rows if column < len(row))
        if not named and any(isinstance(c, int | float) for c in cells):
            found[column] = cell
    return dict(sorted(found.items()))
