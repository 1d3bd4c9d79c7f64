"""Pictures of the fiscal agent's tables. Belongs here: drawing. Does not belong here: choosing or computing numbers."""

from __future__ import annotations

import polars as pl

from macro_fund.reports.figure import COLOURS, INK, dated, empty, figure, legend, png

BANDS = (("p5", "p95", 0.15), ("p10", "p90", 0.25), ("p25", "p75", 0.4))


def fan_picture(frame: pl.DataFrame) -> bytes:
    """The newest fan of gross debt, % of GDP, with the path without shocks; beside it P(+10 pp) of each refit."""
    if frame.is_empty():
        return empty("debt fan")
    last = frame["session"].max()
    newest = frame.filter(pl.col("session") == last).sort("year_ahead")
    fig, (fan, past) = figure(f"gross debt, % of GDP, fan of {last!s}; P(up 10 pp in 5 years) by refit", 2)
    years = newest["year_ahead"].to_list()
    for low, high, shade in BANDS:
        fan.fill_between(
            years,
            (newest[low] * 100).to_list(),
            (newest[high] * 100).to_list(),
            color=COLOURS[0],
            alpha=shade,
            linewidth=0,
            label=f"{low} to {high}",
        )
    fan.plot(years, (newest["p50"] * 100).to_list(), color=COLOURS[0], linewidth=1, label="median")
    fan.plot(years, (newest["deterministic"] * 100).to_list(), color=COLOURS[1], linewidth=1, label="without shocks")
    fan.set_xlabel("years ahead", fontsize=7)
    legend(fan)
    by_refit = frame.group_by("session", maintain_order=True).agg(
        pl.col("prob_up_10pp").sort_by("year_ahead").get(4, null_on_oob=True)
    )
    by_refit = by_refit.sort("session")
    past.plot(by_refit["session"].to_list(), by_refit["prob_up_10pp"].to_list(), color=COLOURS[0], linewidth=1)
    dated(past)
    return png(fig)


def record_picture(frame: pl.DataFrame) -> bytes:
    """Parameters of each refit: root of the VAR and root mean squared errors over a random walk's."""
    names = ("root", "rmse_ratio", "rmse_ratio_2y")
    part = frame.filter(pl.col("parameter").is_in(names))
    shown = part if part.height else frame
    if shown.is_empty():
        return empty("fiscal VAR")
    fig, (ax,) = figure("root of the VAR; RMSE of debt forecasts over a random walk's, 1 and 2 years ahead")
    for colour, name in zip(COLOURS, shown["parameter"].unique().sort().to_list(), strict=False):
        rows = shown.filter(pl.col("parameter") == name).sort("session")
        ax.plot(
            rows["session"].to_list(), rows["value"].to_list(), color=colour, linewidth=1, label=name.replace("_", " ")
        )
    dated(ax)
    legend(ax)
    return png(fig)


def fiscal_picture(frame: pl.DataFrame) -> bytes:
    """Score and confidence; beside them debt, primary balance and the one that stabilises debt, % of GDP."""
    if frame.is_empty():
        return empty("fiscal")
    fig, (score, balance) = figure("score, + = deterioration, and confidence; balances, % of GDP", 2)
    days = frame["session"].to_list()
    score.plot(days, frame["state_score"].to_list(), color=COLOURS[0], linewidth=1, label="state score")
    score.plot(days, frame["confidence"].to_list(), color=COLOURS[4], linewidth=0.7, label="confidence")
    score.axhline(0, color=INK, linewidth=0.5)
    for colour, name, label in (
        (COLOURS[1], "primary_12m", "primary"),
        (COLOURS[2], "stabilising_primary", "stabilising primary"),
    ):
        balance.plot(days, (frame[name] * 100).to_list(), color=colour, linewidth=1, label=label)
    balance.axhline(0, color=INK, linewidth=0.5)
    for ax in (score, balance):
        dated(ax)
        legend(ax)
    return png(fig)
