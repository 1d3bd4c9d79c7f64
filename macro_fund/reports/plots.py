"""Pictures: tables in, PNG bytes out. Deterministic for the same table and locked dependencies.

Belongs here: drawing a table. Does not belong here: choosing or computing numbers, or the style (figure.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from macro_fund.reports.blocks import say
from macro_fund.reports.figure import COLOURS, INK, LINES, RECENT, dated, empty, figure, legend, lines, png, recent
from macro_fund.reports.words import in_words, tenor_name

ARRIVALS = 60  # sessions whose arrivals are shown
FOCUS_SHOWN = {
    "br_focus_ipca_annual": ("IPCA, %", 100.0),
    "br_focus_gdp_annual": ("GDP, %", 100.0),
    "br_focus_selic_annual": ("Selic, %", 100.0),
    "br_focus_fx_annual": ("BRL per USD", 1.0),
}
HEADLINES = ("br_selic_target", "br_usdbrl_ptax_ask", "br_ibov", "br_ipca_12m", "us_par_10y", "us_vix")


def newest_values(frame: pl.DataFrame) -> bytes:
    """Observations: the last two years of up to LINES series, each against its own mean and spread."""
    ids = frame["series_id"].unique().sort().to_list()[:LINES]
    last = frame["event_date"].max()
    if last is None:
        return empty("observations")
    part = frame.filter(pl.col("event_date") > pl.lit(last).dt.offset_by("-2y"))
    scaled = part.with_columns(
        shown=(pl.col("value") - pl.col("value").mean().over("series_id")) / pl.col("value").std().over("series_id")
    )
    fig, (ax,) = figure("last two years, each series in its own standard deviations")
    lines(ax, scaled, ("event_date", "shown"), "series_id", ids)
    return png(fig)


def feature_picture(frame: pl.DataFrame) -> bytes:
    """Features: z of the last year, the six that moved most."""
    name = "series_id" if "series_id" in frame.columns else "feature_id"
    part = recent(frame).drop_nulls("z")
    if part.is_empty():
        return empty("features")
    moved = (
        part.group_by(name, maintain_order=True)
        .agg(pl.col("z").max() - pl.col("z").min())
        .sort("z", name, descending=[True, False])
    )
    fig, (ax,) = figure("z of the six features that moved most in a year")
    lines(ax, part, ("session", "z"), name, moved[name].head(LINES).sort().to_list())
    return png(fig)


def positioning_picture(frame: pl.DataFrame) -> bytes:
    """Positions: z of the last year, the six markets and categories that moved most."""
    return feature_picture(frame.with_columns(series_id=pl.format("{} {}", "series_id", "category")))


def focus_picture(frame: pl.DataFrame) -> bytes:
    """Focus: medians of IPCA, GDP, Selic and the dollar for this year and the next two, over the last year."""
    part = recent(frame).filter(pl.col("horizon").is_between(0, 2)).sort("session")
    there = part["feature_id"].unique().sort()
    shown = [f for f in FOCUS_SHOWN if f in there] or there.head(len(FOCUS_SHOWN)).to_list()
    if not shown:
        return empty("Focus")
    fig, axes = figure("Focus medians: this year and the next two", len(shown))
    for ax, feature in zip(axes, shown, strict=True):
        name, scale = FOCUS_SHOWN.get(feature, (feature, 1.0))
        rows = part.filter(pl.col("feature_id") == feature).with_columns(
            shown=pl.col("value") * scale, year=pl.format("+{}", "horizon")
        )
        ax.set_title(name, fontsize=7, color=INK)
        lines(ax, rows, ("session", "shown"), "year", rows["year"].unique().sort().to_list())
    return png(fig)


def arrivals_picture(frame: pl.DataFrame) -> bytes:
    """Observations: rows that became known in each of the last sessions, by the sources that brought most."""
    part = recent(frame, ARRIVALS)
    if part.is_empty():
        return empty("observations")
    counts = part.group_by("session", "source", maintain_order=True).len().cast({"len": pl.Float64})
    most = (
        counts.group_by("source", maintain_order=True)
        .agg(pl.col("len").sum())
        .sort("len", "source", descending=[True, False])
    )
    fig, (ax,) = figure("rows by session, the sources that brought most")
    ax.set_yscale("log")
    for colour, name in zip(COLOURS, most["source"].head(LINES), strict=False):
        rows = counts.filter(pl.col("source") == name).sort("session")
        ax.plot(
            rows["session"].to_list(), rows["len"].to_list(), color=colour, marker=".", linewidth=0.7, label=str(name)
        )
    dated(ax)
    legend(ax)
    return png(fig)


def panel_picture(frame: pl.DataFrame) -> bytes:
    """The as-known panel: the last year of its headline series, each in its own standard deviations."""
    part = recent(frame).with_columns(
        shown=(pl.col("value") - pl.col("value").mean().over("series_id")) / pl.col("value").std().over("series_id")
    )
    ids = part["series_id"].unique()
    shown = [i for i in HEADLINES if i in ids] or ids.sort().to_list()[:LINES]
    if not shown:
        return empty("as known")
    fig, (ax,) = figure("as known each morning, last year, each series in its own standard deviations")
    lines(ax, part, ("session", "shown"), "series_id", shown)
    return png(fig)


def curve_picture(frame: pl.DataFrame, language: str = "en") -> bytes:
    """A curve table (DI or UST): the newest curve with the ones 21 and 252 sessions before, and nodes over time."""
    of_di = "tenor_bd" in frame.columns
    tenor, rate, unit = ("tenor_bd", "rate", "bd") if of_di else ("tenor_years", "par_yield", "y")
    title = say("plot.rates") if of_di else say("plot.par_yields")
    days = frame["session"].unique().sort()
    if not days.len():
        return empty(title, language)
    fig, (now, past) = figure(title, 2, language)
    for back, colour in zip((0, 21, 252), COLOURS, strict=False):
        if back < days.len():
            part = frame.filter(pl.col("session") == days[-1 - back]).sort(tenor)
            now.plot(
                part[tenor].to_list(),
                (part[rate] * 100).to_list(),
                color=colour,
                marker=".",
                linewidth=1,
                label=str(part["curve_date"].max()),
            )
    legend(now)
    across = say("plot.business_days") if of_di else say("plot.years")
    now.set_xlabel(in_words(across, language), fontsize=7)
    nodes = frame[tenor].unique().sort().to_list()
    shown = recent(frame, 3 * RECENT).with_columns(shown=pl.col(rate) * 100)

    def label(node: float) -> str:
        return in_words(tenor_name(node, unit), language)

    lines(past, shown, ("session", "shown"), tenor, nodes[:: max(len(nodes) // 4, 1)], label)
    return png(fig, language)


def cupom_picture(frame: pl.DataFrame) -> bytes:
    """Dollar coupon: the clean curve now and 21 and 63 sessions before, and its 360-day node with the basis."""
    part = recent(frame.filter(pl.col("kind") == "clean"))
    days = part["session"].unique().sort()
    if not days.len():
        return empty("dollar coupon")
    fig, (left, right) = figure(
        "clean dollar coupon, %: by calendar days, and 360 days with its basis over Treasuries", 2
    )
    for back, colour in zip((0, 21, 63), COLOURS, strict=False):
        if back < days.len():
            now = part.filter(pl.col("session") == days[-1 - back]).sort("tenor_cd")
            left.plot(
                now["tenor_cd"].to_list(), (now["rate"] * 100).to_list(), color=colour, marker=".", markersize=4,
                linewidth=1, label=str(now["curve_date"].max()),
            )  # fmt: skip
    legend(left)
    year = part.filter(pl.col("tenor_cd") == 360).sort("session")
    for colour, name, shown in zip(COLOURS, ("coupon", "basis"), ("rate", "basis_bp"), strict=False):
        scale = 100.0 if shown == "rate" else 0.01
        right.plot(year["session"].to_list(), (year[shown] * scale).to_list(), color=colour, linewidth=1, label=name)
    dated(right)
    legend(right)
    return png(fig)


def path_picture(frame: pl.DataFrame) -> bytes:
    """Policy path: the implied target after each meeting, now and 21 and 63 sessions before."""
    days = frame["session"].unique().sort()
    if not days.len():
        return empty("policy path")
    fig, (ax,) = figure("target after each COPOM meeting that DI1 implies, %")
    for back, colour in zip((0, 21, 63), COLOURS, strict=False):
        if back < days.len():
            part = frame.filter(pl.col("session") == days[-1 - back]).sort("meeting")
            level = (part["implied_target"].fill_null(part["step_rate"]) * 100).to_list()
            ax.step(part["meeting"].to_list(), level, where="post", color=colour, label=str(part["curve_date"].max()))
    dated(ax)
    legend(ax)
    return png(fig)


def real_picture(frame: pl.DataFrame) -> bytes:
    """Nominal and real rates: the newest curves with the breakeven between them, and breakevens over time."""
    days = frame["session"].unique().sort()
    if not days.len():
        return empty("real curve and breakeven")
    fig, (now, past) = figure(f"nominal, real and breakeven rates, %, of {frame['curve_date'].max()!s}", 2)
    newest = frame.filter(pl.col("session") == days[-1]).sort("tenor_bd")
    tenors = newest["tenor_bd"].to_list()
    for name, colour in zip(("nominal_rate", "real_rate", "breakeven"), COLOURS, strict=False):
        now.plot(tenors, (newest[name] * 100).to_list(), color=colour, marker=".", linewidth=1, label=name)
    legend(now)
    now.set_xlabel("tenor_bd", fontsize=7)
    shown = recent(frame, 3 * RECENT).with_columns(shown=pl.col("breakeven") * 100)
    lines(past, shown, ("session", "shown"), "tenor_bd", tenors[:: max(len(tenors) // 4, 1)])
    return png(fig)


def bonds_picture(frame: pl.DataFrame) -> bytes:
    """Bond marks: the newest rates by years to maturity, and the PU's distance from ANBIMA's over time."""
    if frame.is_empty():
        return empty("bonds")
    last = frame["trade_date"].max()
    fig, (now, past) = figure(f"indicative rates of {last!s}, %, and PU less ANBIMA's, BRL", 2)
    priced = frame.filter((pl.col("trade_date") == last) & (pl.col("title") != "LFT")).sort("years")
    for colour, title in zip(COLOURS, priced["title"].unique().sort().to_list(), strict=False):
        part = priced.filter(pl.col("title") == title)
        years, rates = part["years"].to_list(), (part["rate"] * 100).to_list()
        now.plot(years, rates, color=colour, marker=".", linewidth=1, label=title)
    legend(now)
    now.set_xlabel("years", fontsize=7)
    gaps = (
        frame.drop_nulls("error_brl")
        .group_by("trade_date", "title", maintain_order=True)
        .agg(pl.col("error_brl").abs().max())
    )
    lines(past, gaps, ("trade_date", "error_brl"), "title", gaps["title"].unique().sort().to_list())
    return png(fig)


def returns_picture(frame: pl.DataFrame) -> bytes:
    """Instruments: cumulated P&L of one contract, thousands of BRL."""
    part = frame.with_columns(shown=pl.col("pnl_brl").fill_null(0).cum_sum().over("instrument") / 1000)
    fig, (ax,) = figure("cumulated settlement P&L of +1 contract, BRL thousand")
    lines(ax, part, ("session", "shown"), "instrument", frame["instrument"].unique().sort().to_list())
    return png(fig)


def legs_picture(frame: pl.DataFrame) -> bytes:
    """What strategies trade: cumulated excess P&L of +1, thousands of BRL; rates left, prices right."""
    fig, axes = figure("cumulated excess P&L of +1, BRL thousand: rates, prices", 2)
    part = frame.with_columns(shown=pl.col("pnl_brl").fill_null(0).cum_sum().over("instrument") / 1000)
    for ax, of in zip(axes, (part.filter(pl.col("dv01_brl") > 0), part.filter(pl.col("delta_brl") > 0)), strict=True):
        lines(ax, of, ("session", "shown"), "instrument", of["instrument"].unique().sort().to_list())
    return png(fig)


def score_picture(frame: pl.DataFrame) -> bytes:
    """An agent's state score and confidence over its history."""
    if frame.is_empty():
        return empty("state score and confidence")
    fig, (ax,) = figure("state score and confidence")
    days = frame["session"].to_list()
    ax.plot(days, frame["state_score"].to_list(), color=COLOURS[0], linewidth=1, label="state score")
    ax.plot(days, frame["confidence"].to_list(), color=COLOURS[4], linewidth=0.7, label="confidence")
    ax.axhline(0, color=INK, linewidth=0.5)
    dated(ax)
    legend(ax)
    return png(fig)


