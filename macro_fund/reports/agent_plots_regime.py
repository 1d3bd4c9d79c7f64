"""Pictures of the regime agent: bands of probability with the score, and the chain of the newest refits.

Belongs here: drawing. Does not belong here: choosing or computing numbers.
"""

from __future__ import annotations

import polars as pl

from macro_fund.reports.figure import COLOURS, INK, RECENT, dated, figure, legend, png, recent

REGIMES = ("goldilocks", "reflation", "stagflation", "deflation")
SHADES = (COLOURS[2], COLOURS[4], COLOURS[1], COLOURS[0])
YEARS = 5


def regime_picture(frame: pl.DataFrame) -> bytes:
    """Five years of stacked probabilities, and the score with growth and inflation in z."""
    part = recent(frame.drop_nulls("p_goldilocks"), YEARS * RECENT)
    fig, (left, right) = figure("probabilities of the regimes; score, growth and inflation (z)", 2)
    if part.is_empty():
        return png(fig)
    days = part["session"].to_list()
    left.stackplot(days, [part[f"p_{r}"].to_list() for r in REGIMES], labels=list(REGIMES), colors=list(SHADES))
    for colour, name in zip((INK, COLOURS[2], COLOURS[1]), ("state_score", "growth_z", "inflation_z"), strict=True):
        right.plot(days, part[name].to_list(), color=colour, linewidth=1, label=name.replace("_", " "))
    right.axhline(0, color=INK, linewidth=0.5)
    for ax in (left, right):
        dated(ax)
        legend(ax, "lower left")
    return png(fig)


def chain_picture(frame: pl.DataFrame) -> bytes:
    """Means of the states by refit (x growth, y inflation; the newest is filled) and their shares of the sample; months
    behind each refit while there is no chain yet."""
    fig, (left, right) = figure("means of the states by refit (growth, inflation); share of the sample", 2)
    if frame.is_empty():
        return png(fig)
    wide = frame.pivot("parameter", index="session", values="value", aggregate_function="first").sort("session")
    for colour, regime in zip(SHADES, REGIMES, strict=True):
        x, y, share = f"mean_growth_{regime}", f"mean_inflation_{regime}", f"share_{regime}"
        if {x, y, share} <= set(wide.columns):
            left.plot(wide[x].to_list(), wide[y].to_list(), ".", color=colour, markersize=2)
            left.plot(wide[x].to_list()[-1:], wide[y].to_list()[-1:], "o", color=colour)
            right.plot(wide["session"].to_list(), wide[share].to_list(), color=colour, linewidth=1, label=regime)
    if not right.lines:
        right.plot(frame["session"].to_list(), frame["n_obs"].to_list(), ".", color=INK, label="observations")
    left.axhline(0, color=INK, linewidth=0.5)
    left.axvline(0, color=INK, linewidth=0.5)
    dated(right)
    legend(right, "lower left")
    return png(fig)
