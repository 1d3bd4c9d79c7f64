"""Pictures of the risk tables: factor moves, exposures by node, VaR against what happened.

Belongs here: drawing silver/factor_shocks, risk/exposures, risk/var and risk/var_record. Does not belong here: choosing
or computing numbers (risk/), or the style (figure.py).
"""

from __future__ import annotations

import polars as pl

from macro_fund.reports.figure import COLOURS, INK, LINES, dated, empty, figure, legend, lines, png, recent

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


def var_picture(frame: pl.DataFrame) -> bytes:
    """VaR 99%: totals of every method over the last year, and the newest parts by instrument (mean of the methods)."""
    part = recent(frame).filter(pl.col("level") == LEVEL).drop_nulls("var_brl")
    if part.is_empty():
        return empty("VaR")
    fig, (past, now) = figure("one-day VaR 99% of the target book, BRL thousand: by method; parts of the newest", 2)
    totals = part.filter(pl.col("scope") == "total").with_columns(shown=pl.col("var_brl") / 1e3)
    lines(past, totals, ("session", "shown"), "method", [m for m in METHODS if m in totals["method"]])
    newest = part.filter((pl.col("session") == part["session"].max()) & (pl.col("scope") == "instrument"))
    bars = newest.group_by("item", maintain_order=True).agg(pl.col("var_brl").mean() / 1e3).sort("item")
    colours = [COLOURS[1] if v > 0 else COLOURS[2] for v in bars["var_brl"]]
    now.barh(bars["item"].to_list(), bars["var_brl"].to_list(), color=colours)
    now.axvline(0, color=INK, linewidth=0.5)
    return png(fig)


def record_picture(frame: pl.DataFrame) -> bytes:
    """VaR 99% against outcomes: P&L with the historical VaR and its exceptions over a year; a gauge of exceptions so
    far over those expected, by method."""
    part = frame.filter(pl.col("level") == LEVEL)
    shown = recent(part.filter(pl.col("method") == "historical")).drop_nulls(["pnl_brl", "var_brl"]).sort("trade_date")
    if shown.is_empty():
        return empty("VaR against outcomes")
    fig, (past, gauge) = figure("outcomes and VaR 99% (historical), BRL thousand; exceptions over expected", 2)
    days = shown["trade_date"].to_list()
    past.bar(days, (shown["pnl_brl"] / 1e3).to_list(), color=COLOURS[5], width=1.0)
    past.plot(days, (-shown["var_brl"] / 1e3).to_list(), color=COLOURS[0], linewidth=1, label="-VaR 99%")
    hit = shown.filter(pl.col("exceeded"))
    past.plot(
        hit["trade_date"].to_list(), (hit["pnl_brl"] / 1e3).to_list(), "v", color=COLOURS[1], markersize=4,
        label="exceptions",
    )  # fmt: skip
    dated(past)
    legend(past)
    last = part.sort("session", "trade_date").unique("method", keep="last", maintain_order=True).sort("method")
    expected = last["n_days"] * (1 - LEVEL)
    ratio = [x / e if e > 0 else 0.0 for x, e in zip(last["exceptions"], expected, strict=True)]
    poor = last.select((pl.col("kupiec_p") < 0.01).fill_null(False)).to_series().to_list()
    gauge.barh(last["method"].to_list(), ratio, color=[COLOURS[1] if p else COLOURS[2] for p in poor])
    gauge.axvline(1.0, color=INK, linewidth=0.5)
    return png(fig)
