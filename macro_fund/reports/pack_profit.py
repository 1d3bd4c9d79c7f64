"""The pack's part on P&L: the NAV, who made what over the day, week, month and year, and how near the stops are.

Belongs here: sums of rows of pms/* by period. Does not belong here: the P&L itself (pms/) or layout.
Periods are those of the last close, not of the morning that reads it: on the first morning of a month the month to date
is still the whole month before. Sums of BRL; percentages of the fund are of its own index.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from macro_fund.pms.attribution import sums_since
from macro_fund.pms.periods import Period, start_of
from macro_fund.reports.blocks import Cell, Grid, Number, Section, Style, heads, say
from macro_fund.reports.reading import Reader, at, brl
from macro_fund.reports.words import named

PERIODS = ("day", "week", "month", "year")
# asset, column, head and family of names
BY = (
    ("pms/pnl", "strategy_id", "strategy"),
    ("pms/pnl", "instrument", "instrument"),
    ("pms/explain", "component", "component"),
)
NEAR = 0.25
"""Share of the way between entry and stop that is left, below which a stop is near."""


def starts(traded: date) -> dict[str, date]:
    """First day of each period that the close of `traded` belongs to."""
    month, year = (start_of(p, traded) for p in (Period.mtd, Period.ytd))
    return {"day": traded, "week": traded - timedelta(days=traded.weekday()), "month": month, "year": year}


def profit(read: Reader, session: date) -> Section:
    """NAV and P&L of the last close, by strategy, instrument and component over four periods, and the stops."""
    nav = read("pms/nav")
    last = at(nav, session)
    grids = []
    for row in last.iter_rows(named=True):
        since = starts(row["trade_date"])
        grids.append(_nav_grid(row, nav, since))
        grids += [_by_grid(read(asset), asset, by, head, since) for asset, by, head in BY]
    if last.is_empty():
        grids.append(Grid(heads("", ""), (), say("empty.nav")))
    grids.append(_stop_grid(read, session))
    return Section("profit", say("section.profit"), (), grids)


def _nav_grid(row: dict[str, object], nav: pl.DataFrame, since: dict[str, date]) -> Grid:
    """The fund as a whole."""
    asset = "pms/nav"
    rows: list[list[Cell]] = [
        [say("fund.close"), str(row["trade_date"])],
        [say("fund.nav"), Number("nav", brl(row["nav_brl"]), "brl", asset)],
        [say("fund.day"), Number("pnl day", brl(row["pnl_brl"]), "brl", asset)],
    ]
    for period in PERIODS[1:]:
        made = nav.filter(pl.col("trade_date") >= since[period])["pnl_brl"].sum()
        rows.append([say(f"fund.{period}"), Number(f"pnl {period} to date", brl(made), "brl", asset)])
    for item, column in (("fund", "fund_index"), ("cdi", "cdi_index")):
        rows.append([say(f"fund.{item}"), Number(f"{item} return", float(str(row[column])) - 1, "percent", asset)])
    return Grid(heads("fund", ""), rows)


def _by_grid(cube: pl.DataFrame, asset: str, by: str, head: str, since: dict[str, date]) -> Grid:
    """Sums of the cube by one of its columns, a period a column."""
    summed = sums_since(cube.filter(pl.col("trade_date") >= since["year"]), [by], since)
    rows = [
        [
            named(head, name),
            *(Number(f"pnl {by} {name} {p}", brl(v), "brl", asset) for p, v in zip(PERIODS, made, strict=True)),
        ]
        for name, *made in summed.rows()
    ]
    return Grid(heads(head, *PERIODS), rows, say(f"empty.{head}"))


def _stop_grid(read: Reader, session: date) -> Grid:
    """Held contracts with the stop of the last proposal that took or changed the position, the nearest first."""
    asset = "pms/trade_proposals"
    held = at(read("pms/positions"), session).filter(pl.col("quantity") != 0, pl.col("mark_price").is_not_null())
    levels = (
        read(asset)
        .filter((pl.col("session") < session) & pl.col("stop_level").is_not_null())
        .sort("session", "proposal_id")
        .unique("contract", keep="last", maintain_order=True)
    )
    near = (
        held.join(levels.drop("session", "instrument"), on="contract", how="inner", suffix="_proposed")
        .filter(pl.col("quantity").sign() == pl.col("position_after").sign())
        .with_columns(pl.coalesce("mark_rate", "mark_price").alias("mark"))
        .with_columns(
            ((pl.col("mark") - pl.col("stop_level")) / (pl.col("entry_level") - pl.col("stop_level"))).alias("left")
        )
        .sort("left", "contract")
    )
    rows: list[list[Cell]] = []
    for row in near.iter_rows(named=True):
        contract, left = row["contract"], row["left"]
        style: Style = "number" if row["mark_rate"] is None else "percent"
        rows.append(
            [
                contract,
                Number(f"{contract} at", row["mark"], style, "pms/positions"),
                Number(f"{contract} entered", row["entry_level"], style, asset),
                Number(f"{contract} stop", row["stop_level"], style, asset),
                Number(f"{contract} way to stop", left, "percent", asset),
                say("stop.hit") if left <= 0 else say("stop.near") if left < NEAR else "",
            ]
        )
    return Grid(heads("stops", "last", "entry", "stop", "way_left", ""), rows, say("empty.stops"))
