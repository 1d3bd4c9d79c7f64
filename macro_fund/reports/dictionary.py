"""The data dictionary: every table and series of the fund as one Markdown page.

Belongs here: words and layout. Does not belong here: the tables (store/tables.py) and series (config/series/)
themselves: change those and write docs/data-dictionary.md again with `python -m macro_fund.reports.dictionary`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

import polars as pl
from polars.datatypes import DataTypeClass

from macro_fund.settings import Publication, Series
from macro_fund.store.table import Table
from macro_fund.store.tables import PROVENANCE

HEAD = """# Data dictionary

Generated from the catalogue of tables (`macro_fund/store/tables.py`) and the series in `config/series/`. Do not edit
this page; write it again with `.venv/bin/python -m macro_fund.reports.dictionary > docs/data-dictionary.md`.

A table is `lake/<layer>/<table>/<session>.parquet` in the fund's home and the view `<layer>.<table>` in
`warehouse.duckdb`. `session` is the morning on which a row became known; see [point in time](point-in-time.md).
Rates are decimals: 0.105 is 10.5%.
"""

SERIES = """## Series

By provider: what holds for all its series in a list, what differs in a table. Where a column has a number, the line
with that number in the list above the table has the words. `macro-fund series page` writes the same as one page
with a search box.
"""

SIDE = (
    "Rows beside the table of each asset, in `lake/side/{key}/<asset>/`. In the warehouse all of them are the view "
    "`quality.{key}`."
)

SCALARS: Mapping[object, str] = {
    pl.String: "text",
    pl.Date: "date",
    pl.Boolean: "true or false",
    pl.Float64: "float",
    pl.Int64: "integer",
    pl.Int32: "integer",
    pl.Int8: "integer",
}

FREQUENCIES = {"D": "daily", "W": "weekly", "M": "monthly", "Q": "quarterly", "A": "yearly", "E": "by event"}


def data_dictionary(tables: Iterable[Table], series: Iterable[Series]) -> str:
    """The page: tables in the order given, then series by source and id.

    A table whose key names no layer (quarantine, failures) is described as one that lies beside each asset.
    """
    parts = [HEAD]
    for layer, members in groupby(tables, key=lambda t: t.layer if "/" in t.key else "Beside the tables"):
        parts.append(f"## {layer}\n")
        parts += [_table(t) for t in members]
    parts.append(SERIES)
    by_source = sorted(series, key=lambda s: (s.source, s.id))
    parts += [_source(name, list(members)) for name, members in groupby(by_source, key=lambda s: s.source)]
    return "\n".join(parts)


def _table(table: Table) -> str:
    where = table.description if "/" in table.key else SIDE.format(key=table.key)
    rows = [
        (f"`{name}`", type_words(column.dtype), "yes" if column.nullable else "", _notes(name, column.description))
        for name, column in table.columns.items()
    ]
    key = ", ".join(f"`{c}`" for c in table.sort)
    head = f"### {table.key}\n\n{where}\n\n{'Key' if table.unique else 'Sorted by'}: {key}. Owner: {table.owner}.\n"
    return f"{head}\n{_grid(('column', 'type', 'null', 'meaning'), rows)}\n"


def _notes(name: str, description: str) -> str:
    return f"{description} (not in the digest)" if name in PROVENANCE else description


def type_words(dtype: pl.DataType | DataTypeClass) -> str:
    """A column's type in words that need no knowledge of polars; ValueError for a type without words."""
    if dtype in SCALARS:
        return SCALARS[dtype]
    match dtype:
        case pl.Datetime():
            return f"time, {dtype.time_zone}"
        case pl.Decimal():
            return f"decimal, {dtype.scale} places"
        case pl.List():
            return f"list of {type_words(dtype.inner)}"
        case pl.Struct():
            return "{" + ", ".join(f"{f.name}: {type_words(f.dtype)}" for f in dtype.fields) + "}"
    raise ValueError(f"type {dtype} has no words in the data dictionary; add it to type_words")


def _source(name: str, members: Sequence[Series]) -> str:
    """One provider: what holds for all its series in a list, what differs in the table, long words by number."""
    said: list[str] = []
    names = ["id", "code", "title"]
    columns = [
        [f"`{s.id}`" for s in members],
        [f"`{s.code}`" for s in members],
        [f"{s.title} ({s.notes})" if s.notes else s.title for s in members],
    ]
    for head, cell_of in FIELDS.items():
        cells = [cell_of(s) for s in members]
        kinds = list(dict.fromkeys(cells))
        if len(kinds) == 1:
            said.append(f"* {head}: {kinds[0] or 'no'}")
            continue
        if head in NUMBERED:
            said += [f"* {head} {n}: {words}" for n, words in enumerate(kinds, start=1)]
            cells = [str(kinds.index(cell) + 1) for cell in cells]
        names.append(head)
        columns.append(cells)
    return f"### {name}\n\n" + "\n".join(said) + f"\n\n{_grid(names, zip(*columns, strict=True))}\n"


def _span(series: Series) -> str:
    return f"{series.start} to {series.ended}" if series.ended else str(series.start)


def _public(series: Series) -> str:
    return f"{publication_words(series.publication)}; basis: {series.publication.basis}"


def publication_words(rule: Publication) -> str:
    """When a value becomes public, in words."""
    side = "before" if rule.n < 0 else "after"
    when = {
        "same_day": "on the day",
        "business_days": f"business day +{rule.n} ({rule.calendar})",
        "calendar_days": f"calendar day +{rule.n}, or the next business day ({rule.calendar})",
        "after_period": f"{abs(rule.n)} days {side} the period ends, or the next business day ({rule.calendar})",
        "weekly_monday": f"the Monday after the week, or the next business day ({rule.calendar})",
        "effective": "when it takes effect",
        "years_before": f"1 July, {rule.n} years before",
    }[rule.kind]
    real = f"the release day of config/releases ({rule.release}), else " if rule.release else ""
    return f"{real}{when}, {rule.at:%H:%M} {rule.tz}"


FIELDS: Mapping[str, Callable[[Series], str]] = {
    "unit": lambda s: s.unit,
    "frequency": lambda s: FREQUENCIES[s.frequency],
    "from": _span,
    "public": _public,
    "revised": lambda s: "yes" if s.revised else "",
    "stale after": lambda s: f"{s.max_age_days} d",
    "range": lambda s: f"{s.low:,.10g} to {s.high:,.10g}",
    "licence": lambda s: s.licence,
}
# Words too long to be said again for each series: the table gives the number of a line of the list above it.
NUMBERED = ("public", "licence")


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Write the page of the project's own tables and series to standard output."""
    import sys

    from macro_fund.settings import default_settings
    from macro_fund.store.tables import FAILURES, QUARANTINE, TABLES

    sys.stdout.write(data_dictionary([*TABLES.values(), QUARANTINE, FAILURES], default_settings().series))


if __name__ == "__main__":
    main()
