"""The pack's block on results: how the fund did over each period, and who made it this month and this year.

Belongs here: choosing rows of pms/performance and pms/explain and putting them into tables. Does not belong here: the
numbers (pms/performance.py, pms/attribution.py), the day's P&L (pack.py) or layout (render.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import polars as pl

from macro_fund.pms.attribution import By, attribution
from macro_fund.pms.book import breaks
from macro_fund.pms.periods import Period
from macro_fund.reports.blocks import Cell, Grid, Number, Picture, Section, Style
from macro_fund.reports.plots_performance import performance_picture

Reader = Callable[[str], pl.DataFrame]

PERFORMANCE, CUBE, NAV = "pms/performance", "pms/explain", "pms/nav"
TABLES_READ = (PERFORMANCE, CUBE, NAV)
PERIODS = (Period.mtd, Period.ytd)
"""Periods of the attribution; the others are a command away."""

NAMES = {
    Period.mtd: "month to date",
    Period.qtd: "quarter to date",
    Period.ytd: "year to date",
    Period.year: "12 months",
    Period.inception: "since inception",
}
_SHOWN: tuple[tuple[str, str, Style], ...] = (
    ("fund_return", "fund", "percent"),
    ("cdi_return", "CDI", "percent"),
    ("excess_return", "over CDI", "percent"),
    ("volatility", "volatility", "percent"),
    ("sharpe", "Sharpe", "number"),
    ("sortino", "Sortino", "number"),
    ("max_drawdown", "deepest fall", "percent"),
    ("drawdown", "fall now", "percent"),
    ("closed_trips", "closed trades", "count"),
    ("hit_rate", "of these gained", "percent"),
    ("turnover", "turnover", "number"),
)


def performance_section(read: Reader, session: date) -> Section:
    """Performance of every period, and BRL and percent by strategy and component of the month and the year."""
    record = read(PERFORMANCE)
    now = record.filter(pl.col("session") == session)
    grids = [_performance_grid(now)]
    cube, nav = read(CUBE), read(NAV)
    untied = breaks(cube, nav)
    if not cube.is_empty() and not untied:
        cube = cube.with_columns(pl.col("strategy_id").alias(By.strategy))
        grids += [_attribution_grid(cube, nav, by) for by in (By.strategy, By.component)]
    lines = [f"No attribution, the books do not tie. {untied[0]}."] if untied else []
    pictures = [Picture("Performance", performance_picture(record))] if record["session"].n_unique() > 1 else []
    return Section("performance", "Performance and attribution", lines, grids, pictures)


def _performance_grid(now: pl.DataFrame) -> Grid:
    rows: list[list[Cell]] = []
    for row in now.sort(pl.col("period").replace_strict({p: k for k, p in enumerate(NAMES)})).iter_rows(named=True):
        period = row["period"]
        cells: Sequence[Cell] = [Number(f"{period} {c}", row[c], style, PERFORMANCE) for c, _, style in _SHOWN]
        rows.append([NAMES[Period(period)], *cells, str(row["drawdown_since"] or "")])
    head = ("", *(title for _, title, _ in _SHOWN), "under the high since")
    return Grid(head, rows, "the fund has no NAV")


def _attribution_grid(cube: pl.DataFrame, nav: pl.DataFrame, by: By) -> Grid:
    """A row an item: BRL and part of the return, for each of `PERIODS`; the parts sum to the fund's return."""
    found = {p: {r[by]: r for r in attribution(cube, nav, [by], p).to_dicts()} for p in PERIODS}
    names = sorted({name for rows in found.values() for name in rows})
    rows: list[list[Cell]] = []
    for name in names:
        cells: list[Cell] = [name]
        for period, of in found.items():
            row = of.get(name, {"pnl_brl": 0, "contribution": 0.0})
            cells.append(Number(f"{by} {name} {period}", float(row["pnl_brl"]), "brl", CUBE))
            cells.append(Number(f"{by} {name} {period} part", row["contribution"], "percent", CUBE))
        rows.append(cells)
    head = [str(by)]
    for period in PERIODS:
        head += [NAMES[period], "of the return"]
    return Grid(head, rows, "no closed day since the inception")
