"""Who made the P&L: the cube summed by any of its dimensions over any period, in BRL and as parts of the return.

Belongs here: sums over the cube. Does not belong here: the cube (`book.py`, `explain.py`), the linking (`linking.py`).

BRL are sums of cents over one cube, so every view has the same total. Percents are each day's P&L over the NAV at the
previous close, linked so that they too sum to the return of the period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum

import numpy as np
import polars as pl

from macro_fund.pms.book import CASH
from macro_fund.pms.linking import linked
from macro_fund.pms.periods import Period, start_of

SHOWN = (Period.day, Period.mtd, Period.qtd, Period.ytd, Period.inception)
"""Periods of `pnl_by`."""


class By(StrEnum):
    """How P&L may be grouped."""

    strategy = "strategy"
    instrument = "instrument"
    contract = "contract"
    lot = "lot"
    component = "component"
    factor = "factor"
    asset_class = "class"


def last_trade_date(cube: pl.DataFrame) -> date:
    """The newest trade date of the cube; ValueError when it is empty."""
    last = cube["trade_date"].max()
    if not isinstance(last, date):
        raise ValueError("there is no P&L yet: it starts on the first session after the inception")
    return last


def with_dimensions(cube: pl.DataFrame, classes: Mapping[str, str]) -> pl.DataFrame:
    """The cube with a column for every `By`. classes: asset class by instrument id; cash is a class of its own.

    ValueError for an instrument without a class.
    """
    known = {**classes, CASH: "cash"}
    if strangers := sorted(set(cube["instrument"].unique()) - set(known)):
        raise ValueError(f"no asset class for {', '.join(strangers)}: keep them in config/instruments.yaml")
    return cube.with_columns(
        pl.col("strategy_id").alias(By.strategy),
        pl.col("lot_id").alias(By.lot),
        pl.col("instrument").replace_strict(known, return_dtype=pl.String).alias(By.asset_class),
    )


def pnl_by(cube: pl.DataFrame, by: Sequence[By]) -> pl.DataFrame:
    """BRL by the columns `by`, a column for each of `SHOWN`. cube: pms/pnl or pms/explain `with_dimensions`."""
    last = last_trade_date(cube)
    return sums_since(cube, [str(b) for b in by], {p: start_of(p, last) for p in SHOWN})


def sums_since(cube: pl.DataFrame, by: Sequence[str], since: Mapping[str, date]) -> pl.DataFrame:
    """BRL of the cube by its columns `by`, with a column for each name of `since`: trade dates from that day on."""
    day = pl.col("trade_date")
    sums = [pl.col("pnl_brl").filter(day >= first).sum().alias(name) for name, first in since.items()]
    return cube.group_by(by, maintain_order=True).agg(sums).sort(by)


def attribution(cube: pl.DataFrame, nav: pl.DataFrame, by: Sequence[By], start: date) -> pl.DataFrame:
    """By the columns `by`: pnl_brl, contribution (sums to the fund's return) and excess (to its return less CDI's).

    cube: pms/pnl or pms/explain `with_dimensions`; nav: pms/nav; both from the inception to the same session, which
    ends the period. start: its first trade date (`periods.start_of`). CDI is taken off the interest on cash: what is
    left of its excess is rounding. ValueError as in `linked`, and when the cube does not sum to the NAV's P&L.
    """
    days = daily_returns(nav).filter(pl.col("trade_date") >= start)
    names = [str(b) for b in by]
    rows = cube.join(days.with_row_index("day"), on="session", how="inner", maintain_order="left")
    groups = rows.select(names).unique(maintain_order=True).sort(names).with_row_index("part")
    rows = rows.join(groups, on=names, how="left", maintain_order="left")
    at = (rows["day"].to_numpy(), rows["part"].to_numpy())
    made = (rows["pnl_brl"].cast(pl.Float64) / rows["opening_nav_brl"].cast(pl.Float64)).to_numpy()
    over = made - np.where(rows["component"] == "interest", rows["cdi_return"].to_numpy(), 0.0)
    effects, excess = np.zeros((2, days.height, groups.height))
    np.add.at(effects, at, made)
    np.add.at(excess, at, over)
    fund, cdi = days["fund_return"].to_numpy(), days["cdi_return"].to_numpy()
    sums = rows.group_by("part", maintain_order=True).agg(pl.col("pnl_brl").sum())
    return (
        groups.join(sums, on="part", how="left", maintain_order="left")
        .with_columns(contribution=pl.Series(linked(effects, fund)), excess=pl.Series(linked(excess, fund, cdi)))
        .select(*names, "pnl_brl", "contribution", "excess")
    )


def daily_returns(nav: pl.DataFrame) -> pl.DataFrame:
    """pms/nav as days: session, trade_date, opening_nav_brl, nav_brl, fund_return and cdi_return; decimals of a day.

    The inception, on which the capital arrives and nothing is made, is no day.
    """
    rows = nav.sort("session").with_columns(
        fund_return=pl.col("pnl_brl").cast(pl.Float64) / pl.col("opening_nav_brl").cast(pl.Float64),
        cdi_return=pl.col("cdi_index") / pl.col("cdi_index").shift(1) - 1.0,
    )
    columns = ("session", "trade_date", "opening_nav_brl", "nav_brl", "fund_return", "cdi_return")
    return rows.slice(1).select(columns)
