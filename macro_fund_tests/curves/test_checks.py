"""Each check passes on a sound curve and names the row of an unsound one."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.curves import checks
from macro_fund.curves.di import di_curve
from macro_fund.curves.tips import us_real_curve
from macro_fund.curves.ust import ust_curve
from macro_fund_tests.curves import test_tips, test_ust
from macro_fund_tests.instruments import market

SESSION, DAY = date(2019, 3, 29), date(2019, 3, 28)
KEYS = market.keys(date(2019, 3, 1), date(2019, 4, 30))


def repricing(settlements: pl.DataFrame) -> pl.DataFrame:
    return checks.di_repricing(settlements, market.cdi(), KEYS, market.calendar())


@pytest.fixture
def di() -> pl.DataFrame:
    return di_curve(market.settlements(), market.cdi(), KEYS, market.calendar())


@pytest.fixture
def ust() -> pl.DataFrame:
    return ust_curve(test_ust.observations(), KEYS, test_ust.CALENDARS)


def test_sound_curves_pass(di: pl.DataFrame, ust: pl.DataFrame) -> None:
    for found in (checks.di_arbitrage(di), repricing(market.settlements()), checks.ust_repricing(ust)):
        assert found.is_empty()
        assert found.schema == checks.PROBLEM
    for check, curve in ((checks.di_arbitrage, di), (checks.ust_repricing, ust)):
        assert check(curve.clear()).is_empty()
    assert repricing(market.settlements().clear()).is_empty()


def test_discount_factor_that_rises_is_named(di: pl.DataFrame) -> None:
    at = (pl.col("session") == SESSION) & (pl.col("tenor_bd") == 504)
    bad = checks.di_arbitrage(di.with_columns(rate=pl.when(at).then(0.02).otherwise("rate")))
    assert bad.select("session", "curve_date", "item").rows() == [(SESSION, DAY, "DI 504 bd")]
    assert "does not fall" in bad["reason"].item()


@pytest.mark.parametrize("rate", [0.0, -0.01, float("nan")])
def test_rate_that_is_not_positive_is_named(di: pl.DataFrame, rate: float) -> None:
    at = (pl.col("session") == SESSION) & (pl.col("tenor_bd") == 1)
    bad = checks.di_arbitrage(di.with_columns(rate=pl.when(at).then(rate).otherwise("rate")))
    assert "DI 1 bd" in bad["item"].to_list()


def test_negative_forward_is_named(di: pl.DataFrame) -> None:
    at = (pl.col("session") == SESSION) & (pl.col("tenor_bd") == 252)
    bad = checks.di_arbitrage(di.with_columns(forward_21d=pl.when(at).then(-0.001).otherwise("forward_21d")))
    assert bad["item"].to_list() == ["DI 252 bd"]
    assert "not positive" in bad["reason"].item()


def test_contract_whose_pu_does_not_follow_from_its_rate_is_named() -> None:
    at = (pl.col("event_date") == DAY) & (pl.col("contract") == "DI1F21")
    wrong = pl.when(at).then(pl.col("settle_price") + 2.0).otherwise("settle_price")
    bad = repricing(market.settlements().with_columns(settle_price=wrong))
    assert bad.select("session", "curve_date", "item").rows() == [(SESSION, DAY, "DI1F21")]
    assert "B3 settled" in bad["reason"].item()
    tick = pl.when(at).then(pl.col("settle_price") + 0.5).otherwise("settle_price")  # half a tick of rate is 0.73
    assert repricing(market.settlements().with_columns(settle_price=tick)).is_empty()


def test_wrong_maturity_is_named() -> None:
    at = (pl.col("event_date") == DAY) & (pl.col("contract") == "DI1F21")
    moved = pl.when(at).then(date(2021, 1, 5)).otherwise("maturity")
    assert repricing(market.settlements().with_columns(maturity=moved))["item"].to_list() == ["DI1F21"]


def test_zero_rate_that_does_not_reprice_the_par_bond_is_named(ust: pl.DataFrame) -> None:
    for tenor in (0.25, 0.5, 10.0):
        at = (pl.col("session") == SESSION) & (pl.col("tenor_years") == tenor)
        bad = checks.ust_repricing(
            ust.with_columns(zero_rate=pl.col("zero_rate") + pl.when(at).then(1e-8).otherwise(0))
        )
        assert bad.select("session", "curve_date", "item").rows() == [(SESSION, DAY, f"UST {tenor} years")]
    at = (pl.col("session") == SESSION) & (pl.col("tenor_years") == 5)
    broken = checks.ust_repricing(ust.with_columns(zero_rate=pl.when(at).then(float("nan")).otherwise("zero_rate")))
    assert broken["item"].to_list() == ["UST 5.0 years"]


@pytest.fixture
def tips(ust: pl.DataFrame) -> pl.DataFrame:
    return us_real_curve(test_tips.observations(), ust, KEYS, test_ust.CALENDARS)


def test_sound_real_curve_and_forwards_pass(ust: pl.DataFrame, tips: pl.DataFrame) -> None:
    for found in (checks.ust_forwards(ust), checks.tips_repricing(tips), checks.breakevens(tips, ust)):
        assert found.is_empty()
        assert found.schema == checks.PROBLEM
    assert checks.ust_forwards(ust.clear()).is_empty()
    assert checks.tips_repricing(tips.clear()).is_empty()
    assert checks.breakevens(tips.clear(), ust).is_empty()


@pytest.mark.parametrize(("column", "value", "words"), [
    ("zero_rate", 0.001, "discount factor rises"),
    ("zero_rate", float("nan"), "discount factor rises"),
    ("forward_rate", 0.5, "not that of the zero rates"),
])  # fmt: skip
def test_rising_discount_factor_or_other_forward_is_named(
    ust: pl.DataFrame, column: str, value: float, words: str
) -> None:
    spot = (pl.col("session") == SESSION) & (pl.col("tenor_years") == 10)
    bad = checks.ust_forwards(ust.with_columns(pl.when(spot).then(value).otherwise(column).alias(column)))
    assert bad.filter(pl.col("item") == "UST 10.0 years")["reason"].str.contains(words).all()
    assert "UST 10.0 years" in bad["item"].to_list()
    assert bad["session"].unique().to_list() == [SESSION]


def test_wrong_real_zero_and_wrong_or_missing_breakeven_are_named(ust: pl.DataFrame, tips: pl.DataFrame) -> None:
    spot = (pl.col("session") == SESSION) & (pl.col("tenor_years") == 10)
    zero = tips.with_columns(zero_rate=pl.when(spot).then(pl.col("zero_rate") + 1e-6).otherwise("zero_rate"))
    assert checks.tips_repricing(zero)["item"].to_list() == ["TIPS 10.0 years"]
    for value in (pl.col("breakeven") + 1e-6, pl.lit(None, pl.Float64), pl.lit(float("nan"))):
        bad = checks.breakevens(tips.with_columns(breakeven=pl.when(spot).then(value).otherwise("breakeven")), ust)
        assert bad.select("session", "item").rows() == [(SESSION, "TIPS 10.0 years")]
