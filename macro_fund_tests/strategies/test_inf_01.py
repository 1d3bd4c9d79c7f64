"""INF-01: the extended path and its error, which breakeven is read, the sign, neutrality, what is missing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import default_settings
from macro_fund.strategies.inf_01 import mean_error, mean_inflation, signals, wholesale
from macro_fund_tests.strategies.events_frames import breakevens_of, cast, model_of, view_of
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("INF-01")
W = world(300)
KEYS = W.keys
LAST = KEYS[-1:]
REAL, RETAIL = "silver/real_curve", "silver/retail_real_curve"


def planted(pi12: float, retail: float | None, whole: float | None = None, status: str = "ok") -> World:
    n = len(KEYS)
    empty = {k: cast(k, pl.DataFrame(schema={"session": pl.Date})) for k in (REAL, RETAIL)}
    return W.with_panel(
        inflation_view=view_of(KEYS, np.full(n, pi12), status),
        inflation_model=model_of(KEYS, memory=0.5, rmse=0.01),
        retail_real_curve=empty[RETAIL] if retail is None else breakevens_of(RETAIL, KEYS, {756: np.full(n, retail)}),
        real_curve=empty[REAL]
        if whole is None
        else breakevens_of(REAL, KEYS, {504: np.full(n, whole), 1260: np.full(n, whole)}),
    )


def last(w: World) -> dict[str, dict[str, object]]:
    return {r["instrument"]: r for r in signals(w.panel, PARAMS, LAST).iter_rows(named=True)}


def one(expr: pl.Expr) -> float:
    return float(pl.select(expr).item())


def test_the_path_beyond_the_model_by_hand() -> None:
    mean = one(mean_inflation(pl.lit(0.08), pl.lit(0.04), pl.lit(0.5), 3))  # 8%, 6%, 5%
    assert mean == pytest.approx((1.08 * 1.06 * 1.05) ** (1 / 3) - 1, abs=1e-14)
    assert one(mean_inflation(pl.lit(0.08), pl.lit(0.04), pl.lit(0.5), 1)) == pytest.approx(0.08, abs=1e-14)


@given(st.floats(0, 0.15), st.floats(0.02, 0.06), st.floats(0, 1), st.integers(2, 5))
@settings(max_examples=100)
def test_the_mean_lies_between_the_model_and_the_target(pi: float, target: float, memory: float, years: int) -> None:
    mean = one(mean_inflation(pl.lit(pi), pl.lit(target), pl.lit(memory), years))
    assert min(pi, target) - 1e-12 <= mean <= max(pi, target) + 1e-12


@pytest.mark.parametrize("years", [1, 2, 3])
def test_the_error_of_the_mean_is_that_of_simulated_years(years: int) -> None:
    rng, memory, first = np.random.default_rng(4), 0.6, 0.012
    new = rng.normal(0, first, (200_000, years))
    error = np.zeros_like(new)
    for k in range(years):
        error[:, k] = new[:, k] + (memory * error[:, k - 1] if k else 0)
    expected = one(mean_error(pl.lit(first), pl.lit(memory), years))
    assert error.mean(axis=1).std() == pytest.approx(expected, rel=0.01)


def test_z_by_hand_and_legs_of_equal_dv01() -> None:
    rows = last(planted(0.09, retail=0.03))  # target 4.5%: 9%, 6.75%, 5.625%
    model = (1.09 * 1.0675 * 1.05625) ** (1 / 3) - 1
    error = 0.01 * np.sqrt(1 + 1.5**2 + 1.75**2) / 3
    real, nominal = rows["DAP_3Y"], rows["DI1_3Y"]
    assert real["z"] == pytest.approx(min((model - 0.03) / error, 3.0), abs=1e-9)
    assert (real["direction"], nominal["direction"]) == (1, -1)  # inflation above what is priced: long breakeven
    assert real["leg_weight"] + nominal["leg_weight"] == 0
    lower = last(planted(0.05, retail=0.05))
    assert lower["DAP_3Y"]["z"] == pytest.approx(((1.05 * 1.0475 * 1.04625) ** (1 / 3) - 1 - 0.05) / error, abs=1e-9)


def test_a_dear_breakeven_is_sold() -> None:
    rows = last(planted(0.03, retail=0.07))
    assert (rows["DAP_3Y"]["direction"], rows["DI1_3Y"]["direction"]) == (-1, 1)


def test_the_retail_curve_is_a_stand_in() -> None:
    proxy, whole = last(planted(0.09, 0.03))["DAP_3Y"], last(planted(0.09, 0.07, whole=0.03))["DAP_3Y"]
    assert (proxy["status"], proxy["confidence"]) == ("degraded", 0.4)
    assert "proxy: Tesouro Direto" in proxy["reason"]
    assert (whole["status"], whole["confidence"]) == ("ok", 0.7)
    assert whole["z"] == pytest.approx(proxy["z"], abs=1e-9)  # 3%, not the 7% of the retail curve


def test_the_wholesale_breakeven_is_flat_forward_between_nodes() -> None:
    curve = breakevens_of(REAL, KEYS[:1], {504: np.array([0.04]), 1260: np.array([0.05])})
    forward = (1.05**5 / 1.04**2) ** (1 / 3)  # a year's growth between 2 and 5 years
    expected = (1.04**2 * forward) ** (1 / 3) - 1
    assert wholesale(curve, 756)["be"].item() == pytest.approx(expected, abs=1e-14)
    assert wholesale(curve, 504)["be"].item() == pytest.approx(0.04, abs=1e-14)
    assert wholesale(curve, 1260)["be"].item() == pytest.approx(0.05, abs=1e-14)
    assert wholesale(curve, 252).is_empty()
    for flag in ("extrapolated", "nominal_extrapolated"):
        assert wholesale(curve.with_columns((pl.col("tenor_bd") == 1260).alias(flag)), 756).is_empty()


def test_what_is_missing_is_said() -> None:
    none = last(planted(0.09, retail=None))["DAP_3Y"]
    assert (none["status"], none["signal"], none["direction"]) == ("no_view", None, 0)
    assert "no breakeven near 3 years" in none["reason"]
    refused = last(planted(0.09, 0.03, status="no_view"))["DAP_3Y"]
    assert "inflation view has no view: a part is weak" in refused["reason"]
    weak = last(planted(0.09, None, whole=0.03, status="degraded"))["DAP_3Y"]
    assert (weak["status"], weak["confidence"]) == ("degraded", 0.4)
    old = planted(0.09, None).with_panel(
        retail_real_curve=breakevens_of(RETAIL, KEYS, {756: np.full(len(KEYS), 0.03)}, age=9)
    )
    assert last(old)["DAP_3Y"]["status"] == "no_view"
    young = planted(0.09, 0.03).with_panel(inflation_model=model_of(KEYS, 0.5, float("nan")))
    assert "no record of its 12-month errors" in last(young)["DAP_3Y"]["reason"]
