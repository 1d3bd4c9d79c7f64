"""Stress: full revaluation, signs, interpolation, replays, correlations, missing targets."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.instruments.di1 import daily_settlement, dv01
from macro_fund.mandate import Scenario
from macro_fund.risk.checks import stress_signs
from macro_fund.risk.correlation import CASES, stressed
from macro_fund.risk.scenarios import scenario_moves
from macro_fund.risk.stress import di1_revaluation, rate_shock, stress
from macro_fund.risk.stress_checks import Inputs, replays_recomputed, stress_recomputed
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import market, sessions_of
from macro_fund_tests.risk.factor_world import book, exposures, factor_shocks, settings

RETURNS, SHOCKS = market(1000), factor_shocks(1000)
DAYS = sessions_of(RETURNS)
LAST = DAYS[-1]
FUND = settings()
BOOK = {"DI1_1Y": 0, "DI1_2Y": 1500, "DI1_5Y": -200, "DOL_1M": -60, "IND_2M": None}
TAPER = next(s for s in FUND.scenarios if s.id == "taper_2013")


def _stress(positions, days=(LAST,), shocks=SHOCKS, fund=FUND, seen=None):
    targets = book(positions, list(days), RETURNS)
    seen = exposures(targets) if seen is None else seen
    return stress(targets, RETURNS, seen, scenario_moves(shocks, fund, list(days)), shocks, fund, list(days))


def _inputs(positions, shocks=SHOCKS):
    targets = book(positions, [LAST], RETURNS)
    return Inputs(targets, RETURNS, exposures(targets), shocks, LAST)


def _pnl(frame, scenario, kind="scenario"):
    part = frame.filter(scenario=scenario, kind=kind)
    return dict(zip(part["instrument"], part["pnl_brl"], strict=True))


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


def test_shock_is_linear_between_nodes_and_flat_outside():
    moves = {"di_252": 135.0, "di_504": 160.0, "di_1260": 180.0, "usdbrl": 0.08}
    got = rate_shock(moves, np.array([21, 252, 378, 504, 882, 1260, 2520]))
    np.testing.assert_allclose(got, [135, 135, 147.5, 160, 170, 180, 180])
    assert np.isnan(rate_shock({"usdbrl": 0.08}, np.array([252]))).all()


def test_joesley_signs():
    pnl = _pnl(_stress({"DI1_2Y": 100, "DI1_5Y": -100, "DOL_1M": 10, "IND_2M": 10}), "joesley_2017")
    assert pnl["DI1_2Y"] < 0 < pnl["DI1_5Y"]
    assert pnl["DOL_1M"] > 0 > pnl["IND_2M"]


def test_dol_gains_its_simple_return():
    delta = 10 * RETURNS.filter(session=LAST, instrument="DOL_1M")["delta_brl"][0]
    assert _pnl(_stress({"DOL_1M": 10}), "joesley_2017")["DOL_1M"] == pytest.approx(delta * 0.081, rel=1e-12)


def test_a_zero_target_loses_nothing_and_a_missing_one_has_no_number():
    frame = _stress({"DI1_2Y": 0, "DOL_1M": None})
    zero, gone = (frame.filter(instrument=n) for n in ("DI1_2Y", "DOL_1M"))
    assert zero["pnl_brl"].to_list() == [0.0] * len(zero)
    assert set(zero["status"]) == {"ok"}
    assert gone["pnl_brl"].null_count() == len(gone) == len(zero) >= len(FUND.scenarios)
    assert set(gone["reason"]) == {"no listed settlement for DOL_1M"}


def test_a_scenario_without_a_shock_says_so():
    only_rates = Scenario(id="x", title="x", title_pt="x", moves={"di_252": 100}, source="x")
    young, day = factor_shocks(100), [LAST]  # too young to impute the rest
    fund = FUND.model_copy(update={"scenarios": (only_rates,)})
    frame = _stress({"DI1_2Y": 5, "IND_2M": 5}, day, young, fund).filter(kind="scenario")
    ind = frame.filter(instrument="IND_2M").row(0, named=True)
    assert (ind["pnl_brl"], ind["status"], ind["reason"]) == (None, "no_view", "scenario x has no shock for IND_2M")
    flat = _stress({"IND_2M": 0}, day, young, fund).filter(kind="scenario").row(0, named=True)
    assert (flat["pnl_brl"], flat["status"], flat["reason"]) == (0.0, "ok", "no position")


def test_a_target_in_a_contract_without_settlement_is_no_view():
    targets = book({"DI1_2Y": 5}, [LAST], RETURNS).with_columns(contract=pl.lit("DI1F99"))
    moves = scenario_moves(SHOCKS, FUND, [LAST])
    frame = stress(targets, RETURNS, exposures(targets), moves, SHOCKS, FUND, [LAST])
    assert frame["pnl_brl"].null_count() == len(frame)
    assert set(frame["status"]) == {"no_view"}


def test_replays_use_the_days_of_the_window():
    frame = _stress({"DOL_1M": -60})
    delta = -60 * RETURNS.filter(session=LAST, instrument="DOL_1M")["delta_brl"][0]
    days = SHOCKS.filter(pl.col("trade_date").is_between(TAPER.start, TAPER.end), factor="usdbrl")["shock"].to_numpy()
    worst, whole = (_pnl(frame, f"taper_2013:{c}", "replay")["DOL_1M"] for c in ("worst_day", "window"))
    assert worst == pytest.approx((delta * np.expm1(days)).min(), rel=1e-12)
    assert whole == pytest.approx(delta * np.expm1(days.sum()), rel=1e-9)


@pytest.mark.parametrize("offset", [0, 1])
def test_a_replay_begins_in_the_session_after_its_window(offset):
    day = next(d for d in DAYS if d >= TAPER.end) if not offset else next(d for d in DAYS if d > TAPER.end)
    cases = set(_stress({"DOL_1M": -60}, [day]).filter(kind="replay")["scenario"])
    assert cases == ({"taper_2013:worst_day", "taper_2013:window"} if offset else set())


def test_a_factor_without_closes_in_the_window_is_no_view_and_the_others_go_on():
    gone = SHOCKS.filter(~((pl.col("factor") == "usdbrl") & (pl.col("trade_date") == TAPER.end)))
    frame = _stress({"DI1_2Y": 10, "DOL_1M": -60}, shocks=gone).filter(kind="replay")
    dol, di = (frame.filter(instrument=n) for n in ("DOL_1M", "DI1_2Y"))
    assert dol["pnl_brl"].to_list() == [None, None]
    assert all("usdbrl without closes" in r for r in dol["reason"])
    assert di["pnl_brl"].null_count() == 0


def test_a_position_without_exposures_is_told_where_it_needs_them():
    frame = _stress({"DOL_1M": -60}, seen=TABLES["risk/exposures"].empty())
    assert frame.filter(kind="scenario")["pnl_brl"].null_count() == 0
    rest = frame.filter(pl.col("kind") != "scenario")
    assert rest["pnl_brl"].null_count() == len(rest) > 0
    assert set(rest["reason"]) == {"no exposure of DOL_1M to the risk factors"}


def test_correlation_cases_of_one_factor_are_its_own_var():
    frame = _stress({"DOL_1M": -60}).filter(kind="correlation")
    delta = 60 * RETURNS.filter(session=LAST, instrument="DOL_1M")["delta_brl"][0]
    recent = SHOCKS.filter(factor="usdbrl").sort("trade_date").tail(756)["shock"].to_numpy()
    assert sorted(frame["scenario"]) == sorted(CASES)
    np.testing.assert_allclose(frame["pnl_brl"], -2.3263478740408408 * delta * recent.std(), rtol=1e-9)


def test_correlations_that_hurt_cost_most_and_a_hedge_gains_when_all_moves_together():
    hedged = _stress({"DI1_2Y": 1500, "DOL_1M": 60}).filter(kind="correlation")  # long dollar against received rates
    totals = dict(hedged.group_by("scenario", maintain_order=True).agg(pl.col("pnl_brl").sum()).rows())
    assert totals["halfway_worst"] < totals["uncorrelated"] < totals["all_together"] < 0


@limited(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_stressed_matrices_are_correlations_and_halfway_never_lowers_the_variance(seed, n):
    rng = np.random.default_rng(seed)
    base = np.corrcoef(rng.standard_normal((50, n)).T)
    weights, side = rng.standard_normal(n), rng.choice([-1, 1], n)
    for case in CASES:
        moved = stressed(base, case, weights, side)
        np.testing.assert_allclose(np.diag(moved), 1)
        assert np.linalg.eigvalsh(moved).min() > -1e-9
    assert weights @ stressed(base, "halfway_worst", weights, side) @ weights >= weights @ base @ weights - 1e-9


def test_an_unknown_correlation_case_is_refused():
    with pytest.raises(ValueError, match="halfway_worst"):
        stressed(np.eye(2), "up", np.ones(2), np.ones(2))


def test_a_short_history_has_no_correlation_case():
    day = DAYS[120]
    rows = _stress({"DOL_1M": -60}, [day], SHOCKS.filter(pl.col("session") <= day)).filter(kind="correlation")
    assert set(rows["status"]) == {"no_view"}
    assert all("252 days" in r for r in rows["reason"])


def test_a_range_gives_the_bytes_of_its_sessions_alone():
    days = [*DAYS[-48:-36:3], *DAYS[-4:]]
    whole = _stress(BOOK, days)
    assert whole.schema == TABLES["risk/stress"].schema
    targets, moves = book(BOOK, days, RETURNS), scenario_moves(SHOCKS, FUND, days)
    for day in days:
        past = pl.col("session") <= day
        tables = [f.filter(past) for f in (targets, RETURNS, exposures(targets), moves, SHOCKS)]
        assert stress(*tables, FUND, [day]).equals(whole.filter(session=day))


def test_the_checks_pass_and_can_fail():
    frame, inputs = _stress(BOOK), _inputs(BOOK)
    scenarios = frame.filter(kind="scenario")
    assert stress_signs(scenarios, inputs.targets, FUND.scenarios).passed
    assert not stress_signs(scenarios.with_columns(-pl.col("pnl_brl")), inputs.targets, FUND.scenarios).passed
    assert not stress_signs(scenarios, inputs.targets, FUND.scenarios[:1]).passed
    assert stress_recomputed(frame, inputs).passed
    for kind in ("scenario", "replay", "correlation"):
        worse = pl.when(pl.col("kind") == kind).then(pl.col("pnl_brl") * 1.5).otherwise("pnl_brl")
        assert not stress_recomputed(frame.with_columns(pnl_brl=worse), inputs).passed, kind
    assert replays_recomputed(frame, inputs, FUND).passed
    for case, column in (("window", "shock"), ("worst_day", "pnl_brl")):
        chosen = pl.col("scenario").str.ends_with(case)
        off = frame.with_columns(pl.when(chosen).then(pl.col(column) * 0.9).otherwise(column).alias(column))
        assert not replays_recomputed(off, inputs, FUND).passed, case
