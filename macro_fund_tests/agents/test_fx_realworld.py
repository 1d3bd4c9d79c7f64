"""The real exchange rate as the Banco Central published it: its sign, and what the tests say of its equilibrium."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.agents.fx_model import fx_model
from macro_fund.agents.fx_panel import REER, SPOT, US_REAL
from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund.time.sessions import assign_session
from macro_fund_tests.realworld import FOLDER, why_absent
from macro_fund_tests.strategies.frames import MAX_AGE, table

pytestmark = [pytest.mark.realworld, pytest.mark.skipif(bool(why_absent()), reason=why_absent())]
IDS = (REER, "br_icbr_all_brl", "br_usdbrl_month_avg", "br_selic_month_annualised", "br_ipca_12m")


def _rows(frame: pl.DataFrame, series_id: str, scale: float) -> pl.DataFrame:
    """date, value, knowledge_time as rows of silver/observations."""
    rows = frame.select(
        pl.col("date").alias("event_date"),
        (pl.col("value") * scale).alias("value"),
        "knowledge_time",
        pl.lit(series_id).alias("series_id"),
        pl.lit("lag").alias("knowledge_basis"),
        pl.lit(value=False).alias("late"),
        pl.lit("test").alias("source"),
    )
    schema = TABLES["silver/observations"].schema
    return assign_session(rows, table()).select(pl.col(n).cast(t) for n, t in schema.items())


@pytest.fixture(scope="module")
def observations() -> pl.DataFrame:
    settings = {s.id: s for s in default_settings().series}
    sgs = pl.read_parquet(FOLDER / "data/br_sgs.parquet").filter(pl.col("date") >= date(2004, 1, 1))
    sgs = sgs.with_columns(pl.from_epoch("pub").dt.replace_time_zone("UTC").alias("knowledge_time"))
    parts = [_rows(sgs.filter(pl.col("code") == int(settings[i].code)), i, settings[i].scale) for i in IDS]
    parts.append(_rows(sgs.filter(pl.col("code") == 1), SPOT, 1.0))
    real = pl.read_parquet(FOLDER / "data/us_treasury_real.parquet").filter(pl.col("date") >= date(2004, 1, 1))
    known = pl.col("date").cast(pl.Datetime("us", "UTC")).dt.offset_by("23h").alias("knowledge_time")
    parts.append(_rows(real.select("date", pl.col("y5").alias("value"), known).drop_nulls("value"), US_REAL, 0.01))
    return pl.concat(parts)


@pytest.mark.parametrize("refit", [date(2016, 6, 1), date(2021, 12, 1)])
def test_the_index_rises_with_the_dollar_and_does_not_return(observations: pl.DataFrame, refit: date) -> None:
    """SGS 11752 rises when the real depreciates; with two fundamentals its equilibrium is refused."""
    found = fx_model(observations, TABLES["silver/di_curve"].empty(), [refit], table(), max_age=MAX_AGE)
    values = dict(found.select("parameter", "value").rows())
    assert values["spot_correlation"] > 0.85
    assert values["beta_terms_of_trade"] < -0.4
    assert values["source_terms_of_trade"] == 2.0
    assert values["trace"] < values["trace_critical"]
    assert values["used"] == 0.0
    assert "no cointegration at 10%" in found["reason"][0]
    assert "left out for lack of data: productivity, foreign_assets, sovereign_spread" in found["reason"][0]
