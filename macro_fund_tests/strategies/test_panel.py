"""Paths of a series or an instrument: what is no new period is no observation."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund_tests.strategies.frames import world

N = 300


def test_a_foreign_holiday_is_no_zero_return() -> None:
    w = world(N)
    before, holiday = w.keys[-3], w.keys[-2]
    here = (pl.col("series_id") == "us_vix") & (pl.col("session") == holiday)
    day_before = w.panel.as_known.filter((pl.col("series_id") == "us_vix") & (pl.col("session") == before))
    repeated = pl.concat([w.panel.as_known.filter(~here), day_before.with_columns(pl.lit(holiday).alias("session"))])
    path = w.with_panel(as_known=repeated).panel.path("us_vix", w.keys[-1])
    assert path["session"].to_list()[-2:] == [before, w.keys[-1]]
    assert path["event_date"].is_unique().all()


def test_a_settlement_repeated_in_a_later_session_is_no_new_day() -> None:
    w = world(N)
    rows = w.panel.table("silver/leg_returns")
    again = rows.filter(pl.col("session") == w.keys[-2]).with_columns(pl.lit(w.keys[-1]).alias("session"))
    path = w.with_panel(leg_returns=pl.concat([rows, again])).panel.returns("DOL_1M", w.keys[-1])
    assert path["trade_date"].to_list() == rows.filter(pl.col("instrument") == "DOL_1M")["trade_date"].to_list()


def test_the_grid_starts_with_history_and_holds_what_is_asked() -> None:
    w = world(N)
    assert w.panel.grid(w.keys[40:42])["session"].to_list() == w.keys[:42]
    later = date(2012, 1, 2)
    assert w.panel.grid([later])["session"].to_list() == [*w.keys, later]
    with pytest.raises(ValueError, match="no sessions asked for"):
        w.panel.grid([])


def test_a_level_is_ok_stale_or_missing() -> None:
    w = world(N)
    vix = pl.col("series_id") == "us_vix"
    known = w.panel.as_known.with_columns(
        pl.when(vix & (pl.col("session") == w.keys[-1])).then(True).otherwise("stale").alias("stale")
    ).filter(~(vix & (pl.col("session") == w.keys[-2])))
    level = w.with_panel(as_known=known).panel.level("us_vix", w.panel.grid(w.keys), "x")
    assert level["x_state"].to_list()[-3:] == ["ok", "missing", "stale"]
    assert level["x"][-2] is None
