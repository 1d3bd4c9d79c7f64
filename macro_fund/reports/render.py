"""A Pack as a self-contained HTML page, as Markdown and as a table of its numbers.

Belongs here: layout of text. Does not belong here: content (pack*.py), words (words.py) or paper (pdf.py).
"""

from __future__ import annotations

import base64
from datetime import date

import polars as pl

from macro_fund.reports.blocks import Cell, Grid, Number, Phrase, Picture, is_alarm
from macro_fund.reports.figure import watermarked
from macro_fund.reports.pack import Pack
from macro_fund.reports.words import in_words
from macro_fund.store.content import content_id
from macro_fund.store.tables import TABLES


def passport_id(session: date, section: str, item: str) -> str:
    """What `macro-fund explain` knows a printed number by; the same on any machine and in any language."""
    return content_id([session, section, item], 10)


def numbers_table(pack: Pack, language: str = "en") -> pl.DataFrame:
    """Every number printed, and every sentence that an asset wrote in `language`: reports/morning_pack rows.

    Numbers are as printed in English, whatever the languages of the files are.
    """
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
            *(pack.session, s.key, f"sentence {i}", None, in_words(line, language), s.prose),
            passport_id(pack.session, s.key, f"sentence {i}"),
        )
        for s in pack.sections
        if s.prose
        for i, line in enumerate(s.lines, 1)
    ]
    return pl.DataFrame(rows, schema=TABLES["reports/morning_pack"].schema, orient="row")


def to_markdown(pack: Pack, language: str = "en") -> str:
    """The pack without pictures, for terminals, mail and Dagster's pages."""
    facts = [in_words(f, language) for f in pack.facts]
    if pack.watermark:
        facts.append(f"**{pack.watermark}**")
    parts = [f"# {in_words(pack.title, language)}", " · ".join(facts)]
    for section in pack.sections:
        parts.append(f"## {in_words(section.title, language)}")
        parts += [f"- {text}" for line in section.lines if (text := in_words(line, language))]
        parts += [_markdown_grid(g, language) for g in section.grids]
    return "\n\n".join(parts) + "\n"


def _markdown_grid(grid: Grid, language: str) -> str:
    if not grid.rows:
        return f"*{in_words(grid.empty, language)}*"
    head, *rows = [[in_words(c, language).replace("|", "/") for c in row] for row in (grid.head, *grid.rows)]
    lines = [head, ["---"] * len(grid.head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def to_html(pack: Pack, language: str = "en") -> str:
    """One file with everything in it: styles, tables, pictures."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("macro_fund.reports"), autoescape=True, undefined=jinja2.StrictUndefined
    )

    def text(cell: Cell) -> str:
        return in_words(cell, language)

    def shown(picture: Picture) -> str:
        return base64.b64encode(watermarked(picture.drawn(language), pack.watermark)).decode()

    environment.filters["text"] = text
    environment.globals["passport"] = passport_id
    environment.tests["alarm"] = is_alarm
    environment.tests["phrase"] = lambda c: isinstance(c, Phrase)
    environment.tests["number"] = lambda c: isinstance(c, Number)
    environment.filters["b64"] = shown
    return environment.get_template("pack.html.j2").render(pack=pack, language=language)
