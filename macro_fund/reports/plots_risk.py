"""Pictures of the risk tables: factor moves, exposures by node, VaR against what happened.

Belongs here: drawing silver/factor_shocks, risk/exposures, risk/var and risk/var_record. Does not belong here: choosing
or computing numbers (risk/), or the style (figure.py).
"""

from __future__ import annotations

import polars as pl

from macro_fund.reports.blocks import say
from macro_fund.reports.figure import COLOURS, INK, LINES, dated, empty, figure, legend, lines, png, recent
from macro_fund.reports.words import factor_name, in_words, named

LEVEL = 0.99  # the level that is drawn
METHODS = ("historical", "filtered", "parametric", "cornish_fisher", "monte_carlo", "t_copula")


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


def exposures_picture(frame: pl.DataFrame, language: str = "en") -> bytes:
    """The newest session's exposures: DV01 by node of the curve, BRL thousand a bp, and deltas, BRL million; a panel
    for each kind that there is."""
    part, title = recent(frame, 1), say("plot.exposures")
    panels = []
    for words, column, unit in ((say("plot.dv01"), "dv01_brl", 1e3), (say("plot.delta"), "delta_brl", 1e6)):
        net = part.filter(pl.col(column) != 0).group_by("factor", maintain_order=True).agg(pl.col(column).sum() / unit)
        node = pl.col("factor").str.extract(r"_(\d+)").cast(pl.Int64)
        if net.height:
            panels.append((words, net.with_columns(node=node).sort("node", "factor"), column))
    if not panels:
        return empty(title, language)
    fig, axes = figure(title, len(panels), language)
    for ax, (words, net, column) in zip(axes, panels, strict=True):
        ax.barh([in_words(factor_name(f), language) for f in net["factor"]], net[column].to_list(), color=COLOURS[0])
        ax.invert_yaxis()  # the shortest rate on top
        ax.axvline(0, color=INK, linewidth=0.5)
        ax.set_xlabel(in_words(words, language), fontsize=7)
    return png(fig, language)


def var_picture(frame: pl.DataFrame, language: str = "en") -> bytes:
    """VaR 99%: totals of every method over the last year, and the newest parts by instrument (mean of the methods)."""
    part = recent(frame).filter(pl.col("level") == LEVEL).drop_nulls("var_brl")
    if part.is_empty():
        return empty(say("plot.var"), language)
    fig, (past, now) = figure(say("plot.var"), 2, language)
    totals = part.filter(pl.col("scope") == "total").with_columns(shown=pl.col("var_brl") / 1e3)
    there = [m for m in METHODS if m in totals["method"]]
    lines(past, totals, ("session", "shown"), "method", there, lambda m: in_words(named("method", m), language))
    newest = part.filter((pl.col("session") == part["session"].max()) & (pl.col("scope") == "instrument"))
    bars = newest.group_by("item", maintain_order=True).agg(pl.col("var_brl").mean() / 1e3).sort("item")
    bars = bars.filter(pl.col("var_brl") != 0)
    colours = [COLOURS[1] if v > 0 else COLOURS[2] for v in bars["var_brl"]]
    now.barh(bars["item"].to_list(), bars["var_brl"].to_list(), color=colours)
    now.axvline(0, color=INK, linewidth=0.5)
    return png(fig, language)


def record_picture(frame: pl.DataFrame, language: str = "en") -> bytes:
    """VaR 99% against outcomes: P&L with the historical VaR and its exceptions over a year; a gauge of exceptions so
    far over those expected, by method."""
    part = frame.filter(pl.col("level") == LEVEL)
    shown = recent(part.filter(pl.col("method") == "historical")).drop_nulls(["pnl_brl", "var_brl"]).sort("trade_date")
    if shown.is_empty():
        return empty(say("plot.record"), language)
    fig, (past, gauge) = figure(say("plot.record"), 2, language)
    days = shown["trade_date"].to_list()
    past.bar(days, (shown["pnl_brl"] / 1e3).to_list(), color=COLOURS[5], width=1.0)
    past.plot(days, (-shown["var_brl"] / 1e3).to_list(), color=COLOURS[0], linewidth=1, label="−VaR 99%")
    hit = shown.filter(pl.col("exceeded"))
    past.plot(
        hit["trade_date"].to_list(), (hit["pnl_brl"] / 1e3).to_list(), "v", color=COLOURS[1], markersize=4,
        label=in_words(say("head.exceptions"), language),
    )  # fmt: skip
    dated(past)
    legend(past)
    last = part.sort("session", "trade_date").unique("method", keep="last", maintain_order=True).sort("method")
    expected = last["n_days"] * (1 - LEVEL)
    ratio = [x / e if e > 0 else 0.0 for x, e in zip(last["exceptions"], expected, strict=True)]
    poor = last.select((pl.col("kupiec_p") < 0.01).fill_null(False)).to_series().to_list()
    methods = [in_words(named("method", m), language) for m in last["method"]]
    gauge.barh(methods, ratio, color=[COLOURS[1] if p else COLOURS[2] for p in poor])
    gauge.axvline(1.0, color=INK, linewidth=0.5)
    gauge.set_xlabel(in_words(say("plot.over_expected"), language), fontsize=7)
    return png(fig, language)
