"""INF-03: carry and accrual by hand, z within the calendar month, the sign, what is missing."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import default_settings
from macro_fund.strategies.inf_03 import accruals, carry, index_months, monthly_z, signals
from macro_fund_tests.strategies.events_frames import path_of
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("INF-03")
W = world(900)
KEYS = W.keys
LAST = KEYS[-1:]


def grid(*days: date) -> pl.DataFrame:
    return pl.DataFrame({"session": days}, schema={"session": pl.Date})


def with_real(w: World, moved: float, basis: str = "listed") -> World:
    """The DAP's rate is 5%, with a little noise, and `moved` above that in the last ten sessions."""
    legs = w.panel.table("silver/leg_returns")
    own = legs.filter(pl.col("instrument") == "DAP_2Y")
    level = 0.05 + np.random.default_rng(8).normal(0, 1e-4, own.height)
    level[-10:] += moved
    own = own.with_columns(level=pl.Series(level), basis=pl.lit(basis))
    return w.with_panel(leg_returns=pl.concat([legs.filter(pl.col("instrument") != "DAP_2Y"), own]))


def last(w: World) -> dict[str, dict[str, object]]:
    return {r["instrument"]: r for r in signals(w.panel, PARAMS, LAST).iter_rows(named=True)}


def test_carry_by_hand() -> None:
    value = pl.select(carry(pl.lit(0.06), pl.lit(0.01), pl.lit(0.12), 42)).item()
    assert value == pytest.approx(1.06 ** (1 / 6) * 1.01 / 1.12 ** (1 / 6) - 1, abs=1e-15)
    # A linker that yields what cash does less inflation carries nothing.
    fair = pl.select(carry(pl.lit(1.12 / 1.06 - 1), pl.lit(1.06 ** (1 / 6) - 1), pl.lit(0.12), 42)).item()
    assert fair == pytest.approx(0.0, abs=1e-14)


def test_months_that_the_index_accrues() -> None:
    rows = index_months(grid(date(2011, 3, 20)), 2).sort("month")
    # To 15 April: 26 of 31 days of March's IPCA, all of April's, 5/31 of May's.
    assert rows["month"].to_list() == [date(2011, 3, 1), date(2011, 4, 1), date(2011, 5, 1)]
    assert rows["share"].to_list() == pytest.approx([26 / 31, 1.0, 5 / 31])
    # Before the 15th the index still accrues the month before; on the 15th it turns.
    rows = index_months(grid(date(2011, 3, 14), date(2011, 3, 15)), 1).sort("session", "month")
    assert rows["month"].to_list() == [date(2011, m, 1) for m in (2, 3, 3, 4)]
    assert rows["share"].to_list() == pytest.approx([1 / 28, 27 / 28, 1.0, 0.0])


@given(st.dates(date(2005, 1, 1), date(2030, 12, 31)), st.integers(1, 6))
@settings(max_examples=200)
def test_as_many_months_accrue_as_asked_for(day: date, months: int) -> None:
    rows = index_months(grid(day), months)
    assert rows["share"].sum() == pytest.approx(months, abs=1e-12)
    assert rows["share"].is_between(0, 1).all()


def test_accrual_takes_what_is_out_and_projects_the_rest() -> None:
    w = W.with_panel(inflation_path=path_of(KEYS, np.full(len(KEYS), 0.003)))
    day = date(2011, 3, 14)  # February came out on the 15th here, so the newest is January
    rates = w.panel.table("agents/inflation_path").filter(pl.col("session") == day)
    by_month = dict(rates.select("month", "rate").iter_rows())
    feb, mar, apr = (by_month[date(2011, m, 1)] for m in (2, 3, 4))
    expected = (1 + feb) ** (1 / 28) * (1 + mar) * (1 + apr) ** (27 / 28) - 1
    assert accruals(w.panel, grid(day), 2)["accrual"].item() == pytest.approx(expected, abs=1e-14)
    # Once January is out its own figure counts, whatever the path still says of it.
    later = date(2011, 2, 14)
    out = w.panel.as_known.filter((pl.col("session") == later) & (pl.col("series_id") == "br_ipca_mom"))
    assert out["event_date"].item() == date(2011, 1, 1)
    behind = pl.concat([rates[m - 1].with_columns(month=pl.lit(date(2011, m, 1))) for m in (1, 2, 3)])
    mixed = w.with_panel(inflation_path=behind.with_columns(session=pl.lit(later), rate=pl.lit(0.05)))
    expected = (1 + out["value"].item()) ** (1 / 31) * 1.05 ** (1 + 30 / 31) - 1
    assert accruals(mixed.panel, grid(later), 2)["accrual"].item() == pytest.approx(expected, abs=1e-14)


def test_z_compares_a_month_with_the_same_month_of_other_years() -> None:
    days = [date(2000, 1, 3) + timedelta(days=k) for k in range(365 * 6)]
    season = np.array([0.01 * np.cos(d.month * np.pi / 6) for d in days])
    noise = np.random.default_rng(1).normal(0, 1e-4, len(days))
    rows = pl.DataFrame({"session": days, "value": season + noise})
    z = monthly_z(rows, 504, 63)
    assert z["session"].to_list() == days
    seen = z.drop_nulls("z")
    assert seen["z"].abs().median() < 1.0  # a season a hundred times the noise leaves no trace
    assert (
        z.filter(pl.col("session") < date(2002, 1, 1))["z"].null_count()
        == z.filter(pl.col("session") < date(2002, 1, 1)).height
    )
    raised = rows.with_columns(pl.when(pl.col("session") == days[-1]).then(0.0115).otherwise("value").alias("value"))
    assert monthly_z(raised, 504, 63)["z"][-1] == 3.0


def test_a_carry_above_its_season_is_held() -> None:
    rows = last(with_real(W, moved=0.05))
    assert (rows["DAP_2Y"]["direction"], rows["DI1_2Y"]["direction"]) == (1, -1)
    assert rows["DAP_2Y"]["leg_weight"] + rows["DI1_2Y"]["leg_weight"] == 0
    assert rows["DAP_2Y"]["status"] == "ok"
    rows = last(with_real(W, moved=-0.05))
    assert (rows["DAP_2Y"]["direction"], rows["DI1_2Y"]["direction"]) == (-1, 1)


def test_what_is_missing_is_said() -> None:
    proxy = last(with_real(W, 0.05, basis="proxy"))["DAP_2Y"]
    assert proxy["status"] == "degraded"
    assert proxy["confidence"] <= 0.4
    assert "DAP_2Y is a proxy" in proxy["reason"]
    legs = W.panel.table("silver/leg_returns").filter(
        (pl.col("instrument") != "DAP_2Y") | (pl.col("session") < KEYS[-15])
    )
    assert "no real rate of DAP_2Y" in last(W.with_panel(leg_returns=legs))["DAP_2Y"]["reason"]
    path = W.panel.table("agents/inflation_path").filter(pl.col("months_ahead") == 1)
    short = last(W.with_panel(inflation_path=path))["DAP_2Y"]
    assert (short["status"], short["signal"]) == ("no_view", None)
    assert "no projection of IPCA for every month" in short["reason"]
    early = signals(W.panel, PARAMS, KEYS[400:401]).row(0, named=True)
    assert "too few years of this calendar month" in early["reason"]
