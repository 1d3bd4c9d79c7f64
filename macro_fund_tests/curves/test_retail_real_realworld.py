"""Retail IPCA+ bonds of 2010-2021: that they are zero bonds, and how far they are from the wholesale curve; skipped
without the data."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.curves.real import real_curve
from macro_fund.curves.retail_real import SERIES, mid_rates, retail_real_curve
from macro_fund.curves.retail_real_checks import not_between_bonds
from macro_fund.store.tables import TABLES
from macro_fund.time.sessions import assign_session
from macro_fund_tests.curves.test_real_realworld import CALENDAR, DATA, KEYS, bonds  # noqa: F401 (a fixture)
from macro_fund_tests.instruments import market

pytestmark = [
    pytest.mark.realworld,
    pytest.mark.skipif(not (DATA / "br_td.parquet").is_file(), reason=f"no retail rates in {DATA}"),
]


@pytest.fixture(scope="module")
def retail() -> pl.DataFrame:
    rows = pl.read_parquet(DATA / "br_td.parquet").filter(
        (pl.col("tipo") == "Tesouro IPCA+") & (pl.col("date") >= date(2009, 12, 1))
    )
    known = pl.from_epoch("pub", time_unit="s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    rows = rows.select(
        pl.lit(SERIES).alias("series_id"),
        event_date="date",
        bond=pl.format("Tesouro IPCA+ {}", "venc"),
        maturity="venc",
        buy_rate=pl.col("tc") / 100,
        sell_rate=pl.col("tv") / 100,
        buy_price="pc",
        sell_price="pv",
        knowledge_time=known,
    )
    return assign_session(rows, market.table())


@pytest.fixture(scope="module")
def curve(retail: pl.DataFrame) -> pl.DataFrame:
    return retail_real_curve(retail, TABLES["silver/di_curve"].empty(), KEYS, CALENDAR)


def test_they_pay_once_at_maturity(retail: pl.DataFrame) -> None:
    """Prices at the two rates give the business days by themselves: those to maturity less the day of settlement."""
    rows = mid_rates(retail, CALENDAR)
    bought, sold = (1.0 + pl.col("buy_rate")).log(), (1.0 + pl.col("sell_rate")).log()
    implied = 252.0 * (pl.col("buy_price") / pl.col("sell_price")).log() / (sold - bought)
    away = rows.group_by("bond").agg((implied - pl.col("bdays")).median().alias("days"), pl.len())
    assert away.filter(pl.col("len") > 200)["days"].is_between(-1.3, -0.7).all()


def test_every_rate_lies_between_its_bonds(curve: pl.DataFrame, retail: pl.DataFrame) -> None:
    assert not_between_bonds(curve.filter(pl.col("session") >= date(2018, 1, 1)), retail, CALENDAR).is_empty()
    have = curve.group_by("tenor_bd").agg(pl.col("real_rate").is_not_null().mean()).sort("tenor_bd")
    assert have["real_rate"].is_sorted()
    assert have["real_rate"][-1] > 0.98, "ten years always lie between two bonds"


def test_it_is_a_proxy_of_the_wholesale_curve(curve: pl.DataFrame, bonds: pl.DataFrame) -> None:  # noqa: F811
    """Every tenth session: close at ten and five years, wide where bonds are far apart (a line over eight years)."""
    none = TABLES["bronze/b3_settlements"].empty()
    wholesale = real_curve(bonds, none, KEYS[::10], CALENDAR, (504, 1260, 2520))
    keys = ["curve_date", "tenor_bd"]
    both = curve.drop_nulls("real_rate").unique(keys).join(wholesale.unique(keys), on=keys, suffix="_wholesale")
    apart = both.with_columns(bp=(pl.col("real_rate") - pl.col("real_rate_wholesale")) * 1e4)
    found = apart.group_by("tenor_bd").agg(pl.col("bp").median(), pl.col("bp").abs().quantile(0.95).alias("far"))
    median, far = (dict(found.select("tenor_bd", c).rows()) for c in ("bp", "far"))
    assert both.height > 600
    assert abs(median[2520]) < 8
    assert abs(median[1260]) < 8
    assert abs(median[504]) < 40
    assert far[2520] < 30
    assert far[1260] < 60
