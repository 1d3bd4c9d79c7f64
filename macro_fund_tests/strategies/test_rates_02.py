"""RATES-02: sign, the horizon read off the paths, status of the monetary view."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.policy import modelled_in_a_year, priced_in_a_year
from macro_fund.strategies.rates_02 import signals, taylor_gap
from macro_fund_tests.strategies.frames import World, monetary_rows, world
from macro_fund_tests.strategies.rates_frames import path_rows

PARAMS = default_settings().strategy("RATES-02")
W = world(200)


def last(w: World) -> dict[str, dict[str, object]]:
    return {r["instrument"]: r for r in signals(w.panel, PARAMS, w.keys[-1:]).iter_rows(named=True)}


@pytest.mark.parametrize(("gap", "side"), [(-0.01, 1), (0.01, -1)])
def test_a_curve_that_prices_too_much_is_received(gap: float, side: int) -> None:
    rows = last(W.with_panel(monetary_path=path_rows(W.keys, 7, gap=gap)))
    assert set(rows) == {"DI1_1Y", "DI1_2Y"}
    for row in rows.values():
        assert row["z"] == pytest.approx(side * 100 / 75, abs=1e-9)
        assert row["signal"] == pytest.approx(side * 100 / 150, abs=1e-9)
        assert (row["direction"], row["status"], row["confidence"]) == (side, "ok", 0.8)
        assert row["trade"] == row["instrument"]


def test_the_premium_is_not_an_expectation() -> None:
    one = np.array([0.12])
    assert taylor_gap(one, np.array([0.0075]), np.array([0.1125]), 75.0)[0] == pytest.approx(0.0, abs=1e-12)
    assert taylor_gap(one, np.array([0.0]), np.array([0.1125]), 75.0)[0] == pytest.approx(1.0)


def test_the_rate_in_force_a_year_ahead() -> None:
    # Meetings every 30 days: the eighth is in force after 240, the ninth only after 270.
    grid = W.panel.grid(W.keys)
    rows = W.panel.table("silver/policy_path").filter(pl.col("session") == W.keys[-1])
    eighth = rows.filter(pl.col("effective_bd") == 240)["implied_target"][0]
    assert priced_in_a_year(W.panel, grid)["priced"][-1] == eighth
    assert modelled_in_a_year(W.panel, grid)["implied"][-1] == eighth
    short = W.panel.table("agents/monetary_path").filter(pl.col("horizon") <= 6)
    row = last(W.with_panel(monetary_path=short))["DI1_2Y"]
    assert (row["status"], row["reason"], row["direction"]) == (
        "no_view",
        "monetary path does not reach a year ahead",
        0,
    )


def test_an_old_curve_prices_nothing() -> None:
    old = W.panel.table("silver/policy_path").with_columns(pl.col("curve_date").dt.offset_by("-10d"))
    panel = W.with_panel(policy_path=old).panel
    assert priced_in_a_year(panel, panel.grid(W.keys))["priced"].null_count() == len(W.keys)


def test_the_monetary_view_decides_the_status() -> None:
    wide = W.with_panel(monetary_path=path_rows(W.keys, 7, gap=-0.02))
    weak = last(wide.with_panel(monetary_view=monetary_rows(W.keys, status="degraded")))["DI1_1Y"]
    assert (weak["status"], weak["confidence"], weak["direction"]) == ("degraded", 0.4, 1)
    assert "monetary view is degraded" in str(weak["reason"])
    none = last(wide.with_panel(monetary_view=monetary_rows(W.keys, status="no_view")))["DI1_1Y"]
    assert (none["status"], none["signal"], none["direction"]) == ("no_view", None, 0)
    absent = last(wide.with_panel(monetary_view=monetary_rows(W.keys[:9])))["DI1_1Y"]
    assert absent["reason"] == "monetary view has no view"
