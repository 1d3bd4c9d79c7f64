"""Pictures of the limits and the breakers.

Belongs here: drawing. Does not belong here: choosing or computing numbers.
"""

from __future__ import annotations

import polars as pl

from macro_fund.reports.figure import COLOURS, INK, empty, figure, png, recent

SHADE = {"ok": COLOURS[2], "warn": COLOURS[4], "breach": COLOURS[1]}


def limits_picture(frame: pl.DataFrame) -> bytes:
    """Use of each limit on the newest session, %."""
    part = recent(frame, 1).drop_nulls("utilisation").sort("limit")
    if part.is_empty():
        return empty("limits")
    return _against_full("use of limits, %", part, "limit", [SHADE.get(s, COLOURS[5]) for s in part["status"]])


def breakers_picture(frame: pl.DataFrame) -> bytes:
    """Loss of each breaker on the newest session as % of its threshold; gains are 0."""
    part = recent(frame, 1).drop_nulls("loss").filter(pl.col("threshold") > 0).sort("breaker")
    if part.is_empty():
        return empty("breakers")
    used = part.with_columns(utilisation=(pl.col("loss") / pl.col("threshold")).clip(lower_bound=0.0))
    return _against_full(
        "losses, % of the breaker", used, "breaker", [COLOURS[1 if tripped else 2] for tripped in part["tripped"]]
    )


def _against_full(title: str, part: pl.DataFrame, name: str, colours: list[str]) -> bytes:
    fig, (ax,) = figure(title)
    ax.barh(part[name].to_list(), (part["utilisation"] * 100).to_list(), color=colours)
    for at, style in ((0, "-"), (100, ":")):
        ax.axvline(at, color=INK, linewidth=0.5, linestyle=style)
    return png(fig)
