"""The pack's first screen: the figures that decide whether to read on, and what to do.

Belongs here: choosing numbers that the parts below show. Does not belong here: any table of its own: a number that is
in no part is in no summary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from macro_fund.reports.blocks import Cell, Grid, Number, Phrase, Section, say
from macro_fund.reports.pack_calendar import Event

MOST = 6
TILES = (
    ("profit", "nav"),
    ("profit", "pnl day"),
    ("profit", "pnl month to date"),
    ("profit", "pnl year to date"),
    ("breaks", "var_99 use"),
    ("breaks", "worst_stress use"),
    ("breaks", "stopping checks"),
    ("markets", "di_curve 252bd change"),
    ("markets", "di_curve 1260bd change"),
    ("markets", "br_usdbrl_ptax_ask change"),
    ("markets", "br_ibov change"),
    ("markets", "us_spx change"),
)


def summary(parts: Sequence[Section], events: Sequence[Event]) -> Section:
    """Tiles of numbers out of the parts, the first actions, and the next event."""
    shown = {(s.key, n.item): n for s in parts for n in s.numbers}
    tiles: list[list[Cell]] = [
        [say(f"tile.{item.replace(' ', '_')}"), _headline(shown[part, item])]
        for part, item in TILES
        if (part, item) in shown
    ]
    lines = next(s.lines for s in parts if s.key == "actions")
    more = [say("action.more", n=str(len(lines) - MOST))] if len(lines) > MOST else []
    ahead = [say("event.next", event=say(f"event.{e.key}"), when=f"{e.local:%Y-%m-%d %H:%M}") for e in events[:1]]
    return Section(
        "summary",
        say("section.summary"),
        [*(_again(line) for line in lines[:MOST]), *more, *ahead],
        [Grid(("", ""), tiles, say("empty.nothing"), tiles=True)],
    )


def _headline(number: Number, where: str = "headline") -> Number:
    """The number under another name: `macro-fund explain nav` means the one in its own part."""
    return replace(number, item=f"{where} {number.item}")


def _again(line: Cell) -> Cell:
    """A sentence of another part, its numbers under the summary's names."""
    if not isinstance(line, Phrase):
        return line
    return replace(line, fill=tuple((k, _headline(c, "told") if isinstance(c, Number) else c) for k, c in line.fill))
