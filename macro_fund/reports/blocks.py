"""The small language that a report is written in: numbers with their origin, phrases, tables, pictures, sections.

Belongs here: the block types and how a number is printed. Does not belong here: which numbers a report shows
(pack*.py), the phrases themselves (phrases.yaml, words.py) or how a page looks (render.py, pdf.py).

Blocks hold no language: a report is built once and printed in as many languages as are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Style = Literal["percent", "bp", "brl", "number", "score", "count", "price", "move", "loss"]
_PORTUGUESE = str.maketrans(",.", ".,")


def print_number(value: float | None, style: Style) -> str:
    """The value in the reader's unit, as in English: 0.065 as percent is 6.50%; a missing value is a dash, no zero.

    What rounds to zero has no sign.
    """
    if value is None:
        return "–"
    match style:
        case "percent" | "loss":
            return f"{value * 100:z.2f}%"
        case "move":
            return f"{value * 100:+z.2f}%"
        case "bp":
            return f"{value:+z.1f} bp"
        case "brl":
            return f"BRL {value:z,.2f}"
        case "score":
            return f"{value:+z.2f}"
        case "count":
            return f"{value:z,.0f}"
        case "price":
            return f"{value:z,.4f}"
        case "number":
            return f"{value:z,.2f}"


def localised(text: str, language: str) -> str:
    """A number as `print_number` prints it, in the language's own form: BRL 1,234.56 is R$ 1.234,56 in Portuguese."""
    return text.translate(_PORTUGUESE).replace("BRL", "R$") if language == "pt" else text


@dataclass(frozen=True)
class Number:
    """A number as printed, and the asset that it comes from."""

    item: str
    value: float | None
    style: Style
    asset: str

    @property
    def text(self) -> str:
        return print_number(self.value, self.style)

    @property
    def negative(self) -> bool:
        """Whether it is printed with a minus, which of a loss is a gain; what rounds to nothing is not."""
        return self.style != "loss" and "-" in self.text


@dataclass(frozen=True)
class Phrase:
    """Words of the page, by their key in phrases.yaml, and what stands in their {places}."""

    key: str
    fill: tuple[tuple[str, Cell], ...] = ()


@dataclass(frozen=True)
class Told:
    """Words that another stage gives in both languages."""

    en: str
    pt: str


Cell = str | Number | Phrase | Told
"""What a table or a sentence is made of; a plain string is data, the same in every language."""


ALARMS = ("breaker.tripped", "status.breach", "verdict.stop", "stop.hit", "event.today")
"""Phrases that a page prints so that nobody overlooks them."""


def is_alarm(cell: Cell) -> bool:
    return isinstance(cell, Phrase) and cell.key in ALARMS


def say(key: str, **fill: Cell) -> Phrase:
    return Phrase(key, tuple(fill.items()))


def heads(*keys: str) -> tuple[Cell, ...]:
    """A table's head from the phrases `head.*`; an empty key is an empty cell."""
    return tuple(say(f"head.{k}") if k else "" for k in keys)


@dataclass(frozen=True)
class Grid:
    """A table. `tiles`: rows of a label and a value that may stand beside each other."""

    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    empty: Cell = Phrase("empty.nothing")
    tiles: bool = False

    @property
    def numeric(self) -> list[bool]:
        """Columns that hold a number: a page sets them to the right, with their heads."""
        return [any(isinstance(row[k], Number) for row in self.rows) for k in range(len(self.head))]


@dataclass(frozen=True)
class Picture:
    """A plot, embedded. `drawn(language)` gives its PNG, with its words in that language."""

    title: Cell
    drawn: Callable[[str], bytes]

    @classmethod
    def still(cls, title: Cell, png: bytes) -> Picture:
        """A plot that is the same in every language."""
        return cls(title, lambda _language: png)


@dataclass(frozen=True)
class Section:
    """One part of the report: sentences first, then tables and pictures.

    prose: the asset that wrote the sentences, if one did.
    """

    key: str
    title: Cell
    lines: Sequence[Cell] = ()
    grids: Sequence[Grid] = ()
    pictures: Sequence[Picture] = ()
    prose: str = ""

    @property
    def numbers(self) -> list[Number]:
        cells = [*self.lines, *(c for g in self.grids for row in g.rows for c in row)]
        return [n for c in cells for n in numbers_in(c)]


def numbers_in(cell: Cell) -> Iterator[Number]:
    """The numbers of a cell, those inside a phrase included."""
    if isinstance(cell, Number):
        yield cell
    elif isinstance(cell, Phrase):
        for _, part in cell.fill:
            yield from numbers_in(part)
