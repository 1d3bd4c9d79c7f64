"""Pictures of how the fund did. Deterministic for the same table and locked dependencies.

Belongs here: drawing pms/performance. Does not belong here: computing it (pms/performance.py), the style (figure.py).
"""

from __future__ import annotations

import polars as pl

from macro_fund.reports.blocks import say
from macro_fund.reports.figure import COLOURS, dated, empty, figure, legend, png
from macro_fund.reports.words import in_words

SHALLOW = -0.1  # percent: a smaller fall does not fill the panel


def performance_picture(frame: pl.DataFrame, language: str = "en") -> bytes:
    """Left: the fund's return since inception against CDI, percent. Right: how far it is under its highest NAV."""
    rows = frame.filter(pl.col("period") == "inception").sort("trade_date")
    if rows.height < 2:
        return empty(say("plot.performance"), language)
    fig, (left, right) = figure(say("plot.performance"), 2, language)
    days = rows["trade_date"].to_list()
    for name, colour in (("fund_return", COLOURS[0]), ("cdi_return", COLOURS[4])):
        label = in_words(say(f"head.{name}"), language)
        left.plot(days, (rows[name] * 100).to_list(), color=colour, linewidth=1, label=label)
    depth = (rows["drawdown"] * 100).to_list()
    right.fill_between(days, depth, 0, color=COLOURS[1], alpha=0.4, linewidth=0)
    right.set_ylim(1.1 * min(*depth, SHALLOW), 0)
    for ax in (left, right):
        dated(ax)
    legend(left)
    return png(fig, language)
