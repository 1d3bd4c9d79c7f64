"""Three years of books: every dimension sums to the P&L on every day, whatever comes late, again or goes partly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from macro_fund.pms import book
from macro_fund.pms.attribution import By, attribution, pnl_by, with_dimensions
from macro_fund.pms.explain import unexplained
from macro_fund.pms.performance import disagreements, performance
from macro_fund.pms.periods import Period, start_of
from macro_fund_tests.instruments import market
from macro_fund_tests.instruments.test_di1_realworld import real_cdi, real_settlements
from macro_fund_tests.pms import three_years
from macro_fund_tests.pms.three_years import SESSIONS, Fund
from macro_fund_tests.realworld import FOLDER

CLASSES = {"DI1_2Y": "rates", "DI1_5Y": "rates", "DOL_1M": "fx"}
NO_DATA = not (FOLDER / "data" / "br_di1.parquet").is_file()
REAL = pytest.param(
    "real",
    marks=[pytest.mark.realworld, pytest.mark.skipif(NO_DATA, reason=f"no real settlements in {FOLDER / 'data'}")],
)


@pytest.fixture(scope="module", params=["simulated", REAL])
def fund(request: pytest.FixtureRequest) -> Fund:
    if request.param == "simulated":
        return three_years.simulated()
    settled, cdi = real_settlements(), real_cdi()
    sessions = three_years.TABLE.keys(*three_years.REAL_SPAN)
    marks = market.marks_of(settled, cdi, market.keys(three_years.REAL_START, sessions[-1]))
    return Fund(marks, cdi, three_years.trades(marks, sessions, np.random.default_rng(19)), sessions)


def by_session(cube: pl.DataFrame, names: list[str]) -> dict[tuple[object, ...], Decimal]:
    sums = cube.group_by("session", *names).agg(pl.col("pnl_brl").sum()).filter(pl.col("pnl_brl") != 0)
    return {row[:-1]: row[-1] for row in sums.iter_rows()}


def test_the_fund_has_what_can_go_wrong(fund: Fund) -> None:
    """Three years, hundreds of fills, positions that turn and expire; late fills and corrections in the made one."""
    assert len(fund.sessions) > 720
    assert fund.fills.height > 250
    assert fund.cube["session"].n_unique() == len(fund.sessions) - 1
    if fund.sessions == SESSIONS:
        table = three_years.TABLE
        assert sum(s > table.offset(d, 1) for s, d in fund.fills.select("session", "trade_date").rows()) >= 10
        held = fund.marks.join(fund.fills.select("contract").unique(), on="contract")
        assert held.group_by("contract", "trade_date").len().filter(pl.col("len") > 1).height > 100


def test_every_dimension_sums_to_the_pnl_on_every_day(fund: Fund) -> None:
    assert unexplained(fund.cube, fund.explained) == []
    assert book.breaks(fund.cube, fund.nav) == []
    for names in (["contract"], ["instrument"], ["strategy_id"], ["lot_id"], ["strategy_id", "lot_id"], []):
        assert by_session(fund.explained, names) == by_session(fund.cube, names)
    made = {(s,): v for s, v in fund.nav.select("session", "pnl_brl").iter_rows() if v}
    assert by_session(fund.explained, []) == made


def test_the_residual_is_at_most_a_basis_point_on_99_days_of_100(fund: Fund) -> None:
    rest = fund.explained.filter(pl.col("component") == "residual")
    days = rest.group_by("session").agg(pl.col("pnl_brl").cast(pl.Float64).sum().abs())
    share = fund.nav.join(days, on="session", how="left").select(
        pl.col("pnl_brl_right").fill_null(0) / pl.col("opening_nav_brl").cast(pl.Float64)
    )
    assert (share.to_series() <= 1e-4).mean() >= 0.99


@pytest.mark.parametrize("at", [1, 40, 251, -1])
def test_every_view_of_every_period_has_the_same_total(fund: Fund, at: int) -> None:
    """BRL are the change of NAV to the cent, percents the return of the period, and the excess that over CDI."""
    session = fund.sessions[at]
    upto = pl.col("session") <= session
    nav, cube = fund.nav.filter(upto), with_dimensions(fund.explained.filter(upto), CLASSES)
    last = nav.sort("session").row(-1, named=True)
    views = [[b] for b in By] + [list(pair) for pair in combinations(By, 2)]
    for period in Period:
        before = nav.filter(pl.col("trade_date") < start_of(period, last["trade_date"])).sort("session")
        base = (before if before.height else nav.sort("session").head(1)).row(-1 if before.height else 0, named=True)
        fund_return = last["nav_brl"] / base["nav_brl"] - 1
        over_cdi = float(fund_return) - (last["cdi_index"] / base["cdi_index"] - 1)
        for view in views if period in (Period.mtd, Period.inception) else views[:2]:
            rows = attribution(cube, nav, view, start_of(period, last["trade_date"]))
            assert rows["pnl_brl"].sum() == last["nav_brl"] - base["nav_brl"]
            assert rows["contribution"].sum() == pytest.approx(float(fund_return), abs=1e-9)
            assert rows["excess"].sum() == pytest.approx(over_cdi, abs=1e-9)
    whole = pnl_by(cube, [By.strategy, By.component])
    assert whole["inception"].sum() == last["nav_brl"] - three_years.CAPITAL


def test_a_part_keeps_the_sign_of_what_it_made_where_it_made_it_alone(fund: Fund) -> None:
    """Interest is earned every day: as a part of the return it is about CDI's, and nothing is left of it over CDI."""
    cube = with_dimensions(fund.explained, CLASSES)
    rows = attribution(cube, fund.nav, [By.component], date.min)
    interest = rows.filter(pl.col("component") == "interest").row(0, named=True)
    cdi = fund.nav["cdi_index"].max() - 1
    assert interest["contribution"] == pytest.approx(cdi, rel=0.1)
    assert interest["excess"] == pytest.approx(0.0, abs=1e-8)


def test_performance_is_what_nav_and_pnl_say(fund: Fund) -> None:
    asked = fund.sessions[::23]
    record = performance(fund.nav, fund.fills, fund.marks, fund.cube, asked)
    assert record.height == 5 * len(asked)
    assert disagreements(record, fund.nav, fund.cube) == []
    assert record.filter(pl.col("period") == "inception")["closed_trips"].is_sorted()


def test_a_session_alone_gives_the_same_rows_as_in_a_range(fund: Fund) -> None:
    """And knows nothing of what comes later: the tables are cut at the session."""
    asked = fund.sessions[100:400:97]
    record = performance(fund.nav, fund.fills, fund.marks, fund.cube, asked)
    for session in asked:
        upto = pl.col("session") <= session
        known = [t.filter(upto) for t in (fund.nav, fund.fills, fund.marks, fund.cube)]
        alone = performance(*known, [session])
        assert alone.equals(record.filter(pl.col("session") == session))