def signal_picture(frame: pl.DataFrame) -> bytes:
    """A strategy's signal by instrument over the last two years."""
    part = recent(frame, 2 * RECENT)
    fig, (ax,) = figure("signal, + = hold the asset")
    lines(ax, part, ("session", "signal"), "instrument", part["instrument"].unique().sort().to_list())
    ax.axhline(0, color=INK, linewidth=0.5)
    return png(fig)


def backtest_picture(frame: pl.DataFrame) -> bytes:
    """Simulated strategies: cumulated net P&L of each alone, BRL million."""
    fig, (ax,) = figure("simulated strategies, each alone: cumulated net P&L, BRL million")
    part = frame.with_columns(shown=pl.col("net_brl").cum_sum().over("strategy_id") / 1e6)
    lines(ax, part, ("session", "shown"), "strategy_id", frame["strategy_id"].unique().sort().to_list())
    return png(fig)


def book_picture(frame: pl.DataFrame) -> bytes:
    """The simulated book: equity with its interest, and what the strategies alone added, BRL million."""
    fig, (ax,) = figure("simulated book of all strategies, BRL million")
    days = frame["session"].to_list()
    ax.plot(days, (frame["equity_brl"] / 1e6).to_list(), color=COLOURS[0], linewidth=1, label="equity with CDI")
    made = (frame["net_brl"].cum_sum() / 1e6).to_list()
    ax.plot(days, made, color=COLOURS[1], linewidth=1, label="cumulated P&L of the strategies")
    dated(ax)
    legend(ax)
    return png(fig)


