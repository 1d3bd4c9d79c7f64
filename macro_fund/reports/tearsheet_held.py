"""Sections of a tearsheet on what was held: trades, costs, exposure.

Belongs here: tables of fills and positions. Does not belong here: returns and how far to believe them (tearsheet.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from macro_fund.reports import tearsheet_plots as plots
from macro_fund.reports.blocks import Grid, Number, Picture, Section
from macro_fund.reports.tearsheet_model import Sheet
from macro_fund.reports.tearsheet_model import number as _n

EXTREME = 10


def trades(sheet: Sheet) -> Section:
    """Exits by reason, and the best and worst trades."""
    closed = sheet.outcome.closed.with_columns((pl.col("gross_brl") - pl.col("cost_brl")).alias("net_brl"))
    ordered = closed.sort("net_brl", "opened", "trade", descending=[True, False, False])
    best, worst = ordered.head(EXTREME), ordered.tail(min(EXTREME, max(closed.height - EXTREME, 0))).reverse()
    exits = (
        closed.group_by("exit", maintain_order=True)
        .agg(pl.len(), (pl.col("net_brl") > 0).mean().alias("won"), pl.col("net_brl").sum(), pl.col("sessions").mean())
        .sort("len", "exit", descending=[True, False])
    )
    reasons = [
        (
            e["exit"],
            _n("trades", e["len"], "count"),
            _n("won", e["won"], "percent"),
            _n("net BRL", e["net_brl"], "count"),
            _n("sessions", e["sessions"], "number"),
        )
        for e in exits.to_dicts()
    ]
    head = ("trade", "side", "opened", "closed", "sessions", "net BRL", "in u", "exit")
    grids = [
        Grid(("exit by", "trades", "gained", "net BRL", "mean sessions"), reasons, "no trade was closed"),
        Grid((f"best {best.height}", *head[1:]), [_trade(t) for t in best.to_dicts()], "none"),
        Grid((f"worst {worst.height}", *head[1:]), [_trade(t) for t in worst.to_dicts()], "no further trade"),
    ]
    words = [
        "long holds the trade's asset (received rates, the real, equities): a long DOL trade is short of dollars",
        "u: sigma x square root of the horizon of the position as opened; stops and targets are multiples of it",
    ]
    return Section("trades", "Trades", words, grids)


def _trade(t: Mapping[str, object]) -> tuple[str | Number, ...]:
    net, u = float(str(t["net_brl"])), float(str(t["u_brl"]))
    return (
        str(t["trade"]),
        "long" if int(str(t["direction"])) > 0 else "short",
        str(t["opened"]),
        str(t["closed"]),
        _n("sessions", float(str(t["sessions"])), "count"),
        _n("net BRL", net, "count"),
        _n("in u", net / u if u > 0 else None, "score"),
        str(t["exit"]),
    )


def costs(sheet: Sheet) -> Section:
    """Gross, costs and net by year."""
    start, o = sheet.outcome.start, sheet.outcome
    frame = pl.DataFrame({"day": sheet.days, "gross": o.gross[start:], "cost": o.cost[start:]})
    years = (
        frame.group_by(pl.col("day").dt.year().alias("year"), maintain_order=True)
        .agg(pl.col("gross", "cost").sum())
        .sort("year")
    )
    totals = years.select(pl.lit("all").alias("year"), pl.col("gross", "cost").sum()).head(1)
    rows: list[tuple[str | Number, ...]] = []
    for y in [*years.with_columns(pl.col("year").cast(pl.String)).to_dicts(), *totals.to_dicts()]:
        net = y["gross"] - y["cost"]
        numbers = [_n(f"{y['year']} {n}", v, "count") for n, v in (("gross", y["gross"]), ("costs", y["cost"]))]
        rows.append((y["year"], *numbers, _n(f"{y['year']} net", net, "count")))
    words = "Half-spread and fees of each fill; a roll pays both sides. Market impact is not in them"
    return Section("costs", "Costs", [words], [Grid(("year", "gross BRL", "costs BRL", "net BRL"), rows)])


def exposure(sheet: Sheet) -> Section:
    """Margin and contracts."""
    start, o = sheet.outcome.start, sheet.outcome
    margin = o.margin[start:] / o.variant.rules.capital_brl
    held = {name: o.held[start:, k].astype(np.float64) for k, name in enumerate(o.instruments) if o.held[:, k].any()}
    inside = margin > 0
    mean = float(margin[inside].mean()) if inside.any() else None
    rows = [
        ("sessions with a position", _n("sessions with a position", float(inside.mean()), "percent")),
        ("mean margin while held", _n("mean margin", mean, "percent")),
        ("highest margin", _n("highest margin", float(margin.max()), "percent")),
    ]
    contracts = [
        (
            name,
            _n(f"{name} days", float(np.count_nonzero(v)), "count"),
            _n(f"{name} most long", max(v.max(), 0.0), "count"),
            _n(f"{name} most short", min(v.min(), 0.0), "count"),
        )
        for name, v in held.items()
    ]
    head = ("contracts", "sessions held", "most long", "most short")
    grids = [Grid(("of the capital", ""), rows), Grid(head, contracts)]
    pictures = [Picture.still("exposure", plots.exposure_picture(sheet.axis, margin, held))]
    return Section("exposure", "Exposure", grids=grids, pictures=pictures)
