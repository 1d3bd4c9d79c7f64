"""Pictures of what the agents say together: rules, views, verdicts.

Belongs here: drawing. Does not belong here: choosing or computing numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from macro_fund.reports.blocks import localised, say
from macro_fund.reports.figure import COLOURS, INK, dated, figure, legend, png, recent
from macro_fund.reports.words import agent_name, asset_name, in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DARK = 0.6  # scores whose colour takes white letters


def rules_picture(frame: pl.DataFrame) -> bytes:
    """Rules: what may contradict a claim, over the last year; dots where the rule fired."""
    part = recent(frame).sort("rule", "session")
    fig, (ax,) = figure("what stands against a claim; dots: the rule fired")
    _dotted(ax, part, "rule", "against", pl.col("fired"), size=3)
    dated(ax)
    legend(ax)
    return png(fig)


def views_picture(frame: pl.DataFrame, language: str = "en") -> bytes:
    """Views: the newest session, agents by assets, colour is the score and the number the confidence."""
    fig, (ax,) = figure(say("plot.views"), language=language)
    last = frame.filter(pl.col("session") == frame["session"].max())
    agents, assets = (last[c].unique().sort().to_list() for c in ("agent_id", "asset"))
    if agents:
        scores, sure = (_grid(last, agents, assets, c) for c in ("score", "confidence"))
        ax.imshow(scores, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
        for i, j in np.argwhere(np.isfinite(scores)):
            words = localised(f"{sure[i, j]:.2f}", language)
            ax.text(
                j, i, words, ha="center", va="center", fontsize=7, color=INK if abs(scores[i, j]) < DARK else "white"
            )
        ax.set_xticks(range(len(assets)), [in_words(asset_name(a), language).replace(" ", "\n") for a in assets])
        ax.set_yticks(range(len(agents)), [in_words(agent_name(a), language) for a in agents])
        ax.grid(visible=False)
    return png(fig, language)


def _grid(rows: pl.DataFrame, agents: list[str], assets: list[str], column: str) -> np.ndarray:
    out = np.full((len(agents), len(assets)), np.nan)
    for agent, asset, value in rows.select("agent_id", "asset", column).drop_nulls().iter_rows():
        out[agents.index(agent), assets.index(asset)] = value
    return out


def cases_picture(frame: pl.DataFrame) -> bytes:
    """Cases: the desk's score of each asset over the last year; dots where the verdict is clear."""
    part = recent(frame).sort("asset", "session")
    fig, (ax,) = figure("the desk's score by asset; dots: a clear verdict")
    _dotted(ax, part, "asset", "score", pl.col("verdict") != "inconclusive", size=2)
    ax.axhline(0, color=INK, linewidth=0.5)
    dated(ax)
    legend(ax)
    return png(fig)


def _dotted(ax: Axes, part: pl.DataFrame, by: str, value: str, marked: pl.Expr, size: int) -> None:
    """A line of `value` for each name in `by`, with dots on the rows that are `marked`."""
    for colour, ((name,), rows) in zip(COLOURS * 2, part.group_by(by, maintain_order=True), strict=False):
        label, dots = str(name).replace("_", " "), rows.filter(marked)
        ax.plot(rows["session"].to_list(), rows[value].to_list(), color=colour, linewidth=0.8, label=label)
        ax.plot(dots["session"].to_list(), dots[value].to_list(), ".", color=colour, markersize=size)
