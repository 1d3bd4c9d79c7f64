"""The pack's block on results: periods in order, parts that sum to the return, and books that do not tie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from macro_fund.pms.performance import performance
from macro_fund.reports.blocks import Number, Section, say
from macro_fund.reports.pack_performance import performance_section
from macro_fund.reports.plots_performance import performance_picture
from macro_fund.reports.words import in_words
from macro_fund.store.tables import TABLES
from macro_fund_tests.pms.builders import TABLE, frame

Frames = dict[str, pl.DataFrame]

DAYS = TABLE.keys(date(2025, 1, 27), date(2025, 2, 5))
LAST = DAYS[-1]
MADE = {"RATES-01": "1000.00", "FX-02": "-250.00", "CASH": "40000.00"}


@pytest.fixture
def frames() -> Frames:
    """A fund opened on 27 January that made the same every day; the session of 3 February describes 31 January."""
    cube, nav, level = [], [], Decimal("100000000.00")
    for k, session in enumerate(DAYS):
        made = sum((Decimal(v) for v in MADE.values()), Decimal(0)) if k else Decimal("0.00")
        day = {"session": session, "trade_date": TABLE.offset(session, -1)}
        amounts = {"opening_nav_brl": level, "pnl_brl": made, "nav_brl": level + made}
        level += made
        nav.append({**day, **amounts, "cdi_index": 1.0004**k, "fund_index": float(level / 100000000)})
        for strategy, amount in MADE.items() if k else ():
            cash = strategy == "CASH"
            row = {"contract": "CASH" if cash else "DI1F27", "instrument": "CASH" if cash else "DI1_2Y"}
            part = {"component": "interest" if cash else "nominal", "pnl_brl": Decimal(amount)}
            cube.append({**day, **row, "strategy_id": strategy, "lot_id": "CASH" if cash else "f0", **part})
    navs = frame("pms/nav", nav)
    record = performance(navs, frame("pms/fills", []), frame("silver/contract_marks", []), frame("pms/pnl", []), DAYS)
    return {"pms/nav": navs, "pms/explain": frame("pms/explain", cube), "pms/performance": record}


def reader(frames: Mapping[str, pl.DataFrame]) -> Callable[[str], pl.DataFrame]:
    return lambda key: frames.get(key, TABLES[key].empty())


def numbers(section: Section) -> dict[str, Number]:
    found = section.numbers
    assert len({n.item for n in found}) == len(found)
    return {n.item: n for n in found}


def test_periods_come_in_order_with_what_the_table_says(frames: Frames) -> None:
    section = performance_section(reader(frames), LAST)
    assert [in_words(r[0], "en") for r in section.grids[0].rows] == [
        "month to date", "quarter to date", "year to date", "12 months", "since inception",
    ]  # fmt: skip
    now = frames["pms/performance"].filter(pl.col("session") == LAST, pl.col("period") == "mtd")
    shown = numbers(section)
    assert shown["mtd fund_return"].value == now["fund_return"].item()
    assert shown["mtd sharpe"].text == "–"
    assert len(section.pictures) == 1


def test_parts_sum_to_the_return_of_the_period(frames: Frames) -> None:
    """Two days of February: 3 and 4, described by the sessions of the 4th and the 5th."""
    shown = numbers(performance_section(reader(frames), LAST))
    for by, names in (("strategy", MADE), ("component", ("nominal", "interest"))):
        for period in ("mtd", "ytd"):
            parts = sum(shown[f"{by} {n} {period} part"].value for n in names)
            assert parts == pytest.approx(shown[f"{period} fund_return"].value, abs=1e-12)


def test_books_that_do_not_tie_are_said_and_not_attributed(frames: Frames) -> None:
    """A day of the cube that a check refused is missing: the page stays, without parts that would be wrong."""
    frames["pms/explain"] = frames["pms/explain"].filter(pl.col("session") != DAYS[2])
    section = performance_section(reader(frames), LAST)
    assert len(section.grids) == 1
    said = in_words(section.lines[0], "en")
    assert said.startswith(f"No attribution, the books do not tie: {DAYS[2]}: P&L 0")


def test_before_the_first_day_there_is_nothing_to_attribute(frames: Frames) -> None:
    first = {k: f.filter(pl.col("session") <= DAYS[0]) for k, f in frames.items()}
    section = performance_section(reader(first), DAYS[0])
    assert (len(section.grids), list(section.lines), list(section.pictures)) == (1, [], [])
    nothing = performance_section(reader({}), LAST)
    assert nothing.grids[0].empty == say("empty.nav")
    assert nothing.grids[0].rows == []


def test_the_same_table_gives_the_same_picture_and_another_another(frames: Frames) -> None:
    record = frames["pms/performance"]
    assert performance_picture(record) == performance_picture(record)
    assert performance_picture(record) != performance_picture(record.with_columns(drawdown=pl.lit(-0.01)))
    assert performance_picture(record) != performance_picture(record.with_columns(pl.col("fund_return") * 2))
