"""Stress scenarios: full revaluation, signs, interpolation, missing targets."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.instruments.di1 import daily_settlement, dv01
from macro_fund.risk.checks import stress_signs
from macro_fund.risk.stress import di1_revaluation, rate_shock, stress
from macro_fund.settings import Scenario
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import CONTRACTS, market, sessions_of, settings, targets_frame

RETURNS = market(70)
DAYS = sessions_of(RETURNS)
LAST = DAYS[-1]
SCENARIOS = settings().scenarios


def _book(positions, days=(LAST,)):
    marks = {(r["session"], r["instrument"]): r for r in RETURNS.to_dicts()}
    return targets_frame(
        [
            {
                "session": day,
                "instrument": name,
                "contract": CONTRACTS[name],
                "target_contracts": n,
                "rate": marks[day, name]["rate"],
                "delta_brl": None if n is None else n * marks[day, name]["delta_brl"],
                "status": "no_view" if n is None else "ok",
                "reason": f"no listed settlement for {name}" if n is None else "",
            }
            for day in days
            for name, n in positions.items()
        ]
    )


def _pnl(positions, scenario="joesley_2017"):
    frame = stress(_book(positions), RETURNS, SCENARIOS, [LAST]).filter(scenario=scenario)
    return dict(zip(frame["instrument"], frame["pnl_brl"], strict=True))


def test_joesley_day_on_di_january_2021():
    """Settlements of 17 and 18 May 2017: 9.59% (PU 71,816.62, 911 days) to 11.39% (PU 67,738.12), CDI 11.13%.

    By DV01 a contract loses 4,264 BRL, by settlement 4,109. The revaluation at one instant differs from the settlement
    by the day's carry only (less than 2 BRL).
    """
    rate, n = np.array([0.0959]), np.array([911])
    settled = daily_settlement(67_738.12, 71_816.62, 1.1113 ** (1 / 252))
    assert -180 * dv01(rate, n)[0] == pytest.approx(-4264, abs=0.5)
    assert settled == pytest.approx(-4109, abs=0.5)
    assert di1_revaluation(rate, n, np.array([180.0]))[0] == pytest.approx(float(settled), abs=2)


def test_di1_at_thirteen_percent_up_twenty():
    """PU 69,305.02 at 13%, 756 days; price at 13.2% by hand."""
    moved = di1_revaluation(np.array([0.13]), np.array([756]), np.array([20.0]))[0]
    assert moved == pytest.approx(100_000 / 1.132**3 - 69_305.02, abs=0.005)


@limited(max_examples=50)
@given(st.floats(0.02, 0.25), st.integers(5, 2520), st.floats(1, 400))
def test_convexity_helps_long_pu_both_ways(rate, n, bp):
    unit = float(dv01(np.array([rate]), np.array([n]))[0])
    up, down = di1_revaluation(np.array([rate] * 2), np.array([n] * 2), np.array([bp, -bp]))
    assert -unit * bp < up < 0
    assert unit * bp < down


def test_shock_is_linear_between_tenors_and_flat_outside():
    joesley = next(s for s in SCENARIOS if s.id == "joesley_2017")
    got = rate_shock(joesley, np.array([21, 252, 378, 504, 882, 1260, 2520]))
    np.testing.assert_allclose(got, [135, 135, 147.5, 160, 170, 180, 180])


def test_joesley_signs():
    pnl = _pnl({"DI1_2Y": 100, "DI1_5Y": -100, "DOL_1M": 10, "IND_2M": 10})
    assert pnl["DI1_2Y"] < 0 < pnl["DI1_5Y"]
    assert pnl["DOL_1M"] > 0 > pnl["IND_2M"]


def test_dol_gains_its_simple_return():
    delta = 10 * RETURNS.filter((pl.col("session") == LAST) & (pl.col("instrument") == "DOL_1M"))["delta_brl"][0]
    assert _pnl({"DOL_1M": 10})["DOL_1M"] == pytest.approx(delta * np.expm1(0.0779), rel=1e-12)


def test_a_zero_target_loses_nothing_and_a_missing_one_has_no_number():
    frame = stress(_book({"DI1_2Y": 0, "DOL_1M": None}), RETURNS, SCENARIOS, [LAST])
    zero, gone = (frame.filter(instrument=n) for n in ("DI1_2Y", "DOL_1M"))
    assert zero["pnl_brl"].to_list() == [0.0] * len(SCENARIOS)
    assert set(zero["status"]) == {"ok"}
    assert gone["pnl_brl"].null_count() == len(SCENARIOS)
    assert set(gone["reason"]) == {"no listed settlement for DOL_1M"}


def test_a_scenario_without_a_shock_says_so():
    only_rates = Scenario(id="x", title="x", rates_bp={252: 100}, returns={}, source="x")
    frame = stress(_book({"DI1_2Y": 5, "IND_2M": 5}), RETURNS, [only_rates], [LAST])
    ind = frame.filter(instrument="IND_2M").row(0, named=True)
    assert (ind["pnl_brl"], ind["status"], ind["reason"]) == (None, "no_view", "scenario x has no shock for IND_2M")
    flat = stress(_book({"IND_2M": 0}), RETURNS, [only_rates], [LAST]).row(0, named=True)
    assert (flat["pnl_brl"], flat["status"], flat["reason"]) == (0.0, "ok", "no position")
    only_returns = Scenario(id="y", title="y", rates_bp={}, returns={"IND": -0.1}, source="y")
    di = stress(_book({"DI1_2Y": 5}), RETURNS, [only_returns], [LAST]).row(0, named=True)
    assert (di["pnl_brl"], di["status"]) == (None, "no_view")


def test_a_target_in_a_contract_without_settlement_is_no_view():
    book = _book({"DI1_2Y": 5}).with_columns(contract=pl.lit("DI1F99"))
    row = stress(book, RETURNS, SCENARIOS, [LAST]).row(0, named=True)
    assert (row["pnl_brl"], row["status"]) == (None, "no_view")


def test_no_scenarios_is_an_error():
    with pytest.raises(ValueError, match=r"scenarios\.yaml"):
        stress(_book({"DI1_2Y": 5}), RETURNS, [], [LAST])


def test_a_range_gives_the_bytes_of_its_sessions_alone():
    days = DAYS[-12:]
    book = _book({"DI1_2Y": 5, "DI1_5Y": -3, "DOL_1M": 2, "IND_2M": None}, days)
    whole = stress(book, RETURNS, SCENARIOS, days)
    assert whole.schema == TABLES["risk/stress"].schema
    for day in days:
        past = pl.col("session") <= day
        assert stress(book.filter(past), RETURNS.filter(past), SCENARIOS, [day]).equals(whole.filter(session=day))


def test_the_sign_check_passes_and_can_fail():
    book = _book({"DI1_2Y": 5, "DI1_5Y": -3, "DOL_1M": 2, "IND_2M": None})
    frame = stress(book, RETURNS, SCENARIOS, [LAST])
    assert stress_signs(frame, book, SCENARIOS).passed
    assert not stress_signs(frame.with_columns(pnl_brl=-frame["pnl_brl"]), book, SCENARIOS).passed
    assert not stress_signs(frame, book, SCENARIOS[:1]).passed
