"""The pack's part on results: how the fund did over each period, and who made it this month and this year.

Belongs here: choosing rows of pms/performance and pms/explain and putting them into tables. Does not belong here: the
numbers (pms/performance.py, pms/attribution.py), sums of BRL (pack_profit.py) or layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from macro_fund.pms.attribution import By, attribution, last_trade_date
from macro_fund.pms.book import breaks
from macro_fund.pms.periods import Period, start_of
from macro_fund.reports.blocks import Cell, Grid, Number, Picture, Section, Style, heads, say
from macro_fund.reports.figure import drawn
from macro_fund.reports.plots_performance import performance_picture
from macro_fund.reports.reading import Reader, at
from macro_fund.reports.words import named

PERFORMANCE, CUBE, NAV = "pms/performance", "pms/explain", "pms/nav"
TABLES_READ = (PERFORMANCE, CUBE, NAV)
PERIODS = (Period.mtd, Period.ytd)
"""Periods of the attribution; the others are a command away."""

ORDER = (Period.mtd, Period.qtd, Period.ytd, Period.year, Period.inception)
SHOWN: dict[str, Style] = {
    "fund_return": "percent",
    "cdi_return": "percent",
    "excess_return": "percent",
    "volatility": "percent",
    "sharpe": "number",
    "sortino": "number",
    "max_drawdown": "percent",
    "drawdown": "percent",
    "closed_trips": "count",
    "hit_rate": "percent",
    "turnover": "number",
}
"""Columns of pms/performance; their heads are phrases of the same names."""


def performance_section(read: Reader, session: date) -> Section:
    """Performance of every period, and the parts of the return by strategy and component of the month and the year."""
    record = read(PERFORMANCE)
    grids = [_performance_grid(at(record, session))]
    cube, nav = read(CUBE), read(NAV)
    untied = breaks(cube, nav)
    if not cube.is_empty() and not untied:
        cube = cube.with_columns(pl.col("strategy_id").alias(By.strategy))
        grids += [_attribution_grid(cube, nav, by) for by in (By.strategy, By.component)]
    lines = [say("fund.untied", where=str(untied[0]))] if untied else []
    many = record["session"].n_unique() > 1
    pictures = [Picture(say("picture.performance"), drawn(performance_picture, record))] if many else []
    return Section("profit", say("section.profit"), lines, grids, pictures)


def _performance_grid(now: pl.DataFrame) -> Grid:
    rows: list[list[Cell]] = []
    for row in now.sort(pl.col("period").replace_strict({p: k for k, p in enumerate(ORDER)})).iter_rows(named=True):
        period = row["period"]
        cells: Sequence[Cell] = [Number(f"{period} {c}", row[c], style, PERFORMANCE) for c, style in SHOWN.items()]
        rows.append([named("period", period), *cells, str(row["drawdown_since"] or "")])
    return Grid(heads("period", *SHOWN, "drawdown_since"), rows, say("empty.nav"))


def _attribution_grid(cube: pl.DataFrame, nav: pl.DataFrame, by: By) -> Grid:
    """A row an item: part of the return, for each of `PERIODS`; the parts sum to the fund's return."""
    starts = {p: start_of(p, last_trade_date(cube)) for p in PERIODS}
    found = {p: {r[by]: r for r in attribution(cube, nav, [by], start).to_dicts()} for p, start in starts.items()}
    names = sorted({name for rows in found.values() for name in rows})
    rows: list[list[Cell]] = []
    for name in names:
        parts = {p: of[name]["contribution"] if name in of else 0.0 for p, of in found.items()}
        rows.append([named(by, name), *(Number(f"{by} {name} {p} part", x, "percent", CUBE) for p, x in parts.items())])
    return Grid((say("head.of_return", by=say(f"head.{by}")), *(named("period", p) for p in PERIODS)), rows)
