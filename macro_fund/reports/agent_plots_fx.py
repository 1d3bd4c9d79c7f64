"""Pictures of the FX agent. Belongs here: drawing. Does not belong here: choosing or computing numbers."""

from __future__ import annotations

import polars as pl

from macro_fund.reports.figure import COLOURS, INK, dated, empty, figure, legend, png
from macro_fund.store.agent_tables import FX_PARTS

_SHOWN = ("trace", "trace_critical", "loading")


def equilibrium_picture(frame: pl.DataFrame) -> bytes:
    """Refits: the trace statistic against its critical value, and the loading with two standard errors."""
    wide = frame.group_by("session", maintain_order=True).agg(
        *(pl.col("value").filter(pl.col("parameter") == p).first().alias(p) for p in _SHOWN),
        pl.col("std_error").filter(pl.col("parameter") == "loading").first().alias("error"),
    )
    wide = wide.drop_nulls("trace").sort("session")
    if wide.is_empty():
        return _values(frame)
    fig, (left, right) = figure("refits: trace statistic of no relation, and loading of the real exchange rate", 2)
    days = wide["session"].to_list()
    for name, colour in (("trace", COLOURS[0]), ("trace_critical", COLOURS[1])):
        left.plot(days, wide[name].to_list(), color=colour, linewidth=1, label=name.replace("_", " "))
    right.plot(days, wide["loading"].to_list(), color=COLOURS[0], linewidth=1, label="loading a month")
    band = wide.drop_nulls(["loading", "error"])
    low, high = (band["loading"] + k * band["error"] for k in (-2, 2))
    right.fill_between(band["session"].to_list(), low.to_list(), high.to_list(), color=COLOURS[0], alpha=0.15)
    right.axhline(0, color=INK, linewidth=0.5)
    for ax in (left, right):
        dated(ax)
        legend(ax)
    return png(fig)


def _values(frame: pl.DataFrame) -> bytes:
    """Whatever the refits hold, where none has a test."""
    if frame.is_empty():
        return empty("equilibrium real exchange rate: no refit")
    fig, (ax,) = figure("refits without an equilibrium: values stored")
    ax.plot(frame["session"].to_list(), frame["value"].to_list(), ".", color=COLOURS[0], markersize=3)
    dated(ax)
    return png(fig)


def parts_picture(frame: pl.DataFrame) -> bytes:
    """The real exchange rate with its equilibrium, and the parts that carry the score."""
    if frame.is_empty():
        return empty("real exchange rate and score")
    fig, (left, right) = figure("real exchange rate and equilibrium (up = weaker real); contributions to the score", 2)
    rows = frame.sort("session")
    days = rows["session"].to_list()
    for name, colour in (("reer", COLOURS[0]), ("fair_reer", COLOURS[1])):
        left.plot(days, rows[name].to_list(), color=colour, linewidth=1, label=name.replace("_", " "))
    for part, colour in zip(FX_PARTS, COLOURS, strict=False):
        share = (rows[f"weight_{part}"] * rows[f"part_{part}"]).to_list()
        right.plot(days, share, color=colour, linewidth=0.8, label=part)
    right.plot(days, rows["state_score"].to_list(), color=INK, linewidth=1, label="score")
    for ax in (left, right):
        dated(ax)
        legend(ax)
    return png(fig)
