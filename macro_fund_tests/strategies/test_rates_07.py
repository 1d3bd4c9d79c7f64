"""RATES-07: planted slopes, the hedge ratio, silences."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.strategies.curve import node_rates
from macro_fund.strategies.rates_07 import hedge_ratio, signals
from macro_fund_tests.strategies.frames import World, world
from macro_fund_tests.strategies.rates_frames import fiscal_rows

PARAMS = default_settings().strategy("RATES-07")
W = world(900)


def last(w: World) -> dict[str, dict[str, object]]:
    return {r["instrument"]: r for r in signals(w.panel, PARAMS, w.keys[-1:]).iter_rows(named=True)}


def curve_of(rates: dict[int, np.ndarray]) -> pl.DataFrame:
    """silver/di_curve with other rates at some tenors."""
    curve = W.panel.table("silver/di_curve")
    for tenor, values in rates.items():
        new = pl.DataFrame({"session": W.keys, "new": values}, schema_overrides={"session": pl.Date})
        curve = curve.join(new, on="session", how="left", maintain_order="left")
        rate = pl.when(pl.col("tenor_bd") == tenor).then("new").otherwise("rate")
        curve = curve.with_columns(rate.alias("rate")).drop("new")
    return curve


def planted(extra_bp: float) -> World:
    """2s5s = 40 bp - 0.3 x priced change of the Selic + 60 bp x fiscal score + noise, `extra_bp` on the last one."""
    grid = W.panel.grid(W.keys)
    priced = W.panel.table("silver/policy_path").filter(pl.col("effective_bd") == 240)["implied_target"].to_numpy()
    selic = W.panel.level("br_selic_target", grid, "v")["v"].to_numpy()
    score = W.panel.table("agents/fiscal_view")["state_score"].to_numpy()
    slope = 40 - 0.3 * (priced - selic) * 1e4 + 60 * score + np.random.default_rng(8).normal(0, 5, len(W.keys))
    slope[-1] += extra_bp
    two = node_rates(W.panel, grid, [504])["di_504"].to_numpy()
    return W.with_panel(di_curve=curve_of({1260: two + slope * 1e-4}))


@pytest.mark.parametrize("side", [1, -1])
def test_a_slope_too_steep_is_received_at_its_end(side: int) -> None:
    rows = last(planted(side * 60.0))
    assert {r["z"] for r in rows.values()} == {3.0 * side}
    assert (rows["DI1_5Y"]["direction"], rows["DI1_2Y"]["direction"]) == (side, -side)
    assert (rows["DI1_5Y"]["leg_weight"], rows["DI1_5Y"]["status"]) == (1.0, "ok")
    assert float(str(rows["DI1_2Y"]["leg_weight"])) < 0


def test_what_explains_the_slope_is_no_signal() -> None:
    row = last(planted(0.0))["DI1_5Y"]
    residual = float(str(row["reason"]).split(" bp, ")[1].split(" bp")[0])
    assert abs(residual) < 20  # noise of 5 bp


def test_the_legs_are_neutral_to_the_common_move() -> None:
    rng = np.random.default_rng(4)
    shock = np.cumsum(rng.normal(0, 8e-4, len(W.keys)))
    moves = {252: 0.7, 504: 0.8, 756: 0.9, 1260: 1.0}
    noise = {n: rng.normal(0, 2e-5, len(W.keys)) for n in moves}
    w = W.with_panel(di_curve=curve_of({n: 0.12 + m * shock + noise[n] for n, m in moves.items()}))
    grid = w.panel.grid(w.keys)
    found = hedge_ratio(w.panel, PARAMS, node_rates(w.panel, grid, list(moves)))
    assert found[-1] == pytest.approx(-1.0 / 0.8, abs=0.02)
    assert moves[1260] + found[-1] * moves[504] == pytest.approx(0.0, abs=0.02)
    assert last(w)["DI1_2Y"]["leg_weight"] == found[-1]
    assert np.isnan(found[:251]).all()


def test_the_fiscal_view_decides_the_status() -> None:
    w = planted(60.0)
    weak = last(w.with_panel(fiscal_view=fiscal_rows(W.keys, 7, "degraded")))["DI1_5Y"]
    assert (weak["status"], weak["confidence"]) == ("degraded", 0.4)
    none = last(w.with_panel(fiscal_view=fiscal_rows(W.keys, 7, "no_view")))["DI1_5Y"]
    assert (none["status"], none["reason"], none["direction"]) == ("no_view", "fiscal view is no_view", 0)
    path = W.panel.table("silver/policy_path").filter(pl.col("session") < W.keys[-1])
    assert last(w.with_panel(policy_path=path))["DI1_5Y"]["reason"] == "priced policy path is missing"
