"""A Pack as a self-contained HTML page, as Markdown and as a table of its numbers.

Belongs here: layout. Does not belong here: content (pack.py).
"""

from __future__ import annotations

import base64
from datetime import date

import polars as pl

from macro_fund.reports.blocks import Cell, Grid, Number
from macro_fund.reports.figure import watermarked
from macro_fund.reports.pack import Pack
from macro_fund.store.content import content_id
from macro_fund.store.tables import TABLES


def cell_text(cell: Cell) -> str:
    return cell.text if isinstance(cell, Number) else cell


def passport_id(session: date, section: str, item: str) -> str:
    """What `macro-fund explain` knows a printed number by; the same on any machine."""
    return content_id([session, section, item], 10)


def numbers_table(pack: Pack) -> pl.DataFrame:
    """Every number printed, and every sentence that an asset wrote: reports/morning_pack rows."""
    rows: list[tuple[object, ...]] = [
        (
            *(pack.session, s.key, n.item, None if n.value is None else float(n.value), n.text, n.asset),
            passport_id(pack.session, s.key, n.item),
        )
        for s in pack.sections
        for n in s.numbers
    ]
    rows += [
        (
            *(pack.session, s.key, f"sentence {i}", None, line, s.prose),
            passport_id(pack.session, s.key, f"sentence {i}"),
        )
        for s in pack.sections
        if s.prose
        for i, line in enumerate(s.lines, 1)
    ]
    return pl.DataFrame(rows, schema=TABLES["reports/morning_pack"].schema, orient="row")


def to_markdown(pack: Pack) -> str:
    """The pack without pictures, for terminals, mail and Dagster's pages."""
    facts = [*pack.facts, f"**{pack.watermark}**"] if pack.watermark else pack.facts
    parts = [f"# {pack.title}", " · ".join(facts)]
    for section in pack.sections:
        parts.append(f"## {section.title}")
        parts += [f"- {line}" for line in section.lines]
        parts += [_markdown_grid(g) for g in section.grids]
    return "\n\n".join(parts) + "\n"


def _markdown_grid(grid: Grid) -> str:
    if not grid.rows:
        return f"*{grid.empty}*"
    rows = [[cell_text(c).replace("|", "/") for c in row] for row in grid.rows]
    lines = [list(grid.head), ["---"] * len(grid.head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def to_html(pack: Pack) -> str:
    """One file with everything in it: styles, tables, pictures."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("macro_fund.reports"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["text"] = cell_text
    environment.globals["passport"] = passport_id
    environment.tests["number"] = lambda c: isinstance(c, Number)
    environment.filters["b64"] = lambda png: base64.b64encode(watermarked(png, pack.watermark)).decode()
    return environment.get_template("pack.html.j2").render(pack=pack)
