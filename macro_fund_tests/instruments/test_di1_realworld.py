"""DI1 marks, rolls and curves on B3's own settlements of 2017-2021; skipped where the data are not there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from macro_fund.curves import checks
from macro_fund.curves.di import di_curve
from macro_fund.instruments import di1
from macro_fund.instruments.contracts import maturities
from macro_fund.instruments.limits import load_limit_days
from macro_fund.instruments.marks import contract_marks, instrument_returns
from macro_fund.settings import default_settings
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import assign_session
from macro_fund_tests.instruments import market
from macro_fund_tests.realworld import FOLDER

DATA = FOLDER / "data"
START, KEYS = date(2017, 1, 2), market.keys(date(2017, 1, 3), date(2022, 1, 3))

pytestmark = [
    pytest.mark.realworld,
    pytest.mark.skipif(not (DATA / "br_di1.parquet").is_file(), reason=f"no real settlements in {DATA}"),
]


def _read(file: Path) -> pl.DataFrame:
    return pl.read_parquet(file).filter(pl.col("date") >= START).rename({"date": "event_date"})


def real_settlements() -> pl.DataFrame:
    """B3's DI1 settlements in the shape of bronze/b3_settlements, known the evening of their day."""
    rows = _read(DATA / "br_di1.parquet").rename({"symbol": "contract", "price": "settle_price"})
    rows = rows.with_columns(
        root=pl.lit("DI1"),
        maturity=maturities(rows["contract"], rows["event_date"]),
        settle_rate=(pl.col("tax") / 100).round(6),
        knowledge_time=knowledge_times(rows["event_date"], market.SETTLEMENT_RULE, "D"),
    )
    return assign_session(rows, market.table())


def real_cdi() -> pl.DataFrame:
    """The daily CDI as observations, known the next bank day."""
    rows = _read(DATA / "br_sgs.parquet").filter(pl.col("code") == 12)
    rows = rows.select(
        "event_date",
        value=pl.col("value") / 100,
        knowledge_time=knowledge_times(rows["event_date"], market.CDI_RULE, "D"),
    )
    return assign_session(rows, market.table())


@pytest.fixture(scope="module")
def settlements() -> pl.DataFrame:
    return real_settlements()


@pytest.fixture(scope="module")
def cdi() -> pl.DataFrame:
    return real_cdi()


@pytest.fixture(scope="module")
def marks(settlements: pl.DataFrame, cdi: pl.DataFrame) -> pl.DataFrame:
    inputs = market.inputs(cdi)
    return contract_marks(settlements, inputs, KEYS, market.calendar(), {"DI1": 1.0}, load_limit_days())


def test_corrected_pu_is_b3s_to_the_cent(marks: pl.DataFrame, settlements: pl.DataFrame) -> None:
    """B3 publishes PA_{t-1} * FC; days whose PA_{t-1} it changed afterwards differ by far more than a cent."""
    before = marks.select("contract", "settle_price", prev_trade_date="trade_date").rename({"settle_price": "pa"})
    rows = marks.filter(pl.col("trade_date") >= date(2018, 7, 2)).join(before, on=["contract", "prev_trade_date"])
    published = settlements.select("contract", "prev", trade_date="event_date")
    rows = rows.join(published, on=["contract", "trade_date"])
    corrected = pl.Series(di1.round2((rows["pa"] * rows["correction"]).to_numpy()))
    error = (corrected - rows["prev"]).abs().round(2)
    same_pa = rows.with_columns(error=error).filter(pl.col("error") <= 0.05)
    assert same_pa.height > 31_000
    assert same_pa.height / rows.height > 0.95
    assert same_pa["error"].max() == 0.0


def test_receiver_lost_in_may_2017(marks: pl.DataFrame) -> None:
    row = marks.filter((pl.col("trade_date") == date(2017, 5, 18)) & (pl.col("contract") == "DI1F21")).row(
        0, named=True
    )
    assert row["pnl_brl"] == pytest.approx(-4109, abs=1.5)
    assert row["session"] == date(2017, 5, 19)
    returns = instrument_returns(marks, default_settings().book, KEYS)
    day = returns.filter(pl.col("trade_date") == date(2017, 5, 18))
    assert day.height == 4
    assert day["shock"].is_between(155.0, 185.0).all()
    assert (day["pnl_brl"] < -1000).all()
    assert (returns.group_by("instrument").agg(pl.col("pnl_brl").null_count())["pnl_brl"] == 1).all()


def test_every_contract_reprices_and_every_curve_is_free_of_arbitrage(
    settlements: pl.DataFrame, cdi: pl.DataFrame
) -> None:
    curve = di_curve(settlements, cdi, KEYS, market.calendar())
    assert curve["session"].n_unique() == len(KEYS)
    assert checks.di_arbitrage(curve).is_empty()
    assert checks.di_repricing(settlements, cdi, KEYS, market.calendar()).is_empty()
    day = curve.filter(pl.col("session") == date(2019, 3, 29))
    assert dict(day.select("tenor_bd", pl.col("rate").round(4)).iter_rows()) == {
        1: 0.064, 21: 0.0641, 63: 0.0642, 126: 0.0647, 252: 0.0656, 504: 0.0729, 756: 0.079, 1260: 0.0858, 2520: 0.0922,
    }  # fmt: skip
