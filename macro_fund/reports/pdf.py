"""A Pack on paper: A4 landscape, tables that break between rows, pictures two abreast.

Belongs here: layout of pages. Does not belong here: content (pack*.py), words (words.py) or screens (render.py).

The bytes depend on the pack and the language alone: dates in the file are the ones that the caller gives, and the fonts
come with matplotlib. Rows are drawn here, since the library's own tables take six times as long.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from macro_fund.reports.blocks import Cell, Grid, Number, Picture, is_alarm
from macro_fund.reports.figure import SIZE, watermarked
from macro_fund.reports.pack import Pack
from macro_fund.reports.words import in_words

if TYPE_CHECKING:
    from fpdf import FPDF

FONT = "DejaVu"
MARGIN, LINE, PAD = 10.0, 3.6, 1.0  # mm
TEXT, HEAD, TITLE = 7.0, 11.0, 15.0  # points
WIDEST = 75.0  # mm that a column may ask for before it is wrapped
INK, SOFT, LOSS, RULE, MARK = (28, 39, 51), (91, 107, 123), (178, 58, 36), (216, 222, 229), (200, 85, 61)
TILES = 6


def to_pdf(pack: Pack, language: str, written: datetime) -> bytes:
    """The file's bytes; `written` is the date that it says it was made."""
    page = _page(pack, language, written)
    page.set_font(FONT, "B", TITLE)
    page.cell(0, 8, in_words(pack.title, language), new_x="LMARGIN", new_y="NEXT")
    _small(page, " · ".join(in_words(f, language) for f in pack.facts))
    number = 0
    for section in pack.sections:
        number += section.key != "summary"
        title = in_words(section.title, language)
        _heading(page, title if section.key == "summary" else f"{number}. {title}")
        for line in section.lines:
            if text := in_words(line, language):
                _paragraph(page, f"• {text}")
        for grid in section.grids:
            if not grid.rows:
                _small(page, in_words(grid.empty, language))
            elif grid.tiles:
                _tiles(page, grid, language)
            else:
                _table(page, grid, language)
        _pictures(page, section.pictures, pack.watermark, language)
    return bytes(page.output())


def _page(pack: Pack, language: str, written: datetime) -> FPDF:
    import logging

    import matplotlib
    from fpdf import FPDF

    class Pages(FPDF):
        def header(self) -> None:
            if pack.watermark:
                self.set_font(FONT, "B", HEAD)
                self.set_text_color(*MARK)
                self.text(self.w - MARGIN - self.get_string_width(pack.watermark), MARGIN - 3, pack.watermark)
                self.set_text_color(*INK)

        def footer(self) -> None:
            self.set_font(FONT, "", TEXT - 1)
            self.set_text_color(*SOFT)
            self.text(MARGIN, self.h - 5, f"{in_words(pack.title, language)} · {self.page_no()}")
            self.set_text_color(*INK)

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells each table of each font
    page = Pages(orientation="landscape", format="A4")
    page.set_creation_date(written)
    page.set_title(in_words(pack.title, language))
    page.set_lang(language)
    fonts = Path(matplotlib.get_data_path()) / "fonts/ttf"
    page.add_font(FONT, "", fonts / "DejaVuSans.ttf")
    page.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
    page.set_margins(MARGIN, MARGIN)
    page.set_auto_page_break(True, MARGIN)
    page.set_text_color(*INK)
    page.set_draw_color(*RULE)
    page.set_line_width(0.15)
    page.add_page()
    return page


def _room(page: FPDF, height: float) -> bool:
    """Start a page unless `height` mm are left; True if it did."""
    if page.get_y() + height <= page.h - MARGIN - 2:
        return False
    page.add_page()
    return True


def _heading(page: FPDF, text: str) -> None:
    _room(page, 25)
    page.ln(2)
    page.set_font(FONT, "B", HEAD)
    page.cell(0, 6, text, new_x="LMARGIN", new_y="NEXT", border="B")
    page.ln(1)


def _paragraph(page: FPDF, text: str) -> None:
    page.set_font(FONT, "", TEXT + 1)
    page.multi_cell(0, LINE + 0.6, text, new_x="LMARGIN", new_y="NEXT", align="L")


def _small(page: FPDF, text: str) -> None:
    page.set_font(FONT, "", TEXT)
    page.set_text_color(*SOFT)
    page.cell(0, LINE + 1, text, new_x="LMARGIN", new_y="NEXT")
    page.set_text_color(*INK)


