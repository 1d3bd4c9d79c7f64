"""The debt fan on Brazil's debt of 2010-2021; skipped where the data are not there."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.agents.fiscal_history import NEEDED
from macro_fund.agents.fiscal_record import accuracy, coverage, debt_forecasts
from macro_fund.settings import default_settings
from macro_fund.time.sessions import assign_session
from macro_fund_tests.realworld import FOLDER
from macro_fund_tests.strategies.frames import table

DATA = FOLDER / "data" / "br_sgs.parquet"

pytestmark = [
    pytest.mark.realworld,
    pytest.mark.skipif(not DATA.is_file(), reason=f"no real monthly series at {DATA}"),
]


@pytest.fixture(scope="module")
def forecasts() -> pl.DataFrame:
    wanted = {int(s.code): (s.id, s.scale) for s in default_settings().series if s.id in NEEDED}
    rows = pl.read_parquet(DATA).filter(pl.col("code").is_in(list(wanted)) & (pl.col("date") >= date(2004, 1, 1)))
    frame = rows.select(
        series_id=pl.col("code").replace_strict({c: i for c, (i, _) in wanted.items()}, return_dtype=pl.String),
        event_date="date",
        value=pl.col("value") * pl.col("code").replace_strict({c: s for c, (_, s) in wanted.items()}),
        knowledge_time=pl.from_epoch("pub", time_unit="s").cast(pl.Datetime("us", "UTC")),
    )
    keys = table().keys(date(2010, 1, 4), date(2021, 12, 28))
    known = assign_session(frame, table()).filter(pl.col("session") <= keys[-1])
    assert set(known["series_id"]) == set(NEEDED)
    return debt_forecasts(known, keys, table(), years=(1, 2))


def test_forecasts_start_with_enough_history_and_have_outcomes(forecasts: pl.DataFrame) -> None:
    one = forecasts.filter(pl.col("years") == 1)
    assert one["session"].min() <= date(2014, 1, 2)
    assert one.drop_nulls("outcome").height > 80
    assert one["forecast"].is_between(0.4, 1.5).all()


def test_the_record_is_what_the_page_says(forecasts: pl.DataFrame) -> None:
    """docs/agents/fiscal.md: no better than a random walk at one and two years, bands that are too narrow."""
    scores = accuracy(forecasts).filter(pl.col("benchmark") == "random_walk").sort("years")
    assert scores["ratio"].to_list() == pytest.approx([1.17, 1.07], abs=0.10)
    inside = coverage(forecasts).sort("years")["inside_80"].to_list()
    assert inside == pytest.approx([0.66, 0.74], abs=0.08)
