"""The small language that a report is written in: numbers with their origin, tables, sentences, pictures.

Belongs here: the block types and how a number is printed. Does not belong here: which numbers a report shows (pack.py)
or how a page looks (render.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Style = Literal["percent", "bp", "brl", "number", "score", "count", "price"]


def print_number(value: float | None, style: Style) -> str:
    """The value in the reader's unit: 0.065 as percent is 6.50%; a missing value is a dash, never a zero."""
    if value is None:
        return "–"
    match style:
        case "percent":
            return f"{value * 100:.2f}%"
        case "bp":
            return f"{value:+.1f} bp"
        case "brl":
            return f"BRL {value:,.2f}"
        case "score":
            return f"{value:+.2f}"
        case "count":
            return f"{value:,.0f}"
        case "price":
            return f"{value:,.4f}"
        case "number":
            return f"{value:,.2f}"


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


Cell = str | Number


@dataclass(frozen=True)
class Grid:
    """A table."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str = "nothing"


@dataclass(frozen=True)
class Picture:
    """A plot, embedded."""

    title: str
    png: bytes


@dataclass(frozen=True)
class Section:
    """One part of the report: sentences first, then tables and pictures.

    prose: the asset that wrote the sentences, if one did.
    """

    key: str
    title: str
    lines: Sequence[str] = ()
    grids: Sequence[Grid] = ()
    pictures: Sequence[Picture] = field(default=())
    prose: str = ""

    @property
    def numbers(self) -> list[Number]:
        return [c for g in self.grids for row in g.rows for c in row if isinstance(c, Number)]
