"""Pictures of the risk tables: factor moves, exposures by node, VaR against what happened.

Belongs here: drawing silver/factor_shocks, risk/exposures, risk/var and risk/var_record. Does not belong here: choosing
or computing numbers (risk/), or the style (figure.py).
"""

from __future__ import annotations

import polars as pl

from macro_fund.reports.figure import COLOURS, INK, LINES, empty, figure, lines, png, recent

WIDEST = 0.99  # the level that stands for a method


def shocks_picture(frame: pl.DataFrame) -> bytes:
    """Factors: moves summed over the last year, each in its own daily deviations; the six that went farthest."""
    rows = frame.sort("session", "factor", "trade_date").unique(["factor", "trade_date"], keep="last")
    part = recent(rows).drop_nulls("shock").sort("factor", "trade_date")
    part = part.with_columns(
        shown=pl.col("shock").cum_sum().over("factor") / pl.col("shock").std().over("factor")
    ).filter(pl.col("shown").is_finite())
    if part.is_empty():
        return empty("factor moves")
    far = part.group_by("factor", maintain_order=True).agg(pl.col("shown").last().abs())
    names = far.sort("shown", "factor", descending=[True, False])["factor"].head(LINES).sort().to_list()
    fig, (ax,) = figure("factors: moves of a year summed, in daily standard deviations")
    lines(ax, part, ("trade_date", "shown"), "factor", names)
    return png(fig)


def exposures_picture(frame: pl.DataFrame) -> bytes:
    """The newest session's exposures: DV01 by node of the curve, BRL thousand a bp, and deltas, BRL million."""
    part = recent(frame, 1)
    if part.is_empty():
        return empty("exposures: no positions")
    fig, axes = figure(f"exposures of {part['session'].max()!s}: DV01 by node, BRL thousand; delta, BRL million", 2)
    for ax, column, unit in zip(axes, ("dv01_brl", "delta_brl"), (1e3, 1e6), strict=True):
        net = part.filter(pl.col(column) != 0).group_by("factor", maintain_order=True).agg(pl.col(column).sum() / unit)
        net = net.with_columns(node=pl.col("factor").str.extract(r"_(\d+)").cast(pl.Int64)).sort("node", "factor")
        ax.bar(net["factor"].to_list(), net[column].to_list(), color=COLOURS[0], width=0.6)
        ax.axhline(0, color=INK, linewidth=0.5)
    return png(fig)
