"""Pictures of the inflation agent. Belongs here: drawing. Does not belong here: choosing or computing numbers."""

from __future__ import annotations

import polars as pl

from macro_fund.reports.figure import COLOURS, INK, LINES, dated, empty, figure, legend, png, recent

YEARS = 5


def _percent(values: pl.Series) -> list[float]:
    return (values * 100).cast(pl.Float64).fill_null(float("nan")).to_list()


def curve_picture(frame: pl.DataFrame) -> bytes:
    """Weights of the Phillips curve and size of past errors, refit by refit."""
    if frame.is_empty():
        return empty("Phillips curve")
    fig, axes = figure("Phillips curve: weights; past errors over 3 and 12 months, points", 2)
    stored = frame["parameter"].unique().sort().to_list()
    weights = [n for n in ("persistence", "expectations", "imported", "gap") if n in stored]
    panels = (weights or stored[:LINES], ("rmse_12m", "rmse_3m"))
    for ax, names in zip(axes, panels, strict=True):
        scale = 100.0 if names[0].startswith("rmse") else 1.0
        for colour, name in zip(COLOURS, names, strict=False):
            part = frame.filter(pl.col("parameter") == name).sort("session")
            label = name.replace("_", " ")
            ax.plot(
                part["session"].to_list(), (part["value"] * scale).to_list(), color=colour, linewidth=1, label=label
            )
        dated(ax)
        legend(ax)
    return png(fig)


def pass_through_picture(frame: pl.DataFrame) -> bytes:
    """Pass-through of the newest refit: posterior 5% to 95% by group, beside least squares."""
    newest = frame.drop_nulls("value").filter(pl.col("session") == pl.col("session").max()).sort("value", "part")
    if newest.is_empty():
        return empty("exchange-rate pass-through, 12 months")
    fig, (ax,) = figure("exchange-rate pass-through over 12 months, posterior 5% to 95% (cross: least squares)")
    place = list(range(newest.height))
    ax.hlines(place, newest["p05"].to_list(), newest["p95"].to_list(), color=COLOURS[0], linewidth=1.5)
    ax.plot(newest["value"].to_list(), place, "o", color=COLOURS[0], markersize=3)
    ax.plot(newest["ols_value"].to_list(), place, "x", color=COLOURS[1], markersize=4)
    ax.set_yticks(place, newest["part"].to_list(), fontsize=6)
    return png(fig)


def fan_picture(frame: pl.DataFrame) -> bytes:
    """The newest path with its fan and the two models, and what twelve months of it make, over the last sessions."""
    if frame.is_empty():
        return empty("IPCA path")
    fig, (now, past) = figure("IPCA, % a month: newest path; sum of 12 months by session", 2)
    newest = frame.filter(pl.col("session") == frame["session"].max()).sort("month")
    x = newest["month"].to_list()
    now.fill_between(x, _percent(newest["p10"]), _percent(newest["p90"]), color=COLOURS[0], alpha=0.2, linewidth=0)
    for colour, name in zip(COLOURS, ("rate", "phillips", "bottom_up"), strict=False):
        now.plot(x, (newest[name] * 100).to_list(), color=colour, linewidth=1, label=name.replace("_", " "))
    legend(now)
    year = recent(frame).group_by("session", maintain_order=True).agg(pl.col("rate").sum() * 100).sort("session")
    past.plot(year["session"].to_list(), year["rate"].to_list(), color=COLOURS[0], linewidth=1)
    for ax in (now, past):
        dated(ax)
    return png(fig)


def view_picture(frame: pl.DataFrame) -> bytes:
    """12-month IPCA of the model against what is priced, and the score."""
    if frame.is_empty():
        return empty("inflation")
    part = recent(frame, YEARS * 252)
    fig, (year, score) = figure("12-month IPCA, %: model and priced; state score and confidence", 2)
    x = part["session"].to_list()
    year.fill_between(
        x, _percent(part["pi12_p10"]), _percent(part["pi12_p90"]), color=COLOURS[0], alpha=0.15, linewidth=0
    )
    for colour, name in zip(COLOURS, ("model", "priced"), strict=False):
        year.plot(x, (part[f"pi12_{name}"] * 100).to_list(), color=colour, linewidth=1, label=name)
    for colour, name in zip(COLOURS, ("state_score", "confidence"), strict=False):
        score.plot(x, part[name].to_list(), color=colour, linewidth=1, label=name.replace("_", " "))
    score.axhline(0, color=INK, linewidth=0.5)
    for ax in (year, score):
        dated(ax)
        legend(ax)
    return png(fig)
