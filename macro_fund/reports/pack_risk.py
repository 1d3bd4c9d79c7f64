"""The risk page of the morning pack: what the target book can lose, and what the actual book may no longer do.

Belongs here: choosing rows of risk/* and putting them into tables. Does not belong here: the numbers (risk/), the other
parts of the pack (pack.py) or layout (render.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date

import polars as pl

from macro_fund.reports import plots_limits, plots_risk, plots_stress
from macro_fund.reports.blocks import Cell, Grid, Number, Picture, Section, Style, heads, say
from macro_fund.reports.figure import drawn
from macro_fund.reports.plots_stress import LOG_FACTORS
from macro_fund.reports.reading import Reader, at
from macro_fund.reports.reasons import reason
from macro_fund.reports.words import case_name, factor_name, named
from macro_fund.risk.limit_measures import COUNTED

TABLES_READ = (
    "risk/breakers",
    "risk/limits",
    "risk/var",
    "risk/var_record",
    "risk/exposures",
    "risk/stress",
    "risk/reverse_stress",
    "risk/liquidity",
)

_ORDER = ("breach", "no_view", "warn", "ok")


def breaker_grid(read: Reader, session: date) -> Grid:
    """Circuit breakers of the actual book, the tripped ones first."""
    asset = "risk/breakers"
    shown = at(read(asset), session).sort("tripped", "breaker", descending=[True, False])
    rows = [
        (
            named("breaker", name),
            say("breaker.tripped") if tripped else "",
            Number(f"{name} loss", loss, "loss", asset),
            Number(f"{name} threshold", threshold, "percent", asset) if threshold else "",
            named("asks", action),
            reason(why),
        )
        for name, loss, threshold, tripped, action, why in shown.select(
            "breaker", "loss", "threshold", "tripped", "action", "reason"
        ).rows()
    ]
    return Grid(heads("breaker", "", "loss", "trips_at", "asks_for", ""), rows, say("empty.breakers"))


def limit_grid(read: Reader, session: date) -> Grid:
    """Limits, the breached ones first."""
    asset = "risk/limits"
    order = pl.col("status").replace_strict({s: k for k, s in enumerate(_ORDER)}, default=len(_ORDER))
    shown = at(read(asset), session).sort(order, pl.col("utilisation"), "limit", descending=[False, True, False])
    rows = [
        (
            named("limit", name),
            Number(f"{name} value", value, "number" if name == "gross_leverage" else "percent", asset),
            Number(f"{name} limit", limit, "number" if name == "gross_leverage" else "percent", asset),
            Number(f"{name} use", use, "percent", asset),
            named("status", status),
            reason(why),
        )
        for name, value, limit, use, status, why in shown.select(
            "limit", "value", "limit_value", "utilisation", "status", "reason"
        ).rows()
    ]
    return Grid(heads("limit_of_nav", "value", "limit", "use", "", ""), rows)


def risk_section(read: Reader, session: date) -> Section:
    """VaR by method with its parts and record, stress, reverse stress, margin and liquidity of the target book."""
    var = at(read("risk/var"), session)
    lines: list[Cell] = [*_sentences(var, "risk/var"), *_reverse_sentence(read, session)]
    return Section(
        "risk",
        say("section.risk"),
        lines,
        [
            _var_grid(var),
            _record_grid(read, session),
            _parts_grid(var),
            _exposure_grid(read, session),
            _stress_grid(read, session),
            _reverse_grid(read, session),
            _liquidity_grid(read, session),
        ],
        list(_pictures(read, session)),
    )


def _sentences(frame: pl.DataFrame, asset: str) -> list[Cell]:
    """Why a total is missing or incomplete, each reason once."""
    words = (
        frame.filter((pl.col("scope") == "total") & (pl.col("status") != "ok")) if "scope" in frame.columns else frame
    )
    return [say("fact.why", table=asset, why=reason(r)) for r in words["reason"].unique(maintain_order=True) if r]


def _var_grid(var: pl.DataFrame) -> Grid:
    """A row a method: VaR and expected shortfall at both levels."""
    asset = "risk/var"
    rows: list[list[Cell]] = []
    totals = var.filter(pl.col("scope") == "total").sort("method", "level")
    for (method,), group in totals.group_by("method", maintain_order=True):
        name = named("method", str(method))
        cells: list[Cell] = [name if method in COUNTED else say("method.challenger", method=name)]
        for level, v, e in group.select("level", "var_brl", "es_brl").rows():
            cells += [
                Number(f"{method} {level:.0%} var", v, "brl", asset),
                Number(f"{method} {level:.0%} es", e, "brl", asset),
            ]
        rows.append(cells)
    return Grid(heads("var_by_method", "var_95", "shortfall_95", "var_99", "shortfall_99"), rows)


def _record_grid(read: Reader, session: date) -> Grid:
    """How often the book lost more than its VaR so far, against how often it should have."""
    asset = "risk/var_record"
    newest = read(asset).filter(pl.col("session") <= session)
    newest = newest.sort("session", "trade_date").unique(["method", "level"], keep="last").sort("method", "level")
    rows: list[list[Cell]] = []
    for method, level, days, exceptions, kupiec, christoffersen in newest.select(
        "method", "level", "n_days", "exceptions", "kupiec_p", "christoffersen_p"
    ).rows():
        name = f"{method} {level:.0%}"
        rows.append(
            [
                say("method.level", method=named("method", method), level=f"{level:.0%}"),
                Number(f"{name} days", days, "count", asset),
                Number(f"{name} exceptions", exceptions, "count", asset),
                Number(f"{name} expected", days * (1 - level), "number", asset),
                Number(f"{name} kupiec", kupiec, "percent", asset),
                Number(f"{name} christoffersen", christoffersen, "percent", asset),
            ]
        )
    head = heads("var_record", "days_held", "exceptions", "expected", "kupiec", "christoffersen")
    return Grid(head, rows, say("empty.var_record"))


def worst_method(var: pl.DataFrame) -> str | None:
    """The counted method with the largest 99% VaR; None without a number."""
    rows = var.filter(
        (pl.col("scope") == "total")
        & (pl.col("level") == 0.99)
        & pl.col("method").is_in(COUNTED)
        & pl.col("var_brl").is_not_null()
    ).sort("var_brl", "method", descending=[True, False])
    return None if rows.is_empty() else str(rows["method"][0])


def _parts_grid(var: pl.DataFrame) -> Grid:
    """Parts of the 99% VaR of the worst counted method: by instrument, class, strategy and factor."""
    asset, method = "risk/var", worst_method(var)
    parts = var.filter((pl.col("scope") != "total") & (pl.col("method") == method) & (pl.col("level") == 0.99)).filter(
        pl.col("var_brl").is_not_null() & ((pl.col("var_brl") != 0) | (pl.col("es_brl") != 0))
    )
    rows = [
        [
            named("scope", scope),
            factor_name(item) if scope == "factor" else named(scope, item),
            Number(f"component {scope} {item}", v, "brl", asset),
            Number(f"component {scope} {item} es", e, "brl", asset),
            Number(f"marginal {item}", m, "brl", asset) if scope == "instrument" else "",
        ]
        for scope, item, v, e, m in parts.sort("scope", "var_brl", "item", descending=[False, True, False])
        .select("scope", "item", "var_brl", "es_brl", "marginal_brl")
        .rows()
    ]
    part = say("head.part_of_var", method=named("method", method) if method else say("method.none"))
    head = (*heads("by", ""), part, *heads("of_shortfall", "one_more"))
    return Grid(head, rows, say("empty.positions"))


def _exposure_grid(read: Reader, session: date) -> Grid:
    asset = "risk/exposures"
    sums = (
        at(read(asset), session)
        .group_by("factor", maintain_order=True)
        .agg(pl.col("dv01_brl").sum(), pl.col("delta_brl").sum())
    )
    rows: list[list[Cell]] = [
        [factor_name(f), Number(f"{f} dv01", d, "brl", asset), Number(f"{f} delta", x, "brl", asset)]
        for f, d, x in sums.rows()
    ]
    return Grid(heads("factor", "gain_per_bp", "exposure"), rows, say("empty.positions"))


def _stress_grid(read: Reader, session: date) -> Grid:
    """Totals of every scenario, replay and correlation case, the worst first."""
    asset, missing = "risk/stress", pl.col("pnl_brl").is_null()
    totals = (
        at(read(asset), session)
        .sort("kind", "scenario", "instrument")
        .group_by("kind", "scenario", maintain_order=True)
        .agg(
            pl.when(~missing.all()).then(pl.col("pnl_brl").sum()).first().alias("sum"),
            pl.col("instrument").filter(missing).str.join(", ").alias("without"),
        )
        # Nothing lost where something could not be valued is not a loss of nothing.
        .with_columns(pl.when((pl.col("without") == "") | (pl.col("sum") != 0)).then("sum").alias("sum"))
        .sort("kind", "sum", "scenario", descending=[True, False, False], nulls_last=True)
    )
    rows = [
        [named("stress", k), case_name(n), Number(f"stress {n}", v, "brl", asset), w] for k, n, v, w in totals.rows()
    ]
    return Grid(heads("stress", "", "pnl", "without_view"), rows)


def _reverse_sentence(read: Reader, session: date) -> list[Cell]:
    rows = at(read("risk/reverse_stress"), session)
    return [reason(s) for s in rows["sentence"].unique(maintain_order=True) if s]


def _reverse_grid(read: Reader, session: date) -> Grid:
    """The moves of the reverse stress, largest loss first, and the hedge."""
    asset = "risk/reverse_stress"
    found = at(read(asset), session)
    moved = found.filter(pl.col("move").is_not_null()).sort("pnl_brl", "factor")
    rows: list[list[Cell]] = []
    for factor, move, pnl in moved.select("factor", "move", "pnl_brl").rows():
        moved_by = Number(f"{factor} move", *_moved(factor, move), asset)
        rows.append([factor_name(factor), moved_by, Number(f"{factor} loss", pnl, "brl", asset)])
    for row in moved.head(1).iter_rows(named=True):
        rows.append([say("reverse.distance"), Number("distance", row["distance"], "number", asset), ""])
        if row["hedge"]:
            rows.append(
                [
                    say("reverse.hedge", n=f"{row['hedge_contracts']:+d}", contract=row["hedge"]),
                    Number("distance hedged", row["distance_hedged"], "number", asset),
                    Number("hedge cost", row["hedge_cost_brl"], "brl", asset),
                ]
            )
    return Grid(heads("reverse", "move", "pnl"), rows, say("empty.reverse"))


def _moved(factor: str, move: float) -> tuple[float, Style]:
    """bp of a rate or spread; the return of a price, whose move is a log return."""
    return (math.expm1(move), "move") if factor in LOG_FACTORS else (move, "bp")


def _liquidity_grid(read: Reader, session: date) -> Grid:
    asset = "risk/liquidity"
    held = at(read(asset), session).filter(pl.col("contracts").fill_null(0) != 0).sort("instrument")
    rows = [
        [
            i,
            Number(f"{i} target", n, "count", asset),
            Number(f"{i} margin", m, "brl", asset),
            Number(f"{i} cost to close", c, "brl", asset),
            Number(f"{i} days to close", d, "number", asset),
        ]
        for i, n, m, c, d in held.select("instrument", "contracts", "margin_brl", "close_cost_brl", "days").rows()
    ]
    return Grid(
        heads("target_book", "contracts", "margin", "cost_to_close", "days_to_close"), rows, say("empty.positions")
    )


def _pictures(read: Reader, session: date) -> Iterator[Picture]:
    yield Picture(say("picture.var"), drawn(plots_risk.var_picture, read("risk/var")))
    yield Picture(say("picture.record"), drawn(plots_risk.record_picture, read("risk/var_record")))
    if at(read("risk/exposures"), session).height:
        yield Picture(say("picture.exposures"), drawn(plots_risk.exposures_picture, read("risk/exposures")))
    yield Picture(say("picture.stress"), drawn(plots_stress.stress_picture, read("risk/stress")))
    yield Picture(say("picture.limits"), drawn(plots_limits.limits_picture, read("risk/limits")))
