"""FISC-01: fiscal news against the slope, by hand; legs; silences."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.curve import node_rates
from macro_fund.strategies.fisc_01 import change, signals
from macro_fund_tests.strategies.frames import World, world
from macro_fund_tests.strategies.rates_frames import fiscal_rows

PARAMS = default_settings().strategy("FISC-01")
W = world(600)


def last(w: World) -> dict[str, dict[str, object]]:
    return {r["instrument"]: r for r in signals(w.panel, PARAMS, w.keys[-1:]).iter_rows(named=True)}


def with_score(jump: float) -> World:
    late = pl.col("session") > W.keys[-10]
    rows = fiscal_rows(W.keys, 7).with_columns(
        state_score=pl.col("state_score") + pl.when(late).then(jump).otherwise(0.0)
    )
    return W.with_panel(fiscal_view=rows)


def test_worse_news_and_a_still_curve_is_a_steepener() -> None:
    for jump, side in ((1.0, 1), (-1.0, -1)):
        rows = last(with_score(jump))
        assert (rows["DI1_1Y"]["direction"], rows["DI1_5Y"]["direction"]) == (side, -side)
        assert float(str(rows["DI1_1Y"]["signal"])) * side > 0.5
        assert {r["trade"] for r in rows.values()} == {"1s5s"}
        assert [rows[i]["leg_weight"] for i in ("DI1_1Y", "DI1_5Y")] == [1.0, -1.0]  # equal DV01


def test_a_slope_that_has_moved_as_much_is_no_signal() -> None:
    late = (pl.col("session") > W.keys[-10]) & (pl.col("tenor_bd") == 1260)
    curve = W.panel.table("silver/di_curve")
    steeper = curve.with_columns(rate=pl.col("rate") + pl.when(late).then(0.02).otherwise(0.0))
    both = last(with_score(1.0).with_panel(di_curve=steeper))["DI1_1Y"]
    assert both["z"] == pytest.approx(0.0, abs=1e-12)  # both changes are at the clip
    alone = last(W.with_panel(di_curve=steeper))
    assert (alone["DI1_1Y"]["direction"], alone["DI1_5Y"]["direction"]) == (-1, 1)


def test_the_z_by_hand() -> None:
    rates = node_rates(W.panel, W.panel.grid(W.keys), [252, 1260])
    score = W.panel.table("agents/fiscal_view")["state_score"].to_numpy()
    z = []
    for values in (score, (rates["di_1260"] - rates["di_252"]).to_numpy() * 1e4):
        moved = (values[21:] - values[:-21])[-504:]
        median = np.median(moved)
        z.append(np.clip((moved[-1] - median) / (1.4826 * np.median(np.abs(moved - median))), -3, 3))
    row = last(W)["DI1_1Y"]
    assert row["z"] == pytest.approx(np.clip((z[0] - z[1]) / np.sqrt(2), -3, 3), abs=1e-9)
    assert row["signal"] == pytest.approx(np.clip((z[0] - z[1]) / np.sqrt(2) / 2, -1, 1), abs=1e-9)


def test_a_change_over_a_gap_is_no_change() -> None:
    days = [date(2020, 1, 1) + timedelta(days=k) for k in range(4)] + [date(2020, 3, 1), date(2020, 3, 2)]
    values = pl.Series([1.0, 2.0, None, 4.0, 5.0, 7.0])
    assert change(values, pl.Series(days), 1).to_list() == [None, 1.0, None, 2.0, None, 2.0]


def test_the_fiscal_view_decides_the_status() -> None:
    weak = last(W.with_panel(fiscal_view=fiscal_rows(W.keys, 7, "degraded")))["DI1_1Y"]
    assert (weak["status"], weak["confidence"]) == ("degraded", 0.4)
    none = last(W.with_panel(fiscal_view=fiscal_rows(W.keys, 7, "no_view")))["DI1_1Y"]
    assert (none["status"], none["reason"], none["direction"]) == ("no_view", "fiscal view is no_view", 0)
    curve = W.panel.table("silver/di_curve").filter(pl.col("session") < W.keys[-1])
    assert last(W.with_panel(di_curve=curve))["DI1_1Y"]["reason"] == "DI curve is missing or does not reach 5 years"
