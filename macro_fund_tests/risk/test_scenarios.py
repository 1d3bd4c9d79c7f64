"""Scenario moves: measured from closes, stated, imputed; never known too early, never zero for want of data."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as limited
from hypothesis import strategies as st

from macro_fund.mandate import Scenario
from macro_fund.portfolio.covariance import shrunk_covariance
from macro_fund.risk.scenario_checks import moves_recomputed, published_near
from macro_fund.risk.scenarios import published_apart, scenario_moves
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import sessions_of
from macro_fund_tests.risk.factor_world import factor_shocks, settings

SHOCKS = factor_shocks(1000)
DAYS = sessions_of(SHOCKS)
LAST = DAYS[-1]
START, END = date(2013, 6, 3), date(2013, 6, 14)
CRISIS = Scenario(
    id="crisis",
    title="x",
    title_pt="x",
    start=START,
    end=END,
    scale=1.5,
    moves={"di_252": 100, "usdbrl": 0.08, "cds_5y": 60},
    stated=("di_252",),
    source="x",
)
FEAR = Scenario(id="fear", title="x", title_pt="x", moves={"di_504": 100, "usdbrl": 0.15, "cds_5y": 150}, source="x")
FUND = settings().model_copy(update={"scenarios": (CRISIS, FEAR)})


def _moves(shocks=SHOCKS, days=(LAST,), fund=FUND):
    return scenario_moves(shocks, fund, list(days))


def _row(frame, scenario, factor):
    return frame.filter(scenario=scenario, factor=factor).row(0, named=True)


def _level(factor, day):
    return SHOCKS.filter(factor=factor, trade_date=day)["level"][0]


def test_a_window_is_measured_from_the_close_before_it_to_its_last_close():
    frame = _moves()
    before = START - timedelta(days=3)  # a Friday
    rate = _row(frame, "crisis", "di_252")
    assert rate["move"] == pytest.approx(1.5 * (_level("di_252", END) - _level("di_252", before)), rel=1e-9)
    assert (rate["basis"], rate["stated"]) == ("measured", 100.0)
    dollar = _row(frame, "crisis", "usdbrl")
    assert dollar["move"] == pytest.approx(1.5 * np.log(_level("usdbrl", END) / _level("usdbrl", before)), rel=1e-9)
    assert dollar["stated"] == pytest.approx(np.log(1.08))


def test_what_has_no_source_is_stated_in_log_or_bp_and_what_has_nothing_has_no_row():
    frame = _moves()
    spread = _row(frame, "crisis", "cds_5y")
    assert (spread["move"], spread["basis"], spread["measured"]) == (60.0, "stated", None)
    assert "no free source of CDS" in spread["reason"]
    assert _row(frame, "fear", "usdbrl")["move"] == pytest.approx(np.log(1.15))
    assert frame.filter(factor="usdbrl_vol_3m").is_empty()
    assert frame.filter(scenario="fear", factor="gold").is_empty()  # the fund cannot hold it: not imputed either


def test_imputed_moves_are_the_conditional_expectation():
    frame = _moves()
    got = {r["factor"]: r["move"] for r in frame.filter(scenario="fear", basis="imputed").to_dicts()}
    assert sorted(got) == ["di_1260", "di_252", "di_2520", "di_63", "ibov"]
    wide = SHOCKS.pivot("factor", index="trade_date", values="shock").sort("trade_date").tail(756)
    names = [f.id for f in FUND.factors if not f.none]
    sigma = shrunk_covariance(wide.select(names).to_numpy())
    given = [names.index(f) for f in ("di_504", "usdbrl")]
    y = np.array([100, np.log(1.15)])
    for name, move in got.items():
        by_hand = sigma[names.index(name), given] @ np.linalg.inv(sigma[np.ix_(given, given)]) @ y
        assert move == pytest.approx(by_hand, rel=1e-8)
    assert got["di_252"] > 0 > got["ibov"]


@pytest.mark.parametrize("day", [END, END + timedelta(days=3), END + timedelta(days=4)])
def test_a_window_is_not_measured_before_its_last_close_is_known(day):
    """The close of Friday 14 June becomes known on Monday 17 June."""
    basis = _row(_moves(days=[day]), "crisis", "di_252")["basis"]
    assert basis == ("measured" if day > END else "stated")


def test_a_missing_end_leaves_the_stated_number():
    gone = SHOCKS.filter(~((pl.col("factor") == "di_252") & (pl.col("trade_date") == END)))
    row = _row(_moves(gone), "crisis", "di_252")
    assert (row["basis"], row["move"], row["measured"]) == ("stated", 100.0, None)
    assert "closes of the window are not known" in row["reason"]


def test_a_history_that_begins_inside_the_window_does_not_measure_it():
    late = SHOCKS.filter((pl.col("factor") != "di_252") | (pl.col("trade_date") > START))
    assert _row(_moves(late), "crisis", "di_252")["basis"] == "stated"


def test_without_history_nothing_is_imputed():
    frame = _moves(factor_shocks(200), days=sessions_of(factor_shocks(200))[-1:])
    assert set(frame["basis"]) == {"stated"}
    assert frame.filter(factor="ibov").is_empty()


def test_a_published_number_far_from_the_measured_one_is_told():
    frame = _moves()
    row = _row(frame, "crisis", "di_252")
    assert published_apart(100.0, row["measured"])
    assert "published +100 bp, more than 10% away" in row["reason"]
    assert not published_near(frame, FUND).passed
    near = CRISIS.model_copy(update={"moves": CRISIS.moves | {"di_252": row["measured"] * 1.05}})
    close = FUND.model_copy(update={"scenarios": (near, FEAR)})
    again = _moves(fund=close)
    assert published_near(again, close).passed
    assert "published" not in _row(again, "crisis", "di_252")["reason"]


@limited(max_examples=30)
@given(st.floats(-500, 500).filter(lambda x: abs(x) > 1), st.floats(-2, 2))
def test_apart_is_a_tenth_of_the_published_number(stated, share):
    assert published_apart(stated, stated * (1 + share)) == (abs(stated * (1 + share) - stated) > 0.1 * abs(stated))


def test_a_range_gives_the_bytes_of_its_sessions_alone_and_reads_nothing_later():
    days = DAYS[-200:-180:4]
    whole = _moves(days=days)
    assert whole.schema == TABLES["risk/scenarios"].schema
    for day in days:
        assert _moves(SHOCKS.filter(pl.col("session") <= day), [day]).equals(whole.filter(session=day))


def test_a_revised_close_counts_from_its_session_on():
    fix = SHOCKS.filter(factor="di_252", trade_date=END).with_columns(
        session=pl.lit(LAST), shock=pl.col("shock") + 10, level=pl.col("level") + 10
    )
    both = pl.concat([SHOCKS, fix])
    before, after = (_row(_moves(both, [day]), "crisis", "di_252")["move"] for day in (DAYS[-2], LAST))
    assert after - before == pytest.approx(15)


def test_the_checks_pass_and_can_fail():
    frame = _moves()
    assert moves_recomputed(frame, SHOCKS, FUND, LAST).passed
    measured = pl.col("basis") == "measured"
    for spoilt in (
        frame.with_columns(move=pl.when(measured).then(pl.col("move") * 1.01).otherwise("move")),
        frame.with_columns(measured=None, basis=pl.when(measured).then(pl.lit("stated")).otherwise("basis")),
    ):
        assert not moves_recomputed(spoilt, SHOCKS, FUND, LAST).passed


def test_no_scenarios_is_an_error():
    with pytest.raises(ValueError, match=r"scenarios\.yaml"):
        _moves(fund=FUND.model_copy(update={"scenarios": ()}))


def test_the_projects_own_scenarios_have_the_published_numbers():
    """Press: 18 May 2017 dollar +8.1%, Ibovespa -8.8%; 26 November to 18 December 2024 DI +210 and +246 bp."""
    by_id = {s.id: s for s in settings().scenarios}
    assert len(by_id) == 8
    assert (by_id["joesley_2017"].moves["usdbrl"], by_id["joesley_2017"].moves["ibov"]) == (0.081, -0.088)
    fiscal = by_id["fiscal_2024"]
    assert (fiscal.moves["di_252"], fiscal.moves["di_1260"]) == (1.5 * 210, 1.5 * 246)