def _tiles(page: FPDF, grid: Grid, language: str) -> None:
    width, height = page.epw / TILES, 9.0
    for start in range(0, len(grid.rows), TILES):
        _room(page, height)
        top = page.get_y()
        for k, (label, value) in enumerate(grid.rows[start : start + TILES]):
            left = MARGIN + k * width
            page.set_font(FONT, "", TEXT)
            page.set_text_color(*SOFT)
            page.text(left, top + 3, in_words(label, language))
            page.set_font(FONT, "B", TEXT + 3)
            page.set_text_color(*_ink(value))
            page.text(left, top + 7.3, in_words(value, language))
        page.set_text_color(*INK)
        page.set_y(top + height)


def _ink(cell: Cell) -> tuple[int, int, int]:
    return LOSS if (isinstance(cell, Number) and cell.negative) or is_alarm(cell) else INK


def _table(page: FPDF, grid: Grid, language: str) -> None:
    head = [in_words(c, language) for c in grid.head]
    rows = [[in_words(c, language) for c in row] for row in grid.rows]
    page.set_font(FONT, "", TEXT)
    widths = _widths(page, [head, *rows])
    page.ln(1)
    _room(page, 3 * LINE)
    _head(page, grid.numeric, head, widths)
    for cells, texts in zip(grid.rows, rows, strict=True):
        lines = [_wrapped(page, t, w - 2 * PAD) for t, w in zip(texts, widths, strict=True)]
        height = LINE * max(len(x) for x in lines) + 0.4
        if _room(page, height):
            _head(page, grid.numeric, head, widths)
        _row(page, lines, widths, [isinstance(c, Number) for c in cells], [_ink(c) for c in cells])
        page.set_y(page.get_y() + height)
    page.ln(1.5)


def _head(page: FPDF, right: Sequence[bool], head: Sequence[str], widths: Sequence[float]) -> None:
    """The head, aligned as the cells below it are."""
    lines = [_wrapped(page, t, w - 2 * PAD) for t, w in zip(head, widths, strict=True)]
    _row(page, lines, widths, right, [SOFT] * len(head))
    page.set_y(page.get_y() + LINE * max(len(x) for x in lines) + 0.4)
    page.line(MARGIN, page.get_y(), MARGIN + sum(widths), page.get_y())


def _row(
    page: FPDF,
    lines: Sequence[Sequence[str]],
    widths: Sequence[float],
    right: Sequence[bool],
    inks: Sequence[tuple[int, int, int]],
) -> None:
    """The lines of each cell, set to the right or to the left."""
    page.set_font(FONT, "", TEXT)
    left, top = MARGIN, page.get_y()
    for texts, width, number, ink in zip(lines, widths, right, inks, strict=True):
        page.set_text_color(*ink)
        for k, text in enumerate(texts):
            indent = width - PAD - page.get_string_width(text) if number else PAD
            page.text(left + indent, top + 2.7 + k * LINE, text)
        left += width
    page.set_text_color(*INK)


def _widths(page: FPDF, rows: Sequence[Sequence[str]]) -> list[float]:
    """What each column asks for, cut to `WIDEST` unless the page has room; scaled down where it is too narrow."""
    wanted = [max(page.get_string_width(t) for t in column) + 2 * PAD + 1 for column in zip(*rows, strict=True)]
    asked = [min(w, WIDEST) for w in wanted]
    short, spare = sum(wanted) - sum(asked), page.epw - sum(asked)
    if spare < 0:
        return [a * page.epw / sum(asked) for a in asked]
    share = min(1.0, spare / short) if short else 0.0
    return [a + (w - a) * share for a, w in zip(asked, wanted, strict=True)]


def _wrapped(page: FPDF, text: str, width: float) -> list[str]:
    """The text in lines no wider than `width`; a word that is wider is cut."""
    if page.get_string_width(text) <= width:
        return [text]
    lines, line = [], ""
    for word in _pieces(page, text, width):
        longer = f"{line} {word}" if line else word
        if page.get_string_width(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
    return [*lines, line]


def _pieces(page: FPDF, text: str, width: float) -> Iterator[str]:
    """The words, those wider than `width` in pieces."""
    for word in text.split():
        size = max(1, int(len(word) * min(1.0, 0.9 * width / page.get_string_width(word))))
        if page.get_string_width(word) <= width:
            size = len(word)
        yield from (word[k : k + size] for k in range(0, len(word), size))


def _pictures(page: FPDF, pictures: Sequence[Picture], watermark: str, language: str) -> None:
    width = (page.epw - 4) / 2
    height = width * SIZE[1] / SIZE[0]
    for start in range(0, len(pictures), 2):
        _room(page, height + 5)
        top = page.get_y()
        for k, picture in enumerate(pictures[start : start + 2]):
            left = MARGIN + k * (width + 4)
            page.set_font(FONT, "", TEXT)
            page.text(left, top + 3, in_words(picture.title, language))
            page.image(io.BytesIO(watermarked(picture.drawn(language), watermark)), left, top + 4, width)
        page.set_y(top + height + 6)
