"""Pictures of stress: what each case costs, and the moves that would cost the stress limit.

Belongs here: drawing risk/stress and risk/reverse_stress of the newest session. Does not belong here: numbers or style.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from macro_fund.mandate import FACTORS
from macro_fund.reports.blocks import Cell, say
from macro_fund.reports.figure import COLOURS, INK, empty, figure, png, recent
from macro_fund.reports.words import case_name, in_words

SHOWN = 16  # bars that remain readable at the size of a picture
LOG_FACTORS = frozenset(f for f in FACTORS if not f.startswith(("di_", "ntnb_", "cupom_", "ust_", "tips_", "cds_")))


def stress_picture(frame: pl.DataFrame, language: str = "en") -> bytes:
    """P&L of the newest session by scenario, replay and correlation case, worst first, BRL thousand."""
    part = recent(frame, 1).drop_nulls("pnl_brl")
    totals = (
        part.sort("kind", "scenario", "instrument")
        .group_by("kind", "scenario", maintain_order=True)
        .agg(pl.col("pnl_brl").sum())
        .filter(pl.col("pnl_brl") != 0)
        .sort("pnl_brl", "scenario")
        .head(SHOWN)
    )
    if totals.is_empty():
        return empty(say("plot.stress"), language)
    shade = {"scenario": COLOURS[1], "replay": COLOURS[0], "correlation": COLOURS[3]}
    names = [in_words(case_name(n), language) for n in totals["scenario"]]
    values, colours = (totals["pnl_brl"] / 1000).to_list(), [shade[k] for k in totals["kind"]]
    return _bars(say("plot.stress"), [(names, values, colours)], language)


def reverse_picture(frame: pl.DataFrame) -> bytes:
    """Moves of the most plausible month that loses the stress limit: bp left, returns in % right."""
    part = recent(frame, 1).drop_nulls(["move", "distance"]).sort("pnl_brl", "factor")
    if part.is_empty():
        return empty("reverse stress: no answer")
    first = part.row(0, named=True)
    title = f"lose BRL {first['loss_brl'] / 1e6:.1f} million in a month: {first['distance']:.1f} sigma; bp, and %"
    of_log = pl.col("factor").is_in(LOG_FACTORS)
    halves = (part.filter(~of_log), part.filter(of_log).with_columns((pl.col("move").exp() - 1) * 100))
    panels = [
        (rows["factor"].to_list(), rows["move"].to_list(), [COLOURS[1]] * rows.height) for rows in halves if rows.height
    ]
    return _bars(title, panels)


def _bars(
    title: Cell, panels: Sequence[tuple[Sequence[str], Sequence[float], Sequence[str]]], language: str = "en"
) -> bytes:
    fig, axes = figure(title, len(panels), language)
    for ax, (names, values, colours) in zip(axes, panels, strict=True):
        ax.barh(list(names), list(values), color=list(colours))
        ax.invert_yaxis()  # the worst on top
        ax.axvline(0, color=INK, linewidth=0.5)
        ax.tick_params(axis="y", labelsize=6)
    return png(fig, language)
