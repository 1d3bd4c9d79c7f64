"""The picture of agents/policy_text: scores of every series of documents, and the second opinion.

Belongs here: drawing. Does not belong here: scoring (agents/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from macro_fund.reports.figure import COLOURS, INK, LINES, dated, figure, legend, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def policy_text_picture(frame: pl.DataFrame) -> bytes:
    """Left: each document's score by meeting, a line a series. Right: probability of a hike less that of a cut."""
    fig, (left, right) = figure("hawk (+) and dove (-): score of each document; second opinion, P(hike) - P(cut)", 2)
    shown = frame.with_columns(lean=pl.col("p_hike") - pl.col("p_cut"))
    for ax, column in ((left, "score"), (right, "lean")):
        _timeline(ax, shown.drop_nulls(column), column)
    return png(fig)


def _timeline(ax: Axes, rows: pl.DataFrame, column: str) -> None:
    ax.set_ylim(-1.05, 1.4)  # room for the legend
    ax.axhline(0, color=INK, linewidth=0.5)
    if rows.is_empty():
        ax.text(0.5, 0.6, "no view", ha="center", transform=ax.transAxes, fontsize=10, color=INK)
        return
    for colour, name in zip(COLOURS, rows["series_id"].unique().sort().to_list()[:LINES], strict=False):
        part = rows.filter(pl.col("series_id") == name).sort("event_date", "session")
        ax.plot(part["event_date"].to_list(), part[column].to_list(), color=colour, linewidth=1, label=name)
    dated(ax)
    legend(ax, "upper left", columns=2)