def targets_picture(frame: pl.DataFrame) -> bytes:
    """Target contracts by instrument over the last year."""
    part = recent(frame)
    fig, (ax,) = figure("target contracts")
    lines(ax, part, ("session", "target_contracts"), "instrument", part["instrument"].unique().sort().to_list())
    return png(fig)


def _bars(title: str, names: Sequence[str], values: Sequence[float], colours: Sequence[str]) -> bytes:
    fig, (ax,) = figure(title)
    ax.barh(list(names), list(values), color=list(colours))
    ax.axvline(0, color=INK, linewidth=0.5)
    return png(fig)


def explain_picture(frame: pl.DataFrame) -> bytes:
    """P&L since inception by part, BRL thousand; interest on cash is left out."""
    sums = (
        frame.filter(pl.col("component") != "interest")
        .group_by("component", maintain_order=True)
        .agg(pl.col("pnl_brl").cast(pl.Float64).sum() / 1000)
        .sort("component")
    )
    if sums.is_empty():
        return empty("P&L by part: nothing was held")
    values = sums["pnl_brl"].to_list()
    colours = [COLOURS[1] if v < 0 else COLOURS[2] for v in values]
    return _bars("P&L by part, BRL thousand", sums["component"].to_list(), values, colours)


def nav_picture(frame: pl.DataFrame) -> bytes:
    """Fund against CDI since inception, % return."""
    fig, (ax,) = figure("return since inception, %")
    days = frame["trade_date"].to_list()
    for name, colour in (("fund_index", COLOURS[0]), ("cdi_index", COLOURS[4])):
        ax.plot(days, ((frame[name] - 1) * 100).to_list(), color=colour, linewidth=1, label=name.split("_")[0])
    dated(ax)
    legend(ax)
    return png(fig)
