"""contract_marks of DDI, FRC and DAP on planted curves: what moves them is what should."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.instruments import dap, ddi, di1
from macro_fund.instruments.checks import pnl_recomputed
from macro_fund.instruments.contracts import load_specs, point_values
from macro_fund.instruments.marks import Inputs, contract_marks
from macro_fund_tests.instruments import coupon_market as coupons
from macro_fund_tests.instruments import market

DAY, BEFORE = date(2019, 5, 22), date(2019, 5, 21)


def of(inputs: Inputs | None = None, keys: list[date] | None = None, rows: pl.DataFrame | None = None) -> pl.DataFrame:
    return contract_marks(
        coupons.settlements() if rows is None else rows, inputs or coupons.inputs(), keys or coupons.keys(),
        market.calendar(), point_values(load_specs()),
    )  # fmt: skip


@pytest.fixture(scope="module")
def marks() -> pl.DataFrame:
    return of()


def one(marks: pl.DataFrame, contract: str, day: date = DAY) -> dict[str, float]:
    return marks.filter(pl.col("contract") == contract, pl.col("trade_date") == day).row(-1, named=True)


def value(frame: pl.DataFrame, day: date) -> float:
    return float(frame.filter(pl.col("event_date") == day)["value"].item())


def test_ddi_is_settled_at_ptax_of_the_day_before(marks: pl.DataFrame) -> None:
    now, then = one(marks, "DDIF21"), one(marks, "DDIF21", BEFORE)
    fixed, base, today = (value(coupons.ptax(), d) for d in (BEFORE, date(2019, 5, 20), DAY))
    fc = float(di1.correction_factor([value(market.cdi(), BEFORE)])) / (fixed / base)
    assert now["correction"] == pytest.approx(fc, rel=1e-15)
    assert now["point_value_brl"] == pytest.approx(0.5 * fixed)
    points = round(now["settle_price"] - round(then["settle_price"] * fc, 2), 2)
    assert now["pnl_brl"] == pytest.approx(points * 0.5 * fixed, abs=1e-9)
    assert now["delta_brl"] == pytest.approx(0.5 * now["settle_price"] * today)
    days = (date(2021, 1, 4) - DAY).days
    assert now["dv01_brl"] == pytest.approx(float(ddi.dv01(now["settle_rate"], days, today, now["settle_price"])))


def test_dap_is_settled_at_the_index_of_the_day(marks: pl.DataFrame) -> None:
    now, then = one(marks, "DAPK23"), one(marks, "DAPK23", BEFORE)
    index, before = (float(dap.ipca_index(value(coupons.vna(), d))) for d in (DAY, BEFORE))
    fc = float(di1.correction_factor([value(market.cdi(), BEFORE)])) * before / index
    assert now["correction"] == pytest.approx(fc, rel=3e-6)  # the index has two decimals
    points = round(now["settle_price"] - round(then["settle_price"] * now["correction"], 2), 2)
    assert now["pnl_brl"] == pytest.approx(points * 0.00025 * index, abs=1e-9)
    assert now["delta_brl"] == 0.0


def test_a_changed_projection_of_ipca_is_no_gain_of_the_day_before(marks: pl.DataFrame) -> None:
    """From 22 May on the month accrues at twice its pace: yesterday's index is restated, only one day's is new."""
    faster = pl.col("event_date").is_between(DAY, date(2019, 6, 14))
    start = value(coupons.vna(), date(2019, 5, 15))
    vna = coupons.vna().with_columns(
        pl.when(faster).then(start * (pl.col("value") / start) ** 2).otherwise("value").alias("value")
    )
    inputs = coupons.inputs()
    found = one(of(Inputs(inputs.cdi_daily, inputs.ptax, vna)), "DAPK23")
    usual = one(marks, "DAPK23")
    plain = value(vna, DAY) / value(vna, BEFORE) - 1
    growth = value(market.cdi(), BEFORE)
    assert plain > 0.001
    assert (1 + growth) / found["correction"] - 1 == pytest.approx(
        2 * ((1 + growth) / usual["correction"] - 1), abs=5e-6
    )


def test_frc_has_no_dollars_and_no_cdi(marks: pl.DataFrame) -> None:
    """The spot jumps by 10% and PTAX follows a day later: DDI gain, FRC do not."""
    jump = pl.col("event_date") >= DAY
    clean = one(marks, "FRCF21")
    assert (clean["delta_brl"], clean["correction"]) == (0.0, 1.0)
    moved = coupons.settlements().with_columns(
        pl.when((pl.col("root") == "DDI") & (pl.col("event_date") == DAY)).then(pl.col("settle_price") * 1.1)
        .otherwise("settle_price").alias("settle_price"),
        settle_rate=pl.when(pl.col("root") != "DDI").then("settle_rate"),
    )  # fmt: skip
    inputs = coupons.inputs()
    ptax = coupons.ptax().with_columns(pl.when(jump).then(pl.col("value") * 1.1).otherwise("value").alias("value"))
    found = of(Inputs(inputs.cdi_daily, ptax, inputs.vna), rows=moved)
    assert one(found, "DDIF21")["pnl_brl"] > 0.09 * one(marks, "DDIF21")["delta_brl"]
    assert one(found, "FRCF21")["pnl_brl"] == pytest.approx(1.1 * clean["pnl_brl"], abs=1e-6)


def test_frc_of_a_rising_coupon_loses(marks: pl.DataFrame) -> None:
    rows = coupons.settlements().with_columns(days=(pl.col("maturity") - pl.col("event_date")).dt.total_days())
    bump = (pl.col("root") == "DDI") & (pl.col("event_date") == DAY) & (pl.col("days") > 60)
    up = rows.with_columns(
        pl.when(bump).then(pl.col("settle_price") / (1 + 1e-4 * pl.col("days") / 360)).otherwise("settle_price")
        .alias("settle_price")
    )  # fmt: skip
    change = one(of(rows=up.drop("days")), "FRCF21")["pnl_brl"] - one(marks, "FRCF21")["pnl_brl"]
    assert change == pytest.approx(-one(marks, "FRCF21")["dv01_brl"], rel=0.12)
    assert change < 0


def test_every_day_has_its_pnl_and_the_check_agrees(marks: pl.DataFrame) -> None:
    later = marks.filter(pl.col("prev_trade_date").is_not_null())
    # Before 15 March there is no 15th in the VNA: none, they start in January.
    assert later["pnl_brl"].null_count() == 0
    assert pnl_recomputed(marks, marks, market.calendar()).is_empty()
    assert (marks["dv01_brl"] >= 0).all()


def test_nothing_known_gives_no_pnl_and_no_guess() -> None:
    rows = coupons.inputs()
    for name, roots in (("ptax", {"DDI", "FRC"}), ("vna", {"DAP"}), ("cdi_daily", {"DDI", "DAP"})):
        parts = {n: getattr(rows, n) for n in ("cdi_daily", "ptax", "vna")}
        found = of(Inputs(**{**parts, name: parts[name].clear()}))
        lost = found.filter(pl.col("prev_trade_date").is_not_null(), pl.col("pnl_brl").is_null())
        assert set(lost["root"]) == roots
        if name == "ptax":
            assert (
                found.filter(pl.col("root") == "DDI")["dv01_brl"].null_count()
                == found.filter(pl.col("root") == "DDI").height
            )


def test_window_of_sessions_never_changes_a_row(marks: pl.DataFrame) -> None:
    rows = coupons.inputs()
    for day in coupons.keys()[20:60:13]:
        known = Inputs(*(market.known_at(f, day) for f in (rows.cdi_daily, rows.ptax, rows.vna)))
        alone = of(known, [day], market.known_at(coupons.settlements(), day))
        assert alone.equals(marks.filter(pl.col("session") == day))
    assert np.isfinite(marks.drop_nulls("pnl_brl")["pnl_brl"].to_numpy()).all()
