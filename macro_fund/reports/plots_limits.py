"""Pictures of the limits and the breakers.

Belongs here: drawing. Does not belong here: choosing or computing numbers.
"""

from __future__ import annotations

import polars as pl

from macro_fund.reports.blocks import Cell, say
from macro_fund.reports.figure import COLOURS, INK, empty, figure, png, recent
from macro_fund.reports.words import in_words, named

SHADE = {"ok": COLOURS[2], "warn": COLOURS[4], "breach": COLOURS[1]}


def limits_picture(frame: pl.DataFrame, language: str = "en") -> bytes:
    """Use of each limit on the newest session, %."""
    part = recent(frame, 1).drop_nulls("utilisation").sort("limit")
    if part.is_empty():
        return empty(say("plot.limits"), language)
    names = [in_words(named("limit", limit), language) for limit in part["limit"]]
    return _against_full(say("plot.limits"), part, names, [SHADE.get(s, COLOURS[5]) for s in part["status"]], language)


def breakers_picture(frame: pl.DataFrame) -> bytes:
    """Loss of each breaker on the newest session as % of its threshold; gains are 0."""
    part = recent(frame, 1).drop_nulls("loss").filter(pl.col("threshold") > 0).sort("breaker")
    if part.is_empty():
        return empty("breakers")
    used = part.with_columns(utilisation=(pl.col("loss") / pl.col("threshold")).clip(lower_bound=0.0))
    return _against_full(
        "losses, % of the breaker",
        used,
        used["breaker"].to_list(),
        [COLOURS[1 if tripped else 2] for tripped in part["tripped"]],
    )


def _against_full(title: Cell, part: pl.DataFrame, names: list[str], colours: list[str], language: str = "en") -> bytes:
    fig, (ax,) = figure(title, language=language)
    ax.barh(names, (part["utilisation"] * 100).to_list(), color=colours)
    for at, style in ((0, "-"), (100, ":")):
        ax.axvline(at, color=INK, linewidth=0.5, linestyle=style)
    return png(fig, language)
