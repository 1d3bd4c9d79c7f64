"""Real curves and breakevens of 2010-2021 from ANBIMA's NTN-B rates; skipped where the data are not there."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.curves.flat_forward import YEAR_BD
from macro_fund.curves.real import SERIES, build, real_curve, repriced
from macro_fund.curves.real_checks import HALF_TICK, real_arbitrage, real_repricing
from macro_fund.instruments.contracts import maturities
from macro_fund.settings import Publication
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import assign_session
from macro_fund_tests.instruments import market
from macro_fund_tests.realworld import FOLDER

DATA = FOLDER / "data"
CALENDAR = market.calendar()
START, KEYS = date(2010, 1, 4), market.keys(date(2010, 1, 5), date(2022, 1, 3))

pytestmark = [
    pytest.mark.realworld,
    pytest.mark.skipif(not (DATA / "br_tpf.parquet").is_file(), reason=f"no real bond rates in {DATA}"),
]


def _read(name: str, rule: Publication, where: pl.Expr, **columns: pl.Expr) -> pl.DataFrame:
    rows = pl.read_parquet(DATA / name).filter(where & (pl.col("date") >= START)).select(event_date="date", **columns)
    return assign_session(
        rows.with_columns(knowledge_time=knowledge_times(rows["event_date"], rule, "D")), market.table()
    )


@pytest.fixture(scope="module")
def bonds() -> pl.DataFrame:
    return _read(
        "br_tpf.parquet",
        market.SETTLEMENT_RULE,
        pl.col("titulo") == "NTN-B",
        series_id=pl.lit(SERIES),
        bond=pl.format("NTN-B {}", "venc"),
        maturity=pl.col("venc"),
        rate=(pl.col("taxa") / 100).round(6),
    )


@pytest.fixture(scope="module")
def settlements() -> pl.DataFrame:
    rows = _read(
        "br_di1.parquet",
        market.SETTLEMENT_RULE,
        pl.lit(True),
        contract=pl.col("symbol"),
        settle_price=pl.col("price"),
        settle_rate=(pl.col("tax") / 100).round(6),
    )
    return rows.with_columns(root=pl.lit("DI1"), maturity=maturities(rows["contract"], rows["event_date"]))


@pytest.fixture(scope="module")
def table(bonds: pl.DataFrame, settlements: pl.DataFrame) -> pl.DataFrame:
    return real_curve(bonds, settlements, KEYS, CALENDAR)


def test_all_sessions_reprice_every_bond(table: pl.DataFrame, bonds: pl.DataFrame) -> None:
    assert table.height == 4 * len(KEYS)
    assert real_arbitrage(table).is_empty()
    assert real_repricing(table, bonds, KEYS, CALENDAR).is_empty()
    built = build(bonds, KEYS, CALENDAR)
    assert built is not None
    assert built.quotes.height > 45_000
    error = np.abs(repriced(built) - built.quotes["rate"].to_numpy())
    assert error.max() < 1e-10 < HALF_TICK


def test_discount_factors_are_positive_and_fall_but_for_april_2020(bonds: pl.DataFrame) -> None:
    """Beyond a year every forward between coupon dates is positive, but for the quarter up to 2021-05-15 as seen on
    twelve days of April and May 2020: 0.43% a year below zero at most, inside yields that were positive."""
    built = build(bonds, KEYS, CALENDAR)
    assert built is not None
    key, log_c = built.curves.key, built.curves.log_c
    assert np.isfinite(log_c).all()
    same, end = np.diff(key // 1_000_000) == 0, key[1:] % 1_000_000
    forward = np.expm1(np.diff(log_c) / np.maximum(np.diff(key), 1) * YEAR_BD)
    far = same & (end > YEAR_BD)
    negative = forward[far & (forward <= 0)]
    days = built.quotes.select("curve", "curve_date").unique(["curve"]).sort("curve")["curve_date"].to_numpy()
    seen = days[(key[1:] // 1_000_000)[far & (forward <= 0)]]
    assert 0 < negative.size < 20
    assert negative.min() > -0.0045
    assert seen.min() >= np.datetime64("2020-04-01")
    assert seen.max() <= np.datetime64("2020-05-15")


def test_breakevens_are_there_and_plausible(table: pl.DataFrame) -> None:
    assert table["breakeven"].null_count() == 0
    assert table["breakeven"].is_between(0.015, 0.10).all()
    assert not table["extrapolated"].any()
    assert table.filter(pl.col("tenor_bd") == 7560)["nominal_extrapolated"].all()


def test_near_b3s_real_curve(bonds: pl.DataFrame, settlements: pl.DataFrame) -> None:
    """B3's IPCA coupon curve (DIC, from DAP) of 2021-01-04: another market, with the season of the index in it."""
    b3 = pl.read_parquet(DATA / "br_curves.parquet").filter(
        (pl.col("curve") == "DIC") & (pl.col("date") == date(2021, 1, 4))
    )
    b3 = b3.sort("biz_days")
    tenors = (504, 756, 1260, 1764, 2520)
    found = real_curve(bonds, settlements, [date(2021, 1, 5)], CALENDAR, tenors)
    gap_bp = (found["real_rate"].to_numpy() - np.interp(tenors, b3["biz_days"], b3["rate"])) * 1e4
    assert np.all(np.abs(gap_bp) < [60, 40, 30, 20, 15])


@pytest.mark.parametrize("session", KEYS[::700])
def test_each_session_alone_is_the_same(
    session: date, table: pl.DataFrame, bonds: pl.DataFrame, settlements: pl.DataFrame
) -> None:
    rows, settled = market.known_at(bonds, session), market.known_at(settlements, session)
    assert real_curve(rows, settled, [session], CALENDAR).equals(table.filter(pl.col("session") == session))
