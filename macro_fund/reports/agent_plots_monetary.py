"""Pictures of the monetary agent: tables in, PNG bytes out.

Belongs here: drawing its parameters and its path. Does not belong here: choosing or computing numbers.
"""

from __future__ import annotations

import polars as pl

from macro_fund.reports.figure import COLOURS, INK, dated, empty, figure, legend, png


def model_picture(frame: pl.DataFrame) -> bytes:
    """Refits: r* with its standard error, and the parameters of the smoothed rule."""
    part = frame.drop_nulls("value").sort("session")
    if part.is_empty():
        return empty("parameters")
    fig, (left, right) = figure("r*, % a year, with one standard error; parameters of the rules", 2)
    names = part["parameter"].unique().sort().to_list()
    rates = [n for n in names if n.endswith("neutral_rate")] or names[:1]
    for colour, name in zip(COLOURS, rates, strict=False):
        rows = part.filter(pl.col("parameter") == name)
        days, value = rows["session"].to_list(), rows["value"] * 100
        error = rows["std_error"].fill_null(0.0) * 100
        left.plot(days, value.to_list(), color=colour, linewidth=1, label=name.replace("_", " "))
        left.fill_between(days, (value - error).to_list(), (value + error).to_list(), color=colour, alpha=0.15)
    rules = [n for n in names if n in ("rho", "phi", "theta")] or names[1:4]
    for colour, name in zip(COLOURS, rules, strict=False):
        rows = part.filter(pl.col("parameter") == name)
        right.plot(rows["session"].to_list(), rows["value"].to_list(), color=colour, linewidth=1, label=name)
    for ax in (left, right):
        dated(ax)
        legend(ax)
    return png(fig)


def path_picture(frame: pl.DataFrame) -> bytes:
    """The newest path by meeting with the three rules, and the gap of the next four meetings over time."""
    if frame.is_empty():
        return empty("policy path")
    last = frame["session"].max()
    now = frame.filter(pl.col("session") == last).sort("meeting")
    fig, (left, right) = figure(f"Selic after each meeting, %, morning of {last!s}; mean gap, bp", 2)
    days = now["meeting"].to_list()
    for name in ("t1_rate", "t2_rate", "t3_rate"):
        left.plot(days, (now[name] * 100).to_list(), color=COLOURS[5], linewidth=0.6, linestyle=":")
    lines = {"model": "model_rate", "priced": "implied_rate"}
    for colour, (label, name) in zip(COLOURS, lines.items(), strict=False):
        left.step(days, (now[name] * 100).to_list(), where="post", color=colour, linewidth=1.2, label=label)
    net = ((now["implied_rate"] - now["term_premium"]) * 100).to_list()
    left.step(days, net, where="post", color=COLOURS[4], linewidth=0.8, label="priced less premium")
    near = frame.sort("session", "meeting").group_by("session", maintain_order=True).agg(pl.col("gap").head(4).mean())
    right.plot(near["session"].to_list(), (near["gap"] * 1e4).to_list(), color=COLOURS[0], linewidth=0.8)
    right.axhline(0, color=INK, linewidth=0.5)
    for ax in (left, right):
        dated(ax)
        legend(ax)
    return png(fig)
